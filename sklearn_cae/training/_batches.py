"""Whole batches of training images, in a fresh order and with fresh noise in each epoch."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .._random import generator_on
from ._device import computes_apart, is_cuda

# The images are seen at least in so many batches where they are few: more steps, and other
# neighbours for batch normalisation.
MIN_BATCHES = 4
# No smaller batch is made for that.
MIN_BATCH_SIZE = 8
# Batches that are made while a GPU computes with another one.
N_AHEAD = 2


class BatchIterator:
    """Batches of one epoch, made on the device.

    Parameters
    ----------
    images : TrainingImages
        The images.
    batch_size : int
        Largest number of images in a batch. All batches are about equally large, and none holds a
        single image: batch normalisation of a code of one pixel needs two.
    device : str
        Device of the batches.
    seeds : callable
        Gives, at the start of an epoch, the seed of the order and that of the noise. An order
        seed of ``None`` keeps the order of the images.
    """

    def __init__(self, images, batch_size, *, device, seeds):
        self.images = images
        one_by_one = images.pictures.one_by_one
        self.n_batches = len(images) if one_by_one else count_batches(len(images), batch_size)
        self.device = device
        self.seeds = seeds

    def __iter__(self):
        order_seed, noise_seed = self.seeds()
        rows = self.images.samples
        if len(rows) == 1:
            rows = rows.repeat(2)
        if order_seed is not None:
            rng = np.random.default_rng(order_seed)
            rows = self.images.pictures.shuffled(rows, rng)
        generator = generator_on(self.device, noise_seed)
        with self.images.pictures.read_ahead(rows):
            for units in self._units(rows, generator, noise_seed):
                yield self.images.batch_of(units, generator)

    def _units(self, rows, generator, noise_seed):
        """Tensors of each batch in units of the data range, on the device."""
        pictures, data_range = self.images.pictures, self.images.spec.data_range
        # To read a number that another device has drawn would wait for all it has to do.
        apart = computes_apart(self.device)
        places = generator_on("cpu", noise_seed) if apart else generator
        units = (
            pictures.units(some, places, data_range, self.device)
            for some in np.array_split(rows, self.n_batches)
        )
        return made_ahead(units) if is_cuda(self.device) and not pictures.resident else units


def made_ahead(items):
    """Yield the items of an iterator, of which a thread makes the next ones."""
    end = object()
    with ThreadPoolExecutor(1) as worker:
        coming = deque(worker.submit(next, items, end) for _ in range(N_AHEAD))
        while (item := coming.popleft().result()) is not end:
            coming.append(worker.submit(next, items, end))
            yield item


def count_batches(n_images, batch_size):
    """Number of batches in an epoch of :class:`BatchIterator`."""
    return max(1, min(-(-n_images // batch_size), n_images // 2))


def fitting_batch_size(batch_size, n_images):
    """The batch size, or a smaller one where the images would make but a few batches."""
    return min(batch_size, max(MIN_BATCH_SIZE, n_images // MIN_BATCHES))
