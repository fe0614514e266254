"""The numbers of a network as text: what each layer weighs, and all of them in one array."""

import base64
import math

import numpy as np
import torch

from ._graph import Graph


def packed(graph: Graph) -> tuple[list[dict], np.ndarray]:
    """All weights and constants of a network in one array, and where in it those of a layer lie.

    Returns
    -------
    places : list of dict
        For each layer, by role, where its numbers start and their shape.
    values : ndarray of shape (n_values,)
        float32.
    """
    places, arrays, start = [], [], 0
    for layer in graph.layers:
        of_layer = {}
        for role, tensor in layer.weights.items():
            of_layer[role] = {"start": start, "shape": list(tensor.shape)}
            arrays.append(_flat(tensor))
            start += tensor.numel()
        places.append(of_layer)
    return places, np.concatenate(arrays) if arrays else np.empty(0, np.float32)


def packed_state(graph: Graph, state: dict[str, np.ndarray]) -> np.ndarray:
    """The same array of another state of the same network, such as that of an earlier epoch.

    Raises
    ------
    ValueError
        If it is the state of another network.
    """
    arrays = []
    for layer in graph.layers:
        for role, tensor in layer.weights.items():
            name = layer.sources.get(role)
            values = tensor if name is None else state.get(name)
            if values is None or tuple(values.shape) != tuple(tensor.shape):
                raise ValueError(
                    f"history holds the weights of another network: {name} of shape "
                    f"{tuple(tensor.shape)} is not among them. Give the WeightHistory that was "
                    "among the callbacks of this estimator."
                )
            arrays.append(_flat(values))
    return np.concatenate(arrays) if arrays else np.empty(0, np.float32)


def _flat(values):
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1)


def count_weights(layer) -> int:
    """Trained numbers of a layer; running means and variances are none."""
    counted = ("weight", "bias")
    return sum(layer.weights[role].numel() for role in counted if role in layer.weights)


def count_products(layer) -> int:
    """Multiplications of a layer for one image."""
    if "weight" not in layer.weights or layer.kind == "normalization":
        return 0
    weight = layer.weights["weight"]
    if layer.kind == "convolution":
        return math.prod(layer.shape) * weight[0].numel()
    if layer.kind == "transposed convolution":
        positions = math.prod(layer.shape[1:]) // math.prod(layer.options["stride"])
        return positions * weight.numel()
    return weight.numel()


def as_text(values: np.ndarray) -> str:
    """An array as base64 of its bytes, little-endian."""
    array = np.ascontiguousarray(values)
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
