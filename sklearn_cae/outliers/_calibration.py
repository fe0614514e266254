"""Which images are held out, and what a new image is compared with: conformal p-values."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit

# Fewer images are held out in turn, so that all of them calibrate.
FEW_IMAGES, AUTO_FOLDS, AUTO_SHARE = 100, 5, 0.2
# Pixels of each held-out map that pixels of new maps are compared with.
N_PIXELS = 4096
# Steps between the smallest and the largest of them.
N_STEPS = 10_000


@dataclass(frozen=True)
class HeldOut:
    """What is known of the images that one autoencoder did not learn from.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        Their scores, ascending.
    largest : ndarray of shape (n,)
        The largest value of each map, ascending; empty without maps.
    pixels : ndarray of shape (10001,)
        Quantiles of the pixels of all their maps; empty without maps.
    """

    scores: NDArray[np.float64]
    largest: NDArray[np.float64]
    pixels: NDArray[np.float64]


def held_out(scores, maps):
    """Make ``HeldOut`` of scores (n,) and some pixels of each map (n, n_pixels), or None."""
    if maps is None:
        return HeldOut(np.sort(scores), np.empty(0), np.empty(0))
    largest, pixels = maps[:, 0], maps[:, 1:]
    steps = np.linspace(0, 1, N_STEPS + 1)
    return HeldOut(np.sort(scores), np.sort(largest), np.quantile(pixels, steps))


def some_pixels(maps):
    """The largest value of each map (n, H, W), and pixels from all over it: (n, 1 + n_pixels)."""
    pixels = maps.reshape(len(maps), -1)
    step = -(-pixels.shape[1] // N_PIXELS)
    return np.hstack([pixels.max(axis=1, keepdims=True), pixels[:, ::step]])


def pixels_in(image_size):
    """Length of the rows of ``some_pixels`` for images of a height and width."""
    n_pixels = math.prod(image_size)
    step = -(-n_pixels // N_PIXELS)
    return 1 + -(-n_pixels // step)


def p_values_of_scores(scores, groups):
    """Conformal p-values of scores (n_groups, n), by the autoencoder of each ``HeldOut``."""
    n_below = [
        np.searchsorted(known.scores, row, side="right")
        for row, known in zip(scores, groups, strict=True)
    ]
    return (1 + sum(n_below)) / (1 + count(groups))


def p_values_of_maps(maps, groups):
    """Share of normal images whose map reaches, somewhere, the value of a pixel: for masks."""
    n_above = [
        len(known.largest) - np.searchsorted(known.largest, values, side="left")
        for values, known in zip(maps, groups, strict=True)
    ]
    return (1 + sum(n_above)) / (1 + count(groups))


def p_values_of_pixels(maps, groups):
    """Share of the pixels of normal images and of the image itself that are as unusual as a pixel.

    Without its own pixels, few normal images would call too many pixels odd: those of one image are
    alike.
    """
    shares = [
        len(known.scores) * (1 - np.searchsorted(known.pixels[1:], values, side="left") / N_STEPS)
        for values, known in zip(maps, groups, strict=True)
    ]
    own = np.mean([[_share_within(image) for image in values] for values in maps], axis=0)
    return (sum(shares) + own) / (1 + count(groups))


def _share_within(values):
    """Share of the values of a map (H, W) that are at least as large as each, (H, W)."""
    return 1 - np.searchsorted(np.sort(values, axis=None), values, side="left") / values.size


def threshold(groups, level):
    """The score below which images are outliers, and the share of normal ones that are.

    ``level``, or the smallest share that so few held-out images can tell.
    """
    scores = np.sort(np.concatenate([known.scores for known in groups]))
    rank = max(1, int(level * (1 + len(scores))))
    return float(scores[rank - 1]), rank / (1 + len(scores))


def count(groups):
    """Number of all held-out images."""
    return sum(len(known.scores) for known in groups)


def split_images(calibration, n_images, groups, seed):
    """Indices of the images to train on and to hold out, one pair for each autoencoder.

    Parameters
    ----------
    calibration : "auto", float, int or splitter
        As in :class:`CAEOutlierDetector`.
    n_images : int
        Number of images.
    groups : array-like of shape (n_images,) or None
        Images of a group are held out together.
    seed : int
        Seed of the choice.

    Returns
    -------
    splits : list of (ndarray, ndarray)
        Ascending indices.
    """
    groups = None if groups is None else _labels(groups, n_images)
    try:
        splitter = _splitter(calibration, n_images, groups, seed)
        splits = list(splitter.split(np.empty((n_images, 1)), groups=groups))
    except ValueError as error:
        what = "images" if groups is None else "groups"
        n_units = n_images if groups is None else len(np.unique(groups))
        raise ValueError(
            f"n_samples={n_images}: {n_units} {what} with calibration={calibration!r} leave none "
            f"to train on or to hold out ({error}). Give more {what}, or another calibration."
        ) from error
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=n_images)
    if times.max() > 1:
        raise ValueError(
            f"calibration={calibration!r} holds some images out {times.max()} times, and p-values "
            "would count them as so many images. Take a splitter that holds out each image once at "
            "most, such as KFold(5)."
        )
    return [(np.sort(train), np.sort(test)) for train, test in splits]


def _labels(groups, n_images):
    """The groups as an array of a label for each image."""
    labels = np.asarray(groups)
    if labels.shape == (n_images, 1):
        labels = labels[:, 0]
    cure = "Give one for each image, such as the name of the photograph that it was cut from."
    if labels.shape != (n_images,):
        raise ValueError(
            f"groups has the shape {labels.shape}, but X has {n_images} images. {cure}"
        )
    try:
        np.unique(labels)
        missing = bool((labels != labels).any())
    except TypeError:  # Of None, of pandas' NA, and of labels that have no order.
        missing = True
    if missing:
        raise ValueError(
            f"groups holds missing labels, or such of several kinds, beside {labels[0]!r}. {cure}"
        )
    return labels


def _splitter(calibration: Any, n_images: int, groups: Any, seed: int) -> Any:
    n_units = n_images if groups is None else len(np.unique(groups))
    if isinstance(calibration, str):
        calibration = min(AUTO_FOLDS, n_units) if n_units < FEW_IMAGES else AUTO_SHARE
    if hasattr(calibration, "split"):
        return calibration
    if isinstance(calibration, Integral):
        folds = GroupKFold if groups is not None else KFold
        return folds(int(calibration), shuffle=True, random_state=seed)
    n_held_out = max(1, int(calibration * n_units))
    shuffle = GroupShuffleSplit if groups is not None else ShuffleSplit
    return shuffle(1, test_size=n_held_out, random_state=seed)
