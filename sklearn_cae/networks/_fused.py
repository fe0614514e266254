"""Networks for results alone: the same function in fewer operations."""

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ._decoders import DecoderStage
from ._doubling import convolve_doubled, kernel_of_doubled
from ._encoder_decoder import EncoderDecoderModule
from ._layers import structural_copy
from ._plain import has_hooks, is_own


def fused(module: nn.Module) -> nn.Module:
    """Give a module with the results of a network of the library, faster; others as they are.

    Batch normalisation becomes part of the convolution before it. A convolution of 3 x 3 on a map
    that was doubled by repeating its values becomes one on the small map, with 4/9 of the
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
    if not isinstance(module, EncoderDecoderModule) or has_hooks(module):
        return module
    copied = structural_copy(module)
    for part in list(copied.modules()):
        if is_own(part, nn.Sequential):
            _fold_normalization(part)
    for part in list(copied.modules()):
        for name, child in part.named_children():
            if isinstance(child, DecoderStage) and child.can_convolve_first:
                setattr(part, name, FusedStage(child))
    return copied


def _fold_normalization(layers):
    """Fold the normalisation of a sequence into its convolution, in place."""
    if len(layers) < 2 or not _is_normalized(*layers[:2]):
        return
    layers[0] = fuse_conv_bn_eval(layers[0], layers[1])
    layers[1] = nn.Identity()
    if is_own(layers[-1], nn.ReLU):
        layers[-1] = nn.ReLU(inplace=True)


def _is_normalized(conv, normalization):
    return (
        is_own(conv, nn.Conv2d)
        and is_own(normalization, nn.BatchNorm2d)
        and normalization.running_mean is not None
    )


class FusedStage(nn.Module):
    """A stage of a decoder that convolves maps before it doubles them.

    Parameters
    ----------
    stage : DecoderStage
        The stage, without normalisation. It goes on with large maps that are cut to an odd size.
    """

    kernel: torch.Tensor

    def __init__(self, stage):
        super().__init__()
        self.stage = stage
        conv, *rest = stage.layers
        self.rest = nn.Sequential(*rest)
        self.weight, self.bias = conv.weight, conv.bias
        kernel = kernel_of_doubled(conv.weight.detach()).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x, size, skip=None):
        """Map ``(n, width, h, w)`` to ``(n, new width, *size)``."""
        if not self.stage.convolves_first(x, size):
            return self.stage(x, size, skip)
        kernel = self.kernel[: x.shape[1]]
        return self.rest(convolve_doubled(x, skip, self.weight, self.bias, size, kernel))
