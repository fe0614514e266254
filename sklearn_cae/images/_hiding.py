"""Pixels hidden on a grid, in whose place the mean of those around them stands."""

import numpy as np
import torch
from torch.nn import functional as F

from ._units import send

# Distance of the hidden pixels along both axes, and so the number of grids: its square.
SPACING = 4
N_GRIDS = SPACING**2
# How much each pixel around one counts.
AROUND = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32)


def hide(images, index):
    """Hide the pixels of one of the grids.

    Parameters
    ----------
    images : Tensor of shape (n, C, H, W)
        Images. Left unchanged.
    index : int or Tensor of int
        Which grid, from 0 to ``N_GRIDS - 1``.

    Returns
    -------
    hidden : Tensor of shape (n, C, H, W)
        The images with the mean of the eight neighbours in place of the hidden pixels.
    mask : Tensor of bool of shape (H, W)
        Where these are, the same in all images.

    Raises
    ------
    ValueError
        If the images have a single pixel.
    """
    if images.shape[-2:] == (1, 1):
        raise ValueError(
            "A hidden pixel is found from those around it, but the images have a single pixel. "
            "Give images of two pixels or more."
        )
    mask = _grid(images, index)
    return torch.where(mask, _mean_of_neighbors(images), images), mask


def _grid(images, index):
    height, width = images.shape[-2:]
    down, right = index // SPACING, index % SPACING
    rows = torch.arange(height, device=images.device) % SPACING == down
    columns = torch.arange(width, device=images.device) % SPACING == right
    return rows[:, None] & columns


def _mean_of_neighbors(images):
    """Mean of the eight pixels around each, those beside it counted twice.

    Images of one row or column have two of them.
    """
    n_channels = images.shape[1]
    down, right = (int(side > 1) for side in images.shape[-2:])
    weights = send(AROUND, images.device).to(images)
    weights = weights[1 - down : 2 + down, 1 - right : 2 + right]
    # Reflection leaves out the pixel itself, whose noise must not come back.
    padded = F.pad(images, (right, right, down, down), mode="reflect")
    kernel = (weights / weights.sum()).expand(n_channels, 1, *weights.shape)
    return F.conv2d(padded, kernel, groups=n_channels)
