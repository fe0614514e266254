"""One class against nine by the features of a frozen, pretrained VGG16.

For each class a detector learns from at most ``--n-train`` training images of that class and scores
the first ``--n-test`` test images; the figure is the area under the ROC curve in percent. The
network is not trained: the score is the density of averages of the feature maps that the detector
takes by itself, of the third and the fourth block with ``--blocks 4``. Images of 28 x 28 pixels are
padded to 32 x 32 with black; ``--enlarge 2`` makes images of 64 x 64 pixels of all, by cubic
interpolation.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/transfer_one_class.py DATA --weights vgg16_features.safetensors
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import DATASETS, load
from _results import resume
from _vgg16 import frozen_vgg16
from scipy.ndimage import zoom
from sklearn.metrics import roc_auc_score

from sklearn_cae import CAEOutlierDetector
from sklearn_cae.outliers._batch import make_readers
from sklearn_cae.outliers._calibration import p_values_of_scores
from sklearn_cae.outliers._scoring import scores_by_each


def prepared(images, enlarge):
    """Images of 32 x 32 pixels, enlarged."""
    missing = (32 - images.shape[1]) // 2
    sides = [(missing, missing)] * 2
    images = np.pad(images, [(0, 0), *sides, *[(0, 0)] * (images.ndim - 3)])
    if enlarge == 1:
        return images
    return zoom(images, [1, enlarge, enlarge, 1][: images.ndim], mode="nearest", grid_mode=True)


def run(job, args):
    """The figures of all ten classes: the frozen network sees each image once for all of them."""
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    x_test, labels = prepared(x_test[: args.n_test], args.enlarge), y_test.ravel()[: args.n_test]
    cae = frozen_vgg16(job["blocks"], args.weights, x_test)
    by_class = [
        prepared(x_train[y_train.ravel() == c][: args.n_train], args.enlarge) for c in range(10)
    ]
    detectors = [
        CAEOutlierDetector(cae, contrast_normalization=True, random_state=job["seed"]).fit(images)
        for images in by_class
    ]
    scores = scores_of_all(detectors, x_test)
    classes = list(zip(detectors, scores, [labels == c for c in range(10)], strict=True))
    return {
        **job,
        "auroc": [100 * roc_auc_score(normal, values) for _, values, normal in classes],
        "flagged": [100 * share_flagged(d, values[normal]) for d, values, normal in classes],
    }


def scores_of_all(detectors, images):
    """Scores (n_detectors, n), as ``score_samples`` of each detector of one frozen network."""
    scores = [detector.outlier_score_ for detector in detectors]
    cae, spec = detectors[0].estimator_, detectors[0].image_spec_
    readers = make_readers([cae] * len(detectors), spec, normalize=True)
    return scores_by_each(scores, readers, images if images.ndim == 4 else images[..., np.newaxis])


def share_flagged(detector, scores):
    """The share of p-values of at most 0.05, of scores by a detector with one autoencoder."""
    return float((p_values_of_scores(scores[np.newaxis], detector.held_out_) <= 0.05).mean())


def table(results):
    lines = [
        "| data | blocks | mean | " + " | ".join(f"class {c}" for c in range(10)) + " | flagged |"
    ]
    lines.append("|" + "---|" * 14)
    for data, blocks in dict.fromkeys((r["data"], r["blocks"]) for r in results):
        rows = [r for r in results if (r["data"], r["blocks"]) == (data, blocks)]
        by_class = np.mean([r["auroc"] for r in rows], axis=0)
        cells = " | ".join(f"{value:.1f}" for value in by_class)
        flagged = np.mean([r["flagged"] for r in rows])
        lines.append(f"| {data} | {blocks} | **{by_class.mean():.1f}** | {cells} | {flagged:.1f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--weights", required=True, help="state dict of VGG16, or 'imagenet'")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--blocks", type=int, nargs="+", default=[4])
    parser.add_argument("--results", default="transfer_one_class.jsonl")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--enlarge", type=int, default=1)
    parser.add_argument("--n-train", type=int, default=2000)
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()

    jobs = [
        {"data": data, "blocks": blocks, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for blocks in args.blocks
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs)))


if __name__ == "__main__":
    main()
