"""Pictures in the memory of a GPU, where no batch has to travel."""

import numpy as np
import torch

from ..images import bytes_to_unit, chunks, send, to_array
from ._patches import Pictures

# Share of the free memory of the device that they may take.
LARGEST_SHARE = 0.5


class ResidentPictures(Pictures):
    """Stacks of images of one size, kept on the device: uint8 as they are, others in float32.

    Parameters
    ----------
    stacks : tuple of ndarray of shape (n, H, W, C)
        The stacks.
    data_range : tuple of float
        Values of black and white.
    device : str
        Where they are kept.
    """

    resident = True

    def __init__(self, stacks, data_range, device):
        super().__init__(stacks)
        self.device = device
        self._kept = [_kept_on(device, stack, data_range) for stack in stacks]

    @classmethod
    def of(cls, pictures, data_range, device):
        """Give the pictures on a CUDA device, ``None`` if they cannot be there or do not fit."""
        if torch.device(device).type != "cuda" or type(pictures) is not Pictures:
            return None
        if not all(isinstance(stack, np.ndarray) for stack in pictures.stacks):
            return None
        n_bytes = sum(stack.size * _kept_dtype(stack).itemsize for stack in pictures.stacks)
        free, _ = torch.cuda.mem_get_info(device)
        if n_bytes > LARGEST_SHARE * free:
            return None
        return cls(pictures.stacks, data_range, device)

    def units(self, rows, generator, data_range, device):
        if device != self.device:
            return super().units(rows, generator, data_range, device)
        rows = send(rows, device)
        return tuple(_units(stack[rows], data_range) for stack in self._kept)


def _kept_on(device, stack, data_range):
    kept = torch.empty(stack.shape, dtype=_kept_dtype(stack), device=device)
    for rows in chunks(stack):
        images = stack[rows]
        kept[rows] = send(
            images if images.dtype == np.uint8 else to_array(images, data_range), device
        )
    return kept


def _kept_dtype(stack):
    return torch.uint8 if stack.dtype == np.uint8 else torch.float32


def _units(images, data_range):
    """A batch (n, C, H, W) in units of the data range of what is kept (n, H, W, C)."""
    if images.dtype == torch.uint8:
        return bytes_to_unit(images, data_range)
    return images.permute(0, 3, 1, 2)
