"""What one training step needs: an input, and what the output is compared with."""

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
