"""Pictures in the memory of a GPU, where no batch has to travel."""

from functools import cached_property
from typing import Any

import numpy as np
import torch

from ..images import bytes_to_unit, chunks, is_read_lazily, send, to_array
from ._patches import PatchedPictures, Pictures, pad_by_reflection

# Share of the free memory of the device that they may take.
LARGEST_SHARE = 0.5


def kept_on_gpu(pictures, data_range, device):
    """Give pictures on a CUDA device, ``None`` if that is none or they do not fit there."""
    if torch.device(device).type != "cuda" or any(map(is_read_lazily, pictures.stacks)):
        return None
    kept: Any
    if type(pictures) is Pictures:
        kept = ResidentPictures(pictures.stacks, data_range, device)
    elif type(pictures) is PatchedPictures:
        kept = ResidentPatches(pictures.stacks, pictures.patches, data_range, device)
    else:
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return kept if kept.n_bytes <= LARGEST_SHARE * free else None


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
        self.data_range = data_range

    @property
    def n_bytes(self):
        """Bytes that they take on the device."""
        return sum(stack.size * _kept_dtype(stack).itemsize for stack in self.stacks)

    def units(self, rows, generator, data_range, device):
        if device != self.device:
            return super().units(rows, generator, data_range, device)
        rows = send(rows, device)
        return tuple(_units(stack[rows], data_range) for stack in self._kept)

    @cached_property
    def _kept(self):
        return [_kept_on(self.device, stack, self.data_range) for stack in self.stacks]


class ResidentPatches(PatchedPictures):
    """Stacks of images of any sizes, kept on the device and cut there.

    Parameters
    ----------
    stacks : tuple of (ndarray of shape (n, H, W, C), or list of ndarray of shape (H, W, C))
        The stacks.
    patches : Patches
        What is cut.
    data_range : tuple of float
        Values of black and white.
    device : str
        Where they are kept.
    """

    resident = True

    def __init__(self, stacks, patches, data_range, device):
        super().__init__(stacks, patches)
        self.device = device
        self.data_range = data_range

    @property
    def n_bytes(self):
        """Bytes that they take on the device."""
        firsts = [stack[0] for stack in self.stacks]
        of_pixel = sum(image.shape[2] * _kept_dtype(image).itemsize for image in firsts)
        return int(self._bounds[-1]) * of_pixel

    def units(self, rows, generator, data_range, device):
        if device != self.device:
            return super().units(rows, generator, data_range, device)
        widths, starts = self.padded_sizes[rows, 1], self._bounds[rows]
        places = np.column_stack([self.draw_places(rows, generator), widths, starts])
        index = _pixels_of(send(places, device), self.patches.size)
        return tuple(_units(pixels[index], data_range) for pixels in self._kept)

    @cached_property
    def _bounds(self):
        """Numbers of the first pixel of each image among those of all, and that of all."""
        return np.concatenate([[0], np.cumsum(self.padded_sizes.prod(axis=1))])

    @cached_property
    def _kept(self):
        """For each stack the pixels of all images, one after the other, (n_pixels, C)."""
        return [self._pixels(stack) for stack in self.stacks]

    def _pixels(self, stack):
        shape, dtype = (int(self._bounds[-1]), stack[0].shape[2]), _kept_dtype(stack[0])
        kept = torch.empty(shape, dtype=dtype, device=self.device)
        for image, here in zip(stack, map(slice, self._bounds, self._bounds[1:]), strict=True):
            image = pad_by_reflection(image, self.patches.size)
            kept[here] = _to_keep(image, self.data_range, self.device).flatten(0, 1)
        return kept


def _pixels_of(places, size):
    """Numbers of the pixels of patches, (n, size, size).

    Parameters
    ----------
    places : Tensor of int of shape (n, 6)
        Of each patch its first row and column, quarter turns to the left, whether it is mirrored
        then, and the width of its image and the number of that image's first pixel.
    size : int
        Side of the patches.
    """
    top, left, turns, mirrored, width, start = places.T[:, :, None, None]
    row = torch.arange(size, device=places.device)[:, None]
    column = torch.where(mirrored > 0, size - 1 - row.T, row.T)
    odd = turns % 2 > 0
    down, right = torch.where(odd, column, row), torch.where(odd, row, column)
    down = torch.where(turns >= 2, size - 1 - down, down)
    right = torch.where((turns == 1) | (turns == 2), size - 1 - right, right)
    return start + (top + down) * width + left + right


def _kept_on(device, stack, data_range):
    kept = torch.empty(stack.shape, dtype=_kept_dtype(stack), device=device)
    for rows in chunks(stack):
        kept[rows] = _to_keep(stack[rows], data_range, device)
    return kept


def _to_keep(images, data_range, device):
    return send(images if images.dtype == np.uint8 else to_array(images, data_range), device)


def _kept_dtype(stack):
    return torch.uint8 if stack.dtype == np.uint8 else torch.float32


def _units(images, data_range):
    """A batch (n, C, H, W) in units of the data range of what is kept (n, H, W, C)."""
    if images.dtype == torch.uint8:
        return bytes_to_unit(images, data_range)
    return images.permute(0, 3, 1, 2)
