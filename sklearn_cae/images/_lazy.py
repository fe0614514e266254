"""Images that are read when they are needed, of arrays that do not fit in memory."""

import math
from collections.abc import Iterable
from numbers import Integral

import numpy as np
import scipy.sparse

from ._blocks import ArrayBlocks, dtype_of, rows_in_block, shuffled_by_block, size_of_window
from ._collections import CollectionBlocks, LazyList, Stack, size_of_image_window

# Batches are worked through in blocks of about so many values, 8 MiB of float64.
CHUNK_VALUES = 2**20


class LazyImages:
    """Images of an array that is read block by block, which stand where an array of them does.

    They are selected along their first axis, by which arrays in memory come out. For those that
    follow each other, as in ``predict``, two blocks are kept; :func:`windowed` keeps more, to
    train.

    Parameters
    ----------
    blocks : ArrayBlocks
        What is read.
    view : callable, default=None
        Makes of images as they are stored those that are given, such as a view with the channels
        last. ``None`` leaves them.
    rows : ndarray of int, default=None
        Which images of the array these are. ``None`` is all of them.
    """

    def __init__(self, blocks, view=None, rows=None):
        self.blocks = blocks
        self._view = view
        self._rows = rows
        probe = self._viewed(np.zeros((1, *blocks.shape[1:]), blocks.dtype))
        self.dtype = probe.dtype
        self.shape = (blocks.shape[0] if rows is None else len(rows), *probe.shape[1:])

    @property
    def ndim(self):
        return len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Images by a slice, a number or an array of numbers, and what is asked for of them."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, slice):
            return self._of_slice(first)[:, *rest]
        if isinstance(first, Integral):
            row = range(len(self))[first]
            return self._of_slice(slice(row, row + 1))[0, *rest]
        return self._of_rows(np.asarray(first))[:, *rest]

    def viewed(self, function):
        """Give these images seen through a function of an array of some of them."""
        return LazyImages(
            self.blocks, lambda images: function(self._viewed(images)), rows=self._rows
        )

    def selected(self, rows):
        """Give some of these images, by ascending numbers."""
        return LazyImages(self.blocks, self._view, self._stored(rows))

    def windowed(self, n_rows, n_kept):
        """Give these images in blocks of ``n_rows``, of which ``n_kept`` stay in memory."""
        return LazyImages(self.blocks.in_window(n_rows, n_kept), self._view, self._rows)

    def slices(self):
        """Yield slices of images that follow each other, a block of the array each."""
        step = self.blocks.n_rows
        for start in range(0, len(self), step):
            yield slice(start, min(start + step, len(self)))

    def shuffled(self, rows, rng, *, by_block=False):
        """Put numbers of images in a random order; see :func:`shuffled_by_block`."""
        blocks = self._stored(rows) // self.blocks.n_rows
        return shuffled_by_block(rows, blocks, self.blocks.n_kept, rng, by_block=by_block)

    def read_ahead(self, rows):
        """Get ready for images that will be asked for in this order; see :class:`ReadAhead`."""
        return self.blocks.read_ahead(self._stored(rows))

    def _of_slice(self, some):
        start, stop, step = some.indices(len(self))
        if self._rows is None and step == 1:
            return self._viewed(self.blocks.between(start, max(start, stop)))
        return self._of_rows(np.arange(start, stop, step))

    def _of_rows(self, rows):
        return self._viewed(self.blocks.take(self._stored(rows)))

    def _viewed(self, images):
        return images if self._view is None else self._view(images)

    def _stored(self, rows):
        """Their numbers in the array."""
        return rows if self._rows is None else self._rows[rows]


def is_lazy(X):
    """Whether X is an array that is read block by block: one that is not held in memory.

    It has a shape of images, what numpy takes for a dtype and slicing, as :class:`numpy.memmap`, an
    ``h5py.Dataset``, a ``zarr.Array``, a ``dask.array`` or a class of the user.
    """
    if isinstance(X, np.ndarray):
        return isinstance(X, np.memmap) and X.ndim > 1
    is_table = scipy.sparse.issparse(X) or hasattr(X, "columns")
    if is_table or not hasattr(X, "__getitem__"):
        return False
    shape = getattr(X, "shape", None)
    return isinstance(shape, Iterable) and len(tuple(shape)) > 1 and dtype_of(X) is not None


def read_lazily(X, dtype, name):
    """The images of an array of :func:`is_lazy`, of which nothing is read yet."""
    n_bytes = math.prod(map(int, X.shape[1:])) * dtype.itemsize
    n_rows = rows_in_block(X, n_bytes, _rows_of_chunk(X.shape))
    return LazyImages(ArrayBlocks(X, dtype, name, n_rows))


def _rows_of_chunk(shape):
    """Images of about ``CHUNK_VALUES`` values."""
    return max(1, CHUNK_VALUES // math.prod(map(int, shape[1:])))


def stacked(images, name):
    """The images of a :class:`LazyList`, all of one size, in place of an array of them."""
    stack = Stack(images)
    return LazyImages(CollectionBlocks(stack, stack.dtype, name, _rows_of_chunk(stack.shape)))


def selected(images, rows):
    """Give some images by ascending numbers: lazily what is read lazily, else an array."""
    return images.selected(rows) if isinstance(images, LazyImages) else images[rows]


def windowed(stacks):
    """Give stacks of the same images as they are trained on, with a window of blocks in memory.

    Stacks whose images belong together have the same blocks, and share the memory of a window.
    Those that are in memory stay as they are.
    """
    arrays = [stack.blocks for stack in stacks if isinstance(stack, LazyImages)]
    lists = [stack for stack in stacks if isinstance(stack, LazyList)]
    if arrays:
        size = size_of_window(arrays)
    elif lists:
        size = (size_of_image_window(lists),)
    else:
        return stacks
    return tuple(stack.windowed(*size) if is_read_lazily(stack) else stack for stack in stacks)


def is_read_lazily(stack):
    """Whether a stack of images is read when it is selected from."""
    return isinstance(stack, (LazyImages, LazyList))
