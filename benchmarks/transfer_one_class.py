"""One class against nine on CIFAR-10: a frozen, pretrained VGG16 encoder beside the default one.

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

from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE, FeatureScore, VGG16Encoder

SCORES = ("density", "features")


def networks(args):
    """Each network by its name."""
    return {"default encoder": Autoencoder()} | {
        f"VGG16, {n_blocks} blocks": Autoencoder(VGG16Encoder(n_blocks, weights=args.weights))
        for n_blocks in args.blocks
    }


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load("cifar10", args.data)
    train = x_train[y_train.ravel() == job["class"]]
    test, normal = x_test[: args.n_test], y_test.ravel()[: args.n_test] == job["class"]
    cae = DenoisingCAE(networks(args)[job["network"]], max_epochs=args.epochs)
    detector = CAEOutlierDetector(cae, random_state=job["seed"]).fit(train)
    scores = {"density": detector.score_samples(test)}
    # The autoencoder of the detector knows normalised images, which are floats from 0 to 1.
    features = CAEOutlierDetector(
        FrozenEstimator(detector.estimator_),
        outlier_score=FeatureScore(stage=2),
        contrast_normalization=True,
        random_state=job["seed"],
    ).fit(train[:20] / 255)
    scores["features"] = features.score_samples(test / 255)
    return {**job, **{name: 100 * roc_auc_score(normal, scores[name]) for name in SCORES}}


def table(results):
    classes = sorted({r["class"] for r in results})
    lines = [
        f"| network | score | mean | {' | '.join(f'class {c}' for c in classes)} |",
        "|" + "---|" * (3 + len(classes)),
    ]
    for network in dict.fromkeys(r["network"] for r in results):
        for score in SCORES:
            by_class = [
                np.mean([r[score] for r in results if (r["network"], r["class"]) == (network, c)])
                for c in classes
            ]
            cells = " | ".join(f"{value:.1f}" for value in by_class)
            lines.append(f"| {network} | {score} | **{np.mean(by_class):.1f}** | {cells} |")
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
