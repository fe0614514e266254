"""Which images are held out, and what a new image is compared with: conformal p-values."""

import math
from dataclasses import dataclass
from functools import lru_cache
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
class Votes:
    """Values of held-out images, each with its vote.

    Images of a group share one vote, since a new image comes from a new group: groups are compared,
    not images. Without groups each image has a vote.

    Attributes
    ----------
    values : ndarray of shape (n,)
        The values, ascending.
    before : ndarray of shape (n + 1,)
        Votes of those before each, and of all.
    """

    values: NDArray[np.float64]
    before: NDArray[np.float64]

    def up_to(self, values):
        """Votes of what is at most each of some values."""
        return self.before[np.searchsorted(self.values, values, side="right")]

    def below(self, values):
        """Votes of what is less than each of some values."""
        return self.before[np.searchsorted(self.values, values, side="left")]


@dataclass(frozen=True)
class HeldOut:
    """What is known of the images that one autoencoder did not learn from.

    Attributes
    ----------
    scores : Votes
        Their scores.
    largest : Votes
        The largest value of each map; empty without maps.
    pixels : ndarray of shape (10001,)
        Quantiles of the pixels of all their maps; empty without maps.
    """

    scores: Votes
    largest: Votes
    pixels: NDArray[np.float64]

    @property
    def n_votes(self):
        """Number of the groups, or of the images where there are none."""
        return float(self.scores.before[-1])


def held_out(scores, maps, weights):
    """Make ``HeldOut`` of scores (n,), some pixels of each map or None, and the vote of each."""
    if maps is None:
        return HeldOut(_votes(scores, weights), _votes(np.empty(0), np.empty(0)), np.empty(0))
    largest, pixels = maps[:, 0], maps[:, 1:]
    steps = np.linspace(0, 1, N_STEPS + 1)
    of_pixels = np.repeat(weights, pixels.shape[1])
    return HeldOut(
        _votes(scores, weights),
        _votes(largest, weights),
        np.quantile(pixels.ravel(), steps, weights=of_pixels, method="inverted_cdf"),
    )


def _votes(values, weights):
    order = np.argsort(values, kind="stable")
    before = np.cumsum(np.append(0, np.asarray(weights)[order]))
    return Votes(np.asarray(values, np.float64)[order], before)


def _total(votes):
    """Sum of votes, rounded so that the parts of one add up to it."""
    return np.round(sum(votes), 6)


def some_pixels(maps):
    """The largest value of each map (n, H, W), and pixels from all over it: (n, 1 + n_pixels)."""
    pixels = maps.reshape(len(maps), -1)
    chosen = _places(pixels.shape[1])
    return np.hstack([pixels.max(axis=1, keepdims=True), pixels[:, chosen]])


@lru_cache
def _places(n_pixels):
    """Some of so many pixels, in no order: equal steps would meet few of the columns."""
    n_chosen = min(n_pixels, N_PIXELS)
    return np.random.default_rng(0).choice(n_pixels, n_chosen, replace=False, shuffle=False)


def pixels_in(image_size):
    """Length of the rows of ``some_pixels`` for images of a height and width."""
    return 1 + min(math.prod(image_size), N_PIXELS)


def p_values_of_scores(scores, parts):
    """Conformal p-values of scores (n_parts, n), by the autoencoder of each ``HeldOut``."""
    low = [known.scores.up_to(row) for row, known in zip(scores, parts, strict=True)]
    return (1 + _total(low)) / (1 + count(parts))


def p_values_of_maps(maps, parts):
    """Share of normal images whose map reaches, somewhere, the value of a pixel: for masks."""
    less = [known.largest.below(values) for values, known in zip(maps, parts, strict=True)]
    n = count(parts)
    return (1 + n - _total(less)) / (1 + n)


def p_values_of_pixels(maps, parts):
    """Share of the pixels of normal images and of the image itself that are as unusual as a pixel.

    Without its own pixels, few normal images would call too many pixels odd: those of one image are
    alike.
    """
    shares = [
        known.n_votes * (1 - np.searchsorted(known.pixels[1:], values, side="left") / N_STEPS)
        for values, known in zip(maps, parts, strict=True)
    ]
    own = np.mean([[_share_within(image) for image in values] for values in maps], axis=0)
    return (sum(shares) + own) / (1 + count(parts))


def _share_within(values):
    """Share of the values of a map (H, W) that are at least as large as each, (H, W)."""
    return 1 - np.searchsorted(np.sort(values, axis=None), values, side="left") / values.size


def threshold(parts, level):
    """The score below which images are outliers, and the share of normal ones that are.

    ``level``, or the smallest share that so few held-out images can tell.
    """
    scores = np.concatenate([known.scores.values for known in parts])
    weights = np.concatenate([np.diff(known.scores.before) for known in parts])
    together = _votes(scores, weights)
    rates = (1 + together.before[:-1].round(6)) / (1 + count(parts))
    last = max(1, np.searchsorted(rates, level, side="right")) - 1
    return float(together.values[last]), float(rates[last])


def count(parts):
    """Number of all groups that were held out, or of all images where there are none."""
    return _total(known.n_votes for known in parts)


def share_below(value, parts):
    """Share of the votes of scores below a value."""
    return _total(known.scores.below(value) for known in parts) / count(parts)


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
    splits : list of (ndarray, ndarray, ndarray)
        Ascending indices, and the vote of each image that is held out: one, or its share of that of
        its group.
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
    weights = _weights(groups, times)
    return [(np.sort(train), np.sort(test), weights[np.sort(test)]) for train, test in splits]


def _weights(groups, times):
    """Vote of each image, whose numbers of times that it is held out are given."""
    if groups is None:
        return np.ones(len(times))
    _, group = np.unique(groups, return_inverse=True)
    return 1 / np.maximum(np.bincount(group, weights=times), 1)[group]


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
