"""PSNR and SSIM of each image in a batch."""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import uniform_filter

from ..images import channels_last, check_channel_axis, chunks, read_images

# dB: equal images have an infinite PSNR, which would spoil every mean.
PSNR_CAP = 100.0
# Pixels: the smallest window with a variance is 3 x 3.
SSIM_MIN_SIZE = 3
# Pixels: the window of scikit-image.
SSIM_WINDOW = 7


def peak_signal_noise_ratio(
    image_true: ArrayLike, image_test: ArrayLike, *, data_range: float, reduction: str = "mean"
) -> Any:
    r"""Peak signal-to-noise ratio of each image in a batch, in dB.

    .. math:: 10 \log_{10} \frac{R^2}{\mathrm{MSE}}

    where :math:`R` is the width of the data range. It is equal to
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
        If shapes differ, or ``data_range`` is not positive or far too small for the images.

    See Also
    --------
    capped_psnr : The same with at most 100 dB for each image, for means.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.metrics import peak_signal_noise_ratio
    >>> clean = np.zeros((3, 8, 8))
    >>> round(peak_signal_noise_ratio(clean, clean + 0.1, data_range=1), 6)
    20.0
    """
    true, test = _check_pairs(image_true, image_test, data_range)
    return _reduce(psnr_of_each(true, test, data_range), reduction)


def capped_psnr(
    image_true: ArrayLike, image_test: ArrayLike, *, data_range: float, reduction: str = "mean"
) -> Any:
    """PSNR in dB in which each image counts with at most ``PSNR_CAP``, 100 dB.

    What scores, tables and the tuning of filters average: one image without an error would make
    their mean infinite.

    Parameters
    ----------
    image_true, image_test : array-like of shape (n, ...)
        Clean images, and others of the same shape and units.
    data_range : float
        White minus black: 255 for uint8 images, 1 for floats from 0 to 1.
    reduction : {"mean", "none"}, default="mean"
        Mean over the images, or one value for each.

    Returns
    -------
    psnr : float, or ndarray of shape (n,)
        float64, in dB, at most 100.

    Raises
    ------
    ValueError
        As :func:`peak_signal_noise_ratio`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.metrics import capped_psnr
    >>> clean = np.zeros((2, 8, 8))
    >>> capped_psnr(clean, clean, data_range=1, reduction="none")
    array([100., 100.])
    """
    true, test = _check_pairs(image_true, image_test, data_range)
    return _reduce(capped_psnr_of_each(true, test, data_range), reduction)


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

    It is equal to :func:`skimage.metrics.structural_similarity` of each image with its defaults: a
    uniform window, the sample covariance, the mean over pixels whose window lies inside the image,
    and the mean over channels. Source: Wang et al., "Image quality assessment: from error
    visibility to structural similarity" (IEEE TIP 2004).

    Parameters
    ----------
    image_true : array-like of shape (n, H, W), (n, H, W, C) or (n, C, H, W)
        Clean images of at least 3 x 3 pixels.
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
        If shapes differ, ``data_range`` is not positive or far too small for the images, or an
        image is smaller than the window.

    Notes
    -----
    Variances are differences of means of squares, as in scikit-image. Where the images lie more
    than some 1e7 data ranges away from 0, both functions lose them to rounding; subtract black
    first.

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
    axis = check_channel_axis(channel_axis)
    true, test = (channels_last(images, axis) for images in (true, test))
    return _reduce(ssim_of_each(true, test, data_range, win_size), reduction)


def ssim_or_nan(
    image_true: ArrayLike, image_test: ArrayLike, *, data_range: float, reduction: str = "mean"
) -> Any:
    """SSIM for tables and figures: NaN where images are too small to have one.

    Parameters
    ----------
    image_true, image_test : array-like of shape (n, H, W) or (n, H, W, C)
        Clean images, and others of the same shape and units.
    data_range : float
        White minus black.
    reduction : {"mean", "none"}, default="mean"
        Mean over the images, or one value for each.

    Returns
    -------
    ssim : float, or ndarray of shape (n,)
        As :func:`structural_similarity`; NaN for images of fewer than ``SSIM_MIN_SIZE`` pixels in
        a direction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.metrics import ssim_or_nan
    >>> ssim_or_nan(np.zeros((5, 2, 8)), np.zeros((5, 2, 8)), data_range=1)
    nan
    """
    if min(np.shape(image_true)[1:3]) < SSIM_MIN_SIZE:
        return _reduce(np.full(len(np.asarray(image_true)), np.nan), reduction)
    return structural_similarity(image_true, image_test, data_range=data_range, reduction=reduction)


def psnr_of_each(true, test, data_range):
    """PSNR of arrays that were validated."""
    scale = _scale(data_range)
    # Equal images divide by 0; what overflows is refused below.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        rms = np.concatenate([_rms(*pair) for pair in _float64_chunks(true, test, scale)])
        psnr = 20 * np.log10(data_range / scale / rms)
    _check_representable(rms, data_range)
    return psnr


def capped_psnr_of_each(true, test, data_range):
    """PSNR of arrays that were validated, at most ``PSNR_CAP``."""
    return np.minimum(psnr_of_each(true, test, data_range), PSNR_CAP)


def ssim_of_each(true, test, data_range, win_size=None):
    """SSIM of arrays ``(n, H, W, C)`` that were validated."""
    win_size = _check_window(win_size, true.shape[1:3])
    scale = _scale(data_range)
    # What overflows is refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        pairs = _float64_chunks(true, test, scale)
        ssim = np.concatenate([_ssim(x, y, data_range / scale, win_size) for x, y in pairs])
    _check_representable(ssim, data_range)
    return ssim


def ssim_maps(true, test):
    """SSIM at each pixel of float64 arrays ``(n, H, W, C)`` in [0, 1], the mean over channels.

    At the edges images are reflected, as scikit-image does for its ``full`` image.
    """
    win_size = _check_window(None, true.shape[1:3])
    return _ssim_maps(true, test, 1.0, win_size).mean(axis=3)


def _check_pairs(image_true, image_test, data_range):
    true = read_images(image_true, name="image_true").pixels
    test = read_images(image_test, name="image_test").pixels
    if true.shape != test.shape:
        raise ValueError(
            f"image_true has shape {true.shape} and image_test {test.shape}; both "
            "batches must have the same shape."
        )
    if not isinstance(data_range, Real) or not math.isfinite(data_range) or data_range <= 0:
        raise ValueError(
            f"data_range={data_range!r}; expected a positive number, white minus black, such as "
            "255 for uint8 images."
        )
    return true, test


def _check_window(win_size, image_size):
    smallest = min(image_size)
    if win_size is None:
        win_size = min(SSIM_WINDOW, smallest - 1 + smallest % 2)
    if (
        not isinstance(win_size, (int, np.integer))
        or win_size % 2 == 0
        or not SSIM_MIN_SIZE <= win_size <= smallest
    ):
        raise ValueError(
            f"SSIM with a window of {win_size!r} pixels on images of {image_size[0]} x "
            f"{image_size[1]}; win_size must be odd, at least {SSIM_MIN_SIZE} and fit into the "
            "image."
        )
    return win_size


def _check_representable(values, data_range):
    if not np.isfinite(values).all():
        raise ValueError(
            f"data_range={data_range!r} is too small for these images: float64 cannot hold their "
            "differences in its units. Give white minus black of the images."
        )


def _scale(data_range):
    """A power of two near the data range: dividing by it rounds nothing and squares stay finite."""
    return math.ldexp(1.0, math.frexp(data_range)[1] - 1)


def _float64_chunks(true, test, scale):
    for rows in chunks(true):
        yield tuple(np.divide(images[rows], scale, dtype=np.float64) for images in (true, test))


def _rms(x, y):
    """Root mean square of the differences of each image."""
    difference = (x - y).reshape(len(x), -1)
    mse = np.square(difference).mean(axis=1)
    rms = np.sqrt(mse)
    # Squares of tiny differences are 0, those of huge ones infinite.
    lost = (mse == 0) | np.isinf(mse)
    if lost.any():
        peak = np.abs(difference[lost]).max(axis=1)
        relative = difference[lost] / np.where(peak > 0, peak, 1)[:, np.newaxis]
        rms[lost] = peak * np.sqrt(np.square(relative).mean(axis=1))
    return rms


def _ssim(x, y, data_range, win_size):
    """Mean over the pixels whose window lies inside the image."""
    ssim = _ssim_maps(x, y, data_range, win_size)
    pad = win_size // 2
    inside = ssim[:, pad : x.shape[1] - pad, pad : x.shape[2] - pad]
    return inside.reshape(len(x), -1).mean(axis=1)


def _ssim_maps(x, y, data_range, win_size):
    size = (1, win_size, win_size, 1)
    sample = win_size**2 / (win_size**2 - 1)
    mean_x, mean_y = uniform_filter(x, size), uniform_filter(y, size)
    var_x = sample * (uniform_filter(x * x, size) - mean_x * mean_x)
    var_y = sample * (uniform_filter(y * y, size) - mean_y * mean_y)
    cov = sample * (uniform_filter(x * y, size) - mean_x * mean_y)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    return ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )


def _reduce(values, reduction):
    if reduction == "mean":
        return float(values.mean())
    if reduction == "none":
        return values
    raise ValueError(f"reduction={reduction!r}; allowed are 'mean' and 'none'.")
