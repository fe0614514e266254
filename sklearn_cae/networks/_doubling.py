"""Convolution of a map that was doubled by repeating its values, from the small map itself.

A value that is repeated meets the sum of two weights along each side. So a kernel of 3 x 3 on the
doubled map is one of 4 x 4 on the small map, in a transposed convolution that steps by two, with
4/9 of the multiply-adds.

Maps of few pixels and many channels take less work by two products of matrices: each pixel with
each of the nine weights, once, and then the sum of those that meet in a pixel of the doubled map.
These sums know the size of the doubled map, so that it may be cut.
"""

from functools import cache

import torch
from torch import nn
from torch.nn import functional as F

from ._plain import is_own

# The matrix of the sums grows with the square of the pixels of a small map; these are its most.
FEW_PIXELS = 64


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


def pays_before(x, size):
    """Whether a map is convolved with less work before it is doubled and cut to a size."""
    return _keeps_all(x, size) or _products_pay(x, size)


def _keeps_all(x, size):
    return tuple(size) == (2 * x.shape[-2], 2 * x.shape[-1])


def _products_pay(x, size):
    """Whether products take fewer multiply-adds than the other way, which cuts or not."""
    n_in, n_pixels, n_doubled = x.shape[1], x.shape[2] * x.shape[3], size[0] * size[1]
    by_products = 9 * (n_in + n_doubled)  # for each pixel and output
    otherwise = 16 * n_in if _keeps_all(x, size) else 9 * n_in * n_doubled / n_pixels
    return n_pixels <= FEW_PIXELS and by_products < otherwise


def convolve_doubled(x, skip, weight, bias, size, kernel=None):
    """Convolve a map that is doubled, cut to size, and joined with another one if there is one.

    Parameters
    ----------
    x : Tensor of shape (n, n_doubled, h, w)
        The map, before it is doubled.
    skip : Tensor of shape (n, n_skip, *size) or None
        The map that is joined.
    weight : Tensor of shape (n_out, n_doubled + n_skip, 3, 3)
        Weights of the convolution.
    bias : Tensor of shape (n_out,) or None
        Its bias.
    size : tuple of int
        Height and width of the doubled map once it is cut; :func:`pays_before` has to be true.
    kernel : Tensor of shape (n_doubled, n_out, 4, 4), optional
        What :func:`kernel_of_doubled` makes of the weights for ``x``, if it is at hand.

    Returns
    -------
    maps : Tensor of shape (n, n_out, *size)
        What the convolution gives.
    """
    of_x, of_skip = weight[:, : x.shape[1]], weight[:, x.shape[1] :]
    if kernel is not None and _keeps_all(x, size):
        maps = _transposed(x, kernel, bias)
    elif _products_pay(x, size):
        maps = _by_products(x, of_x, bias, size)
    else:
        maps = _transposed(x, kernel_of_doubled(of_x), bias)
    if skip is not None:
        maps += F.conv2d(skip, of_skip, padding=1)
    return maps


def _transposed(x, kernel, bias):
    return F.conv_transpose2d(x, kernel, bias, stride=2, padding=1)


def _by_products(x, weight, bias, size):
    n_images, n_in, height, width = x.shape
    n_out = len(weight)
    pixels = x.permute(0, 2, 3, 1).reshape(-1, n_in)
    products = pixels @ weight.permute(1, 2, 3, 0).reshape(n_in, 9 * n_out)
    meeting = _meeting(height, width, *size, weight.dtype, weight.device)
    sums = meeting @ products.view(n_images, height * width * 9, n_out)  # (n, pixels, n_out)
    maps = sums.view(n_images, *size, n_out).permute(0, 3, 1, 2)
    if not x.is_contiguous(memory_format=torch.channels_last):
        maps = maps.contiguous()  # as the convolution would give them
    return maps if bias is None else maps + bias[:, None, None].to(maps.dtype)


@cache
def _meeting(height, width, doubled_height, doubled_width, dtype, device):
    """Which products of a pixel and a weight meet in which pixel of the doubled map: 0 and 1."""
    rows = _meeting_along(height, doubled_height)
    columns = _meeting_along(width, doubled_width)
    # An inference tensor could not be kept for gradients.
    with torch.inference_mode(False):
        both = torch.einsum("ysk,xtl->yxstkl", rows, columns)
        return both.reshape(doubled_height * doubled_width, -1).to(device, dtype)


def _meeting_along(n, n_doubled):
    """The same along one side, of shape (n_doubled, n, 3)."""
    # Weight w of the pixel d meets the value d + w - 1 of the doubled map.
    doubled, place, weight = (torch.arange(k, device="cpu") for k in (n_doubled, n, 3))
    met = doubled[:, None, None] + weight - 1
    first = 2 * place[:, None]
    return ((met == first) | (met == first + 1) & (met < n_doubled)).double()
