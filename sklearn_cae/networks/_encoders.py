"""The convolutional encoder."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import cast

from sklearn.utils._param_validation import Interval
from torch import nn

from .._constraints import instance_of, one_of
from ._plain import has_hooks, is_own
from ._spec import EncoderSpec


class ConvEncoder(EncoderSpec):
    """Encoder of one convolution for each stage, trained with the decoder.

    Parameters
    ----------
    channels : tuple of int, default=(32, 64, 128)
        Feature maps of each stage; each stage halves the image, and the decoder mirrors it.
    code_channels : int, default=128
        Feature maps of the code: images of 32 x 32 pixels have codes of 4 x 4 x 128.
    downsampling : {"max_pool", "stride"}, default="max_pool"
        Halve by max pooling, or by convolutions of stride 2.

    See Also
    --------
    VGG16Encoder : Encoder trained before, on photographs.

    Examples
    --------
    >>> from sklearn_cae.networks import Autoencoder, ConvEncoder
    >>> Autoencoder(ConvEncoder((16, 32), code_channels=8, downsampling="stride"))
    Autoencoder(encoder=ConvEncoder(channels=(16, 32), code_channels=8,
                                    downsampling='stride'))
    """

    _parameter_constraints = {
        "channels": [instance_of("a tuple such as (32, 64)", tuple, list)],
        "code_channels": [Interval(Integral, 1, None, closed="left")],
        "downsampling": [one_of("max_pool", "stride")],
    }

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        *,
        code_channels: int = 128,
        downsampling: str = "max_pool",
    ) -> None:
        self.channels = channels
        self.code_channels = code_channels
        self.downsampling = downsampling

    def check(self):
        super().check()
        check_channels(self)

    def resolved_params(self):
        return super().resolved_params() | {"channels": tuple(self.channels)}

    def build(self, n_channels, layers):
        return ConvEncoderModule(
            n_channels, tuple(self.channels), self.code_channels, self.downsampling, layers
        )


def check_channels(spec):
    """Raise a ValueError if the ``channels`` of a spec are not positive integers, one at least."""
    if not spec.channels or not all(_is_positive_int(width) for width in spec.channels):
        raise ValueError(
            f"The 'channels' parameter of {type(spec).__name__} must hold a positive integer for "
            f"each stage, and at least one. Got {spec.channels!r} instead."
        )


def _is_positive_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


class ConvEncoderModule(nn.Module):
    """Stages of one convolution each, halving between them, and the convolution of the code.

    With ``downsampling="stride"`` the convolution after a stage halves in place of the pooling.

    Parameters
    ----------
    n_channels : int
        Number of channels of an image.
    channels : tuple of int
        Feature maps of each stage.
    code_channels : int
        Feature maps of the code.
    downsampling : {"max_pool", "stride"}
        What halves an image.
    layers : Layers
        Makes the convolutions.
    """

    def __init__(self, n_channels, channels, code_channels, downsampling, layers):
        super().__init__()
        self.channels = channels
        self.code_channels = code_channels
        self.stage_names = [f"stages.{i}" for i in range(len(channels))]
        pooled = downsampling == "max_pool"
        stride = 1 if pooled else 2
        self.stages = nn.ModuleList([layers.activated(n_channels, channels[0])])
        for n_in, n_out in pairwise(channels):
            self.stages.append(layers.activated(n_in, n_out, stride))
        self.code = layers.normalized(channels[-1], code_channels, stride)
        self.downsample = nn.MaxPool2d(2, ceil_mode=True) if pooled else nn.Identity()

    def forward(self, images):
        """Give the code of images (n, C, H, W) and the feature maps of each stage, finest first."""
        x, maps = images, []
        for stage in self.stages:
            maps.append(stage(x))  # (n, channels[i], h, w); a stride halves h and w here
            x = self.downsample(maps[-1])  # (n, channels[i], h / 2, w / 2) by pooling
        return self.code(x), maps  # (n, code_channels, h, w)

    def encode(self, images):
        """Give the code alone.

        In training maps are pooled before their ReLU, where nobody listens to the layers. That is
        the same and faster.
        """
        if not (self.training and self.can_pool_first) or has_hooks(self):
            return self(images)[0]
        x = images
        for stage in self.stages:
            *layers, activation = cast(nn.Sequential, stage)
            for layer in layers:
                x = layer(x)  # (n, channels[i], h, w)
            x = activation(self.downsample(x))  # (n, channels[i], h / 2, w / 2)
        return self.code(x)  # (n, code_channels, h, w)

    @property
    def can_pool_first(self):
        """Whether its stages end with a ReLU before a pooling by the largest value."""
        return (
            is_own(self.downsample, nn.MaxPool2d)
            and not self.downsample.return_indices
            and all(map(_ends_with_relu, self.stages))
        )


def _ends_with_relu(stage):
    return is_own(stage, nn.Sequential) and len(stage) > 0 and is_own(stage[-1], nn.ReLU)


def code_of(encoder, images):
    """Give the code of images (n, C, H, W), in the way of an encoder that has one for it alone."""
    if is_own(encoder, ConvEncoderModule):
        return encoder.encode(images)
    return encoder(images)[0]
