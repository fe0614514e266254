"""Noise models from noisy images alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from .._warnings import warn_user
from ..images import (
    chunks,
    is_image_list,
    learn_sequence_spec,
    learn_spec,
    read_images,
    read_sequence,
    sequence_to_channels_last,
    to_array,
    to_channels_last,
)
from ._base import NoiseModel
from ._flat import (
    BLOCK_PIXELS,
    MIN_BLOCKS,
    Blocks,
    fit_line,
    fit_scales,
    measure_blocks,
)
from ._models import GaussianNoise, NoiseChain, PoissonGaussianNoise, PoissonNoise, SpeckleNoise

# Variance at the bright end over that at the dark end, and standard errors of the slope, from
# which on noise is said to grow with brightness.
MIN_GROWTH, MIN_SIGNIFICANCE = 1.5, 5.0
# Standard deviation of the noisiest over that of the cleanest images from which on levels are a
# range. Texture makes them differ by 1.24 on photographs with equal noise of 5 of 255.
MIN_SPREAD = 1.35
# Share of the pixels at the extreme value from which on it is a limit.
PILE = 1e-3
# Standard deviation in units of the data range below which there is nothing to denoise.
LOWEST_STD = 1e-5
# Of so many images it is told whether noise is white, and whether clean ones hold any.
MEASURED_IMAGES = 16
# Of so many the levels of training images are estimated.
ESTIMATED_IMAGES = 256
# Standard deviation from which on images are noisy that should be clean, 10 of 255, and the share
# of their blocks in which pixels then differ. White noise of grass and gravel is taken for texture.
MIN_NOISY, MIN_NOISY_BLOCKS = 0.04, 0.9
# Between the standard deviation that is told and the one in flat places, either way. Clipping and
# texture make them differ by less.
MAX_UNLIKE = 1.5
# Noise that hides by the noise of clean images; a chain does if one of its models does.
HIDING = (GaussianNoise, PoissonNoise, PoissonGaussianNoise, SpeckleNoise)
# Variance that rounding to whole levels adds, in squared levels.
ROUNDING = 1 / 12


def estimate_noise(
    X: ArrayLike | Sequence[Any],
    *,
    image_shape: Sequence[int] | None = None,
    channel_axis: int = -1,
    data_range: str | Sequence[float] = "auto",
) -> NoiseModel:
    r"""Estimate the noise of a sensor from noisy images alone.

    The variance of the noise is measured in the flat places of the images, and a line is fitted to
    it over their brightness. If the variance is clearly larger at the bright end than at the dark
    end, the result is the noise of a sensor, of variance :math:`\mathrm{gain}\,(x -
    \mathrm{offset}) + \mathrm{read\_std}^2`. Otherwise it is Gaussian noise of one level. A line
    does not tell the offset and the read noise apart. One of the two is therefore 0, and the noise
    above the offset is the same.

    Parameters
    ----------
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
        Noisy images: integers, float32 or float64. A list may hold ndarrays (H, W), (H, W, C) or
        (C, H, W) of different sizes. Images have 8 x 8 pixels at least, and all of them together
        20 blocks of 8 x 8 pixels in which not all pixels are equal. A level for each image needs
        about 64 x 64 pixels.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features). ``None`` reads a square number of features as
        a square gray image.
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W). In a list, an
        image (H, W, C) is -1 and (C, H, W) is 1.
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white; noise may leave them. "auto" is 0 to 255 for uint8 and 0 to 1 for
        floats within it, and for others a robust range of X. Levels are in units of this range, so
        give the same one to the estimator that takes the noise.

    Returns
    -------
    noise : GaussianNoise or PoissonGaussianNoise
        For the parameter ``noise`` of :class:`~sklearn_cae.DenoisingCAE` or
        :class:`~sklearn_cae.NoiseInjector`. Levels are ranges (low, high), within which nine of ten
        images are, where images differ clearly: by more than 1.35 in their standard deviation. It
        clips unless X is of floats that leave the data range without piling up at a limit.

    Warns
    -----
    UserWarning
        If neighbouring pixels are correlated: the noise is larger than it seems, and not white.
        White noise seldom warns: of sets of 16 crops of 32 x 32 pixels of one photograph one in 16
        at a standard deviation of 25 of 255, one in 8 at 15 and one in 5 at 5, most of them of
        grass and gravel, where no place is flat.

    Raises
    ------
    ValueError
        If the images are too small to measure, have no noise, or are not images.

    See Also
    --------
    PoissonGaussianNoise : The noise of a sensor.

    Notes
    -----
    Squares of 2 x 2 pixels have three Haar details, independent under white noise. Blocks of 4 x 4
    squares are flat if the first two details hold no more than the noise; the third measures the
    variance there. Clipping is undone by the moments of a clipped normal variable, as in Foi,
    "Clipped noisy images: heteroskedastic modeling and practical denoising" (Signal Processing
    2009). The limits are the smallest and the largest value if at least 0.1 % of the pixels have
    it, as where a sensor saturates below white, else the ends of a fixed data range. Rounding to
    integers is subtracted. On photographs the standard deviation is about 1 % too large, as no
    place is quite flat. Impulses and stripes are not told apart from texture.

    Examples
    --------
    >>> from sklearn_cae import GaussianNoise, NoiseInjector, estimate_noise
    >>> from sklearn_cae.datasets import load_natural_patches
    >>> clean = load_natural_patches(64, n_patches=100).images
    >>> noisy = NoiseInjector(GaussianNoise(0.1), random_state=0).corrupt(clean)
    >>> noise = estimate_noise(noisy)
    >>> type(noise).__name__, round(noise.std, 2)
    ('GaussianNoise', 0.1)
    """
    source, spec, batches = _read(X, image_shape, channel_axis, data_range)
    line, spread, clip = _measured(source, spec, batches)
    if not line.white:
        _warn_of_correlation(source.name, line)
    return _model(line, spread, clip)


def noise_of(source, spec, images):
    """Estimate the noise of training images from some of them.

    Parameters
    ----------
    source : ImageArray or ImageSequence
        Their values as they were given.
    spec : ImageSpec
        Their data range.
    images : ndarray or LazyImages of shape (n, H, W, C), or list of images of shape (H, W, C)
        The images themselves.

    Returns
    -------
    noise : GaussianNoise or PoissonGaussianNoise
        As :func:`estimate_noise` gives it.

    Raises
    ------
    ValueError
        If the images are too small to measure, or have no noise.
    """
    batches = [images[row][np.newaxis] for row in _rows_of_some(images, ESTIMATED_IMAGES)]
    return _model(*_measured(source, spec, batches))


def _measured(source, spec, batches):
    """The line of the noise, how much images differ from it, and whether it was clipped."""
    limits = _clipped_at(batches, spec)
    blocks = _measure(source, batches, spec.data_range)
    line = _fit(blocks, limits)
    integer = np.issubdtype(source.dtype, np.integer)
    if integer:
        low, high = spec.data_range
        line = line._replace(constant=line.constant - ROUNDING / (high - low) ** 2)
    _check_noisy(source, line)
    return line, _spread(blocks, limits, line), bool(integer or np.isfinite(limits).all())


def _read(X, image_shape, channel_axis, data_range):
    """Values of all images, their spec, and batches (n, H, W, C) of images of one size."""
    options = {"data_range": data_range, "noisy": True}
    if is_image_list(X):
        source = read_sequence(X)
        spec = learn_sequence_spec(source, 1, channel_axis=channel_axis, **options)
        images = sequence_to_channels_last(source, spec)
        return source, spec, [image[np.newaxis] for image in images]
    source = read_images(X)
    spec = learn_spec(source, image_shape=image_shape, channel_axis=channel_axis, **options)
    return source, spec, [to_channels_last(source, spec)]


def _clipped_at(batches, spec):
    """Where pixels were clipped, in units of the data range; infinities where they were not.

    A sensor may saturate below white, and its black lie above that of the data range.
    """
    low, high = spec.data_range
    seen_low = float(min(images.min() for images in batches))
    seen_high = float(max(images.max() for images in batches))
    smallest = _pile(batches, seen_low, low if spec.fixed and low <= seen_low else -np.inf)
    largest = _pile(batches, seen_high, high if spec.fixed and seen_high <= high else np.inf)
    return (smallest - low) / (high - low), (largest - low) / (high - low)


def _pile(batches, value, otherwise):
    """The value, if so many pixels have it that they were clipped to it."""
    n_equal = sum(np.count_nonzero(images == value) for images in batches)
    return value if n_equal >= PILE * sum(images.size for images in batches) else otherwise


def warn_if_correlated(images, spec):
    """Warn if the noise of images is not white; images too small to tell are passed over.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C) or list of ndarray of shape (H, W, C)
        Noisy images, of which some are measured.
    spec : ImageSpec
        Their data range.
    """
    line, _ = _measure_some(images, spec)
    if line is not None and not line.white:
        _warn_of_correlation("X", line)


def warn_if_unlike(images, spec, noise):
    """Warn if images clearly hold another level of noise than they are said to.

    Parameters
    ----------
    images : ndarray or LazyImages of shape (n, H, W, C), or list of images of shape (H, W, C)
        Noisy images, of which some are measured; those too small to tell are passed over.
    spec : ImageSpec
        Their data range.
    noise : NoiseModel
        What they are said to hold, which knows its standard deviation at each brightness.
    """
    line, _ = _measure_some(images, spec)
    if line is None:
        return
    brightness = (line.dark + line.bright) / 2
    measured = float(np.sqrt(max(line.variance(brightness), 0.0)))
    told = float(noise.std_at(torch.full((1, 1, 1, 1), brightness)))
    if not told / MAX_UNLIKE <= measured <= told * MAX_UNLIKE:
        warn_user(
            f"noise={noise!r} has a standard deviation of {told:.2g} of the data range at a "
            f"brightness of {brightness:.2g}, but flat places of X have {measured:.2g}. With too "
            "much of it told, details are lost; with too little, noise stays. Leave noise=None to "
            "have it estimated, or tell the levels in units of the data range."
        )


def std_of_clean(images, spec, noise):
    """Standard deviation of the noise that images hold which are taken for clean, if they do.

    Parameters
    ----------
    images : ndarray or LazyImages of shape (n, H, W, C), or list of images of shape (H, W, C)
        The images, of which a few are measured.
    spec : ImageSpec
        Their data range.
    noise : NoiseModel or None
        What is to be taken off images; ``None`` where only pairs tell it.

    Returns
    -------
    std : float or None
        In units of the data range. ``None`` if the images look clean or are too small to tell, or
        if their noise does not look like that which is to be taken off.
    """
    if not (noise is None or _hides(noise)):
        return None
    line, share = _measure_some(images, spec)
    if line is None or not line.white or share < MIN_NOISY_BLOCKS:
        return None
    std = float(np.sqrt(max(line.variance(line.bright), 0.0)))
    return std if std >= MIN_NOISY else None


def _hides(noise):
    if isinstance(noise, NoiseChain):
        return any(map(_hides, noise.models))
    return isinstance(noise, HIDING)


def _measure_some(images, spec):
    """The line of the noise of some images, and the share of the blocks that tell it.

    ``None`` if too few blocks do.
    """
    some = [images[row][np.newaxis] for row in _rows_of_some(images, MEASURED_IMAGES)]
    blocks = _blocks(some, spec.data_range)
    if len(blocks.mean) < MIN_BLOCKS:
        return None, 0.0
    n_all = sum(
        (image.shape[1] // BLOCK_PIXELS) * (image.shape[2] // BLOCK_PIXELS) * image.shape[3]
        for image in some
    )
    return _fit(blocks, _clipped_at(some, spec)), len(blocks.mean) / n_all


def _rows_of_some(images, n_images):
    """Rows of so many images, evenly among all."""
    return np.unique(np.linspace(0, len(images) - 1, n_images).round().astype(int))


def _blocks(batches, data_range):
    """Blocks of all images, in units of the data range."""
    parts, first = [], 0
    for images in batches:
        for rows in chunks(images):
            parts.append(measure_blocks(to_array(images[rows], data_range, np.float64), first))
            first += len(images[rows])
    return Blocks(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _measure(source, batches, data_range):
    """Blocks of all images, in units of the data range, if there are enough of them."""
    blocks = _blocks(batches, data_range)
    if len(blocks.mean) < MIN_BLOCKS:
        sizes = sorted({"{} x {}".format(*images.shape[1:3]) for images in batches})
        n_images = sum(map(len, batches))
        raise ValueError(
            f"{source.name} has {len(blocks.mean)} blocks of {BLOCK_PIXELS} x {BLOCK_PIXELS} "
            f"pixels that are not all equal, in {n_images} image(s) of {', '.join(sizes[:3])} "
            f"pixels; {MIN_BLOCKS} are needed to measure noise. Give more or larger images as the "
            "sensor gave them. For images without noise set noise='none'."
        )
    return blocks


def _fit(blocks, limits):
    """The line of the noise, constant unless it clearly grows with brightness."""
    line = fit_line(blocks, limits, sloped=True)
    return line if _grows(line) else fit_line(blocks, limits, sloped=False)


def _spread(blocks, limits, line):
    """Standard deviations within which nine of ten images are, in units of the line's."""
    scales = fit_scales(blocks, limits, line)
    if len(scales) < 2:
        return 1.0, 1.0
    low, high = np.sqrt(np.quantile(scales, (0.05, 0.95)))
    return (float(low), float(high)) if high > MIN_SPREAD * low else (1.0, 1.0)


def _grows(line):
    growth = line.variance(line.bright) - MIN_GROWTH * line.variance(line.dark)
    return line.slope > MIN_SIGNIFICANCE * line.slope_error and growth > 0


def _warn_of_correlation(name, line):
    warn_user(
        f"The noise of {name} is not white: in flat places sums of 2 x 2 pixels have "
        f"{line.coarse:.1f} times the variance that independent pixels would have. Neighbouring "
        "pixels are correlated, as after demosaicing, JPEG or resizing, or no place is flat. The "
        "noise is then larger than the estimate. Give images as the sensor gave them, or averages "
        "of 2 x 2 pixels, whose noise is whiter, or train on pairs."
    )


def _check_noisy(source, line):
    std = np.sqrt(max(line.variance(line.bright), 0.0))
    if std < LOWEST_STD:
        raise ValueError(
            f"{source.name} has no noise to measure: flat places have a standard deviation of "
            f"{std:.1g} of the data range. Give noisy images, as the sensor gave them, with the "
            "data_range that they fill. For images without noise set noise='none'."
        )


def _model(line, spread, clip):
    low, high = spread
    if line.slope == 0:
        std = np.sqrt(line.constant)
        return GaussianNoise(_level(std * low, std * high), clip=clip)
    read_std = np.sqrt(max(line.constant, 0.0))
    return PoissonGaussianNoise(
        _level(line.slope * low**2, line.slope * high**2),
        offset=_rounded(max(-line.constant / line.slope, 0.0)),
        read_std=_level(read_std * low, read_std * high),
        clip=clip,
    )


def _level(low, high):
    """A number, or a range where its ends differ."""
    low, high = _rounded(low), _rounded(high)
    return low if low == high else (low, high)


def _rounded(level):
    """A level with four digits, at most 1, which is the limit of the noise models."""
    return min(float(f"{level:.4g}"), 1.0)
