"""Convolution of a map that was doubled by repeating its values, from the small map itself.

A value that is repeated meets the sum of two weights along each side. So a kernel of 3 x 3 on the
doubled map is one of 4 x 4 on the small map, in a transposed convolution that steps by two, with
4/9 of the multiply-adds.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ._plain import is_own


def can_convolve_small(doubling, conv):
    """Whether a layer doubles by repeating values, and the next is a plain 3 x 3 convolution."""
    return (
        is_own(doubling, nn.Upsample)
        and (doubling.mode, doubling.scale_factor, doubling.size) == ("nearest", 2, None)
        and is_own(conv, nn.Conv2d)
        and (conv.kernel_size, conv.stride, conv.dilation) == ((3, 3), (1, 1), (1, 1))
        and (conv.padding, conv.padding_mode, conv.groups) == ((1, 1), "zeros", 1)
    )


def kernel_of_doubled(weight):
    """Kernel (n_in, n_out, 4, 4) for small maps, from that for doubled ones (n_out, n_in, 3, 3)."""
    by_place = weight.permute(2, 3, 1, 0)  # (3, 3, n_in, n_out), for which the sums are fast
    return _sums(_sums(by_place, 0), 1).permute(2, 3, 0, 1)


def _sums(weight, side):
    """For each of the four places along a side, the weights that meet there."""
    first, second, third = weight.unbind(side)
    return torch.stack([third, second + third, first + second, first], side)


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
