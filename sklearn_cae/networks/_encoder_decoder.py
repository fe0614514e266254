"""What the autoencoder and the U-Net have in common: an encoder and a decoder that mirrors it."""

from collections.abc import Sequence
from numbers import Integral

from sklearn.utils._param_validation import Interval
from torch import nn

from .._constraints import instance_of, one_of
from ._blocks import Layers
from ._encoders import ConvEncoder
from ._spec import EncoderSpec, NetworkSpec

ENCODER_DECODER_CONSTRAINTS: dict[str, list] = {
    "encoder": [
        instance_of("an encoder such as ConvEncoder()", EncoderSpec),
        instance_of("the channels of one such as (16, 32)", tuple, list),
        None,
    ],
    "kernel_size": [Interval(Integral, 1, None, closed="left")],
    "upsampling": [one_of("nearest", "transpose")],
    "normalization": [one_of("batch"), None],
}


class EncoderDecoder(NetworkSpec):
    """Base of networks of an encoder and a decoder."""

    encoder: EncoderSpec | Sequence[int] | None
    kernel_size: int
    normalization: str | None

    learns_in_bfloat16 = True

    _parameter_constraints = ENCODER_DECODER_CONSTRAINTS

    def check(self):
        super().check()
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"The 'kernel_size' parameter of {type(self).__name__} must be odd, so that a "
                f"kernel has a centre. Got {self.kernel_size} instead."
            )

    def check_images(self, height, width, n_channels):
        self._encoder().check_images(height, width, n_channels)

    def load_pretrained(self, module, *, progress=False):
        self._encoder().load_pretrained(module.encoder, progress=progress)

    def resolved_params(self):
        return super().resolved_params() | {"encoder": self._encoder()}

    def _encoder(self):
        if self.encoder is None:
            return ConvEncoder()
        if isinstance(self.encoder, (tuple, list)):
            return ConvEncoder(tuple(self.encoder))
        return self.encoder

    def _layers(self, generator):
        return Layers(self.kernel_size, self.normalization, generator)


class EncoderDecoderModule(nn.Module):
    """Encoder and decoder.

    Parameters
    ----------
    encoder : torch.nn.Module
        As :class:`EncoderSpec` says.
    decoder : torch.nn.Module
        Has ``stages`` and a ``head``.
    """

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.n_stages = len(encoder.channels)

    @property
    def layer_names(self):
        """Names of the stages, from the image to the image, each with its feature maps."""
        encoder = [f"encoder.{name}" for name in self.encoder.stage_names]
        decoder = [f"decoder.stages.{i}" for i in range(len(self.decoder.stages))]
        return [*encoder, "encoder.code", *decoder, "decoder.head"]

    @property
    def object_layers(self):
        """Names of the layers whose averages tell objects apart; empty where the code does."""
        return self._stage_layers(getattr(self.encoder, "object_stages", ()))

    @property
    def place_layers(self):
        """Names of the layers that describe the places of an image."""
        return self._stage_layers(getattr(self.encoder, "place_stages", range(2)))

    def _stage_layers(self, stages):
        names = [f"encoder.{name}" for name in self.encoder.stage_names]
        return [names[stage] for stage in stages if stage < len(names)]

    def stage_maps(self, images):
        """Feature maps of each stage of the encoder for images (n, C, H, W), finest first."""
        return self.encoder(images)[1]
