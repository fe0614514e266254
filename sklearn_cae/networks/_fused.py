"""Networks for results alone: the same function in fewer operations."""

from itertools import product

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

from ._decoders import DecoderStage
from ._encoder_decoder import EncoderDecoderModule
from ._layers import structural_copy

# On smaller maps the four kernels of a doubled map are slower than what they replace.
SMALLEST_MAP = 8
# What two rows see of a kernel's three, for even and for odd rows of the doubled map: a value that
# is repeated meets the sum of two weights.
SUMS = [[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]]


def fused(module: nn.Module) -> nn.Module:
    """Give a module with the results of a network of the library, faster; others as they are.

    Batch normalisation becomes part of the convolution before it. A convolution of 3 x 3 on a map
    that was doubled by repeating its values becomes four of 2 x 2 on the small map, with 4/9 of the
    multiply-adds.

    Parameters
    ----------
    module : torch.nn.Module
        The network, in evaluation mode.

    Returns
    -------
    fused : torch.nn.Module
        A copy that shares all weights that it does not replace, for use without gradients. The
        module itself if somebody listens to its layers, or if there is nothing to do.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import Autoencoder, fused
    >>> module = Autoencoder((8,)).build((32, 32), 1, torch.Generator().manual_seed(0)).eval()
    >>> images = torch.rand(2, 1, 32, 32)
    >>> with torch.inference_mode():
    ...     bool(torch.allclose(fused(module)(images), module(images), atol=1e-6))
    True
    """
    if not isinstance(module, EncoderDecoderModule) or _has_hooks(module):
        return module
    copied = structural_copy(module)
    for part in list(copied.modules()):
        if isinstance(part, nn.Sequential):
            _fold_normalization(part)
    for part in list(copied.modules()):
        for name, child in part.named_children():
            if isinstance(child, DecoderStage) and FusedStage.fits(child):
                setattr(part, name, FusedStage(child))
    return copied


def _has_hooks(module):
    kinds = ("_forward_hooks", "_forward_pre_hooks")
    return any(vars(part)[kind] for part in module.modules() for kind in kinds)


def _fold_normalization(layers):
    """Fold the normalisation of a sequence into its convolution, in place."""
    if len(layers) < 2 or not isinstance(layers[1], nn.BatchNorm2d):
        return
    if isinstance(layers[0], nn.Conv2d):
        layers[0] = fuse_conv_bn_eval(layers[0], layers[1])
        layers[1] = nn.Identity()
        if isinstance(layers[-1], nn.ReLU):
            layers[-1] = nn.ReLU(inplace=True)


class FusedStage(nn.Module):
    """A stage of a decoder that convolves maps before it doubles them.

    Parameters
    ----------
    stage : DecoderStage
        The stage, without normalisation. It goes on doing what does not pay here: small maps, and
        those that are cut to an odd size.
    """

    def __init__(self, stage):
        super().__init__()
        self.stage = stage
        conv, *rest = _layers_of(stage)
        self.rest = nn.Sequential(*rest)
        self.weight = conv.weight
        self.kernels = _kernels_of_doubled(conv.weight)
        self.bias = None if conv.bias is None else conv.bias.repeat(4)

    @staticmethod
    def fits(stage):
        """Whether a stage doubles by repeating values, before a convolution of 3 x 3."""
        first = _layers_of(stage)[0]
        return isinstance(stage.doubling, nn.Upsample) and first.kernel_size == (3, 3)

    def forward(self, x, size, skip=None):
        """Map ``(n, width, h, w)`` to ``(n, new width, *size)``."""
        n, n_doubled, height, width = x.shape
        if tuple(size) != (2 * height, 2 * width) or min(height, width) < SMALLEST_MAP:
            return self.stage(x, size, skip)
        # At the corners between values, for each of the four kinds of place.
        corners = F.conv2d(x, self.kernels[:, :n_doubled], self.bias, padding=1)
        corners = corners.unflatten(1, (2, 2, -1))  # (n, 2, 2, new width, h + 1, w + 1)
        doubled = corners.new_empty((n, *size, corners.shape[3])).permute(0, 3, 1, 2)
        for row, column in product((0, 1), (0, 1)):
            rows, columns = slice(row, row + height), slice(column, column + width)
            doubled[:, :, row::2, column::2] = corners[:, row, column, :, rows, columns]
        if skip is not None:
            doubled += F.conv2d(skip, self.weight[:, n_doubled:], padding=1)
        return self.rest(doubled)


def _layers_of(stage):
    convolution = stage.convolution
    return list(convolution) if isinstance(convolution, nn.Sequential) else [convolution]


def _kernels_of_doubled(weight):
    """Kernels of 2 x 2 for even and odd rows and columns, (4 n_maps, n_in, 2, 2)."""
    sums = weight.new_tensor(SUMS)
    kernels = torch.einsum("aik,bjl,mnkl->abmnij", sums, sums, weight).flatten(0, 2)
    return kernels.contiguous(memory_format=torch.channels_last)
