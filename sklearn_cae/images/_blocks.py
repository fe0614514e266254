"""Arrays that do not fit in memory, in blocks: how large these are, and how they are read."""

import math
import mmap
from collections import OrderedDict
from contextlib import nullcontext
from typing import Any

import numpy as np

# A block holds about so many bytes, or what is stored together.
BLOCK_BYTES = 2**20
# A window of blocks holds about so many bytes, and so many blocks at least.
WINDOW_BYTES, MIN_WINDOW = 2**26, 8


class ArrayBlocks:
    """Blocks of images of an array, each of which is checked when it is read.

    Parameters
    ----------
    array : object
        It has ``shape`` and ``dtype``, and gives images when it is sliced along its first axis.
    dtype : dtype
        In which the images are worked with.
    name : str
        How error messages call the array.
    n_rows : int
        Images in a block.
    n_kept : int, default=2
        Blocks that are kept: those that were used last. Two hold any batch of images that follow
        each other.
    copied : bool, default=False
        Whether blocks of a mapped file are copied, to stay in memory for images in random order.
    """

    def __init__(self, array, dtype, name, n_rows, n_kept=2, copied=False):
        self.array = array
        self.shape = tuple(map(int, array.shape))
        self.dtype = dtype
        self.name = name
        self.n_rows = n_rows
        self.n_kept = n_kept
        self.copied = copied
        self._kept = OrderedDict()

    @property
    def row_bytes(self):
        """Bytes of an image in memory."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def in_window(self, n_rows, n_kept):
        """Give the array in other blocks, of which so many stay in memory."""
        return ArrayBlocks(self.array, self.dtype, self.name, n_rows, n_kept, copied=True)

    def read_ahead(self, rows):
        """Get ready for images in this order; arrays are read when they are asked."""
        return nullcontext()

    def between(self, start, stop):
        """Images from ``start`` to ``stop``: a view where they are in one block."""
        parts = []
        for number in range(start // self.n_rows, -(-stop // self.n_rows)):
            first = number * self.n_rows
            parts.append(self._block(number)[max(start - first, 0) : stop - first])
        if not parts:
            return np.empty((0, *self.shape[1:]), self.dtype)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def take(self, rows):
        """Images of these numbers, an array of int: a new array."""
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        numbers = rows // self.n_rows
        # Those in memory first: the others may take their place.
        for number in sorted(set(numbers.tolist()), key=lambda number: number not in self._kept):
            here = numbers == number
            images[here] = self._block(number)[rows[here] - number * self.n_rows]
        return images

    def _block(self, number):
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        # Before the next one takes memory.
        while len(self._kept) >= self.n_kept:
            self._kept.popitem(last=False)
        block = self._take_block(number)
        self._kept[number] = block
        return block

    def _take_block(self, number):
        """A block that is not kept."""
        return self._read_block(number)

    def _read_block(self, number):
        start = number * self.n_rows
        return self._read(start, min(start + self.n_rows, self.shape[0]))

    def _read(self, start, stop):
        forget_pages(self.array)
        where = f"{self.name}[{start}:{stop}]"
        try:
            block = to_ndarray(self.array[start:stop])
        except Exception as error:  # Whatever a store, a network or a decoder raises.
            raise ValueError(
                f"{where} cannot be read: {type(error).__name__}: {error} Repair the array, or "
                "leave these images out."
            ) from error
        refuse_masked(block, where)
        block = np.asarray(block)
        self._check(block, where, (stop - start, *self.shape[1:]))
        if self.copied and block.base is not None:
            block = block.copy()
        return block.astype(self.dtype, copy=False)

    def _check(self, block, where, shape):
        if block.shape != shape:
            raise ValueError(
                f"{where} has shape {block.shape}, but {self.name} says that its shape is "
                f"{self.shape}, so {shape} is expected. The array ends early, or is not what it "
                "says: repair it, or give one of the images that are there."
            )
        dtype = dtype_of(self.array)
        if block.dtype != dtype:
            raise ValueError(
                f"{where} has dtype {block.dtype}, but {self.name} says {dtype}. Give an array "
                "whose slices have the dtype that it says."
            )


def dtype_of(array):
    """The dtype of what may be an array, told in any way of numpy; ``None`` where it is none."""
    dtype = getattr(array, "dtype", None)
    if dtype is None or isinstance(dtype, np.dtype):
        return dtype
    try:
        named = np.dtype(dtype)
    except TypeError:  # As that of a tensor.
        return None
    # Of any class numpy makes a dtype of objects.
    return None if named.hasobject else named


def refuse_closed(array, name):
    """Refuse an array that cannot tell its shape, as one of a file that is closed."""
    try:
        getattr(array, "shape", None)
    except Exception as error:  # Whatever a store raises.
        raise ValueError(
            f"{name} cannot be read: {type(error).__name__}: {error}. If its file is closed, open "
            "it again."
        ) from error


def to_ndarray(X):
    """Give an array of another library as one of numpy, masked if it is: dask would drop a mask."""
    return np.asanyarray(X.compute() if hasattr(X, "compute") else X)


def refuse_masked(array, where):
    """Refuse an array with values below a mask, which are no part of the image."""
    n_masked = np.ma.count_masked(array) if isinstance(array, np.ma.MaskedArray) else 0
    if n_masked:
        raise ValueError(
            f"{where} is a masked array, with {n_masked} masked value(s), but images have a value "
            "at each pixel. Fill them first (numpy.ma.filled, "
            "skimage.restoration.inpaint_biharmonic)."
        )


def rows_in_block(array, row_bytes, n_rows=None, *, written=False):
    """Images in a block of an array, which ends where what is stored together ends.

    Parameters
    ----------
    array : object
        What is read or written; its chunks are known by ``chunks``.
    row_bytes : int
        Bytes of an image.
    n_rows : int, default=None
        About so many; ``None`` is as many as ``BLOCK_BYTES`` hold. Chunks are larger where they
        are, but those of more than an eighth of a window are taken in parts.
    written : bool, default=False
        Whether blocks are written, one at a time: chunks of up to a window are then taken whole,
        as each part of one would write all of it again.
    """
    n_rows = max(1, BLOCK_BYTES // row_bytes) if n_rows is None else n_rows
    chunk = _rows_of_chunk(array, written)
    if chunk <= n_rows:
        return n_rows // chunk * chunk
    most_bytes = WINDOW_BYTES if written else WINDOW_BYTES // MIN_WINDOW
    return min(chunk, max(n_rows, most_bytes // row_bytes))


def size_of_window(arrays):
    """Images in a block and blocks in a window, for some :class:`ArrayBlocks` that go together."""
    n_rows = max(rows_in_block(one.array, one.row_bytes) for one in arrays)
    window_rows = WINDOW_BYTES // sum(one.row_bytes for one in arrays)
    return n_rows, max(MIN_WINDOW, window_rows // n_rows)


def shuffled_by_block(rows, blocks, n_kept, rng, *, by_block=False):
    """Put numbers of images in a random order in which each block is read once.

    Blocks in random order make windows of as many as are kept in memory; the images of a window are
    shuffled. If all blocks make one window, this is the order of an array in memory.

    Parameters
    ----------
    rows : ndarray of int
        The numbers; some may be there several times.
    blocks : ndarray of int of the shape of ``rows``
        Numbers of their blocks.
    n_kept : int
        Blocks that are kept in memory.
    rng : numpy.random.Generator
        Source of randomness.
    by_block : bool, default=False
        Make a window of each block.
    """
    there = np.unique(blocks)
    if len(there) <= n_kept:
        return rng.permutation(rows)
    window = np.empty(there[-1] + 1, int)
    window[rng.permutation(there)] = np.arange(len(there)) // (1 if by_block else n_kept)
    order = rng.permutation(len(rows))
    return rows[order[np.argsort(window[blocks[order]], kind="stable")]]


def _rows_of_chunk(array, written):
    """Images that HDF5, zarr or dask store together, 1 if nothing is known of it.

    zarr reads single chunks of a shard, but writes all of it.
    """
    shards = getattr(array, "shards", None) if written else None
    chunks = shards or getattr(array, "chunks", None)
    first = chunks[0] if isinstance(chunks, tuple) and chunks else 1
    return max(1, int(max(first) if isinstance(first, tuple) else first))


def forget_pages(array):
    """Let the pages of a mapped file go, which count as memory of this process once they are used.

    What was written to them is in the file.
    """
    # Mode "c" keeps changes in the pages alone.
    if not isinstance(array, np.memmap) or array.mode not in ("r", "r+", "w+"):
        return
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
