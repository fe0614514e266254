"""What layers within a network make of images."""

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import nn

from ._encoder_decoder import EncoderDecoderModule


def layer_output(module: nn.Module, images: torch.Tensor, layer: str) -> torch.Tensor:
    """Give what a layer, called by its name among the submodules, makes of images.

    As :func:`layer_outputs` for a single one.
    """
    return layer_outputs(module, images, [layer])[0]


def layer_outputs(
    module: nn.Module, images: torch.Tensor, layers: Sequence[str]
) -> list[torch.Tensor]:
    """Give what layers, called by their names among the submodules, make of images.

    The network runs once, the encoder alone where all of them are within it. Safe in several
    threads: the layers that are listened to are those of a copy that shares all weights.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    images : torch.Tensor of shape (n, C, H, W)
        Images in [0, 1].
    layers : sequence of str
        Names in ``module.named_modules()``.

    Returns
    -------
    outputs : list of torch.Tensor
        Of each layer in float32; of shape (n, n_maps, h, w) for most.

    Raises
    ------
    ValueError
        If there is no such layer, or it does not give one tensor.
    """
    copied = structural_copy(module)
    heard: dict[str, list[Any]] = {layer: [] for layer in layers}
    for layer, outputs in heard.items():
        check_layer(module, layer)
        copied.get_submodule(layer).register_forward_hook(_append_to(outputs))
    within_encoder = all(layer.startswith("encoder.") for layer in layers)
    if within_encoder and isinstance(copied, EncoderDecoderModule):
        copied.encoder(images)  # the decoder would be for nothing
    else:
        copied(images)
    for layer, outputs in heard.items():
        if len(outputs) != 1 or not isinstance(outputs[0], torch.Tensor):
            raise ValueError(
                f"layer {layer!r} gives no feature maps; choose one of {_names(module)}, or a "
                "layer within."
            )
    return [heard[layer][0].float() for layer in layers]


def _append_to(outputs):
    return lambda module, args, output: outputs.append(output)


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


def structural_copy(module):
    """Copy of a module whose parameters and buffers are those of the original."""
    tensors = chain(module.parameters(), module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
