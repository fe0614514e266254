"""What a layer within a network makes of images."""

import copy
from itertools import chain

import torch
from torch import nn


def layer_output(module: nn.Module, images: torch.Tensor, layer: str) -> torch.Tensor:
    """Give what a layer, called by its name among the submodules, makes of images.

    Safe in several threads: the layer that is listened to is one of a copy that shares all weights.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    images : torch.Tensor of shape (n, C, H, W)
        Images in [0, 1].
    layer : str
        A name in ``module.named_modules()``.

    Returns
    -------
    output : torch.Tensor
        Of shape (n, n_maps, h, w) for most layers.

    Raises
    ------
    ValueError
        If there is no such layer, or it does not give one tensor.
    """
    check_layer(module, layer)
    copied = _structural_copy(module)
    outputs: list = []
    copied.get_submodule(layer).register_forward_hook(
        lambda module, args, output: outputs.append(output)
    )
    copied(images)
    if len(outputs) != 1 or not isinstance(outputs[0], torch.Tensor):
        raise ValueError(
            f"layer {layer!r} gives no feature maps; choose one of {_names(module)}, or a layer "
            "within."
        )
    return outputs[0]


def check_layer(module: nn.Module, layer: str) -> None:
    """Raise a ValueError if a network has no layer of this name."""
    if layer not in dict(module.named_modules()):
        raise ValueError(
            f"layer={layer!r}; expected one of {_names(module)}, or another name in the "
            "named_modules() of the network."
        )


def _names(module):
    """Names of the stages, or of the largest parts where a network does not tell its stages."""
    children = [name for name, _ in module.named_children()]
    return getattr(module, "layer_names", children)


def _structural_copy(module):
    """Copy of a module whose parameters and buffers are those of the original."""
    tensors = chain(module.parameters(), module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
