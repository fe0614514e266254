"""One class against nine by an autoencoder that restores a corruption: no pretraining.

For each class an autoencoder learns to restore colour and orientation of the training images of
that class and of their mirror images, of gray images the orientation alone.

Gray images are scored by two densities of the feature maps of the fourth stage: averaged over 2 x 2
parts of the image, and over the image with their strength. Colour images are scored by how well
they are restored, over all four turns, by the density of their codes, and by densities of averaged
feature maps: of the first stage over the image and over 4 x 4 parts of it, of the second with their
strength, of the fourth over 2 x 2 parts. Their contrast is left as it is, and two autoencoders
judge them, each trained without another fifth of the images.

The figures are areas under the ROC curve in percent on the first ``--n-test`` test images, and the
share of test images of the class with a p-value of at most 0.05. With ``--held-out`` a fifth of the
training images of the class and as many of each other class stand for the test images: to choose
settings without a look at them.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/one_class_restoration.py DATA --results restoration.jsonl
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from _data import DATASETS, load
from _results import resume
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import check_cv

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    CombinedScore,
    DenoisingCAE,
    DensityScore,
)

FOURTH_STAGE = DensityScore(["encoder.stages.3"], pooling=2)
SCORES_IN_GRAY = [FOURTH_STAGE, DensityScore(["encoder.stages.3"], unit_length=False)]
SCORES_IN_COLOR = [
    "restoration",
    "density",
    DensityScore(["encoder.stages.0"]),
    DensityScore(["encoder.stages.0"], pooling=4),
    DensityScore(["encoder.stages.1"], unit_length=False),
    FOURTH_STAGE,
]


def split(job, args):
    """Training images of the class, images to score, and which of these are of the class."""
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    y_train, y_test = y_train.ravel(), y_test.ravel()
    rng = np.random.default_rng(job["seed"])
    own = rng.permutation(np.flatnonzero(y_train == job["class"]))[: args.n_train]
    if not args.held_out:
        return x_train[own], x_test[: args.n_test], y_test[: args.n_test] == job["class"]
    n_held_out = len(own) // 5
    others = rng.permutation(np.flatnonzero(y_train != job["class"]))[: 9 * n_held_out]
    scored = np.concatenate([own[:n_held_out], others])
    return x_train[own[n_held_out:]], x_train[scored], y_train[scored] == job["class"]


def two_of_five_parts(n):
    """Hold out two fifths in turn of n images in random order, which their mirror images follow."""
    part = np.tile(np.arange(n) % 5, 2)
    return check_cv([(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(2)])


def run(job, args):
    torch.set_num_threads(1)
    train, scored, normal = split(job, args)
    start = time.process_time()
    in_color = train.ndim == 4
    cae = DenoisingCAE(
        Autoencoder((32, 64, 128, 256)),
        noise=["erase_color", "quarter_turns"] if in_color else "quarter_turns",
        max_epochs=args.epochs,
        for_codes=True,
    )
    detector = CAEOutlierDetector(
        cae,
        outlier_score=CombinedScore(SCORES_IN_COLOR if in_color else SCORES_IN_GRAY),
        contrast_normalization=False if in_color else "auto",
        calibration=two_of_five_parts(len(train)) if in_color else "auto",
        random_state=job["seed"],
    )
    # An image and its mirror image are held out together.
    twice, groups = np.concatenate([train, train[:, :, ::-1]]), np.tile(np.arange(len(train)), 2)
    scores = detector.fit(twice, groups=groups).score_samples(scored)
    return {
        **job,
        "auroc": 100 * roc_auc_score(normal, scores),
        "flagged": 100 * float((detector.p_values(scored[normal]) <= 0.05).mean()),
        "seconds": time.process_time() - start,
    }


def table(results):
    lines = [
        "| data | mean | "
        + " | ".join(f"class {c}" for c in range(10))
        + " | flagged | CPU s a class |"
    ]
    lines.append("|" + "---|" * 14)
    for data in dict.fromkeys(r["data"] for r in results):
        rows = [r for r in results if r["data"] == data]
        by_class = [
            np.mean([r["auroc"] for r in rows if r["class"] == c] or [np.nan]) for c in range(10)
        ]
        cells = " | ".join(f"{value:.1f}" for value in by_class)
        seconds = np.mean([r["seconds"] for r in rows])
        flagged = np.mean([r["flagged"] for r in rows])
        mean = np.mean(by_class)
        lines.append(f"| {data} | **{mean:.1f}** | {cells} | {flagged:.1f} | {seconds:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="one_class_restoration.jsonl")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--n-train", type=int, default=2000)
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"data": data, "class": c, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for c in range(10)
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs)))


if __name__ == "__main__":
    main()
