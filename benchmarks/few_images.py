"""How well the default networks denoise after training on few images.

Bundled patches of photographs, Gaussian noise of standard deviation 0.1: training on ``--n-images``
of them with all defaults, PSNR on 200 patches of other photographs. A figure below that of the
noisy patches does harm; a warning tells of it in ``fit``.

    python benchmarks/few_images.py
"""

import argparse
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_cae import DenoisingCAE, NoiseInjector
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio
from sklearn_cae.networks import NETWORKS

NOISE = "gaussian"


def trained_psnr(network, n_images, seed, clean, noisy):
    """PSNR on test images, and whether ``fit`` warned."""
    X = load_natural_patches(n_patches=n_images, subset="train").images
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cae = DenoisingCAE(network, noise=NOISE, random_state=seed).fit(X)
    warned = any(issubclass(item.category, ConvergenceWarning) for item in caught)
    return peak_signal_noise_ratio(clean, cae.predict(noisy), data_range=255), warned


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-images", type=int, nargs="+", default=[5, 10, 30, 60])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()

    torch.set_num_threads(1)
    clean = load_natural_patches(n_patches=200, subset="test").images
    noisy = np.asarray(NoiseInjector(NOISE, random_state=0).corrupt(clean))
    print(f"noisy: {peak_signal_noise_ratio(clean, noisy, data_range=255):.1f} dB")
    print("| network | training images | PSNR in dB, a value for each seed | warned |")
    print("|---|---|---|---|")
    for network in NETWORKS:
        for n_images in args.n_images:
            runs = [trained_psnr(network, n_images, seed, clean, noisy) for seed in args.seeds]
            psnr = ", ".join(f"{value:.1f}" for value, _ in runs)
            n_warned = sum(warned for _, warned in runs)
            row = f"| {network} | {n_images} | {psnr} | {n_warned} of {len(runs)} |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
