"""Arrays in, arrays out: validation, layout, units and dtype of image batches.

Inside the library a batch is a view ``(n, H, W, C)`` of the user's array, and on the device a
float32 tensor ``(n, C, H, W)`` in units of the data range, so that black is 0 and white is 1.
"""

import math
import sys
import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_array, validate_data

IMAGE_DTYPES = (np.float64, np.float32, np.uint8, np.uint16)
COLOUR_CHANNELS = (3, 4)
LAYOUTS = (
    "rows (n, n_features), gray images (n, H, W) or images with channels (n, H, W, C), or "
    "(n, C, H, W) with channel_axis=1"
)
RAGGED = (
    "Its images have different shapes, but one array needs images of one shape: crop or resize "
    "them (skimage.transform.resize), or handle them one at a time."
)
# What to add to errors of scikit-learn and numpy, by words in them.
CURES = {
    "inhomogeneous": RAGGED,
    "array element with a sequence": RAGGED,
    "could not convert string": "Images are numbers: uint8, uint16, float32 or float64.",
    "contains NaN": "Images are finite numbers; fill the gaps first (numpy.nan_to_num).",
    "contains infinity": "Images are finite numbers; clip them first (numpy.nan_to_num).",
    "Expected 2D array": f"Expected are {LAYOUTS}.",
}
# Widths of the data range by which an image may leave it. Noise stays within, as long as its
# standard deviation is below twice the range; images in other units leave it by much more.
RANGE_MARGIN = 10.0
# Width of a data range from which on images within 0 to 1 are taken for images in other units.
WIDE_RANGE = 128
# Smallest standard deviation of an image that is normalised, in units of the data range.
MIN_CONTRAST = 0.01


@dataclass(frozen=True)
class ImageSpec:
    """Shape, layout, dtype and units of the images seen in ``fit``.

    Attributes
    ----------
    height, width, n_channels : int
        Shape of one image in pixels.
    channel_axis : int
        Axis of the channels in a batch ``(n, H, W, C)`` or ``(n, C, H, W)``: 3 or 1.
    ndim : int
        Dimensions of the batch: 2 for rows, 3 for gray images, 4 with a channel axis.
    dtype : str
        Name of the dtype of the images.
    data_range : tuple of float
        Values of black and of white.
    """

    height: int
    width: int
    n_channels: int
    channel_axis: int
    ndim: int
    dtype: str
    data_range: tuple[float, float]

    @property
    def image_shape(self):
        """``(H, W)`` for gray images without a channel axis, else ``(H, W, C)``."""
        size = (self.height, self.width)
        return size if self.n_channels == 1 and self.ndim != 4 else (*size, self.n_channels)


def check_images(estimator, X, *, reset, name="X"):
    """Validate a batch of images without copying one that is already in an image dtype.

    Parameters
    ----------
    estimator : estimator
        Its ``n_features_in_`` and ``feature_names_in_`` are set or, for rows, checked.
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Images.
    reset : bool
        Whether to set the attributes of ``estimator`` or to check against them.
    name : str
        How error messages call the array.

    Returns
    -------
    X : ndarray of 2 to 4 dimensions
        uint8, uint16, float32 or float64; anything else numeric becomes float64.

    Raises
    ------
    ValueError, TypeError
        If X is not an array of images, or its rows are not those of ``fit``.
    """
    columns_first = hasattr(X, "columns") and not reset
    if columns_first:
        # As in scikit-learn, wrong columns are told before wrong values.
        validate_data(estimator, X, reset=False, skip_check_array=True)
    checked = check_pixels(X, name=name)
    if checked.ndim == 2 and not columns_first:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    elif reset:
        one_row = checked[:1].reshape(1, -1)
        validate_data(estimator, one_row, reset=True, skip_check_array=True)
    return checked


def check_pixels(X, *, name="X"):
    """Validate an array of images that no estimator has to remember."""
    try:
        X = _with_own_dtype(X)
        checked = check_array(X, dtype=IMAGE_DTYPES, allow_nd=True, input_name=name)
    except ValueError as error:
        cures = [cure for words, cure in CURES.items() if words in str(error)]
        raise ValueError(" ".join([f"{name} cannot be read as images: {error}", *cures])) from error
    if checked.ndim > 4 or checked.size == 0:
        raise ValueError(
            f"{name} has shape {checked.shape}; expected are {LAYOUTS}, with at least one value."
        )
    return checked


def _with_own_dtype(X):
    """uint8 stays uint8 in lists and tensors, uint16 stays uint16 in the other byte order."""
    if isinstance(X, (list, tuple, torch.Tensor)):
        X = np.asarray(X)
    if isinstance(X, np.ndarray) and not X.dtype.isnative:
        X = X.astype(X.dtype.newbyteorder("="))
    return X


def check_targets(y):
    """Validate clean images given as ``y``; ``None`` and 1-d labels are ``None``."""
    if y is None or _is_one_dimensional(y):
        return None
    return check_pixels(y, name="y")


def _is_one_dimensional(y):
    try:
        return np.asarray(y).ndim == 1
    except ValueError:  # a ragged list, of which `check_pixels` tells more
        return False


def learn_spec(X, *, image_shape=None, channel_axis=-1, data_range="auto"):
    """Learn the :class:`ImageSpec` of validated images ``X``.

    See :class:`~sklearn_cae.DenoisingCAE` for the meaning of the parameters.
    """
    axis = check_channel_axis(channel_axis)
    shape = None if image_shape is None else check_image_shape(image_shape)
    shape = learn_row_shape(X, shape) if X.ndim == 2 else learn_image_shape(X, axis, shape)
    height, width, n_channels = shape
    data_range = learn_range(X, data_range)
    return ImageSpec(height, width, n_channels, axis, X.ndim, X.dtype.name, data_range)


def learn_row_shape(X, image_shape):
    n_features = X.shape[1]
    if image_shape is None:
        return guess_shape(n_features)
    if math.prod(image_shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape} means {math.prod(image_shape)} features, but X has "
            f"{n_features}. Give the height, width and channels of one image."
        )
    return image_shape


def learn_image_shape(X, axis, image_shape):
    warn_of_channel_axis(X, axis)
    shape = channels_last(X, axis).shape[1:]
    if image_shape not in (None, shape):
        raise ValueError(
            f"image_shape={image_shape}, but the images of X have shape {shape} "
            "(height, width, channels). Leave image_shape=None unless X holds rows."
        )
    return shape


def check_channel_axis(channel_axis):
    if channel_axis not in (-1, 3, 1):
        raise ValueError(
            f"channel_axis={channel_axis!r}; allowed are -1 for images (n, H, W, C) and 1 for "
            "images (n, C, H, W)."
        )
    return 1 if channel_axis == 1 else 3


def check_image_shape(image_shape):
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(shape) not in (2, 3) or not all(
        isinstance(side, (int, np.integer)) and side >= 1 for side in shape
    ):
        raise ValueError(
            f"image_shape={image_shape!r}; expected (H, W) or (H, W, C), positive integers."
        )
    return (*shape, 1) if len(shape) == 2 else shape


def guess_shape(n_features):
    side = math.isqrt(n_features)
    if side * side == n_features:
        return (side, side, 1)
    warn_user(
        f"X has {n_features} features, which is not a square number: its rows are read as gray "
        f"images of 1 x {n_features} pixels. Give image_shape=(H, W) or (H, W, C)."
    )
    return (1, n_features, 1)


def warn_of_channel_axis(X, axis):
    if X.ndim == 3 and X.shape[2] in COLOUR_CHANNELS and min(X.shape[:2]) > 4:
        hint = "A single colour image X is a batch as X[np.newaxis]"
    elif X.ndim == 4 and axis == 3 and X.shape[1] in (1, 3) and X.shape[3] > 4:
        hint = "Images (n, C, H, W) need channel_axis=1"
    elif X.ndim == 4 and axis == 1 and X.shape[3] in (1, 3) and X.shape[1] > 4:
        hint = "Images (n, H, W, C) need channel_axis=-1"
    else:
        return
    n_channels = X.shape[axis] if X.ndim == 4 else 1
    warn_user(
        f"X of shape {X.shape} is read as {len(X)} images with {n_channels} channel(s). {hint}."
    )


def warn_user(message):
    """Warn at the line that called the library, however deep inside of it we are."""
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back and _is_library(frame):
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, UserWarning, stacklevel=stacklevel)


def _is_library(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("sklearn", "sklearn_cae")


def learn_range(X, data_range):
    if isinstance(data_range, (tuple, list)):
        return check_range(data_range)
    if not (isinstance(data_range, str) and data_range == "auto"):
        raise ValueError(f"data_range={data_range!r}; expected 'auto' or (low, high).")
    if np.issubdtype(X.dtype, np.integer):
        return (0.0, float(np.iinfo(X.dtype).max))
    low, high = float(X.min()), float(X.max())
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def check_range(data_range):
    numbers = len(data_range) == 2 and all(
        isinstance(value, Real) and math.isfinite(value) for value in data_range
    )
    if not numbers or not data_range[0] < data_range[1]:
        raise ValueError(
            f"data_range={data_range!r}; expected (low, high), two finite numbers with low < high."
        )
    return (float(data_range[0]), float(data_range[1]))


def check_within_range(X, data_range, *, name="X", margin=0.0):
    """Refuse images that leave the data range by more than ``margin`` times its width."""
    low, high = data_range
    slack = (margin + 1e-6) * (high - low)
    seen_low, seen_high = float(X.min()), float(X.max())
    if seen_low < low - slack or seen_high > high + slack:
        raise ValueError(
            f"{name} has values from {seen_low:g} to {seen_high:g}, but the data range is "
            f"{low:g} to {high:g}. Bring the images to these units, or give data_range=(low, high) "
            "and fit again."
        )


def check_units(X, spec, *, name="X"):
    """Refuse images whose values cannot be in the units of ``spec``."""
    check_within_range(X, spec.data_range, name=name, margin=RANGE_MARGIN)
    low, high = spec.data_range
    integer = np.issubdtype(X.dtype, np.integer)
    other_integers = integer and spec.dtype.startswith("uint") and X.dtype.name != spec.dtype
    looks_like_unit = not integer and high - low >= WIDE_RANGE and 0 < float(X.max()) <= 1
    if other_integers or looks_like_unit:
        raise ValueError(
            f"{name} has dtype {X.dtype.name} and values up to {float(X.max()):g}, but the model "
            f"was fitted on {spec.dtype} images in the range {low:g} to {high:g}. Convert the "
            f"images to these units first."
        )


def to_channels_last(X, spec):
    """View validated images ``X`` as ``(n, H, W, C)``; H and W may differ from those of fit."""
    if X.ndim == 2:
        size = (spec.height, spec.width)
        if spec.channel_axis == 3:
            return X.reshape(len(X), *size, spec.n_channels)
        return X.reshape(len(X), spec.n_channels, *size).transpose(0, 2, 3, 1)
    images = channels_last(X, spec.channel_axis)
    if images.shape[3] != spec.n_channels:
        raise ValueError(
            f"X of shape {X.shape} has {images.shape[3]} channel(s), but the model was fitted on "
            f"images with {spec.n_channels}. Axis {spec.channel_axis} holds the channels of arrays "
            "with four dimensions, as channel_axis says."
        )
    return images


def view_of_size(X, spec):
    """View validated images ``X`` as ``(n, H, W, C)``, with the H and W of ``spec`` only."""
    images = to_channels_last(X, spec)
    size = (spec.height, spec.width)
    if images.shape[1:3] != size:
        raise ValueError(
            f"X has images of {images.shape[1]} x {images.shape[2]} pixels, but those in fit "
            f"had {size[0]} x {size[1]}, and codes have one length. Crop or resize the images."
        )
    return images


def normalize_contrast(images, data_range):
    """Global contrast normalisation of images ``(n, H, W, C)``: float32, clipped to [0, 1].

    Each image gets a mean of 0.5 and a standard deviation of 1/6. What varies by less than
    ``MIN_CONTRAST`` of the data range is not amplified to that.
    """
    low, high = data_range
    unit = ((images - np.float32(low)) / np.float32(high - low)).astype(np.float32)
    axes = (1, 2, 3)
    unit -= unit.mean(axis=axes, keepdims=True)
    unit /= 6 * np.maximum(unit.std(axis=axes, keepdims=True), MIN_CONTRAST)
    return np.clip(unit + 0.5, 0, 1, out=unit)


def channels_last(X, axis):
    """View ``(n, H, W)``, ``(n, H, W, C)`` or ``(n, C, H, W)`` as ``(n, H, W, C)``."""
    return X[..., np.newaxis] if X.ndim == 3 else np.moveaxis(X, axis, 3)


def from_channels_last(images, ndim, spec):
    """Bring images ``(n, H, W, C)`` to the layout of a batch with ``ndim`` dimensions."""
    if ndim == 3:
        return images[..., 0]
    images = np.moveaxis(images, 3, spec.channel_axis)
    return images.reshape(len(images), -1) if ndim == 2 else images


def to_unit(images, data_range, device="cpu"):
    """Turn an array ``(n, H, W, C)`` into a new float32 tensor ``(n, C, H, W)``, black 0, white 1.

    uint8 images travel to the device as they are. Black and white are met exactly on the CPU.
    """
    low, high = data_range
    batch = torch.from_numpy(np.require(images, requirements=["C", "W"]))
    if batch.dtype == torch.float64:
        # float32 may be too coarse for the values before black is taken off.
        above_black = batch.sub(low).float().to(device)
    elif batch.dtype == torch.uint8:
        above_black = batch.to(device).float().sub(low)
    else:
        above_black = batch.float().to(device).sub(low)
    return above_black.div_(high - low).permute(0, 3, 1, 2)


def from_unit(batch, data_range, dtype):
    """Turn a tensor ``(n, C, H, W)`` back into an array ``(n, H, W, C)`` in the data range.

    Integers are rounded to the nearest level.
    """
    low, high = data_range
    images = batch.permute(0, 2, 3, 1).cpu().numpy().astype(np.result_type(dtype, np.float32))
    images *= high - low
    images += low
    if np.issubdtype(dtype, np.integer):
        np.rint(images, out=images)
        limits = np.iinfo(dtype)
        np.clip(images, limits.min, limits.max, out=images)
    return images.astype(dtype, copy=False)
