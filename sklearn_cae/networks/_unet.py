"""The U-Net: what it gives back is the image and what it adds to it."""

from collections.abc import Sequence

from ._decoders import SkipDecoder, halved
from ._encoder_decoder import EncoderDecoder, EncoderDecoderModule
from ._spec import EncoderSpec


class UNet(EncoderDecoder):
    """Encoder and decoder with skip connections, which learn what to add to the image.

    Use it if you only denoise small images; it learns in a minute. The feature maps of the encoder
    are passed to the decoder as in U-Net [1]_, and the output is added to the image as in DnCNN
    [2]_. At first the network returns its input unchanged. Its codes cannot be decoded, and its
    outputs may leave [0, 1].

    Parameters
    ----------
    encoder : EncoderSpec, tuple of int or None, default=None
        The encoder, such as :class:`VGG16Encoder`. A tuple is short for :class:`ConvEncoder` of
        these ``channels``, and ``None`` for ``ConvEncoder()``.
    kernel_size : int, default=3
        Side of the convolution kernels in pixels, odd.
    upsampling : {"nearest", "transpose"}, default="nearest"
        Double by repeating pixels, or by a transposed convolution.
    normalization : {"batch"} or None, default="batch"
        Batch normalisation after each convolution but the last; ``None`` for none.

    See Also
    --------
    ResUNet : For photographs.
    Autoencoder : For codes.

    References
    ----------
    .. [1] O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image
       segmentation", MICCAI 2015.
    .. [2] K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang, "Beyond a Gaussian denoiser", IEEE TIP
       2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import UNet
    >>> images = torch.rand(2, 1, 28, 28)
    >>> module = UNet((16, 32)).build((28, 28), 1, torch.Generator().manual_seed(0))
    >>> torch.equal(module(images), images)
    True
    """

    decodes = False

    def __init__(
        self,
        encoder: EncoderSpec | Sequence[int] | None = None,
        *,
        kernel_size: int = 3,
        upsampling: str = "nearest",
        normalization: str | None = "batch",
    ) -> None:
        self.encoder = encoder
        self.kernel_size = kernel_size
        self.upsampling = upsampling
        self.normalization = normalization

    def build(self, image_size, n_channels, generator):
        layers = self._layers(generator)
        encoder = self._encoder().build(n_channels, layers)
        decoder = SkipDecoder(n_channels, encoder, self.upsampling, layers)
        return UNetModule(encoder, decoder, image_size)


class UNetModule(EncoderDecoderModule):
    """Encoder and decoder with skip connections.

    Parameters
    ----------
    encoder : torch.nn.Module
        As :class:`EncoderSpec` says.
    decoder : SkipDecoder
        Mirrors the encoder.
    image_size : tuple of int
        Height and width of the training images in pixels, of which ``code_shape`` is told.
    """

    bounded = False
    fixed_size = False

    def __init__(self, encoder, decoder, image_size):
        super().__init__(encoder, decoder)
        self.code_shape = (encoder.code_channels, *halved(image_size, self.n_stages))

    def forward(self, images):
        """Map images (n, C, H, W) to images of the same shape."""
        return images + self.decoder(*self.encoder(images), images)

    def encode(self, images):
        """Map images (n, C, H, W) to codes ``(n, *code_shape)``."""
        return self.encoder(images)[0]
