"""The decoders: an encoder mirrored, with the same sizes in reverse.

Each stage of an encoder halves an image, rounding up, and the decoder gives every stage its size
back, so that images of any size fit: 28 x 28 pixels become 14, 7, 4 and again 7, 14, 28.
"""

from itertools import pairwise

import torch
from torch import nn

from ._doubling import can_convolve_small, convolve_doubled, pays_before
from ._plain import has_hooks, is_own


class DecoderStage(nn.Module):
    """Doubles maps, cuts them to size, joins maps of the encoder if there are any, convolves.

    In training it convolves before it doubles, where it can and nobody listens to its layers. That
    is the same function, to rounding, in half of the time.

    Parameters
    ----------
    doubling : torch.nn.Module
        Doubles height and width.
    convolution : torch.nn.Module
        What comes after; it keeps the size.
    """

    def __init__(self, doubling, convolution):
        super().__init__()
        self.doubling = doubling
        self.convolution = convolution

    def forward(self, x, size, skip=None):
        """Map ``(n, width, h, w)`` to ``(n, new width, *size)``."""
        if self.training and self.convolves_first(x, size) and not has_hooks(self):
            return self._convolve_first(x, size, skip)
        x = self.doubling(x)[..., : size[0], : size[1]]  # (n, width, 2 h, 2 w), cut to size
        if skip is not None:
            x = torch.cat((x, skip), dim=1)  # (n, width + those of skip, *size)
        return self.convolution(x)  # (n, new width, *size)

    def _convolve_first(self, x, size, skip):
        conv, *rest = self.layers
        x = convolve_doubled(x, skip, conv.weight, conv.bias, size)
        for layer in rest:
            x = layer(x)
        return x  # (n, new width, *size)

    @property
    def layers(self):
        """The convolution and what follows it."""
        chain = is_own(self.convolution, nn.Sequential)
        return list(self.convolution) if chain else [self.convolution]

    @property
    def can_convolve_first(self):
        """Whether it doubles by repeating values, before a plain 3 x 3 convolution."""
        return can_convolve_small(self.doubling, self.layers[0])

    def convolves_first(self, x, size):
        """Whether it can convolve ``x`` before it doubles it to ``size``, and that pays."""
        return self.can_convolve_first and pays_before(x, size)


class ConvDecoder(nn.Module):
    """Decoder that knows the code alone; the convolution of its last stage makes the image.

    Parameters
    ----------
    n_channels : int
        Number of channels of an image.
    encoder : torch.nn.Module
        What it mirrors.
    upsampling : {"nearest", "transpose"}
        What doubles maps.
    layers : Layers
        Makes the layers.
    """

    def __init__(self, n_channels, encoder, upsampling, layers):
        super().__init__()
        widths = _widths(encoder)
        self.stages = nn.ModuleList(
            DecoderStage(layers.doubling(n_in, upsampling), layers.activated(n_in, n_out))
            for n_in, n_out in pairwise(widths)
        )
        self.head = DecoderStage(
            layers.doubling(widths[-1], upsampling), layers.plain(widths[-1], n_channels)
        )

    def forward(self, code, image_size):
        """Map the code ``(n, code_channels, h, w)`` to images ``(n, C, *image_size)``."""
        x = torch.relu(code)
        *sizes, last = upward_sizes(image_size, len(self.stages) + 1)
        for stage, size in zip(self.stages, sizes, strict=True):
            x = stage(x, size)  # (n, widths[i], *size)
        return self.head(x, last)  # (n, C, *image_size)


class SkipDecoder(nn.Module):
    """Decoder that gets the maps of each stage of the encoder, as in U-Net.

    From an encoder that loses the noise it gets the image, too, to see what to take away. One more
    convolution makes the image, because one alone merges the finest maps badly. It begins as zero.

    Parameters
    ----------
    n_channels : int
        Number of channels of an image.
    encoder : torch.nn.Module
        What it mirrors.
    upsampling : {"nearest", "transpose"}
        What doubles maps.
    layers : Layers
        Makes the layers.
    """

    def __init__(self, n_channels, encoder, upsampling, layers):
        super().__init__()
        widths = _widths(encoder)
        outputs = (*widths[1:], widths[-1])
        finest, *others = encoder.channels
        self.joins_image = getattr(encoder, "loses_noise", False)
        skips = (finest + n_channels * self.joins_image, *others)[::-1]
        self.stages = nn.ModuleList(
            DecoderStage(layers.doubling(n_in, upsampling), layers.activated(n_in + n_skip, n_out))
            for n_in, n_skip, n_out in zip(widths, skips, outputs, strict=True)
        )
        self.head = layers.plain(widths[-1], n_channels)
        nn.init.zeros_(self.head.weight)

    def forward(self, code, maps, images):
        """Map code and maps of images (n, C, H, W), finest first, to images of the same shape."""
        if self.joins_image:
            maps = [torch.cat((maps[0], images), dim=1), *maps[1:]]
        x = torch.relu(code)
        for stage, skip in zip(self.stages, reversed(maps), strict=True):
            x = stage(x, skip.shape[-2:], skip)  # (n, outputs[i], *size of skip)
        return self.head(x)  # (n, C, H, W)


def _widths(encoder):
    """Feature maps that go into each stage, coarsest first."""
    return (encoder.code_channels, *encoder.channels[-2::-1])


def halved(image_size, n_halvings):
    """Height and width after some halvings, each of which rounds up."""
    # In positive numbers alone: the division of ONNX rounds negative ones towards zero.
    below = 2**n_halvings - 1
    height, width = image_size
    return (height + below) // 2**n_halvings, (width + below) // 2**n_halvings


def upward_sizes(image_size, n_stages):
    """Height and width after each stage of a decoder; the last is that of the image."""
    return [halved(image_size, n) for n in reversed(range(n_stages))]
