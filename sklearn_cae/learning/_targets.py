"""What a network learns from: the images, and what a training step makes of some of them."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from .._random import derived_seed
from ..images import to_unit
from ..noise import corrupt_batch

SPLIT_STREAM = 0
# Of so many images one is held out at least: else nobody would see that few are learned by heart.
MIN_TO_HOLD_OUT = 4


class Batch(NamedTuple):
    """What one step needs.

    Attributes
    ----------
    input : Tensor of shape (n, C, H, W)
        What the network sees, in units of the data range.
    target : Tensor of shape (n, C, H, W)
        What its output is compared with.
    """

    input: Tensor
    target: Tensor


class TrainingImages(Dataset, ABC):
    """Images to train on, in their own dtype, of which a subclass makes batches.

    Parameters
    ----------
    clean : ndarray of shape (n, H, W, C)
        The images that the network is to give back.
    spec : ImageSpec
        Their units.
    rows : ndarray of int, default=None
        Which of the images belong to this data set; ``None`` for all.
    """

    def __init__(self, clean, spec, rows=None):
        self.clean = clean
        self.spec = spec
        self.rows = np.arange(len(clean)) if rows is None else rows

    def __len__(self):
        return len(self.rows)

    @property
    def image_shape(self):
        """Height, width and channels of an image."""
        return self.clean.shape[1:]

    def split(self, validation_fraction, seed):
        """Split at random into images to train on and images to validate with, None if too few.

        The share to validate is rounded down, but to one of four images or more.
        """
        order = np.random.default_rng(derived_seed(seed, SPLIT_STREAM)).permutation(self.rows)
        n_valid = int(len(self) * validation_fraction)
        if validation_fraction > 0 and len(self) >= MIN_TO_HOLD_OUT:
            n_valid = max(1, n_valid)
        train, valid = np.sort(order[n_valid:]), np.sort(order[:n_valid])
        return self.select(train), self.select(valid) if n_valid else None

    @abstractmethod
    def select(self, rows):
        """Give the data set of some of the images."""

    @abstractmethod
    def batch(self, rows, generator, device):
        """Make the :class:`Batch` of some images; random numbers come from the generator."""

    def _to_unit(self, images, device):
        """Tensor in units of the data range, within the limits of what a network sees."""
        return to_unit(images, self.spec.data_range, device).clamp_(*self.spec.unit_limits)


class CorruptedImages(TrainingImages):
    """Clean images, corrupted anew for each batch.

    Parameters
    ----------
    clean : ndarray of shape (n, H, W, C)
        Clean images.
    spec : ImageSpec
        Their units.
    noise : NoiseModel
        What corrupts them.
    rows : ndarray of int, default=None
        Which of the images belong to this data set; ``None`` for all.
    """

    def __init__(self, clean, spec, noise, rows=None):
        super().__init__(clean, spec, rows)
        self.noise = noise

    @property
    def limits(self):
        """Where the inputs lie in units of the data range; ``None`` where noise may leave it."""
        return self.spec.unit_limits if self.noise.clip else None

    def select(self, rows):
        return CorruptedImages(self.clean, self.spec, self.noise, rows)

    def batch(self, rows, generator, device):
        clean = self._to_unit(self.clean[rows], device)
        return Batch(corrupt_batch(clean, self.noise, generator, self.spec), clean)


class ImagePairs(TrainingImages):
    """Pairs of noisy and clean images, used as they are.

    Parameters
    ----------
    clean, noisy : ndarray of shape (n, H, W, C)
        The images.
    spec : ImageSpec
        Units of both.
    limits : tuple of float or None
        Where the noisy images lie in units of the data range, if they do not leave it.
    rows : ndarray of int, default=None
        Which of the images belong to this data set; ``None`` for all.
    """

    noise = None

    def __init__(self, clean, noisy, spec, limits, rows=None):
        super().__init__(clean, spec, rows)
        self.noisy = noisy
        self.limits = limits

    @classmethod
    def of(cls, clean, noisy, source, spec):
        """Pairs whose noisy images were measured as ``source``."""
        low, high = spec.data_range
        inside = low <= source.measures.low and source.measures.high <= high
        return cls(clean, noisy, spec, spec.unit_limits if inside or not spec.fixed else None)

    def select(self, rows):
        return ImagePairs(self.clean, self.noisy, self.spec, self.limits, rows)

    def batch(self, rows, generator, device):
        noisy = to_unit(self.noisy[rows], self.spec.data_range, device)
        if self.limits is not None:
            noisy.clamp_(*self.limits)
        return Batch(noisy, self._to_unit(self.clean[rows], device))
