"""The convolutional autoencoder: all that it gives back has passed through its code."""

from collections.abc import Sequence
from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from ._blocks import in_float32
from ._decoders import ConvDecoder, halved
from ._encoder_decoder import ENCODER_DECODER_CONSTRAINTS, EncoderDecoder, EncoderDecoderModule
from ._encoders import code_of
from ._spec import EncoderSpec


class Autoencoder(EncoderDecoder):
    """Encoder, code and decoder: good codes, soft pictures.

    Each stage of the encoder halves the image, and the decoder doubles it as often. The whole
    output has passed through the code. A sigmoid keeps it within [0, 1]. The network is that of
    [1]_, with convolutions.

    Parameters
    ----------
    encoder : EncoderSpec, tuple of int or None, default=None
        The encoder, such as :class:`VGG16Encoder`. A tuple is short for :class:`ConvEncoder` of
        these ``channels``, and ``None`` for ``ConvEncoder()``.
    latent_dim : int, default=None
        Length of a flat code, made by a linear layer. The network then takes images of one size
        only. ``None`` keeps the spatial code.
    kernel_size : int, default=3
        Side of the convolution kernels in pixels, odd.
    upsampling : {"nearest", "transpose"}, default="nearest"
        Double by repeating pixels, or by a transposed convolution.
    normalization : {"batch"} or None, default="batch"
        Batch normalisation after each convolution but the last; ``None`` for none.

    See Also
    --------
    UNet : For those who only denoise.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and composing robust
       features with denoising autoencoders", ICML 2008.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import Autoencoder
    >>> module = Autoencoder((16, 32)).build((28, 28), 1, torch.Generator().manual_seed(0))
    >>> module.code_shape
    (128, 7, 7)
    >>> module(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 1, 28, 28])
    """

    decodes = True

    _parameter_constraints = ENCODER_DECODER_CONSTRAINTS | {
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        encoder: EncoderSpec | Sequence[int] | None = None,
        *,
        latent_dim: int | None = None,
        kernel_size: int = 3,
        upsampling: str = "nearest",
        normalization: str | None = "batch",
    ) -> None:
        self.encoder = encoder
        self.latent_dim = latent_dim
        self.kernel_size = kernel_size
        self.upsampling = upsampling
        self.normalization = normalization

    def build(self, image_size, n_channels, generator):
        layers = self._layers(generator)
        encoder = self._encoder().build(n_channels, layers)
        decoder = ConvDecoder(n_channels, encoder, self.upsampling, layers)
        return AutoencoderModule(encoder, decoder, image_size, self.latent_dim, layers)


class AutoencoderModule(EncoderDecoderModule):
    """Encoder, code and decoder.

    Parameters
    ----------
    encoder : torch.nn.Module
        As :class:`EncoderSpec` says.
    decoder : ConvDecoder
        Mirrors the encoder.
    image_size : tuple of int
        Height and width of the training images in pixels. Only a flat code depends on it.
    latent_dim : int or None
        Length of a flat code. ``None`` keeps the code spatial.
    layers : Layers
        Makes the layers of a flat code.
    """

    bounded = True

    def __init__(self, encoder, decoder, image_size, latent_dim, layers):
        super().__init__(encoder, decoder)
        spatial = torch.Size((encoder.code_channels, *halved(image_size, self.n_stages)))
        self.fixed_size = latent_dim is not None
        self.code_shape = (latent_dim,) if self.fixed_size else tuple(spatial)
        # Empty, they give back what they get: the maps of the encoder are the code.
        self.compress = nn.Sequential()
        self.expand = nn.Sequential()
        if self.fixed_size:
            self.compress = layers.compressing(spatial, latent_dim)
            self.expand = layers.expanding(latent_dim, spatial)

    def forward(self, images):
        """Map images (n, C, H, W) to images of the same shape."""
        return self.decode(self.encode(images), images.shape[-2:])

    def encode(self, images):
        """Map images (n, C, H, W) to codes ``(n, *code_shape)``."""
        maps = code_of(self.encoder, images)  # (n, code_channels, h, w)
        return self.compress(maps)  # the same, or (n, latent_dim)

    def decode(self, codes, image_size):
        """Map codes ``(n, *code_shape)`` to images ``(n, C, *image_size)``."""
        maps = self.expand(codes)  # (n, code_channels, h, w)
        return torch.sigmoid(in_float32(self.decoder(maps, image_size)))  # (n, C, *image_size)
