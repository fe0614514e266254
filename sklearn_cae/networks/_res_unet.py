"""The residual U-Net: a small network at half resolution that takes the noise off an image."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn import functional as F

from .._constraints import instance_of
from ._blocks import doubling_conv, halving_conv, he_conv
from ._decoders import halved
from ._encoder_decoder import EncoderDecoderModule
from ._encoders import check_channels
from ._spec import NetworkSpec

# Residual blocks begin as little more than the identity.
INITIAL_RESIDUAL = 0.1
# How many times the feature maps of a scale its residual blocks have inside.
EXPANSION = 1.5


class ResUNet(NetworkSpec):
    """Residual U-Net at half resolution, for photographs.

    Each square of 2 x 2 pixels becomes one position with four times the channels. This makes the
    network four times as fast as at full resolution. The feature maps of the encoder are passed to
    the decoder as in U-Net [1]_, between residual blocks as in DRUNet [2]_. The output is added to
    the image, so at first the network returns its input unchanged. It has neither normalisation nor
    biases. Therefore twice the image gives twice the result, and one network is right for all noise
    levels, even for those that it was not trained on [3]_. Images whose sides are no multiples of
    ``2 ** len(channels)`` are continued by reflection, and the result is cut to their size. Its
    codes cannot be decoded, and its outputs may leave [0, 1].

    Parameters
    ----------
    channels : tuple of int, default=(32, 40)
        Feature maps of each scale, the finest first; each scale halves height and width.
    blocks : int, default=6
        Residual blocks at each scale, in the encoder as in the decoder.

    See Also
    --------
    UNet : For small images and short trainings.
    Autoencoder : For codes.

    Notes
    -----
    A residual block is a convolution of 3 x 3 to 1.5 times the feature maps, a ReLU and one of
    1 x 1 back. The defaults make 56,000 multiply-adds a pixel. For that, many narrow blocks at few
    scales were best in ``benchmarks/train_pretrained.py``.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image
       segmentation", MICCAI 2015.
    .. [2] K. Zhang, Y. Li, W. Zuo, L. Zhang, L. Van Gool, R. Timofte, "Plug-and-play image
       restoration with deep denoiser prior", IEEE TPAMI 2022.
    .. [3] S. Mohan, Z. Kadkhodaie, E. P. Simoncelli, C. Fernandez-Granda, "Robust and interpretable
       blind image denoising via bias-free convolutional neural networks", ICLR 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import ResUNet
    >>> images = torch.rand(2, 1, 28, 28)
    >>> module = ResUNet((16, 32)).build((28, 28), 1, torch.Generator().manual_seed(0))
    >>> torch.equal(module(images), images)
    True
    """

    decodes = False
    # Without normalisation Adam needs several times as many steps.
    optimizer = "muon"
    lr = 8e-3
    learns_in_bfloat16 = True

    _parameter_constraints = {
        "channels": [instance_of("a tuple such as (32, 64)", tuple, list)],
        "blocks": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, channels: Sequence[int] = (32, 40), *, blocks: int = 6) -> None:
        self.channels = channels
        self.blocks = blocks

    def check(self):
        super().check()
        check_channels(self)

    def resolved_params(self):
        return super().resolved_params() | {"channels": tuple(self.channels)}

    def build(self, image_size, n_channels, generator):
        encoder = ResidualEncoder(n_channels, tuple(self.channels), self.blocks, generator)
        decoder = ResidualDecoder(n_channels, tuple(self.channels), self.blocks, generator)
        return ResUNetModule(encoder, decoder, image_size)


class ResUNetModule(EncoderDecoderModule):
    """Encoder and decoder with residual blocks and skip connections.

    Parameters
    ----------
    encoder : ResidualEncoder
        Maps images to the code and the maps of each finer scale.
    decoder : ResidualDecoder
        Maps these to what is added to the images.
    image_size : tuple of int
        Height and width of the training images in pixels, of which ``code_shape`` is told.
    """

    bounded = False
    fixed_size = False

    def __init__(self, encoder, decoder, image_size):
        super().__init__(encoder, decoder)
        self.code_shape = (encoder.code_channels, *halved(image_size, self.n_stages + 1))

    def forward(self, images):
        """Map images (n, C, H, W) to images of the same shape."""
        height, width = images.shape[-2:]
        added = self.decoder(*self.encoder(images))  # (n, C, H, W), rounded up to whole codes
        return images + added[..., :height, :width]

    def encode(self, images):
        """Map images (n, C, H, W) to codes ``(n, *code_shape)``."""
        return self.encoder(images)[0]


class ResidualEncoder(nn.Module):
    """From images at half resolution to the maps of each scale.

    Parameters
    ----------
    n_channels : int
        Number of channels of an image.
    channels : tuple of int
        Feature maps of each scale; those of the last are the code.
    blocks : int
        Residual blocks at each scale.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, n_channels, channels, blocks, generator):
        super().__init__()
        *self.channels, self.code_channels = channels
        self.stage_names = [f"stages.{i}" for i in range(len(self.channels))]
        self.head = nn.Sequential(
            nn.PixelUnshuffle(2), he_conv(4 * n_channels, channels[0], 3, generator, bias=False)
        )
        self.stages = nn.ModuleList(
            residual_blocks(width, blocks, generator) for width in self.channels
        )
        self.halvings = nn.ModuleList(
            halving_conv(n_in, n_out, generator) for n_in, n_out in pairwise(channels)
        )
        self.code = residual_blocks(self.code_channels, blocks, generator)

    def forward(self, images):
        """Give the code of images (n, C, H, W) and the maps of each finer scale, finest first."""
        x = self.head(pad_to_multiple(images, 2 ** len(self.channels) * 2))  # at half resolution
        maps = []
        for stage, halving in zip(self.stages, self.halvings, strict=True):
            maps.append(stage(x))  # (n, channels[i], h, w)
            x = halving(maps[-1])  # (n, channels[i + 1], h / 2, w / 2)
        return self.code(x), maps  # (n, code_channels, h, w)


class ResidualDecoder(nn.Module):
    """From the code and the maps of the encoder to what is added to the images.

    Parameters
    ----------
    n_channels : int
        Number of channels of an image.
    channels : tuple of int
        Feature maps of each scale, the finest first.
    blocks : int
        Residual blocks at each scale.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, n_channels, channels, blocks, generator):
        super().__init__()
        upward = channels[::-1]
        self.doublings = nn.ModuleList(
            doubling_conv(n_in, n_out, generator) for n_in, n_out in pairwise(upward)
        )
        self.stages = nn.ModuleList(
            residual_blocks(width, blocks, generator) for width in upward[1:]
        )
        last = he_conv(channels[0], 4 * n_channels, 3, generator, bias=False)
        nn.init.zeros_(last.weight)
        self.head = nn.Sequential(last, nn.PixelShuffle(2))

    def forward(self, code, maps):
        """Map the code and the maps of the finer scales, finest first, to images (n, C, H, W)."""
        x = code
        for doubling, stage, skip in zip(self.doublings, self.stages, maps[::-1], strict=True):
            x = stage(doubling(x) + skip)  # (n, upward[i + 1], 2 h, 2 w)
        return self.head(x)  # (n, C, H, W)


class ResidualBlock(nn.Module):
    """A convolution of 3 x 3, a ReLU and a convolution of 1 x 1, added to what comes in.

    Parameters
    ----------
    width : int
        Number of feature maps.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, width, generator):
        super().__init__()
        inside = int(EXPANSION * width)
        self.first = he_conv(width, inside, 3, generator, bias=False)
        self.second = he_conv(inside, width, 1, generator, bias=False)
        self.second.weight.data.mul_(INITIAL_RESIDUAL)

    def forward(self, x):
        """Map ``(n, width, h, w)`` to the same shape."""
        return x + self.second(F.relu(self.first(x), inplace=True))


def residual_blocks(width, n_blocks, generator):
    """So many residual blocks, one after the other."""
    return nn.Sequential(*(ResidualBlock(width, generator) for _ in range(n_blocks)))


def pad_to_multiple(images, multiple):
    """Continue images by reflection until height and width are multiples of a number.

    Repeating the last row would continue its noise as stripes, which no network takes for noise.
    """
    height, width = images.shape[-2:]
    right, below = -width % multiple, -height % multiple
    if not (right or below):
        return images
    if right < width and below < height and not torch.onnx.is_in_onnx_export():
        return F.pad(images, (0, right, 0, below), mode="reflect")
    # F.pad reflects no image that is smaller than what is added; an exported graph takes all sizes.
    rows = reflected_positions(height, height + below, images.device)
    columns = reflected_positions(width, width + right, images.device)
    return images.index_select(-2, rows).index_select(-1, columns)


def reflected_positions(length, padded, device):
    """Which of so many rows stand in a padded image; the last ones again if all are used up."""
    last = length - 1
    positions = torch.arange(padded, device=device)
    return (positions - 2 * (positions - last).clamp(min=0)).abs().clamp(max=last)
