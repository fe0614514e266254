"""Layers with initial weights from a generator: float32, on the CPU, whatever torch's defaults."""

from typing import Any

import torch
from torch import nn
from torch.nn.utils import skip_init

_PLACE: dict[str, Any] = {"device": "cpu", "dtype": torch.float32}


def he_conv(n_in, n_out, kernel_size, generator, *, stride=1, bias=True):
    """Convolution that keeps the size, initialised for a ReLU after He et al. (ICCV 2015)."""
    padding = kernel_size // 2
    conv = skip_init(nn.Conv2d, n_in, n_out, kernel_size, stride, padding, bias=bias, **_PLACE)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu", generator=generator)
    if bias:
        nn.init.zeros_(conv.bias)
    return conv


def halving_conv(n_in, n_out, generator):
    """Convolution of 2 x 2 without bias that halves height and width."""
    conv = skip_init(nn.Conv2d, n_in, n_out, 2, 2, bias=False, **_PLACE)
    return _init_as_torch(conv, generator)


def doubling_conv(n_in, n_out, generator):
    """Transposed convolution of 2 x 2 without bias that doubles height and width."""
    conv = skip_init(nn.ConvTranspose2d, n_in, n_out, 2, 2, bias=False, **_PLACE)
    return _init_as_torch(conv, generator)


class Layers:
    """Makes the layers of one network: one kernel size, one normalisation, one generator.

    Parameters
    ----------
    kernel_size : int
        Side of the square convolution kernels in pixels, odd.
    normalization : {"batch"} or None
        What follows a convolution.
    generator : torch.Generator
        Source of the initial weights, on the CPU.
    """

    def __init__(self, kernel_size, normalization, generator):
        self.kernel_size = kernel_size
        self.normalization = normalization
        self.generator = generator

    def plain(self, n_in, n_out, stride=1, bias=True):
        """Convolution alone."""
        return he_conv(n_in, n_out, self.kernel_size, self.generator, stride=stride, bias=bias)

    def normalized(self, n_in, n_out, stride=1):
        """Convolution and normalisation; the latter brings the bias."""
        if self.normalization is None:
            return nn.Sequential(self.plain(n_in, n_out, stride))
        conv = self.plain(n_in, n_out, stride, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(n_out, **_PLACE))

    def activated(self, n_in, n_out, stride=1):
        """Convolution, normalisation and ReLU."""
        return self.normalized(n_in, n_out, stride).append(nn.ReLU())

    def doubling(self, width, upsampling):
        """Layer that doubles height and width, "nearest" or "transpose"."""
        if upsampling == "nearest":
            return nn.Upsample(scale_factor=2)
        layer = skip_init(nn.ConvTranspose2d, width, width, 2, stride=2, **_PLACE)
        return _init_as_torch(layer, self.generator)

    def compressing(self, code_shape, length):
        """Layers from maps ``(n, *code_shape)`` to flat codes ``(n, length)``."""
        n_in = code_shape.numel()
        if self.normalization is None:
            return nn.Sequential(nn.ReLU(), nn.Flatten(), self._linear(n_in, length))
        linear = self._linear(n_in, length, bias=False)
        return nn.Sequential(nn.ReLU(), nn.Flatten(), linear, nn.BatchNorm1d(length, **_PLACE))

    def expanding(self, length, code_shape):
        """Layers from flat codes ``(n, length)`` back to maps ``(n, *code_shape)``."""
        linear = self._linear(length, code_shape.numel())
        layers = nn.Sequential(linear, nn.Unflatten(1, code_shape))
        if self.normalization is not None:
            layers.append(nn.BatchNorm2d(code_shape[0], **_PLACE))
        return layers

    def _linear(self, n_in, n_out, bias=True):
        layer = skip_init(nn.Linear, n_in, n_out, bias=bias, **_PLACE)
        return _init_as_torch(layer, self.generator)


def _init_as_torch(layer, generator):
    """Initialise as torch does by default: uniformly within 1/sqrt(fan in) of zero."""
    bound = layer.weight[0].numel() ** -0.5
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return layer


def in_float32(x):
    """A tensor as float32, itself if it is; a traced network gets no further layer by it."""
    return x if x.dtype == torch.float32 else x.float()
