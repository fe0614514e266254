"""What a network learns from: the images, and what a training step makes of some of them."""

from abc import ABC, abstractmethod
from copy import copy
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from .._random import derived_seed
from ..noise import corrupt_batch
from ._batch import Batch, Target
from ._resident import kept_on_gpu

SPLIT_STREAM = 0
# Of so many images one is held out at least: else nobody would see that few are learned by heart.
MIN_TO_HOLD_OUT = 4


class TrainingImages(Dataset, ABC):
    """Images to train on, in their own dtype, of which a subclass makes batches.

    Parameters
    ----------
    pictures : Pictures
        The stacks of images.
    spec : ImageSpec
        Their units.

    Attributes
    ----------
    rows : ndarray of int
        Which of the images belong to this data set.
    """

    # Whether the targets are clean images, so that a PSNR says how good an output is.
    clean_targets = True
    # Whether targets lie within the data range, or the part of it that images fill.
    bounded_targets = True
    # Whether inputs have the size of the images.
    keeps_size = True
    # Whether pixels are hidden from the network, in training and to denoise.
    hides = False
    # What corrupts them, if anything does.
    noise: Any = None

    def __init__(self, pictures, spec):
        self.pictures = pictures
        self.spec = spec
        self.rows = np.arange(len(pictures))

    def __len__(self):
        return len(self.rows) * self.pictures.per_image

    @property
    def shape(self):
        """Height, width and channels of a training image."""
        return self.pictures.shape

    @property
    def samples(self):
        """The rows of an epoch: each image as often as it is drawn."""
        return self.rows.repeat(self.pictures.per_image)

    def split(self, validation_fraction, seed, *, validated_size=None):
        """Split at random into images to train on and images to validate with, None if too few.

        The share to validate is rounded down, but to one of four images or more. ``validated_size``
        is the only height and width that the network takes, None if it takes any.
        """
        rng = np.random.default_rng(derived_seed(seed, SPLIT_STREAM))
        # By whole blocks where images are read: an epoch then reads each once.
        order = self.pictures.shuffled(self.rows, rng, by_block=True)
        n_valid = int(len(order) * validation_fraction)
        if validation_fraction > 0 and len(order) >= MIN_TO_HOLD_OUT:
            n_valid = max(1, n_valid)
        train, valid = np.sort(order[n_valid:]), np.sort(order[:n_valid])
        if not n_valid:
            return self._select(train, self.pictures), None
        validated = self.pictures.to_validate(validated_size)
        return self._select(train, self.pictures), self._select(valid, validated)

    def _select(self, rows, pictures):
        selected = copy(self)
        selected.rows, selected.pictures = rows, pictures
        return selected

    def on_device(self, device):
        """Give the images in the memory of a GPU if that is the device and they fit there."""
        resident = kept_on_gpu(self.pictures, self.spec.data_range, device)
        return self if resident is None else self._select(self.rows, resident)

    def batch(self, rows, generator, device):
        """Make the :class:`Batch` of some images; random numbers come from the generator."""
        units = self.pictures.units(rows, generator, self.spec.data_range, device)
        return self.batch_of(units, generator)

    @abstractmethod
    def batch_of(self, units, generator):
        """Make the :class:`Batch` of images in units of the data range.

        Parameters
        ----------
        units : tuple of Tensor of shape (n, C, H, W)
            Some images of each stack, which may be changed.
        generator : torch.Generator
            Source of randomness, on the device of the images.
        """


class CorruptedImages(TrainingImages):
    """Clean images, corrupted anew for each batch.

    Parameters
    ----------
    pictures : Pictures
        One stack of clean images.
    spec : ImageSpec
        Their units.
    noise : NoiseModel
        What corrupts them.
    """

    def __init__(self, pictures, spec, noise):
        super().__init__(pictures, spec)
        self.noise = noise

    @property
    def limits(self):
        """Where the inputs lie in units of the data range; ``None`` where noise may leave it."""
        return self.spec.unit_limits if self.noise.clip else None

    def split(self, validation_fraction, seed, *, validated_size=None):
        if self.noise.reorients:
            # Whole images need not be square, and turn about another centre than their patches.
            validated_size = self.spec.height
        return super().split(validation_fraction, seed, validated_size=validated_size)

    def batch_of(self, units, generator):
        clean = clamped(units[0], self.spec.unit_limits)
        return Batch(corrupt_batch(clean, self.noise, generator, self.spec), Target(clean))


class ImagePairs(TrainingImages):
    """Pairs of noisy and clean images, used as they are.

    Parameters
    ----------
    pictures : Pictures
        The stacks of noisy and of clean images.
    spec : ImageSpec
        Units of both.
    limits : tuple of float or None
        Where the noisy images lie in units of the data range, if they do not leave it.
    """

    def __init__(self, pictures, spec, limits):
        super().__init__(pictures, spec)
        self.limits = limits

    def batch_of(self, units, generator):
        noisy, clean = units
        return Batch(clamped(noisy, self.limits), Target(clamped(clean, self.spec.unit_limits)))


class NoisyPairs(ImagePairs):
    """Pairs of two noisy takes of the same images, of which one is the target [1]_.

    .. [1] J. Lehtinen, J. Munkberg, J. Hasselgren, S. Laine, T. Karras, M. Aittala, T. Aila,
       "Noise2Noise: learning image restoration without clean data", ICML 2018.

    Parameters are those of :class:`ImagePairs`; the limits are those of both takes.
    """

    clean_targets = False

    def batch_of(self, units, generator):
        seen, target = (clamped(take, self.limits) for take in units)
        return Batch(seen, Target(target))


def clamped(images, limits):
    """Bring a tensor of images within its limits if it has any, in place."""
    return images if limits is None else images.clamp_(*limits)


def limits_of(spec, *sources):
    """Where noisy images lie in units of the data range, ``None`` if they leave a fixed one."""
    low, high = spec.data_range
    inside = all(low <= one.measures.low and one.measures.high <= high for one in sources)
    return spec.unit_limits if inside or not spec.fixed else None
