"""The convolutions of VGG16: an encoder that was trained before, on photographs.

Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition"
(ICLR 2015), with the names of torchvision's layers.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from .._constraints import instance_of
from ._blocks import he_conv
from ._spec import EncoderSpec
from ._vgg16_weights import VGG16_BLOCKS, read_vgg16_weights

# Pixels: five blocks halve them five times.
VGG16_MIN_SIZE = 32
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Maps that are smaller are dark, and have no size to divide by.
SMALLEST_SIZE = 1e-6


class VGG16Encoder(EncoderSpec):
    """Encoder of the first blocks of VGG16, pretrained and frozen.

    Its blocks have 64, 128, 256, 512 and 512 feature maps, which the decoder mirrors. It takes RGB
    images of at least 32 x 32 pixels in any units, and gray images as three equal channels. The
    network is that of [1]_. Weights that are read are scaled by a power of two for each layer, so
    that its feature maps have a root mean square of about 1, as decoders want them. Those of
    published files are hundreds of times as large.

    Parameters
    ----------
    blocks : int, default=2
        Blocks to use, 1 to 5. Each halves the image: with 2, images of 32 x 32 pixels have codes of
        8 x 8 x 128.
    trainable_blocks : int, default=0
        How many of them, counted from the last, are not frozen. To fine-tune, raise it between two
        trainings that go on from each other, and lower the learning rate.
    weights : "imagenet", str, path-like or None, default="imagenet"
        "imagenet" is torchvision's official file, looked for in the cache of :mod:`torch.hub` and
        downloaded there once (528 MB). A path is that of a state dict in torchvision's format,
        whole or of the ``features`` alone, from :func:`torch.save` or in safetensors
        (``*.safetensors``). ``None`` is random weights. No file is read when training goes on, nor
        for unpickling.
    mean, std : tuple of three float, default=(0.485, 0.456, 0.406) and (0.229, 0.224, 0.225)
        What the network subtracts from red, green and blue, and divides by, in units of the data
        range: those that the weights were trained with. The defaults are torchvision's. A mean of
        123.68 on images from 0 to 255 is 123.68 / 255, and no division a std of 1 / 255. For
        weights that take BGR, turn the input channels of the file's first convolution around.

    See Also
    --------
    ConvEncoder : Encoder trained with the decoder, for images of any size and channels.

    References
    ----------
    .. [1] K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
       recognition", ICLR 2015.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import Autoencoder, VGG16Encoder
    >>> network = Autoencoder(VGG16Encoder(blocks=3, weights=None))
    >>> network.build((32, 32), 3, torch.Generator().manual_seed(0)).code_shape
    (256, 4, 4)
    """

    _parameter_constraints = {
        "blocks": [Interval(Integral, 1, len(VGG16_BLOCKS), closed="both")],
        "trainable_blocks": [Interval(Integral, 0, len(VGG16_BLOCKS), closed="both")],
        "weights": [str, PathLike, None],
        "mean": [instance_of("a tuple of a number for each channel", tuple, list)],
        "std": [instance_of("a tuple of a number for each channel", tuple, list)],
    }
    changeable = frozenset({"trainable_blocks", "weights"})

    def __init__(
        self,
        blocks: int = 2,
        *,
        trainable_blocks: int = 0,
        weights: str | PathLike[str] | None = "imagenet",
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        self.blocks = blocks
        self.trainable_blocks = trainable_blocks
        self.weights = weights
        self.mean = mean
        self.std = std

    def check(self):
        super().check()
        if self.trainable_blocks > self.blocks:
            raise ValueError(
                "The 'trainable_blocks' parameter of VGG16Encoder must be at most "
                f"blocks={self.blocks}. Got {self.trainable_blocks} instead."
            )
        if not _are_colours(self.mean):
            raise _wrong_colours("mean", "from 0 to 1", self.mean)
        if not _are_colours(self.std) or min(self.std) == 0:
            raise _wrong_colours("std", "above 0 and at most 1", self.std)

    def resolved_params(self):
        return super().resolved_params() | {"mean": tuple(self.mean), "std": tuple(self.std)}

    def check_images(self, height, width, n_channels):
        cure = "an Autoencoder with a ConvEncoder takes images of any size and channels."
        check_vgg16_images(height, width, n_channels, cure=cure)

    def build(self, n_channels, layers):
        return VGG16(
            self.blocks,
            self.trainable_blocks,
            mean=self.mean,
            std=self.std,
            generator=layers.generator,
        )

    def load_pretrained(self, module, *, progress=False):
        if self.weights is not None:
            module.load_state_dict(read_vgg16_weights(self.weights, self.blocks, progress=progress))
            balance(module)


class VGG16(nn.Module):
    """The first blocks of VGG16's convolutions, frozen but for the last ones on demand.

    Its weights have torchvision's names, ``features.0.weight`` and so on. Pooling rounds up where
    torchvision's rounds down, so that a decoder can give every block its size back; images whose
    sides are multiples of 2 to the number of blocks make no difference.

    As frozen weights ask for no gradient, autograd records nothing for images that ask for none;
    those that do get theirs.

    Parameters
    ----------
    n_blocks : int
        Number of blocks, 1 to 5; each halves the image.
    n_trainable_blocks : int
        How many of them, counted from the last, are trained.
    mean, std : sequence of three float
        What is subtracted from red, green and blue in [0, 1], and what they are divided by.
    generator : torch.Generator
        Source of the initial weights, on the CPU.
    """

    def __init__(
        self, n_blocks, n_trainable_blocks=0, *, mean=IMAGENET_MEAN, std=IMAGENET_STD, generator
    ):
        super().__init__()
        blocks = VGG16_BLOCKS[:n_blocks]
        *layers, self.code = [
            layer for block in blocks for layer in _block_layers(block, generator)
        ]
        self.features = nn.Sequential(*layers)
        self.channels = tuple(block[max(block)][1] for block in blocks)
        self.code_channels = self.channels[-1]
        self.stage_names = [f"features.{max(block) + 1}" for block in blocks]
        # Its maps are smooth: from them alone a U-Net does not learn where the noise is.
        self.loses_noise = True
        # The fourth block and the one before tell objects apart, the second and third places.
        self.object_stages = tuple(range(max(0, min(n_blocks, 4) - 2), min(n_blocks, 4)))
        self.place_stages = (1, 2) if n_blocks > 1 else (0,)
        n_frozen = sum(2 * len(block) + 1 for block in blocks[: n_blocks - n_trainable_blocks])
        self.frozen_layers = tuple(layers[:n_frozen])
        for layer in self.frozen_layers:
            layer.requires_grad_(False)
        for name, values in (("mean", mean), ("std", std)):
            statistic = torch.tensor(values, dtype=torch.float32, device="cpu").view(3, 1, 1)
            self.register_buffer(name, statistic, persistent=False)

    def forward(self, images):
        """Give the code of images ``(n, 1 or 3, H, W)`` and each block's maps, finest first."""
        x, maps = self.normalize(images), []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        return self.code(x), [*maps, x]

    def normalize(self, images):
        """Turn images in [0, 1], gray or RGB, into three channels as the weights take them."""
        return (images.expand(-1, 3, -1, -1) - self.mean) / self.std

    def train(self, mode=True):
        """Set the training mode of all layers but the frozen ones."""
        super().train(mode)
        for layer in self.frozen_layers:
            layer.eval()
        return self


def balance(vgg):
    """Scale the weights of a VGG16, in place, so that all its feature maps have a size of about 1.

    The maps of published weights differ by factors of a hundred, from block to block and from file
    to file, and a decoder that begins at a size of 1 learns badly from such ones. The network stays
    the same but for one factor for each layer: ReLU and pooling pass factors on. They are powers of
    two, so no weight is rounded. The size is the root mean square of a layer's maps for noise of
    all scales.

    Parameters
    ----------
    vgg : VGG16
        Has float32 weights on the CPU.

    Raises
    ------
    ValueError
        If maps are not finite.
    """
    factor = 1.0
    with torch.no_grad():
        x = vgg.normalize(_noise_of_all_scales())
        for layer in (*vgg.features, vgg.code):
            if isinstance(layer, nn.Conv2d):
                weight, bias = layer.parameters()
                bias.div_(factor)
                size = layer(x).relu().square().mean().sqrt().clamp(min=SMALLEST_SIZE)
                if not size.isfinite():
                    raise ValueError(
                        "The weights that were read give feature maps that are not finite numbers. "
                        "Take a file with the weights of a trained VGG16."
                    )
                power = 2.0 ** round(math.log2(size))
                weight.div_(power)
                bias.div_(power)
                factor *= power
            x = layer(x)


def _noise_of_all_scales():
    """A gray image (1, 1, 64, 64) in [0, 1] whose amplitudes fall with the frequency."""
    generator = torch.Generator().manual_seed(0)
    white = torch.fft.rfft2(torch.randn(1, 1, 64, 64, generator=generator, device="cpu"))
    rows, columns = (
        frequencies(64, device="cpu") for frequencies in (torch.fft.fftfreq, torch.fft.rfftfreq)
    )
    frequency = (rows[:, None].square() + columns.square()).sqrt().clamp(min=1 / 64)
    pink = torch.fft.irfft2(white / frequency, s=(64, 64))
    return (0.5 + 0.2 * (pink - pink.mean()) / pink.std()).clamp(0, 1)


def check_vgg16_images(height, width, n_channels, *, cure):
    """Refuse images that VGG16 does not take; the error ends with what does take them."""
    if n_channels not in (1, 3):
        raise ValueError(
            f"The images have {n_channels} channels, but VGG16 takes gray images or three colours. "
            f"Leave out the others; {cure}"
        )
    if min(height, width) < VGG16_MIN_SIZE:
        raise ValueError(
            f"The images have {height} x {width} pixels, but VGG16 needs {VGG16_MIN_SIZE} x "
            f"{VGG16_MIN_SIZE} at least. Pad or resize them (skimage.transform.resize); {cure}"
        )


def _are_colours(values):
    """Whether these are three numbers from 0 to 1."""
    return len(values) == 3 and all(
        isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) <= 1
        for value in values
    )


def _wrong_colours(name, allowed, values):
    return ValueError(
        f"The {name!r} parameter of VGG16Encoder must hold three numbers {allowed}, for red, green "
        f"and blue. Got {values!r} instead. They are in units of the data range: for images from 0 "
        "to 255 divide by 255."
    )


def _block_layers(convolutions, generator):
    layers = []
    for n_in, n_out in convolutions.values():
        layers += [he_conv(n_in, n_out, 3, generator), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2, ceil_mode=True)]
