"""Images of collections of files, which are read when they are asked for."""

from collections import OrderedDict
from typing import Any

import numpy as np

from ._ahead import ReadAhead
from ._blocks import MIN_WINDOW, WINDOW_BYTES, ArrayBlocks, shuffled_by_block

# So many images are read before they are asked for.
N_AHEAD = 8


class LazyList:
    """Images of a collection, which stand where a list of them does.

    Each is read anew, by one thread at a time, and has to be what it was before.

    Parameters
    ----------
    read : callable
        Gives the image of a number, an array that is checked.
    shapes : list of tuple of int
        Shapes of the images.
    dtype : dtype
        Dtype of all of them.
    n_kept : int, default=0
        Images that are kept in memory: those that were used last.
    """

    def __init__(self, read, shapes, dtype, n_kept=0):
        self.shapes = shapes
        self.dtype = dtype
        self.n_kept = n_kept
        self._read = read
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._ahead = ReadAhead(read, N_AHEAD)

    def __len__(self):
        return len(self.shapes)

    def __getitem__(self, number):
        number = range(len(self))[number]
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        image = self._ahead.take(number, self._kept)
        if self.n_kept:
            while len(self._kept) >= self.n_kept:
                self._kept.popitem(last=False)
            self._kept[number] = image
        return image

    def viewed(self, function):
        """Give these images, each seen through a function that changes its shape alone."""
        value = np.zeros((), self.dtype)
        shapes = [function(np.broadcast_to(value, shape)).shape for shape in self.shapes]
        return LazyList(lambda i: function(self._read(i)), shapes, self.dtype, self.n_kept)

    def windowed(self, n_kept):
        """Give these images, of which some stay in memory."""
        return LazyList(self._read, self.shapes, self.dtype, n_kept)

    def shuffled(self, rows, rng, *, by_block=False):
        """Put numbers of images in a random order in which each is read once.

        As of :meth:`LazyImages.shuffled`, but each image is a block.
        """
        return shuffled_by_block(rows, rows, self.n_kept, rng, by_block=by_block)

    def read_ahead(self, rows):
        """Have images that will be asked for in this order read in the background."""
        return self._ahead.in_order(rows.tolist(), self._kept)


class Stack:
    """Images of one size of a :class:`LazyList`, which are sliced like an array of them."""

    def __init__(self, images):
        self.shape = (len(images), *images.shapes[0])
        self.dtype = images.dtype
        self._images = images

    def __getitem__(self, some):
        return np.stack([self._images[number] for number in range(*some.indices(self.shape[0]))])


class CollectionBlocks(ArrayBlocks):
    """Blocks of a :class:`Stack`, which are read in the background where their order is known.

    Parameters are those of :class:`ArrayBlocks`.
    """

    def __init__(self, array, dtype, name, n_rows, n_kept=2):
        super().__init__(array, dtype, name, n_rows, n_kept)
        self._ahead = ReadAhead(self._read_block, N_AHEAD)

    def in_window(self, n_rows, n_kept):
        # Each file can be read alone, so none has to wait for its neighbours.
        return CollectionBlocks(self.array, self.dtype, self.name, 1, n_rows * n_kept)

    def read_ahead(self, rows):
        return self._ahead.in_order((rows // self.n_rows).tolist(), self._kept)

    def _take_block(self, number):
        return self._ahead.take(number, self._kept)

    def _read(self, start, stop):
        # It was checked, and what is wrong with an image names it.
        return self.array[start:stop]


def shapes_of(images):
    """Shapes of a list of images, of which none is read for it."""
    return images.shapes if isinstance(images, LazyList) else [image.shape for image in images]


def size_of_image_window(lists):
    """Images in a window, for some :class:`LazyList` whose images go together."""
    n_bytes = sum(
        one.dtype.itemsize * sum(height * width * n for height, width, n in one.shapes)
        for one in lists
    )
    return max(MIN_WINDOW, WINDOW_BYTES * len(lists[0]) // n_bytes)
