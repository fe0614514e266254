"""What images are read from: values measured once, block by block."""

import math
from typing import NamedTuple

import numpy as np

from ._lazy import CHUNK_VALUES, LazyImages

# So many values at most stand for all when the bulk of them is asked for.
SAMPLE_VALUES = 2**18
# Shares of the values that the bulk leaves out at each end: hot pixels are fewer.
BULK_TAIL = 0.005
# Shares that the range of a sensor leaves out at each end before it is widened again.
RANGE_TAIL = 0.001
NO_NUMBERS = "Images are finite numbers; fill the gaps first (numpy.nan_to_num)."


class Measures(NamedTuple):
    """What one pass over all values of the images tells.

    Attributes
    ----------
    low, high : float
        The smallest and the largest value.
    core : tuple of float
        The range of the values without the 0.1 % at each end, the smallest and the largest value
        always left out where there are more than two.
    bulk : tuple of float
        The same without 0.5 % at each end.
    median : float
        Half of the values are below it.
    whole : bool
        Whether all values are whole numbers, as far as a sample tells.
    """

    low: float
    high: float
    core: tuple[float, float]
    bulk: tuple[float, float]
    median: float
    whole: bool


class ImageSource:
    """Validated images, whose values were measured in one pass.

    Parameters
    ----------
    pixels : ndarray or LazyImages of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Images in the dtype in which they are worked with.
    name : str, default="X"
        How error messages call the images.
    measures : Measures, default=None
        What was measured of them; ``None`` measures.

    Attributes
    ----------
    measures : Measures
        Smallest and largest value and the range of their bulk.

    Raises
    ------
    ValueError
        If a value is not a finite number.
    """

    def __init__(self, pixels, name="X", measures=None):
        self.pixels = pixels
        self.name = name
        self.measures = measure([pixels], name) if measures is None else measures

    @property
    def shape(self):
        return self.pixels.shape

    @property
    def ndim(self):
        return self.pixels.ndim

    @property
    def dtype(self):
        return self.pixels.dtype

    def __len__(self):
        return len(self.pixels)


def measure(arrays, name="X", n_values=None):
    """Measure the values of arrays of one dtype in one pass; see :class:`Measures`.

    ``arrays`` may be an iterator if the number of all values is given, or about so.
    """
    if n_values is None:
        n_values = sum(math.prod(array.shape) for array in arrays)
    # A prime distance falls on all rows, columns and channels.
    step = _next_prime(-(-n_values // SAMPLE_VALUES))
    lows, highs, samples = [], [], []
    for block in _blocks(arrays):
        lows.append(block.min())
        highs.append(block.max())
        values = block.reshape(-1)
        # A view of some values would keep the block.
        samples.append(values if step == 1 else values[::step].copy())
    # A NaN is the minimum of all that it is among.
    low, high = float(np.min(lows)), float(np.max(highs))
    _check_finite(low, high, samples[0].dtype, name)
    sample = np.concatenate(samples)
    # numpy's stable sort counts digits of numbers of 16 bits, which is many times as fast.
    sample.sort(kind="stable" if sample.itemsize <= 2 else None)
    whole = bool(np.issubdtype(sample.dtype, np.integer) or (sample == np.rint(sample)).all())
    core, bulk = _without(sample, RANGE_TAIL), _without(sample, BULK_TAIL)
    median = (float(sample[(len(sample) - 1) // 2]) + float(sample[len(sample) // 2])) / 2
    return Measures(low, high, core, bulk, median, whole)


def _blocks(arrays):
    for array in arrays:
        for rows in chunks(array):
            yield array[rows]


def chunks(images):
    """Yield slices of a batch of images that hold about ``CHUNK_VALUES`` values, or one image.

    Those of images that are read block by block are the blocks.
    """
    if isinstance(images, LazyImages):
        yield from images.slices()
        return
    n_images = max(1, CHUNK_VALUES // images[0].size)
    for start in range(0, len(images), n_images):
        yield slice(start, start + n_images)


def _without(ordered, share):
    """Ends of ordered values without a share of them at each end, one value at least."""
    n_left_out = max(int(share * len(ordered)), 1) if len(ordered) > 2 else 0
    return float(ordered[n_left_out]), float(ordered[len(ordered) - 1 - n_left_out])


def _check_finite(low, high, dtype, name):
    if np.isnan(low):
        raise ValueError(
            f"{name} cannot be read as images: Input {name} contains NaN. {NO_NUMBERS}"
        )
    if np.isinf(low) or np.isinf(high):
        raise ValueError(
            f"{name} cannot be read as images: Input {name} contains infinity or a value too large "
            f"for {dtype!r}. Images are finite numbers; clip them first (numpy.nan_to_num)."
        )


def _next_prime(number):
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number
