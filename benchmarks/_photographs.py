"""Photographs to train on and to tune filters on, and how good and fast denoisers are on others."""

import time
from functools import cache
from pathlib import Path

import numpy as np
from _data import load_photographs
from skimage.metrics import structural_similarity

# Photographs of which others are test images, in other crops: Set12's starfish.
LEFT_OUT = ("12003.jpg",)
N_HELD_OUT = 12
N_TUNING, TUNED_SIZE = 8, 128


def training_photographs(data, *, gray):
    """Photographs to train on, and those that are held out.

    Parameters
    ----------
    data : str or path
        Holds ``cbsd432_train/``.
    gray : bool
        Turn them into whole levels of gray.

    Returns
    -------
    training, held_out : list of ndarray of shape (H, W) or (H, W, 3)
        uint8 images, in an order drawn with a fixed seed.
    """
    photographs = load_photographs(Path(data) / "cbsd432_train", gray=gray, leave_out=LEFT_OUT)
    order = np.random.default_rng(0).permutation(len(photographs))
    held_out, training = order[:N_HELD_OUT], order[N_HELD_OUT:]
    return [photographs[i] for i in training], [photographs[i] for i in held_out]


@cache
def tuning_crops(data, *, gray):
    """Central parts of eight training photographs, on which filters are tuned: uint8 images."""
    photographs = load_photographs(Path(data) / "cbsd432_train", gray=gray)
    crops = []
    for image in photographs[:: len(photographs) // N_TUNING][:N_TUNING]:
        top, left = ((side - TUNED_SIZE) // 2 for side in image.shape[:2])
        crops.append(image[top : top + TUNED_SIZE, left : left + TUNED_SIZE])
    return crops


def in_batch(function, image, **setting):
    """Apply a filter of batches (n, H, W, C) to an image (H, W) or (H, W, C)."""
    batch = image.reshape(1, *image.shape[:2], -1)
    return function(batch, **setting).reshape(image.shape)


def denoise_all(denoise, noisy):
    """The results of a function, clipped from 0 to 1, and its CPU seconds for a megapixel."""
    start = time.process_time()
    denoised = [denoise(image).clip(0, 1) for image in noisy]
    seconds = time.process_time() - start
    pixels = sum(image.shape[0] * image.shape[1] for image in noisy)
    return denoised, 1e6 * seconds / pixels


def psnr(clean, denoised):
    """Mean PSNR in dB of images from 0 to 1 whose clean ones are uint8."""
    errors = [
        np.square(image - truth / 255).mean() for truth, image in zip(clean, denoised, strict=True)
    ]
    return np.mean(-10 * np.log10(errors))


def ssim(clean, denoised):
    """Mean SSIM of images from 0 to 1 whose clean ones are uint8, with Gaussian windows."""
    values = [
        structural_similarity(
            truth / 255,
            image,
            data_range=1,
            channel_axis=-1 if truth.ndim == 3 else None,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for truth, image in zip(clean, denoised, strict=True)
    ]
    return np.mean(values)


def measure(denoise, noisy, clean):
    """PSNR in dB, SSIM and CPU seconds a megapixel of a function, by name.

    Parameters
    ----------
    denoise : callable
        Makes a denoised image of a noisy one, both of floats from 0 to 1.
    noisy : list of ndarray of shape (H, W) or (H, W, 3)
        Noisy images in units of the range.
    clean : list of ndarray
        The clean images in uint8.
    """
    denoised, seconds = denoise_all(denoise, noisy)
    return {
        "psnr": psnr(clean, denoised),
        "ssim": ssim(clean, denoised),
        "seconds_per_megapixel": seconds,
    }


def print_table(results, column_of, columns):
    """Print a table of results, a row for each method.

    Parameters
    ----------
    results : list of dict
        What :func:`measure` gives, with a ``method``.
    column_of : callable
        Tells the column of a result.
    columns : list
        The columns in their order.
    """
    print("| method |", " | ".join(map(str, columns)), "|")
    print("|---" * (len(columns) + 1) + "|")
    cells = {
        (row["method"], column_of(row)): (
            f"{row['psnr']:.2f} / {row['ssim']:.3f} ({row['seconds_per_megapixel']:.1f})"
        )
        for row in results
    }
    for method in dict.fromkeys(row["method"] for row in results):
        print("|", " | ".join([method, *(cells.get((method, name), "") for name in columns)]), "|")
