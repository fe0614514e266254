"""Learning from noisy images alone: what is hidden of a pixel's noise is what it is judged by."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional as F

from ..images import N_GRIDS, hide, send
from ._batch import Batch, Target
from ._targets import TrainingImages, clamped

# Pixels of a 2 x 2 cell that have an edge in common, as (first, second): 0 1 above, 2 3 below.
NEIGHBORS = np.array([(0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 3), (3, 1), (3, 2)])


class NoisyTargets(TrainingImages):
    """Noisy images that are input and target.

    Parameters
    ----------
    pictures : Pictures
        One stack of noisy images.
    spec : ImageSpec
        Their units.
    limits : tuple of float or None
        Where they lie in units of the data range, if they do not leave it.
    """

    clean_targets = False
    # Whether it has to know the noise of the images.
    knows_noise = False
    # Pixels that an image must have along both axes.
    min_size: ClassVar[int]

    def __init__(self, pictures, spec, limits):
        super().__init__(pictures, spec)
        self.limits = limits

    def batch_of(self, units, generator):
        (noisy,) = units
        return self._hide(clamped(noisy, self.limits), generator)

    @abstractmethod
    def _hide(self, noisy, generator):
        """Make the :class:`Batch` of noisy images (n, C, H, W)."""


class NeighborImages(NoisyTargets):
    """Of each 2 x 2 pixels one is an input and a neighbour of it the target.

    T. Huang, S. Li, X. Jia, H. Lu, J. Liu, "Neighbor2Neighbor: self-supervised denoising from
    single noisy images", CVPR 2021, without the regularisation, which made results worse in short
    trainings. The noise of neighbouring pixels must be independent and of mean zero; the images
    must be smooth enough that neighbours are alike, as photographs are.
    """

    min_size = 2
    keeps_size = False

    def _hide(self, noisy, generator):
        n, n_channels = noisy.shape[:2]
        height, width = noisy.shape[2] // 2, noisy.shape[3] // 2
        cells = F.pixel_unshuffle(noisy[..., : 2 * height, : 2 * width], 2)
        cells = cells.reshape(n, n_channels, 4, height, width)
        draws = torch.randint(
            len(NEIGHBORS), (n, height, width), generator=generator, device=noisy.device
        )
        pairs = send(NEIGHBORS, noisy.device)[draws]  # (n, height, width, 2)
        index = pairs.movedim(3, 0)[:, :, None, None].expand(-1, -1, n_channels, -1, -1, -1)
        seen, target = (cells.gather(2, picked)[:, :, 0] for picked in index)
        return Batch(seen, Target(target))


class MaskedImages(NoisyTargets):
    """Pixels on a grid are hidden, and have to be found from those around them.

    J. Batson, L. Royer, "Noise2Self: blind denoising by self-supervision", ICML 2019. The noise of
    a pixel must be independent of that of all others and of mean zero; the images may be any.
    """

    # Each grid has a pixel in such an image.
    min_size = 4
    hides = True

    def _hide(self, noisy, generator):
        grid = torch.randint(N_GRIDS, (), generator=generator, device=noisy.device)
        hidden, mask = hide(noisy, grid)
        return Batch(hidden, MaskedTarget(noisy, mask))


class MaskedTarget(Target):
    """Noisy images of which the hidden pixels alone count.

    Parameters
    ----------
    images : Tensor of shape (n, C, H, W)
        Noisy images.
    mask : Tensor of bool of shape (H, W)
        The pixels that were hidden.
    """

    def __init__(self, images, mask):
        super().__init__(images)
        self.mask = mask

    def loss(self, criterion, output):
        """Mean loss over the hidden pixels."""
        compared = torch.where(self.mask, output, self.images)
        # What the others add is that of a perfect output, which not every loss calls zero.
        perfect = criterion(self.images, self.images)
        excess = criterion(compared, self.images) - perfect
        return perfect + excess * (self.mask.numel() / self.mask.sum())


def predict_hidden(module, images):
    """What a network finds for each pixel without having seen it, in one pass for each grid."""
    output = torch.empty_like(images)
    for grid in range(N_GRIDS):
        hidden, mask = hide(images, grid)
        output = torch.where(mask, module(hidden), output)
    return output
