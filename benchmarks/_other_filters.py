"""Classical methods for noise that is not Gaussian, each of one gray image (H, W) from 0 to 1."""

from functools import cache

import numpy as np
from _photographs import in_batch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import gaussian_filter, median_filter
from scipy.stats import poisson
from skimage.restoration import richardson_lucy

from sklearn_cae.classical import FILTERS

WINDOWS = (7, 5, 3)


def median(image, size):
    """The median of the pixels around each one."""
    return median_filter(image, size, mode="nearest")


def switching_median(image):
    """Replace black and white pixels by the median of the others around them.

    The window is the smallest of 3, 5 and 7 pixels that holds others.
    """
    replaced = (image == 0) | (image == 1)
    places = np.argwhere(replaced)
    known = np.where(replaced, np.nan, image)
    filtered = np.where(replaced, median(image, WINDOWS[0]), image)
    for size in WINDOWS:
        padded = np.pad(known, size // 2, constant_values=np.nan)
        windows = sliding_window_view(padded, (size, size))[replaced].reshape(-1, size**2)
        found = ~np.isnan(windows).all(axis=1)
        filtered[tuple(places[found].T)] = np.nanmedian(windows[found], axis=1)
    return filtered


def interpolation(image, std):
    """Replace black and white pixels by a mean of the others, weighted by a Gaussian.

    Where there are none, it is the median of all pixels around.
    """
    known = (image > 0) & (image < 1)
    weights = gaussian_filter(known.astype(float), std)
    means = gaussian_filter(np.where(known, image, 0.0), std) / np.maximum(weights, 1e-12)
    filled = np.where(weights > 1e-9, means, median(image, WINDOWS[0]))
    return np.where(known, image, filled)


def wiener(image, std, balance):
    """Undo a Gaussian blur by the Wiener filter."""
    return in_batch(FILTERS["wiener"].function, image, std=std, balance=balance)


def undo_blur(image, std, num_iter):
    """Undo a Gaussian blur by so many iterations of Richardson and Lucy."""
    # Beyond four standard deviations a Gaussian is below 0.04 % of its peak.
    reach = int(4 * std + 0.5)
    profile = np.exp(-0.5 * (np.arange(-reach, reach + 1) / std) ** 2)
    psf = np.outer(profile, profile) / profile.sum() ** 2
    padded = np.pad(image.clip(0), reach, mode="symmetric")
    return richardson_lucy(padded, psf, num_iter, clip=False)[reach:-reach, reach:-reach]


def anscombe_bm3d(image, peak):
    """BM3D of photons between Anscombe's transform and its exact unbiased inverse.

    M. Mäkitalo, A. Foi, "Optimal inversion of the Anscombe transformation in low-count Poisson
    image denoising", IEEE Trans. Image Processing, 2011.
    """
    stable = anscombe(image * peak)  # noise of standard deviation 1
    low, span = stable.min(), np.ptp(stable)
    filtered = in_batch(FILTERS["bm3d"].function, (stable - low) / span, sigma=1 / span)
    means, rates = transformed_means(peak)
    return np.interp(low + span * filtered, means, rates) / peak


def anscombe(counts):
    return 2 * np.sqrt(counts + 3 / 8)


@cache
def transformed_means(peak):
    """Means of transformed counts, and the rates of the photons that have them."""
    rates = np.linspace(0, 2 * peak, 2001)
    counts = np.arange(int(2 * peak + 12 * np.sqrt(2 * peak)) + 1)
    return poisson.pmf(counts, rates[:, np.newaxis]) @ anscombe(counts), rates
