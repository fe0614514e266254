"""One class against nine on CIFAR-10: a frozen, pretrained VGG16 encoder beside the plain one.

For each class a detector learns from the training images of that class for ``--epochs`` passes and
scores the first ``--n-test`` test images; the figure is the area under the ROC curve in percent.
*density* is that of the code, *features* the error of the reconstruction in the feature maps of the
second stage, which is VGG16's second block.

Weights that were trained on the labels of CIFAR-10 have seen the other nine classes: they tell what
features that know the data can give, not what ImageNet's would.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/train_vgg16.py DATA --out vgg16-cifar10.pth
    python benchmarks/transfer_one_class.py DATA --weights vgg16-cifar10.pth
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import load
from _results import resume
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from sklearn_cae import CAEOutlierDetector, DenoisingCAE
from sklearn_cae._images import normalize_contrast

METHODS = ("density", "features")


def networks(args):
    """Parameters of each network by its name."""
    pretrained = {"encoder": "vgg16", "encoder_weights": args.weights}
    return {"plain": {}} | {
        f"VGG16, {n_blocks} blocks": pretrained | {"encoder_blocks": n_blocks}
        for n_blocks in args.blocks
    }


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load("cifar10", args.data)
    train = x_train[y_train.ravel() == job["class"]]
    test, normal = x_test[: args.n_test], y_test.ravel()[: args.n_test] == job["class"]
    cae = DenoisingCAE(max_epochs=args.epochs, **networks(args)[job["network"]])
    detector = CAEOutlierDetector(cae, random_state=job["seed"]).fit(train)
    scores = {"density": detector.score_samples(test)}
    normalized = [normalize_contrast(images, (0, 255)) for images in (train, test)]
    features = CAEOutlierDetector(
        FrozenEstimator(detector.estimator_), method="features", random_state=job["seed"]
    ).fit(normalized[0][:20])
    scores["features"] = features.score_samples(normalized[1])
    return {**job, **{m: 100 * roc_auc_score(normal, scores[m]) for m in METHODS}}


def table(results):
    classes = sorted({r["class"] for r in results})
    lines = [
        f"| network | score | mean | {' | '.join(f'class {c}' for c in classes)} |",
        "|" + "---|" * (3 + len(classes)),
    ]
    for network in dict.fromkeys(r["network"] for r in results):
        for method in METHODS:
            by_class = [
                np.mean([r[method] for r in results if (r["network"], r["class"]) == (network, c)])
                for c in classes
            ]
            cells = " | ".join(f"{value:.1f}" for value in by_class)
            lines.append(f"| {network} | {method} | **{np.mean(by_class):.1f}** | {cells} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cifar10.npz")
    parser.add_argument("--weights", required=True, help="state dict of VGG16, or 'imagenet'")
    parser.add_argument("--blocks", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--results", default="transfer_one_class.jsonl")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"network": network, "class": c, "seed": seed}
        for seed in args.seeds
        for c in range(10)
        for network in networks(args)
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs)))


if __name__ == "__main__":
    main()
