"""Units of images: the data range, and the way to tensors in which black is 0 and white is 1."""

import math
from numbers import Real

import numpy as np
import torch

from .._warnings import warn_user

# Smallest standard deviation of an image that is normalised, in units of the data range.
MIN_CONTRAST = 0.01
# Share of its width by which a range that was learned is widened at each end, for later images.
HEADROOM = 0.05
# A fixed range of which images fill less than this share is probably not theirs.
MIN_FILLED = 1 / 16
# Widths of the data range by which the bulk of an image may leave it. Noise stays within; images
# in other units leave it by much more.
RANGE_MARGIN = 10.0
# The same for their median, where what leaves the range is cut off, or this share of the width of
# their bulk, since noise moves the median of few pixels.
MEDIAN_MARGIN = 0.15
# Width of a data range from which on floats of small numbers alone are in other units: those from
# 0 to 1, with noise or without, and standardised ones.
WIDE_RANGE, SMALL_NUMBERS = 128, 5.0
# Widths of the data range beyond which no single value may lie: float32 cannot hold its square.
MOST_WIDTHS = 1e15
RESCALE = "Rescale the images, and give their range as data_range=(low, high)."


def learn_range(source, data_range):
    """Values of black and white, and whether they are fixed or learned from the images.

    Parameters
    ----------
    source : ImageSource
        The images.
    data_range : "auto" or tuple (low, high)
        "auto" is 0 to 255 for uint8 and 0 to 1 for floats within it, which are fixed, and for
        others a robust range of what is seen.

    Returns
    -------
    data_range : tuple of float
        Values of black and white.
    fixed : bool
        Whether results are clipped to it.
    """
    if isinstance(data_range, (tuple, list)):
        return check_range(data_range), True
    if not (isinstance(data_range, str) and data_range == "auto"):
        raise ValueError(f"data_range={data_range!r}; expected 'auto' or (low, high).")
    measures = source.measures
    if source.dtype == np.uint8:
        return (0.0, 255.0), True
    if np.issubdtype(source.dtype, np.floating) and measures.low >= 0 and measures.high <= 1:
        return (0.0, 1.0), True
    data_range = _robust_range(measures, source.dtype)
    if not _is_width(data_range[1] - data_range[0]):
        raise ValueError(
            f"{source.name} has values from {measures.low:g} to {measures.high:g}, a range that "
            f"float32 cannot hold. {RESCALE}"
        )
    return data_range, False


def _robust_range(measures, dtype):
    """Range of the values that one hot pixel does not move, with some headroom.

    What lies farther beyond the core of the values than the core is wide does not count.
    """
    low, high = measures.core
    width = high - low
    if width > 0:
        low, high = max(measures.low, low - width), min(measures.high, high + width)
        headroom = HEADROOM * (high - low)
    else:
        low, high = measures.low, measures.high
        # Equal images have a range too; float64 tells such large numbers no more apart.
        headroom = max(0.5, abs(low) * 1e-6) if low == high else HEADROOM * (high - low)
    smallest, largest = dtype_limits(dtype)
    return max(low - headroom, smallest), min(high + headroom, largest)


def check_range(data_range):
    """Validate a range that was given."""
    pair = isinstance(data_range, (tuple, list)) and len(data_range) == 2
    numbers = pair and all(isinstance(value, Real) and math.isfinite(value) for value in data_range)
    if not numbers or not data_range[0] < data_range[1]:
        raise ValueError(
            f"data_range={data_range!r}; expected (low, high), two finite numbers with low < high."
        )
    low, high = float(data_range[0]), float(data_range[1])
    if not _is_width(high - low):
        raise ValueError(
            f"data_range={data_range!r} has a width of {high - low:g}, which float32 cannot hold. "
            f"{RESCALE}"
        )
    return low, high


def _is_width(width):
    """Whether a width is one for float32, in which images are worked with."""
    return float(np.finfo(np.float32).tiny) <= width <= float(np.finfo(np.float32).max)


def dtype_limits(dtype):
    """Smallest and largest value of a dtype; floats have none."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max)
    return -math.inf, math.inf


def warn_of_empty_range(source, data_range):
    """Warn of images that hardly fill a range that is fixed."""
    low, high = source.measures.core
    filled = (high - low) / (data_range[1] - data_range[0])
    if 0 < filled < MIN_FILLED:
        warn_user(
            f"{source.name} has values from {low:g} to {high:g} (but for 0.1 % at each end), which "
            f"fill {filled:.1%} of the data range {data_range[0]:g} to {data_range[1]:g}. Noise "
            f"levels and errors are in units of that range. Give data_range=({low:g}, {high:g}) if "
            "this is the range of the images."
        )


def check_reach(source, data_range):
    """Refuse single values so far from a data range that float32 cannot work with them."""
    low, high = data_range
    lowest, highest = source.measures.low, source.measures.high
    if max(highest - high, low - lowest) > MOST_WIDTHS * (high - low):
        raise ValueError(
            f"{source.name} has values from {lowest:g} to {highest:g}, which float32 cannot hold "
            f"in units of the data range {low:g} to {high:g}. Clip them first (numpy.clip)."
        )


def check_within_range(source, data_range):
    """Refuse images that leave a data range."""
    low, high = data_range
    # float32 rounds values that are far from zero by more than their range tells.
    rounding = float(np.finfo(np.float32).eps) * max(abs(low), abs(high))
    slack = 1e-6 * (high - low) + rounding
    seen_low, seen_high = source.measures.low, source.measures.high
    if seen_low < low - slack or seen_high > high + slack:
        raise ValueError(
            f"{source.name} has values from {seen_low:g} to {seen_high:g}, but the data range is "
            f"{low:g} to {high:g}. Bring the images to these units, or give data_range=(low, high) "
            "that holds them."
        )


def check_units(source, spec, *, reference="the images of fit"):
    """Refuse images whose values cannot be in the units of ``spec``.

    Single values may be anything, as hot pixels are; the bulk of them is judged.

    Parameters
    ----------
    source : ImageSource
        The images.
    spec : ImageSpec
        Dtype and data range to compare with.
    reference : str
        What had that dtype and data range.
    """
    check_reach(source, spec.data_range)
    low, high = spec.data_range
    width = high - low
    bulk_low, bulk_high = source.measures.bulk
    integer = np.issubdtype(source.dtype, np.integer)
    wrong = (
        (_is_unsigned(source.dtype) and _is_unsigned(spec.dtype) and source.dtype != spec.dtype)
        or (width >= WIDE_RANGE and _are_small_fractions(source.measures))
        or (integer and width <= 2 and source.measures.high > max(high, 2))
        or bulk_low < low - RANGE_MARGIN * width
        or bulk_high > high + RANGE_MARGIN * width
    )
    if wrong:
        raise ValueError(
            f"{source.name} has dtype {source.dtype.name} and values from "
            f"{source.measures.low:g} to {source.measures.high:g}, but {reference} are "
            f"{spec.dtype} in the data range {low:g} to {high:g}. Convert {source.name} to these "
            "units first."
        )


def check_median(source, data_range):
    """Refuse images half of which lies outside a data range, to which results are cut off."""
    low, high = data_range
    median, (bulk_low, bulk_high) = source.measures.median, source.measures.bulk
    margin = MEDIAN_MARGIN * max(high - low, bulk_high - bulk_low)
    if max(low - median, median - high) > margin:
        side = "above" if median > high else "below"
        raise ValueError(
            f"Half of the values of {source.name} lie {side} {median:g}, but the data range is "
            f"{low:g} to {high:g}, and results are cut off there. "
            f"Convert {source.name} to the units of this range, or take a denoiser of its own."
        )


def _is_unsigned(dtype):
    return np.issubdtype(dtype, np.unsignedinteger)


def _are_small_fractions(measures):
    return not measures.whole and max(map(abs, measures.bulk)) <= SMALL_NUMBERS


def normalize_contrast(images, data_range):
    """Global contrast normalisation of images ``(n, H, W, C)``: float32, clipped to [0, 1].

    Each image gets a mean of 0.5 and a standard deviation of 1/6. What varies by less than
    ``MIN_CONTRAST`` of the data range is not amplified to that.
    """
    unit = to_array(images, data_range)
    axes = (1, 2, 3)
    unit -= unit.mean(axis=axes, keepdims=True)
    unit /= 6 * np.maximum(unit.std(axis=axes, keepdims=True), MIN_CONTRAST)
    return np.clip(unit + 0.5, 0, 1, out=unit)


def to_array(images, data_range, dtype=np.float32):
    """Turn an array of any layout into a new float one in which black is 0 and white is 1."""
    low, high = data_range
    # float32 may be too coarse for the values of others before black is taken off.
    exact = dtype if images.dtype.itemsize <= 2 or images.dtype == np.float32 else np.float64
    unit = images.astype(exact)
    unit -= low
    unit /= high - low
    return unit.astype(dtype, copy=False)


def from_array(unit, spec, dtype):
    """Turn floats in which black is 0 and white is 1 back into images in the data range.

    Parameters
    ----------
    unit : ndarray
        Float images of any layout.
    spec : ImageSpec
        Tells the data range, and the limits to which results are clipped.
    dtype : dtype
        Dtype of the images. Integers are rounded to the nearest level.

    Returns
    -------
    images : ndarray of the shape of ``unit``
        Images within the limits of ``spec`` and of ``dtype``.
    """
    dtype = np.dtype(dtype)
    low, high = spec.data_range
    # float32 holds whole numbers up to 2**24.
    exact = dtype.itemsize <= 2 or dtype == np.float32
    images = unit.astype(np.float32 if exact and unit.dtype != np.float64 else np.float64)
    images *= high - low
    images += low
    if np.issubdtype(dtype, np.integer):
        np.rint(images, out=images)
    lower, upper = result_limits(spec, dtype)
    if not (math.isinf(lower) and math.isinf(upper)):
        np.clip(images, lower, upper, out=images)
    return images.astype(dtype, copy=False)


def result_limits(spec, dtype):
    """Smallest and largest value of a result of some dtype: whole levels for integers."""
    dtype = np.dtype(dtype)
    smallest, largest = dtype_limits(dtype)
    lower, upper = max(spec.limits[0], smallest), min(spec.limits[1], largest)
    if not np.issubdtype(dtype, np.integer):
        return lower, upper
    # The largest 64-bit integer is no float; its neighbour below is.
    largest = np.nextafter(largest, 0) if dtype.itemsize == 8 else largest
    return float(np.ceil(lower)), float(min(np.floor(upper), largest))


def to_unit(images, data_range, device="cpu"):
    """Turn an array ``(n, H, W, C)`` into a new float32 tensor ``(n, C, H, W)``, black 0, white 1.

    uint8 images travel to the device as they are. Black and white are met exactly on the CPU.
    """
    if images.dtype == np.uint8:
        return bytes_to_unit(send(images, device), data_range)
    return send(to_array(images, data_range), device).permute(0, 3, 1, 2)


def bytes_to_unit(images, data_range):
    """Turn a uint8 tensor ``(n, H, W, C)`` into float32 ``(n, C, H, W)``; see ``to_unit``."""
    low, high = data_range
    return images.float().sub_(low).div_(high - low).permute(0, 3, 1, 2)


def send(array, device):
    """Give an array as a tensor on a device. A CUDA device is not waited for."""
    tensor = torch.from_numpy(_plain(array))
    if torch.device(device).type == "cuda":
        # Pinned memory is kept until it has been sent; other memory might change before.
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def from_unit(batch, spec, dtype):
    """Turn a tensor ``(n, C, H, W)`` back into an array ``(n, H, W, C)``; see ``from_array``."""
    return from_array(batch.permute(0, 2, 3, 1).cpu().numpy(), spec, dtype)


def _plain(images):
    """An array that torch takes: writable, without gaps, no stride negative."""
    images = np.require(images, requirements=["C", "W"])
    # numpy calls a reversed axis of length 1 contiguous, torch does not.
    return images if min(images.strides) >= 0 else images.copy()
