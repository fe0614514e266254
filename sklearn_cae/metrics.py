"""PSNR and SSIM over batches of images, and the scorers made of them."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import uniform_filter
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ._images import (
    check_channel_axis,
    check_pixels,
    check_units,
    from_channels_last,
    learn_spec,
    to_channels_last,
)
from ._random import resolve_seed
from .noise import NoiseModel, resolve_noise
from .noise._injector import chunks, corrupt_images
from .noise._pairs import check_same_shape, split_targets

__all__ = [
    "DenoisingScorer",
    "peak_signal_noise_ratio",
    "psnr_scorer",
    "ssim_scorer",
    "structural_similarity",
]

# Equal images have an infinite PSNR, which would spoil every mean.
PSNR_CAP = 100.0


def peak_signal_noise_ratio(
    image_true: ArrayLike, image_test: ArrayLike, *, data_range: float, reduction: str = "mean"
) -> Any:
    r"""Peak signal-to-noise ratio of each image in a batch, in dB.

    .. math:: 10 \log_{10} \frac{R^2}{\mathrm{MSE}}

    with the width :math:`R` of the data range. Equal to
    :func:`skimage.metrics.peak_signal_noise_ratio` of each image.

    Parameters
    ----------
    image_true : array-like of shape (n, ...)
        Clean images.
    image_test : array-like of shape (n, ...)
        Images of the same shape and units.
    data_range : float
        White minus black: 255 for uint8 images, 1 for floats from 0 to 1.
    reduction : {"mean", "none"}, default="mean"
        Mean over the images, or one value for each.

    Returns
    -------
    psnr : float, or ndarray of shape (n,)
        float64, in dB; infinite for equal images.

    Raises
    ------
    ValueError
        If shapes differ, or ``data_range`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.metrics import peak_signal_noise_ratio
    >>> clean = np.zeros((3, 8, 8))
    >>> round(peak_signal_noise_ratio(clean, clean + 0.1, data_range=1), 6)
    20.0
    """
    batches = _check_pairs(image_true, image_test, data_range)
    mse = np.concatenate(
        [
            np.square(true - test).reshape(len(true), -1).mean(axis=1)
            for true, test in _float64_chunks(*batches)
        ]
    )
    with np.errstate(divide="ignore"):
        return _reduce(10 * np.log10(data_range**2 / mse), reduction)


def structural_similarity(
    image_true: ArrayLike,
    image_test: ArrayLike,
    *,
    data_range: float,
    win_size: int | None = None,
    channel_axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """Structural similarity (SSIM) of each image in a batch.

    Equal to :func:`skimage.metrics.structural_similarity` of each image with its defaults: a
    uniform window, the sample covariance, the mean over pixels whose window lies inside the image,
    and the mean over channels. Source: Wang et al., "Image quality assessment: from error
    visibility to structural similarity" (IEEE TIP 2004).

    Parameters
    ----------
    image_true : array-like of shape (n, H, W), (n, H, W, C) or (n, C, H, W)
        Clean images.
    image_test : array-like of shape (n, H, W), (n, H, W, C) or (n, C, H, W)
        Images of the same shape and units.
    data_range : float
        White minus black: 255 for uint8 images, 1 for floats from 0 to 1.
    win_size : int, default=None
        Side of the window in pixels, odd and at least 3. ``None`` is 7, or the largest odd number
        that fits into a smaller image.
    channel_axis : int, default=-1
        Axis of the channels of arrays with four dimensions: -1 or 1.
    reduction : {"mean", "none"}, default="mean"
        Mean over the images, or one value for each.

    Returns
    -------
    ssim : float, or ndarray of shape (n,)
        float64, from -1 to 1; 1 for equal images.

    Raises
    ------
    ValueError
        If shapes differ, ``data_range`` is not positive, or an image is smaller than the window.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.metrics import structural_similarity
    >>> clean = np.random.default_rng(0).random((3, 8, 8))
    >>> structural_similarity(clean, clean, data_range=1)
    1.0
    """
    true, test = _check_pairs(image_true, image_test, data_range)
    if true.ndim not in (3, 4):
        raise ValueError(
            f"images of shape {true.shape}; SSIM needs (n, H, W) or (n, H, W, C). Reshape rows to "
            "images first."
        )
    if true.ndim == 4:
        axis = check_channel_axis(channel_axis)
        true, test = (np.moveaxis(images, axis, 3) for images in (true, test))
    win_size = _check_window(win_size, true.shape[1:3])
    ssim = np.concatenate(
        [_ssim(x, y, data_range, win_size) for x, y in _float64_chunks(true, test)]
    )
    return _reduce(ssim, reduction)


def _check_pairs(image_true, image_test, data_range):
    image_true = check_pixels(image_true, name="image_true")
    image_test = check_pixels(image_test, name="image_test")
    if image_true.shape != image_test.shape:
        raise ValueError(
            f"image_true has shape {image_true.shape} and image_test {image_test.shape}; both "
            "batches must have the same shape."
        )
    if not isinstance(data_range, Real) or not math.isfinite(data_range) or data_range <= 0:
        raise ValueError(
            f"data_range={data_range!r}; expected a positive number, white minus black, such as "
            "255 for uint8 images."
        )
    return np.asarray(image_true), np.asarray(image_test)


def _check_window(win_size, image_size):
    smallest = min(image_size)
    if win_size is None:
        win_size = min(7, smallest - 1 + smallest % 2)
    if (
        not isinstance(win_size, (int, np.integer))
        or win_size % 2 == 0
        or not 3 <= win_size <= smallest
    ):
        raise ValueError(
            f"SSIM with a window of {win_size!r} pixels on images of {image_size[0]} x "
            f"{image_size[1]}; win_size must be odd, at least 3 and fit into the image."
        )
    return win_size


def _float64_chunks(*arrays):
    for rows in chunks(arrays[0]):
        yield tuple(array[rows].astype(np.float64) for array in arrays)


def _ssim(x, y, data_range, win_size):
    size = (1, win_size, win_size) + (1,) * (x.ndim - 3)
    sample = win_size**2 / (win_size**2 - 1)
    mean_x, mean_y = uniform_filter(x, size), uniform_filter(y, size)
    var_x = sample * (uniform_filter(x * x, size) - mean_x * mean_x)
    var_y = sample * (uniform_filter(y * y, size) - mean_y * mean_y)
    cov = sample * (uniform_filter(x * y, size) - mean_x * mean_y)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    ssim = ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    pad = win_size // 2
    inside = ssim[:, pad : x.shape[1] - pad, pad : x.shape[2] - pad]
    return inside.reshape(len(x), -1).mean(axis=1)


def _reduce(values, reduction):
    if reduction == "mean":
        return float(values.mean())
    if reduction == "none":
        return values
    raise ValueError(f"reduction={reduction!r}; allowed are 'mean' and 'none'.")


class DenoisingScorer(BaseEstimator):
    """Score a denoiser by the quality of the images it gives back; higher is better.

    To be passed as ``scoring`` to :class:`~sklearn.model_selection.GridSearchCV` and its like.
    With clean images as ``y``, X is noisy. Without, X is clean and is corrupted first; an image
    then gets the same noise for every candidate and in every fold.

    Parameters
    ----------
    metric : {"psnr", "ssim"} or callable, default="psnr"
        "psnr" in dB, each image counted with at most 100 dB, "ssim", or a function
        ``metric(clean, denoised, data_range=width)`` of two arrays (n, H, W, C).
    noise : NoiseModel, str, list of these, or None, default=None
        The noise to score on, as in :class:`~sklearn_cae.NoiseInjector`. ``None`` is the noise the
        estimator was fitted with; to compare candidates that were fitted with different noise,
        give one noise for all.
    random_state : int, default=0
        Seed of the noise.

    Examples
    --------
    >>> from sklearn_cae.metrics import DenoisingScorer
    >>> from sklearn_cae.noise import GaussianNoise
    >>> DenoisingScorer("ssim", noise=GaussianNoise(0.2))
    DenoisingScorer(metric='ssim', noise=GaussianNoise(std=0.2))
    """

    def __init__(
        self,
        metric: str | Callable[..., float] = "psnr",
        *,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        random_state: int = 0,
    ):
        self.metric = metric
        self.noise = noise
        self.random_state = random_state

    def __call__(self, estimator: Any, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Mean of the metric over the images.

        Parameters
        ----------
        estimator : estimator or Pipeline
            A fitted denoiser.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, or noisy ones if ``y`` is given.
        y : array-like of the shape of X, default=None
            Clean images; 1-d labels are ignored.

        Returns
        -------
        score : float
            PSNR in dB, SSIM, or what the callable gives.
        """
        metric = self._resolve_metric()
        clean, _, denoised, (low, high) = denoise_pairs(
            estimator, X, y, noise=self.noise, random_state=self.random_state
        )
        return float(metric(clean, denoised, data_range=high - low))

    def _resolve_metric(self):
        if callable(self.metric):
            return self.metric
        if self.metric not in _METRICS:
            raise ValueError(
                f"metric={self.metric!r}; allowed are {sorted(_METRICS)} and a function "
                "metric(clean, denoised, data_range=width)."
            )
        return _METRICS[self.metric]


def denoise_pairs(estimator, X, y=None, *, noise=None, random_state=0):
    """Clean, noisy and denoised images, by the rules for ``y`` of the scorers.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        A fitted denoiser.
    X, y : array-like
        Clean images alone, or noisy and clean ones.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts clean images alone; ``None`` is the noise the estimator was fitted with.
    random_state : int, default=0
        Seed of the noise.

    Returns
    -------
    clean, noisy, denoised : ndarray of shape (n, H, W, C)
        The images in their own units.
    data_range : tuple of float
        Values of black and white.
    """
    denoiser = denoiser_of(estimator)
    noisy, clean, _ = split_targets(X, y)
    clean = check_pixels(clean)
    if noisy is not None:
        check_same_shape(check_pixels(noisy), clean)
    spec = learn_spec(
        clean,
        image_shape=getattr(denoiser, "image_shape_", None) if clean.ndim == 2 else None,
        channel_axis=getattr(denoiser, "channel_axis", -1),
        data_range=getattr(denoiser, "data_range_", "auto"),
    )
    check_units(clean, spec)
    images = to_channels_last(clean, spec)
    if noisy is None:
        corrupted = _corrupt(images, _noise_for(denoiser, noise), random_state, spec)
        noisy = _like(X, from_channels_last(corrupted, clean.ndim, spec))
    denoised = np.asarray(estimator.predict(noisy))
    if denoised.shape != clean.shape:
        raise ValueError(
            f"{type(estimator).__name__}.predict gave shape {denoised.shape} for images of "
            f"shape {clean.shape}; a denoiser gives images of the shape of its input."
        )
    views = (to_channels_last(np.asarray(array), spec) for array in (noisy, denoised))
    return images, *views, spec.data_range


def _corrupt(images, noise, random_state, spec):
    # Integers cannot hold noise that leaves the data range.
    dtype = images.dtype if noise.clip else np.result_type(images.dtype, np.float32)
    return corrupt_images(images, noise, resolve_seed(random_state), spec.data_range, dtype)


def _noise_for(denoiser, noise):
    noise = noise if noise is not None else getattr(denoiser, "noise_", None)
    if noise is None:
        raise ValueError(
            f"{type(denoiser).__name__} has no noise of its own to score on: it was fitted "
            "with pairs. Give the clean images as y, or a noise to DenoisingScorer."
        )
    return resolve_noise(noise)


def denoiser_of(estimator):
    """The last step of a pipeline, of the best candidate of a search."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    return denoiser_of(estimator[-1]) if isinstance(estimator, Pipeline) else estimator


def _like(X, images):
    """Put images into a data frame if X is one, because ``predict`` checks the column names."""
    return type(X)(images, index=X.index, columns=X.columns) if hasattr(X, "iloc") else images


def _capped_psnr(clean, denoised, *, data_range):
    psnr = peak_signal_noise_ratio(clean, denoised, data_range=data_range, reduction="none")
    return np.minimum(psnr, PSNR_CAP).mean()


_METRICS = {"psnr": _capped_psnr, "ssim": structural_similarity}

psnr_scorer = DenoisingScorer("psnr")
ssim_scorer = DenoisingScorer("ssim")
