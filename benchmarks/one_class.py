"""One class against nine: how well the detector tells images of one class from all others.

MNIST, Fashion-MNIST and CIFAR-10. For each class a detector learns from the training images of that
class and scores the whole test set; the figure is the area under the ROC curve in percent. The
detector has its defaults on all three sets; the other methods share the autoencoder of the default.
*combined* is the sum of the four scores, each standardised on the held-out images, as
``outlier_score="combined"`` computes it. Beside them: IsolationForest, OneClassSVM and
KernelDensity on the principal components that hold 95 % of the variance of the pixels; the
detector's own density on contrast-normalised pixels, which tells what the autoencoder adds; and
PyOD's AutoEncoder. The last table is the share of unseen images of the class with a p-value of at
most 0.05.

Each class is one line of ``--results``; what is there already is not run again.

    python benchmarks/one_class.py DATA --results one_class.jsonl
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import DATASETS, as_rows, load
from _results import resume
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM

from sklearn_cae import CAEOutlierDetector, CodeDensity

SCORES = ("density", "reconstruction", "ssim", "denoising")
LEVEL = 0.05


def normalized_rows(images):
    rows = as_rows(images)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(rows.std(axis=1, keepdims=True), 0.01)


def classical_scores(train, test, seed):
    """Scores of scikit-learn's detectors on the principal components of the pixels."""
    pca = PCA(0.95, svd_solver="full").fit(train)
    train, test = pca.transform(train), pca.transform(test)
    # Scott's rule, for components that are not of unit variance.
    bandwidth = train.std() * len(train) ** (-1 / (train.shape[1] + 4))
    detectors = {
        "IsolationForest": IsolationForest(random_state=seed),
        "OneClassSVM": OneClassSVM(nu=0.1),
        "KernelDensity": KernelDensity(bandwidth=bandwidth),
    }
    return {name: d.fit(train).score_samples(test) for name, d in detectors.items()}


def code_density_scores(train, test):
    """Scores of the detector's density, with the normalised pixels in the place of codes."""
    return CodeDensity().fit(normalized_rows(train)).score_samples(normalized_rows(test))


def pyod_scores(train, test, seed):
    from pyod.models.auto_encoder import AutoEncoder

    detector = AutoEncoder(random_state=seed, verbose=0).fit(train)
    return {"PyOD AutoEncoder": -detector.decision_function(test)}


def detector_scores(train, test, seed):
    """Each score of the test images, by one autoencoder, and those of the held-out images."""
    cae = CAEOutlierDetector(random_state=seed).fit(train).estimator_
    scores, held_out = {}, {}
    for name in SCORES:
        detector = CAEOutlierDetector(
            FrozenEstimator(cae),
            outlier_score=name,
            contrast_normalization=True,
            random_state=seed,
        ).fit(as_unit(train))
        scores[name] = detector.score_samples(as_unit(test))
        held_out[name] = detector.calibration_scores_
    return scores, held_out


def as_unit(images):
    """Images (n, H, W, C) from 0 to 1."""
    return as_rows(images).reshape(*images.shape[:3], -1)


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    train, normal = x_train[y_train == job["class"]], y_test == job["class"]
    scores, held_out = detector_scores(train, x_test, job["seed"])
    p_values = {
        name: (1 + np.searchsorted(held_out[name], scores[name][normal], side="right"))
        / (1 + len(held_out[name]))
        for name in SCORES
    }
    scores["combined"] = sum(
        (scores[name] - held_out[name].mean()) / held_out[name].std() for name in SCORES
    )
    scores |= classical_scores(as_rows(train), as_rows(x_test), job["seed"])
    scores["CodeDensity, normalised pixels"] = code_density_scores(train, x_test)
    scores |= pyod_scores(as_rows(train), as_rows(x_test), job["seed"])
    return {
        **job,
        "auroc": {name: 100 * roc_auc_score(normal, values) for name, values in scores.items()},
        "flagged": {name: float((p <= LEVEL).mean()) for name, p in p_values.items()},
    }


def auroc_table(results, data):
    rows = sorted((r for r in results if r["data"] == data), key=lambda r: (r["class"], r["seed"]))
    classes = sorted({r["class"] for r in rows})
    lines = [
        f"| {data} | mean | {' | '.join(f'class {c}' for c in classes)} |",
        "|" + "---|" * (2 + len(classes)),
    ]
    for name in rows[0]["auroc"]:
        by_class = [np.mean([r["auroc"][name] for r in rows if r["class"] == c]) for c in classes]
        cells = " | ".join(f"{value:.1f}" for value in by_class)
        lines.append(f"| {name} | **{np.mean(by_class):.1f}** | {cells} |")
    return "\n".join(lines)


def flagged_table(results):
    lines = [f"| normal images with p ≤ {LEVEL} | {' | '.join(SCORES)} |"]
    lines.append("|" + "---|" * (1 + len(SCORES)))
    for data in sorted({r["data"] for r in results}, key=DATASETS.index):
        shares = [
            f"{np.mean([r['flagged'][name] for r in results if r['data'] == data]):.4f}"
            for name in SCORES
        ]
        lines.append(f"| {data} | {' | '.join(shares)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="one_class.jsonl")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"data": data, "class": c, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for c in range(10)
    ]
    results = resume(args.results, jobs, partial(run, args=args), args.jobs)
    for data in DATASETS:
        if any(r["data"] == data for r in results):
            print(auroc_table(results, data), end="\n\n")
    print(flagged_table(results))


if __name__ == "__main__":
    main()
