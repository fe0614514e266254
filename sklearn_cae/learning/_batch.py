"""What one training step needs: an input, and what the output is compared with."""

from copy import copy
from typing import NamedTuple

from torch import Tensor


class Target:
    """Images that an output is compared with.

    Parameters
    ----------
    images : Tensor of shape (n, C, H, W)
        In units of the data range.
    """

    def __init__(self, images):
        self.images = images

    def loss(self, criterion, output):
        """Loss of an output: a scalar tensor."""
        return criterion(output, self.images)


class Part(Target):
    """Some of the images of a target, whose loss counts as much as they are of all.

    Parameters
    ----------
    target : Target
        The whole target.
    rows : slice
        The images.
    weight : float
        Share of the loss of a batch that is theirs.
    """

    def __init__(self, target, rows, weight):
        super().__init__(target.images[rows])
        self.target = copy(target)
        self.target.images = self.images
        self.weight = weight

    def loss(self, criterion, output):
        """Share of the loss of the whole batch, which is a mean."""
        return self.target.loss(criterion, output) * self.weight


class Batch(NamedTuple):
    """What one step needs.

    Attributes
    ----------
    input : Tensor of shape (n, C, H, W)
        What the network sees, in units of the data range.
    target : Target
        What its output is compared with.
    """

    input: Tensor
    target: Target
