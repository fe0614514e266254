"""Defects in textures: which detector finds them, and where.

Crops of 96 x 96 pixels of three photographs of scikit-image: detectors learn from good crops of the
left half and judge crops of the right half, good ones and ones with a scratch, a stain, a crack or
a disc of another texture. Each gets the number of the block of the photograph that a crop lies in
as its group. Area under the ROC curve in percent for images and for pixels; per-region overlap up
to a share of 0.3 of false pixels; and the share of good and of odd images that ``predict`` calls
outliers, beside the share of good ones that held-out blocks promise: 1 of 9 with eight blocks.
Beside the detectors: nine filters and a Mahalanobis distance.

Each run is one line of ``--results``; what is there already is not run again. With ``--vgg16 FILE``
the weights of VGG16, in torchvision's format, are tried too. ``--develop`` takes both parts from
the left half: to choose settings without a look at the right one.

    python benchmarks/defects.py --vgg16 vgg16_features.safetensors --results defects.jsonl
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from _defects import TEXTURES, load_textures
from _results import resume
from _vgg16 import frozen_vgg16
from scipy import ndimage
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from sklearn_cae import (
    CAEOutlierDetector,
    DenoisingCAE,
    LocalDensityScore,
    Patches,
    ReconstructionScore,
)

METHODS = (
    "default",
    "reconstruction, mean",
    "reconstruction, worst",
    "local density",
    "VGG16, local density",
    "VGG16, Gaussian",
    "nine filters",
)
N_TEST = 40
LARGEST_FALSE = 0.3


def detector_of(method, vgg16, seed):
    """The detector of a method."""
    score = {
        "default": "density",
        "reconstruction, mean": "reconstruction",
        "reconstruction, worst": ReconstructionScore(smoothing=2, worst=0.01),
        "local density": "local_density",
        "VGG16, local density": "local_density",
        "VGG16, Gaussian": LocalDensityScore(density=LedoitWolf()),
    }[method]
    if method.startswith("VGG16"):
        cae = frozen_vgg16(3, vgg16, np.zeros((2, 96, 96), np.uint8))
    else:
        cae = DenoisingCAE(patches=None if method == "default" else Patches(32, per_image=8))
    return CAEOutlierDetector(cae, outlier_score=score, random_state=seed)


def filter_maps(images):
    """Squared Mahalanobis distance of each pixel in nine filters, trained on the first array."""
    sigmas = (1, 2, 4)

    def filtered(image):
        image = image.astype(float) / 255
        kinds = (
            ndimage.gaussian_filter,
            ndimage.gaussian_laplace,
            ndimage.gaussian_gradient_magnitude,
        )
        return np.stack([kind(image, s) * s for kind in kinds for s in sigmas], axis=-1)

    train, test = (np.stack([filtered(image) for image in part]) for part in images)
    density = LedoitWolf().fit(train.reshape(-1, 9)[::7])
    return density.mahalanobis(test.reshape(-1, 9)).reshape(test.shape[:3])


def run(job, args):
    torch.set_num_threads(1)
    data = load_textures(job["texture"], job["n_train"], N_TEST, job["seed"], develop=args.develop)
    start = time.process_time()
    odd = data.masks.any(axis=(1, 2))
    if job["method"] == "nine filters":
        maps = filter_maps((data.train, data.test))
        scores, detector = -maps.reshape(len(maps), -1).max(axis=1), None
    else:
        detector = detector_of(job["method"], args.vgg16, job["seed"])
        scores, _, maps, _ = detector.fit(data.train, groups=data.groups).assess(data.test)
    seconds = time.process_time() - start
    result = {
        **job,
        "image": 100 * roc_auc_score(odd, -scores),
        "pixel": 100 * roc_auc_score(data.masks.ravel(), maps.ravel()),
        "overlap": 100 * region_overlap(maps, data.masks),
        "seconds": seconds,
    }
    if detector is not None:
        called = scores < detector.offset_
        result |= {
            "promised": 100 * detector.false_alarm_rate_,
            "false alarms": 100 * float(called[~odd].mean()),
            "hits": 100 * float(called[odd].mean()),
        }
    return result


def region_overlap(maps, masks):
    """Mean share of a defect that is found, over thresholds that find few false pixels."""
    good = np.sort(maps[~masks])[::-1]
    shares = np.linspace(0.005, LARGEST_FALSE, 60)
    thresholds = good[(shares * (len(good) - 1)).astype(int)]
    odd = masks.any(axis=(1, 2))
    found = [
        [(values[mask] >= t).mean() for t in thresholds]
        for values, mask in zip(maps[odd], masks[odd], strict=True)
    ]
    return np.mean(found)


def table(results, n_train):
    figures = ("image", "pixel", "overlap", "promised", "false alarms", "hits", "seconds")
    lines = [
        f"| {n_train} good crops | "
        + " | ".join(f"{t}: {f}" for t in TEXTURES for f in figures)
        + " |"
    ]
    lines.append("|" + "---|" * (1 + len(TEXTURES) * len(figures)))
    for method in METHODS:
        rows = [r for r in results if r["method"] == method and r["n_train"] == n_train]
        cells = []
        for texture in TEXTURES:
            for figure in figures:
                known = [r[figure] for r in rows if r["texture"] == texture and figure in r]
                cells.append(f"{np.mean(known):.1f}" if known else "")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vgg16", help="file of the weights of VGG16")
    parser.add_argument("--results", default="defects.jsonl")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--n-train", type=int, nargs="+", default=[20, 100, 200])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--develop", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    methods = [m for m in args.methods if args.vgg16 or not m.startswith("VGG16")]
    jobs = [
        {"texture": texture, "method": method, "n_train": n_train, "seed": seed}
        for seed in args.seeds
        for n_train in args.n_train
        for method in methods
        for texture in TEXTURES
    ]
    results = resume(args.results, jobs, partial(run, args=args), args.jobs)
    for n_train in args.n_train:
        print(table(results, n_train), end="\n\n")


if __name__ == "__main__":
    main()
