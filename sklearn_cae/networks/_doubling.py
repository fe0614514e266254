"""Convolution of a map that was doubled by repeating its values, from the small map itself.

A value that is repeated meets the sum of two weights along each side. So a kernel of 3 x 3 on the
doubled map is one of 4 x 4 on the small map, in a transposed convolution that steps by two, with
4/9 of the multiply-adds.
"""

import torch
from torch.nn import functional as F

# For each of the four places along a side: which of the three weights meet there.
SUMS = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], device="cpu")
# For the 16 places of a square: which of the nine.
SUMS_OF_SQUARE = torch.kron(SUMS, SUMS)


def kernel_of_doubled(weight):
    """Kernel (n_in, n_out, 4, 4) for small maps, from that for doubled ones (n_out, n_in, 3, 3)."""
    n_out, n_in = weight.shape[:2]
    by_place = weight.permute(2, 3, 1, 0).reshape(9, n_in * n_out)
    with torch.autocast(weight.device.type, enabled=False):
        kernel = SUMS_OF_SQUARE.to(weight) @ by_place  # (16, n_in * n_out)
    return kernel.view(4, 4, n_in, n_out).permute(2, 3, 0, 1)


def convolve_doubled(x, skip, kernel, weight, bias):
    """Convolve a map that is doubled, and joined with another one if there is one.

    Parameters
    ----------
    x : Tensor of shape (n, n_doubled, h, w)
        The map, before it is doubled.
    skip : Tensor of shape (n, n_skip, 2 h, 2 w) or None
        The map that is joined.
    kernel : Tensor of shape (n_doubled, n_out, 4, 4)
        What :func:`kernel_of_doubled` makes of the weights for ``x``.
    weight : Tensor of shape (n_out, n_doubled + n_skip, 3, 3)
        Weights of the convolution.
    bias : Tensor of shape (n_out,) or None
        Its bias.

    Returns
    -------
    maps : Tensor of shape (n, n_out, 2 h, 2 w)
        What the convolution gives.
    """
    maps = F.conv_transpose2d(x, kernel, bias, stride=2, padding=1)
    if skip is not None:
        maps += F.conv2d(skip, weight[:, x.shape[1] :], padding=1)
    return maps
