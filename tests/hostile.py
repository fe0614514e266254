"""Arrays that nobody should give and somebody will: strategies of hypothesis."""

import math

import numpy as np
import pandas as pd
from hypothesis import strategies as st

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "?"]
# The largest and the smallest numbers, numbers between, and what is none.
EXTREMES = [0.0, -0.0, 1.0, -1.0, 255.0, 1e-45, 1e-300, 1e30, 3.4e38, 1e154, 1.7e308]
EXTREMES += [-value for value in EXTREMES[5:]] + [np.nan, np.inf, -np.inf]
SHAPES = [
    *[(n, h, w) for n in (1, 2, 5) for h, w in ((1, 1), (1, 7), (6, 6), (5, 8))],
    *[(4, 6, 6, c) for c in (1, 2, 3, 4)],
    (4, 3, 6, 6),
    (4, 36),
    (5, 7),
    (1, 1),
    (3, 2),
    # No images.
    (0, 6, 6),
    (4, 0, 6),
    (4, 6, 6, 0),
    (4, 0),
    (6,),
    (),
    (2, 2, 2, 2, 2),
]


@st.composite
def arrays(draw, shapes=SHAPES):
    """An array of any layout, dtype, values and memory, or what is made of one."""
    shape = draw(st.sampled_from(shapes))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    array = np.asarray(_values(draw, rng, shape, dtype))
    for change in draw(st.lists(st.sampled_from(MEMORY), max_size=2)):
        array = change(array)
    return draw(st.sampled_from(CONTAINERS))(array)


def _values(draw, rng, shape, dtype):
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    array = np.asarray(rng.random(shape)) * draw(st.sampled_from([1, 1, 255, 1e-6, 1e6]))
    for _ in range(draw(st.integers(0, 3)) if array.size and shape else 0):
        array[tuple(rng.integers(shape))] = draw(st.sampled_from(EXTREMES))
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _strided(array):
    return np.repeat(array, 2, axis=0)[::2] if array.ndim else array


MEMORY = [
    lambda array: array[::-1] if array.ndim else array,
    lambda array: array.astype(array.dtype.newbyteorder("S")),
    np.asfortranarray,
    _read_only,
    _strided,
    lambda array: array.T.copy().T,
]


def _masked(array):
    return np.ma.masked_array(array, mask=np.zeros(array.shape, bool))


def _partly_masked(array):
    mask = np.zeros(array.shape, bool)
    mask.flat[:1] = True
    return np.ma.masked_array(array, mask=mask)


def _frame(array):
    if array.ndim < 2 or not len(array):
        return array
    native = array.astype(array.dtype.newbyteorder("="))
    return pd.DataFrame(native.reshape(len(native), math.prod(native.shape[1:])))


CONTAINERS = [
    *[lambda array: array] * 6,
    lambda array: array.tolist(),
    lambda array: list(array) if array.ndim else array,
    lambda array: array.astype(object),
    _masked,
    _partly_masked,
    _frame,
]
