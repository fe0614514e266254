"""Squares cut out of images, and pictures of which batches are cut."""

from contextlib import ExitStack, contextmanager
from functools import cached_property
from numbers import Integral
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from ..images import is_read_lazily, shapes_of, to_unit

# Pictures that are larger are validated by their central part: whole ones could fill the memory.
VALIDATED_SIZE = 512


class Patches(BaseEstimator):
    """Squares that are cut out of the training images at random, anew in each epoch.

    Use them for photographs: training on patches takes less memory and needs fewer photographs. The
    images may have different sizes. An image that is smaller than the patch is continued by
    reflection. Whole images are held out for validation, of which at most the 512 x 512 pixels at
    the centre are used.

    Parameters
    ----------
    size : int, default=64
        Side of a patch in pixels.
    per_image : int, default=8
        Patches of each image in an epoch. Give more for few large images.
    augment : bool, default=True
        Turn patches by 0, 90, 180 or 270 degrees, and flip every other one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae import DenoisingCAE, Patches
    >>> images = [np.tile(np.linspace(0, 1, width), (40, 1)) for width in (30, 50)]
    >>> cae = DenoisingCAE("unet", patches=Patches(16), max_epochs=20, random_state=0)
    >>> [image.shape for image in cae.fit(images).predict(images)]
    [(40, 30), (40, 50)]
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "size": [Interval(Integral, 1, None, closed="left")],
        "per_image": [Interval(Integral, 1, None, closed="left")],
        "augment": ["boolean"],
    }

    def __init__(self, size: int = 64, *, per_image: int = 8, augment: bool = True) -> None:
        self.size = size
        self.per_image = per_image
        self.augment = augment

    def check(self) -> None:
        """Raise a ValueError that names the parameter if one is wrong."""
        self._validate_params()


class Pictures:
    """Aligned stacks of images, such as noisy and clean ones, of which batches are taken whole.

    Parameters
    ----------
    stacks : tuple of (ndarray or LazyImages (n, H, W, C), or list of ndarray (H, W, C))
        The stacks; images of the same place in them belong together.
    """

    # Draws of each image in an epoch.
    per_image = 1
    # Whether a batch holds one image only.
    one_by_one = False
    # Whether they are in the memory of the device.
    resident = False

    def __init__(self, stacks):
        self.stacks = stacks

    def __len__(self):
        return len(self.stacks[0])

    @property
    def shape(self):
        """Height, width and channels of what is taken of an image."""
        return self.stacks[0].shape[1:]

    def shuffled(self, rows, rng, *, by_block=False):
        """Put numbers of images in a random order; see :meth:`LazyImages.shuffled`."""
        lazy = next((stack for stack in self.stacks if is_read_lazily(stack)), None)
        if lazy is None:
            return rng.permutation(rows)
        return lazy.shuffled(rows, rng, by_block=by_block)

    @contextmanager
    def read_ahead(self, rows):
        """Have images of collections read in the background, in this order of their numbers."""
        with ExitStack() as readers:
            for stack in self.stacks:
                if is_read_lazily(stack):
                    readers.enter_context(stack.read_ahead(rows))
            yield

    def take(self, rows, generator):
        """Give, for each stack, the array (n, h, w, C) of a batch."""
        return tuple(stack[rows] for stack in self.stacks)

    def units(self, rows, generator, data_range, device):
        """Give, for each stack, the tensor (n, C, h, w) of a batch in units of the data range."""
        return tuple(to_unit(images, data_range, device) for images in self.take(rows, generator))

    def to_validate(self, size):
        """Give the pictures of which whole ones are validated, cut to ``size`` if it is not None.

        They are of one size already.
        """
        return self


class PatchedPictures(Pictures):
    """Stacks of images of any sizes, of which patches are cut at the same places.

    Parameters
    ----------
    stacks : tuple of (ndarray of shape (n, H, W, C), or list of ndarray of shape (H, W, C))
        The stacks.
    patches : Patches
        What is cut.
    """

    def __init__(self, stacks, patches):
        super().__init__(stacks)
        self.patches = patches
        self.per_image = patches.per_image

    @property
    def shape(self):
        return self.patches.size, self.patches.size, self.stacks[0][0].shape[2]

    def take(self, rows, generator):
        places = self.draw_places(rows, generator)
        cuts = [
            [self._cut(stack[row], *place) for stack in self.stacks]
            for row, place in zip(rows, places.tolist(), strict=True)
        ]
        return tuple(np.stack(patches) for patches in zip(*cuts, strict=True))

    def draw_places(self, rows, generator):
        """Draw where to cut a patch of each of some images.

        Returns
        -------
        places : ndarray of int of shape (n, 4)
            Of each patch its first row and column, quarter turns to the left, and whether it is
            mirrored then, 0 or 1.
        """
        draws = np.random.default_rng(_seed_from(generator)).random((len(rows), 3))
        size = self.patches.size
        corners = draws[:, :2] * (self.padded_sizes[rows] - size + 1)
        turns = (8 * draws[:, 2:] * self.patches.augment).astype(int)
        return np.hstack([corners.astype(int), turns // 2, turns % 2])

    @cached_property
    def padded_sizes(self):
        """Height and width of each image, a patch at least, (n, 2)."""
        stack = self.stacks[0]
        shapes = [stack.shape[1:]] if hasattr(stack, "shape") else shapes_of(stack)
        sizes = np.maximum([shape[:2] for shape in shapes], self.patches.size)
        return np.broadcast_to(sizes, (len(self), 2))

    def to_validate(self, size):
        if size is None:
            return CentredPictures(self.stacks, VALIDATED_SIZE)
        return CentredPictures(self.stacks, size, at_least=size)

    def _cut(self, image, top, left, turns, mirrored):
        size = self.patches.size
        image = pad_by_reflection(image, size)
        patch = np.rot90(image[top : top + size, left : left + size], turns)
        return patch[:, ::-1] if mirrored else patch


class CentredPictures(Pictures):
    """Stacks of images of any sizes, of which the central parts are taken one by one.

    Parameters
    ----------
    stacks : tuple of (ndarray of shape (n, H, W, C), or list of ndarray of shape (H, W, C))
        The stacks.
    size : int
        Largest height and width that is taken.
    at_least : int, default=1
        Smallest height and width: smaller images are continued by reflection.
    """

    one_by_one = True

    def __init__(self, stacks, size, at_least=1):
        super().__init__(stacks)
        self.size = size
        self.at_least = at_least

    def take(self, rows, generator):
        return tuple(np.stack([self._centre(stack[row]) for row in rows]) for stack in self.stacks)

    def _centre(self, image):
        image = pad_by_reflection(image, self.at_least)
        top, left = (max(0, (n - self.size) // 2) for n in image.shape[:2])
        return image[top : top + self.size, left : left + self.size]


def pad_by_reflection(image, size):
    """Continue an image (H, W, C) below and to the right until it has a size at least."""
    missing = [max(0, size - n) for n in image.shape[:2]]
    if not any(missing):
        return image
    return np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="reflect")


def _seed_from(generator):
    device = generator.device
    return torch.randint(2**62, (), generator=generator, device=device).item()
