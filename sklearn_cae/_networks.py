"""Convolutional autoencoders as plain torch modules.

A batch is a float tensor ``(n, C, H, W)`` with values in [0, 1]. Nothing here knows skorch or
scikit-learn.

Sources: the denoising autoencoder is Vincent et al., "Extracting and composing robust features
with denoising autoencoders" (ICML 2008); the skip connections are those of U-Net, Ronneberger et
al., "U-Net: convolutional networks for biomedical image segmentation" (MICCAI 2015); the residual
output is that of DnCNN, Zhang et al., "Beyond a Gaussian denoiser" (IEEE TIP 2017).
"""

import math
from itertools import pairwise

import torch
from torch import nn

from ._vgg16 import VGG16


class ConvAutoencoder(nn.Module):
    """Encoder, code and decoder with as many down- as up-samplings.

    Each stage of the encoder halves an image, rounding up, and the decoder gives every stage its
    size back, so that images of any size fit: 28 x 28 pixels become 14, 7, 4 and again 7, 14, 28.

    Parameters
    ----------
    image_size : tuple of int
        Height and width of the training images in pixels. Only a flat code depends on it.
    n_channels : int
        Number of channels of an image.
    channels : tuple of int
        Feature maps of each encoder stage; the image is halved once for each of them.
    code_channels : int
        Feature maps of the spatial code.
    latent_dim : int or None
        Length of a flat code. ``None`` keeps the code spatial.
    kernel_size : int
        Side of the square convolution kernels in pixels, odd.
    downsampling : {"max_pool", "stride"}
        How the encoder halves an image.
    upsampling : {"nearest", "transpose"}
        How the decoder doubles an image.
    normalization : {"batch"} or None
        Normalisation between a convolution and its ReLU.
    skip_connections : bool
        Hand the encoder's feature maps over to the decoder.
    residual : bool
        Give back the input plus the network's output, instead of the output through a sigmoid.
    encoder : {"conv", "vgg16"}
        "vgg16" takes the place of ``channels``, ``code_channels`` and ``downsampling``: VGG16's
        feature maps are those that the decoder mirrors.
    encoder_blocks : int or None
        Number of VGG16's blocks; the image is halved once for each of them.
    trainable_encoder_blocks : int or None
        How many of these, counted from the last, are trained; the others are frozen.
    """

    def __init__(
        self,
        *,
        image_size,
        n_channels,
        channels,
        code_channels,
        latent_dim,
        kernel_size,
        downsampling,
        upsampling,
        normalization,
        skip_connections,
        residual,
        encoder="conv",
        encoder_blocks=None,
        trainable_encoder_blocks=None,
    ):
        super().__init__()
        self.skip_connections = skip_connections
        self.residual = residual
        conv = ConvFactory(kernel_size, normalization)
        self.encoder = (
            VGG16(encoder_blocks, trainable_encoder_blocks)
            if encoder == "vgg16"
            else Encoder(n_channels, channels, code_channels, downsampling, conv)
        )
        channels, code_channels = self.encoder.channels, self.encoder.code_channels
        self.n_stages = len(channels)
        spatial_code = (code_channels, *halved_sizes(image_size, self.n_stages)[-1])
        self.code_shape = spatial_code if latent_dim is None else (latent_dim,)
        self.bottleneck = (
            SpatialBottleneck()
            if latent_dim is None
            else FlatBottleneck(spatial_code, latent_dim, normalization)
        )
        self.decoder = Decoder(
            n_channels, channels, code_channels, upsampling, skip_connections, conv
        )
        if residual:
            nn.init.zeros_(self.decoder.head.weight)

    def forward(self, images):
        """Map images ``(n, C, H, W)`` to images of the same shape."""
        features, skips = self.encoder(images)
        features = self.bottleneck.expand(self.bottleneck.compress(features))
        sizes = halved_sizes(images.shape[-2:], self.n_stages)
        decoded = self.decoder(features, sizes, skips if self.skip_connections else ())
        return images + decoded if self.residual else torch.sigmoid(decoded)

    def encode(self, images):
        """Map images ``(n, C, H, W)`` to codes ``(n, *code_shape)``."""
        return self.bottleneck.compress(self.encoder(images)[0])

    @property
    def layer_names(self):
        """Names of the stages, from the image to the image, each with its feature maps."""
        encoder = [f"encoder.{name}" for name in self.encoder.stage_names]
        n_decoder = len(self.decoder.stages) - (not self.skip_connections)
        decoder = [f"decoder.stages.{i}" for i in range(n_decoder)]
        return [*encoder, "encoder.code", *decoder, "decoder.head"]

    def layer_output(self, images, layer):
        """Give what a layer, called by its name among the submodules, makes of images."""
        outputs = []
        hook = self.get_submodule(layer).register_forward_hook(
            lambda module, args, output: outputs.append(output)
        )
        with hook:
            self(images)
        if len(outputs) != 1 or not isinstance(outputs[0], torch.Tensor):
            raise ValueError(
                f"layer {layer!r} gives no feature maps; choose one of {self.layer_names}, or a "
                "layer within."
            )
        return outputs[0]

    def decode(self, codes, image_size):
        """Map codes ``(n, *code_shape)`` to images ``(n, C, *image_size)``."""
        sizes = halved_sizes(image_size, self.n_stages)
        return torch.sigmoid(self.decoder(self.bottleneck.expand(codes), sizes))


class ConvFactory:
    """The convolutions of one network: one kernel size, one normalisation."""

    def __init__(self, kernel_size, normalization):
        self.kernel_size = kernel_size
        self.normalization = normalization

    def plain(self, n_in, n_out, stride=1, bias=True):
        """Convolution alone, initialised for a ReLU after He et al. (ICCV 2015)."""
        padding = self.kernel_size // 2
        conv = nn.Conv2d(n_in, n_out, self.kernel_size, stride, padding, bias=bias)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        return conv

    def normalized(self, n_in, n_out, stride=1):
        """Convolution and normalisation; the latter brings the bias."""
        if self.normalization is None:
            return nn.Sequential(self.plain(n_in, n_out, stride))
        return nn.Sequential(self.plain(n_in, n_out, stride, bias=False), nn.BatchNorm2d(n_out))

    def activated(self, n_in, n_out, stride=1):
        """Convolution, normalisation and ReLU."""
        return self.normalized(n_in, n_out, stride).append(nn.ReLU())


class Encoder(nn.Module):
    """Stages of one convolution each, halving between them, and the convolution of the code.

    With ``downsampling="stride"`` the convolution after a stage halves in place of the pooling.
    """

    def __init__(self, n_channels, channels, code_channels, downsampling, conv):
        super().__init__()
        self.channels = channels
        self.code_channels = code_channels
        self.stage_names = [f"stages.{i}" for i in range(len(channels))]
        stride = 2 if downsampling == "stride" else 1
        self.stages = nn.ModuleList([conv.activated(n_channels, channels[0])])
        for n_in, n_out in pairwise(channels):
            self.stages.append(conv.activated(n_in, n_out, stride))
        self.code = conv.normalized(channels[-1], code_channels, stride)
        pooled = downsampling == "max_pool"
        self.downsample = nn.MaxPool2d(2, ceil_mode=True) if pooled else nn.Identity()

    def forward(self, images):
        """Give the code of ``images`` and the feature maps of each stage, finest first."""
        skips, x = [], images
        for stage in self.stages:
            skips.append(stage(x))
            x = self.downsample(skips[-1])
        return self.code(x), skips


class SpatialBottleneck(nn.Module):
    """The code is what the encoder gives: ``(n, code_channels, h, w)``."""

    def compress(self, features):
        return features

    def expand(self, codes):
        return codes


class FlatBottleneck(nn.Module):
    """A linear layer to a code ``(n, latent_dim)`` and another back to feature maps."""

    def __init__(self, spatial_code, latent_dim, normalization):
        super().__init__()
        n_spatial = math.prod(spatial_code)
        self.compress = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(n_spatial, latent_dim))
        self.expand = nn.Sequential(nn.Linear(latent_dim, n_spatial), nn.Unflatten(1, spatial_code))
        if normalization == "batch":
            self.compress.append(nn.BatchNorm1d(latent_dim))
            self.expand.append(nn.BatchNorm2d(spatial_code[0]))


class Decoder(nn.Module):
    """The encoder mirrored: up-sampling and one convolution for each stage, the last for the image.

    Skip connections join the encoder's feature maps of the same size before each convolution; one
    more convolution then makes the image, because one alone merges the finest maps badly.
    ``head`` is the convolution that makes the image, before sigmoid or residual.
    """

    def __init__(self, n_channels, channels, code_channels, upsampling, skip_connections, conv):
        super().__init__()
        widths = (code_channels, *channels[-2::-1])
        skip_widths = channels[::-1] if skip_connections else (0,) * len(channels)
        self.upsamplings = nn.ModuleList(
            nn.ConvTranspose2d(width, width, 2, stride=2)
            if upsampling == "transpose"
            else nn.Upsample(scale_factor=2)
            for width in widths
        )
        self.stages = nn.ModuleList(
            conv.activated(n_in + n_skip, n_out)
            for (n_in, n_out), n_skip in zip(pairwise(widths), skip_widths, strict=False)
        )
        finest = conv.activated(widths[-1] + channels[0], widths[-1])
        self.stages.append(finest if skip_connections else nn.Identity())
        self.head = conv.plain(widths[-1], n_channels)

    def forward(self, features, sizes, skips=()):
        """Map code features to images; ``sizes`` are those of :func:`halved_sizes`."""
        x = torch.relu(features)
        joined = skips[::-1] or [None] * len(self.stages)
        for upsample, stage, size, skip in zip(
            self.upsamplings, self.stages, sizes[-2::-1], joined, strict=True
        ):
            x = upsample(x)[..., : size[0], : size[1]]
            x = stage(x if skip is None else torch.cat((x, skip), dim=1))
        return self.head(x)


def halved_sizes(image_size, n_halvings):
    """Height and width before and after each halving, which rounds up."""
    height, width = image_size
    return [(-(-height // 2**i), -(-width // 2**i)) for i in range(n_halvings + 1)]
