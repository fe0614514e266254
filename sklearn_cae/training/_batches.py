"""Whole batches of training images, in a fresh order and with fresh noise in each epoch."""

import numpy as np

from .._random import generator_on

# The images are seen at least in so many batches where they are few: more steps, and other
# neighbours for batch normalisation.
MIN_BATCHES = 4
# No smaller batch is made for that.
MIN_BATCH_SIZE = 8


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
            for batch_rows in np.array_split(rows, self.n_batches):
                yield self.images.batch(batch_rows, generator, self.device)


def count_batches(n_images, batch_size):
    """Number of batches in an epoch of :class:`BatchIterator`."""
    return max(1, min(-(-n_images // batch_size), n_images // 2))


def fitting_batch_size(batch_size, n_images):
    """The batch size, or a smaller one where the images would make but a few batches."""
    return min(batch_size, max(MIN_BATCH_SIZE, n_images // MIN_BATCHES))
