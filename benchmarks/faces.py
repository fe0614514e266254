"""Faces against other crops of photographs: 60 faces to learn from.

Images of 25 x 25 pixels of scikit-image's ``lfw_subset``, 100 faces and 100 others, enlarged twice
for VGG16. Area under the ROC curve in percent for the other 40 faces against the 100, and the share
of these faces with a p-value of at most 0.05, means over the seeds, each with another choice of
faces.

    python benchmarks/faces.py --vgg16 vgg16_features.safetensors
"""

import argparse

import numpy as np
import torch
from _vgg16 import frozen_vgg16
from skimage.data import lfw_subset
from sklearn.metrics import roc_auc_score

from sklearn_cae import CAEOutlierDetector, CodeDensity

N_TRAIN = 60


def detectors(vgg16, seed):
    """Detectors by name."""
    found = {
        score: CAEOutlierDetector(outlier_score=score, random_state=seed)
        for score in ("density", "reconstruction", "local_density")
    }
    if vgg16:
        frozen = frozen_vgg16(4, vgg16, np.zeros((2, 50, 50), np.float32))
        found["VGG16, density"] = CAEOutlierDetector(
            frozen, contrast_normalization=True, random_state=seed
        )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vgg16", help="file of the weights of VGG16")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = lfw_subset().astype(np.float32)
    is_face = np.arange(200) < 100
    results = {}
    for seed in args.seeds:
        order = np.random.default_rng(seed).permutation(100)
        train, rest = images[order[:N_TRAIN]], np.r_[order[N_TRAIN:], 100:200]
        rows = [part.reshape(len(part), -1) for part in (train, images[rest])]
        pixels = CodeDensity().fit(rows[0]).score_samples(rows[1])
        found = {"density of pixels": (roc_auc_score(is_face[rest], pixels), np.nan)}
        for name, detector in detectors(args.vgg16, seed).items():
            factor = 2 if name.startswith("VGG16") else 1
            larger = [
                np.kron(part, np.ones((1, factor, factor), np.float32))
                for part in (train, images[rest])
            ]
            detector.fit(larger[0])
            auroc = roc_auc_score(is_face[rest], detector.score_samples(larger[1]))
            alarms = (detector.p_values(larger[1][is_face[rest]]) <= 0.05).mean()
            found[name] = auroc, alarms
        for name, figures in found.items():
            results.setdefault(name, []).append(figures)
    print("| score | AUROC | false alarms |\n|---|---|---|")
    for name, figures in results.items():
        auroc, alarms = 100 * np.mean(figures, axis=0)
        spread = 100 * np.std([figure[0] for figure in figures])
        print(f"| {name} | {auroc:.1f} ± {spread:.1f} | {alarms:.1f} |")


if __name__ == "__main__":
    main()
