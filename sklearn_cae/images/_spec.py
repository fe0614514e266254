"""Shape and layout of image batches: what is learned of them in ``fit``, and views of them."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from .._warnings import warn_user
from ._collections import shapes_of
from ._lazy import LazyImages
from ._units import (
    check_range,
    check_reach,
    check_units,
    check_within_range,
    dtype_limits,
    learn_range,
    warn_of_empty_range,
)

COLOUR_CHANNELS = (3, 4)


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
    fixed : bool
        Whether the data range is fixed, so that results are clipped to it, or was learned from the
        images, so that only their dtype limits them.
    """

    height: int
    width: int
    n_channels: int
    channel_axis: int
    ndim: int
    dtype: str
    data_range: tuple[float, float]
    fixed: bool = True

    def check(self):
        """Raise a ValueError if this describes no images; asked where one was read from a file."""
        sides = (self.height, self.width, self.n_channels)
        if not all(isinstance(side, (int, np.integer)) and side >= 1 for side in sides):
            raise ValueError(f"the images are said to have height, width and channels {sides}.")
        if self.channel_axis not in (1, 3) or self.ndim not in (2, 3, 4):
            raise ValueError("the layout of the images is none that there is.")
        if not isinstance(self.dtype, str) or np.dtype(self.dtype).kind not in "biuf":
            raise ValueError("the dtype of the images is none of numbers.")
        check_range(self.data_range)

    @property
    def image_shape(self):
        """``(H, W)`` for gray images without a channel axis, else ``(H, W, C)``."""
        size = (self.height, self.width)
        return size if self.n_channels == 1 and self.ndim != 4 else (*size, self.n_channels)

    @property
    def limits(self):
        """The smallest and the largest value that a result may have."""
        return self.data_range if self.fixed else dtype_limits(np.dtype(self.dtype))

    @property
    def unit_limits(self):
        """Where what a network sees lies, in units of the data range.

        0 and 1 where the range is fixed. Where it was learned, one width more at each end: what
        lies beyond is no image but a hot pixel, which would spread over its surroundings.
        """
        if self.fixed:
            return 0.0, 1.0
        low, high = self.data_range
        smallest, largest = ((limit - low) / (high - low) for limit in self.limits)
        return max(smallest, -1.0), min(largest, 2.0)


def learn_spec(source, *, image_shape=None, channel_axis=-1, data_range="auto", noisy=False):
    """Learn the :class:`ImageSpec` of images.

    Values beyond a data range that is given are refused, but for those of noisy images. See
    :class:`~sklearn_cae.DenoisingCAE` for the meaning of the parameters.
    """
    axis = check_channel_axis(channel_axis)
    shape = None if image_shape is None else check_image_shape(image_shape)
    learn_shape = learn_row_shape if source.ndim == 2 else learn_image_shape
    return _with_units(learn_shape(source, axis, shape), axis, source, data_range, noisy)


def learn_sequence_spec(source, size, *, channel_axis=-1, data_range="auto", noisy=False):
    """Learn the :class:`ImageSpec` of an ``ImageSequence`` of which squares of a size are cut."""
    axis = check_channel_axis(channel_axis)
    if source.ndim == 4:
        warn_of_channel_axis(f"{source.name}[0]", (1, *source.shape[1]), axis)
    n_channels = shapes_of(source.channels_last(axis))[0][2]
    return _with_units((size, size, n_channels), axis, source, data_range, noisy)


def spec_of_range(size, n_channels, data_range, channel_axis=-1):
    """The :class:`ImageSpec` of squares in a data range that is given: uint8 for 0 to 255."""
    axis, data_range = check_channel_axis(channel_axis), check_range(data_range)
    dtype = "uint8" if data_range == (0, 255) else "float32"
    ndim = 3 if n_channels == 1 else 4
    return ImageSpec(size, size, n_channels, axis, ndim, dtype, data_range)


def _with_units(shape, axis, source, data_range, noisy):
    data_range, fixed = learn_range(source, data_range)
    check_reach(source, data_range)
    height, width, n_channels = shape
    spec = ImageSpec(
        height, width, n_channels, axis, source.ndim, source.dtype.name, data_range, fixed
    )
    if fixed:
        if noisy:
            check_units(source, spec, reference="the images of this data range")
        else:
            check_within_range(source, data_range)
        warn_of_empty_range(source, data_range)
    return spec


def learn_row_shape(source, axis, image_shape):
    n_features = source.shape[1]
    if image_shape is None:
        return guess_shape(source)
    if math.prod(image_shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape} means {math.prod(image_shape)} features, but "
            f"{source.name} has {n_features}. Give the height, width and channels of one image."
        )
    return image_shape


def learn_image_shape(source, axis, image_shape):
    refuse_single_image(source)
    if source.ndim == 4:
        warn_of_channel_axis(source.name, source.shape, axis)
    shape = channels_last(source.pixels, axis).shape[1:]
    if image_shape not in (None, shape):
        raise ValueError(
            f"image_shape={image_shape}, but the images of {source.name} have shape {shape} "
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


def guess_shape(source):
    """Read rows as square gray images, or as strips with a warning."""
    n_rows, n_features = source.shape
    side = math.isqrt(n_features)
    single = "A single gray image X is a batch as X[np.newaxis]."
    if side * side == n_features:
        if n_rows == n_features and side > 1:
            warn_user(
                f"{source.name} of shape {source.shape} is read as {n_rows} rows, each an image of "
                f"{side} x {side} pixels. {single} If these are rows, give "
                f"image_shape=({side}, {side})."
            )
        return (side, side, 1)
    warn_user(
        f"{source.name} has {n_features} features, which is not a square number: its rows are read "
        f"as gray images of 1 x {n_features} pixels. Give image_shape=(H, W) or (H, W, C). {single}"
    )
    return (1, n_features, 1)


def refuse_single_image(source):
    """Refuse (H, W, 3) and (H, W, 4), which would be H gray images of three or four columns."""
    shape = source.shape
    if source.ndim == 3 and shape[2] in COLOUR_CHANNELS and min(shape[:2]) > 4:
        raise ValueError(
            f"{source.name} of shape {shape} looks like a single colour image, which is a batch as "
            f"X[np.newaxis]; gray images of {shape[2]} columns are X[..., np.newaxis]."
        )


def warn_of_channel_axis(name, shape, axis):
    """Warn where the other end of (n, H, W, C) or (n, C, H, W) is probably that of the channels."""
    n, first, middle, last = shape
    if axis == 3 and last > COLOUR_CHANNELS[-1] and first < min(middle, last):
        hint = "Images (n, C, H, W) need channel_axis=1; of volumes give the slices as images"
    elif axis == 1 and first > COLOUR_CHANNELS[-1] and last < min(middle, first):
        hint = "Images (n, H, W, C) need channel_axis=-1; of volumes give the slices as images"
    else:
        return
    warn_user(
        f"{name} of shape {shape} is read as {n} image{'s' * (n > 1)} with {shape[axis]} channels. "
        f"{hint}."
    )


def sequence_to_channels_last(source, spec):
    """View an ``ImageSequence`` as a list of images (H, W, C) with the channels of ``spec``."""
    images = source.channels_last(spec.channel_axis)
    n_channels = shapes_of(images)[0][2]
    if n_channels != spec.n_channels:
        raise ValueError(
            f"{source.name} holds images with {n_channels} channel(s), but the learned images "
            f"have {spec.n_channels}.{_cure_of_channels(n_channels, spec.n_channels)}"
        )
    return images


def to_channels_last(source, spec):
    """View images as ``(n, H, W, C)``; H and W may differ from those of ``spec``.

    Parameters
    ----------
    source : ImageSource
        Images of any layout that ``spec`` admits.
    spec : ImageSpec
        The layout of ``fit``. Rows are taken only where ``fit`` took rows.
    """
    X = source.pixels
    if X.ndim == 2:
        refuse_rows(source, spec)
        _check_width(source, spec)
        return _view(X, partial(_rows_channels_last, spec=spec))
    if spec.n_channels == 1:
        refuse_single_image(source)
    images = channels_last(X, spec.channel_axis)
    if images.shape[3] != spec.n_channels:
        cure = (
            " A single image X is a batch as X[np.newaxis]."
            if X.ndim == 3 and spec.n_channels in (X.shape[0], X.shape[2])
            else _cure_of_channels(images.shape[3], spec.n_channels)
        )
        raise ValueError(
            f"{source.name} of shape {X.shape} has {images.shape[3]} channel(s), but the learned "
            f"images have {spec.n_channels}. Axis {spec.channel_axis} holds the channels of "
            f"arrays with four dimensions, as channel_axis says.{cure}"
        )
    return images


def _cure_of_channels(n_given, n_learned):
    """What to do with gray, colour or transparent images where others were learned."""
    if n_given == 1 and n_learned == 3:
        return " Repeat the gray channel (skimage.color.gray2rgb), or take what has learned gray."
    if n_given == 3 and n_learned == 1:
        return " Make them gray (skimage.color.rgb2gray), or give one channel at a time."
    if n_given == 4 and n_learned == 3:
        return (
            " Leave out the transparency: X[..., :3], or X[:, :3] if axis 1 holds the channels; in "
            "a list, of each image."
        )
    return ""


def _rows_channels_last(rows, spec):
    size = (spec.height, spec.width)
    if spec.channel_axis == 3:
        return rows.reshape(len(rows), *size, spec.n_channels)
    return rows.reshape(len(rows), spec.n_channels, *size).transpose(0, 2, 3, 1)


def _view(X, function):
    """Apply a function of arrays of images, to those that are read when they are."""
    return X.viewed(function) if isinstance(X, LazyImages) else function(X)


def refuse_rows(source, spec):
    """Refuse 2-d arrays after a fit on images: a single image would be read as rows."""
    if spec.ndim != 2:
        shape = (spec.height, spec.width) if spec.ndim == 3 else spec.image_shape
        raise ValueError(
            f"{source.name} has shape {source.shape}, but the images of fit had {spec.ndim} "
            f"dimensions. A single image X is a batch as X[np.newaxis]; rows are "
            f"X.reshape(-1, {', '.join(map(str, shape))})."
        )


def _check_width(source, spec):
    n_features = spec.height * spec.width * spec.n_channels
    if source.shape[1] != n_features:
        # In the words of scikit-learn, which asks for them.
        raise ValueError(
            f"{source.name} has {source.shape[1]} features, but ImageSpec is expecting "
            f"{n_features} features as input: the pixels of an image in fit."
        )


def view_of_size(source, spec):
    """View images as ``(n, H, W, C)``, with the H and W of ``spec`` only."""
    images = to_channels_last(source, spec)
    _check_size(source.name, images.shape[1:3], spec)
    return images


def sequence_of_size(source, spec):
    """View an ``ImageSequence`` as a list of images (H, W, C), with the H and W of ``spec``."""
    images = sequence_to_channels_last(source, spec)
    for shape in shapes_of(images):
        _check_size(source.name, shape[:2], spec)
    return images


def _check_size(name, size, spec):
    if size != (spec.height, spec.width):
        raise ValueError(
            f"{name} has images of {size[0]} x {size[1]} pixels, but those in fit had "
            f"{spec.height} x {spec.width}. Crop or resize the images."
        )


def channels_last(X, axis):
    """View ``(n, H, W)``, ``(n, H, W, C)`` or ``(n, C, H, W)`` as ``(n, H, W, C)``."""
    if X.ndim == 3:
        return _view(X, lambda images: images[..., np.newaxis])
    return _view(X, lambda images: np.moveaxis(images, axis, 3))


def from_channels_last(images, ndim, spec):
    """Bring images ``(n, H, W, C)`` to the layout of a batch with ``ndim`` dimensions."""
    if ndim == 3:
        return images[..., 0]
    images = np.moveaxis(images, 3, spec.channel_axis)
    return images.reshape(len(images), -1) if ndim == 2 else images
