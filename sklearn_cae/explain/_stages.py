"""Layers put together into stages, and how much of an image they see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ._graph import Graph, Layer

# With these a stage begins where a network does not name its stages.
WEIGHTED = frozenset({"convolution", "transposed convolution", "linear"})
# What stays in the stage of the convolution before it.
FOLLOWING = frozenset(
    {"normalization", "affine", "relu", "leaky relu", "sigmoid", "tanh", "clamp", "sum"}
    | {"difference", "product", "pixel shuffle"}
)


@dataclass(frozen=True)
class Stage:
    """Layers that are shown as one.

    Attributes
    ----------
    title : str
        "Encoder 1", "Code", "Decoder 1", "Output".
    layers : list of int
        Places of its layers, one after the other; the last gives the maps that are shown.
    field : tuple of int
        Height and width in pixels of the part of an image that one value of these maps depends on.
    """

    title: str
    layers: list[int]
    field: tuple[int, int]


def stages_of(graph: Graph, names: Sequence[str] | None) -> list[Stage]:
    """Group the layers of a network.

    Parameters
    ----------
    graph : Graph
        The network.
    names : list of str or None
        Names of modules that are stages, from image to image; ``None`` begins a stage with each
        convolution.

    Returns
    -------
    stages : list of Stage
        They hold all layers but the image.
    """
    groups = _by_weights(graph) if names is None else _by_name(graph, names)
    fields = fields_of_view(graph.layers)
    titles = _titles([group[-1] for group in groups], graph.code)
    return [
        Stage(title, group, fields[group[-1]]) for title, group in zip(titles, groups, strict=True)
    ]


def _by_name(graph, names):
    """Layers in a named module; those between two modules go with the one that follows."""
    groups: list[list[int]] = []
    pending: list[int] = []
    last_owner = None
    for i, layer in enumerate(graph.layers[1:], start=1):
        owner = _owner(layer.name, names)
        if owner is not None and owner == last_owner and not pending:
            groups[-1].append(i)
        elif owner is not None:
            groups.append([*pending, i])
            pending, last_owner = [], owner
        else:
            pending.append(i)
        if i == graph.code and pending:
            groups.append(pending)
            pending, last_owner = [], None
    return _with_rest(groups, pending)


def _owner(module, names):
    return next((n for n in names if module == n or module.startswith(f"{n}.")), None)


def _by_weights(graph):
    """A stage for each layer of weights, with what comes before and what follows at once."""
    groups: list[list[int]] = []
    pending: list[int] = []
    for i, layer in enumerate(graph.layers[1:], start=1):
        follows = layer.kind in FOLLOWING and groups and not pending
        if follows and graph.code != groups[-1][-1]:
            groups[-1].append(i)
        elif layer.kind in WEIGHTED or i == graph.code:
            groups.append([*pending, i])
            pending = []
        else:
            pending.append(i)
    return _with_rest(groups, pending)


def _with_rest(groups, rest):
    return [*groups[:-1], [*groups[-1], *rest]] if groups else [rest]


def _titles(ends, code):
    """Titles of stages that end with these layers."""
    titles = []
    before = after = 0
    for end in ends[:-1]:
        if code is None or end < code:
            before += 1
            titles.append(f"Encoder {before}" if code is not None else f"Stage {before}")
        elif end == code:
            titles.append("Code")
        else:
            after += 1
            titles.append(f"Decoder {after}")
    return [*titles, "Output"]


def fields_of_view(layers: list[Layer]) -> list[tuple[int, int]]:
    """Height and width in pixels of what one value of each layer depends on, as far as the image.

    Up-sampling is followed by the widest part of the maps before it that one value reads.
    """
    size = layers[0].shape[1:]
    known: list[list[tuple[float, float]]] = []  # of both axes: extent, step from value to value
    for layer in layers:
        read = [known[i] for i in layer.inputs]
        known.append([_seen(layer, axis, [axes[axis] for axes in read]) for axis in (0, 1)])
    height, width = size
    return [
        (math.ceil(min(height, down)), math.ceil(min(width, across)))
        for (down, _), (across, _) in known
    ]


def _seen(layer, axis, read):
    """Extent and step of a layer along one axis, of those of what it reads."""
    if not read:
        return 1.0, 1.0
    extent, step = max(read)
    options = layer.options
    if layer.kind == "linear":
        return math.inf, step
    if layer.kind == "convolution":
        reach = options["dilation"][axis] * (layer.weights["weight"].shape[2 + axis] - 1)
        return extent + reach * step, step * options["stride"][axis]
    if layer.kind in ("maximum", "average"):
        return extent + (options["size"][axis] - 1) * step, step * options["stride"][axis]
    if layer.kind == "transposed convolution":
        stride = options["stride"][axis]
        reach = (layer.weights["weight"].shape[2 + axis] - 1) // stride
        return extent + reach * step, step / stride
    if layer.kind == "repetition":
        return extent, step / options["factor"][axis]
    if layer.kind == "pixel unshuffle":
        return extent + (options["factor"] - 1) * step, step * options["factor"]
    if layer.kind == "pixel shuffle":
        return extent, step / options["factor"]
    return extent, step
