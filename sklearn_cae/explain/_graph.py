"""A fitted network as a list of plain layers, which the page computes."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.fx.operator_schemas import get_signature_for_torch_op

from .._precision import computing_in
from ._operations import (
    IDENTITIES,
    IN_PLACE,
    OPERATIONS,
    SUPPORTED,
    Call,
    UnsupportedOperationError,
    Value,
)


@dataclass(frozen=True)
class Layer:
    """One operation of a network on one image.

    Attributes
    ----------
    kind : str
        What it does; "input" is the image, which stands first.
    inputs : tuple of int
        Places of the layers that it reads.
    shape : tuple of int
        Shape of what it gives for one image, (C, H, W) or (n_values,).
    name : str
        Name of the module of the network in which it stands, "" for the network itself.
    options : dict
        Its numbers, such as strides.
    weights : dict of Tensor
        Weights and constants by their role.
    sources : dict of str
        For each weight its name in the state of the network; constants have none.
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    name: str
    options: dict[str, Any]
    weights: dict[str, torch.Tensor]
    sources: dict[str, str]


@dataclass(frozen=True)
class Graph:
    """The layers of a network, in an order in which they can be computed.

    Attributes
    ----------
    layers : list of Layer
        The first is the image, the last gives the output.
    code : int or None
        Place of the layer that gives the code; ``None`` if the network has none.
    decodes : bool
        Whether all that follows the code reads nothing that comes before it.
    parts : list of Part
        The exported programs, one after the other, of which the layers were read.
    """

    layers: list[Layer]
    code: int | None
    decodes: bool
    parts: list["Part"]

    def values(self, image: torch.Tensor) -> list[torch.Tensor]:
        """What torch gives for each layer and an image (1, C, H, W), without the batch."""
        values = {0: image}
        for part in self.parts:
            with torch.no_grad(), computing_in("float32", "cpu"):
                values |= part.values(values[part.given])
        return [values[i][0] for i in range(len(self.layers))]


@dataclass(frozen=True)
class Part:
    """A part of a network as torch exported it.

    Attributes
    ----------
    graph_module : torch.fx.GraphModule
        Its program.
    tensors : list of Tensor
        Weights and constants, the first arguments of the program.
    given : int
        Place of the layer that it reads.
    places : dict of str
        For nodes of the program the places of their layers.
    """

    graph_module: torch.fx.GraphModule
    tensors: list[torch.Tensor]
    given: int
    places: dict[str, int]

    def values(self, given):
        """What torch gives for each layer, by its place."""
        recorder = _Recorder(self.graph_module)
        recorder.run(*self.tensors, given)
        return {place: recorder.results[name] for name, place in self.places.items()}


class _Recorder(torch.fx.Interpreter):
    """Runs a program and keeps all results."""

    def __init__(self, module):
        super().__init__(module)
        self.results = {}

    def run_node(self, n):
        result = super().run_node(n)
        # A copy, since a later node may change a result in place.
        self.results[n.name] = result.clone() if isinstance(result, torch.Tensor) else result
        return result


def trace(network: nn.Module, image_size: tuple[int, int], n_channels: int) -> Graph:
    """Turn a fitted network into plain layers.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    image_size : tuple of int
        Height and width of the images in pixels.
    n_channels : int
        Number of channels of an image.

    Returns
    -------
    graph : Graph
        Its layers.

    Raises
    ------
    ValueError
        If the network computes something that the page cannot.
    """
    module: Any = copy.deepcopy(network).cpu().float().eval()
    module.requires_grad_(False)
    image = torch.zeros(1, n_channels, *image_size)
    layers = _Layers(type(module).__name__, (n_channels, *image_size))
    decodes = hasattr(module, "encode") and hasattr(module, "decode")
    if decodes:
        layers.add(_Encode(module), image)
        code = layers.last
        layers.add(_Decode(module, image_size), module.encode(image))
    else:
        layers.add(_Whole(module), image)
        code = None
    graph = Graph(layers.layers, code, decodes, layers.parts)
    if not decodes and hasattr(module, "encode"):
        graph = replace(graph, code=_code_within(graph, module))
    return graph


def _code_within(graph, module):
    """Place of the first layer that gives what ``encode`` gives, ``None`` if none does."""
    noise = torch.rand(1, *graph.layers[0].shape, generator=torch.Generator().manual_seed(0))
    code = module.encode(noise)[0]
    return next((i for i, v in enumerate(graph.values(noise)) if torch.equal(v, code)), None)


class _Part(nn.Module):
    """A method of a network as a module; `part.` begins the names within it."""

    def __init__(self, module):
        super().__init__()
        self.part = module


class _Whole(_Part):
    def forward(self, images):
        return self.part(images)


class _Encode(_Part):
    def forward(self, images):
        return self.part.encode(images)


class _Decode(_Part):
    def __init__(self, module, image_size):
        super().__init__(module)
        self.image_size = image_size

    def forward(self, codes):
        return self.part.decode(codes, self.image_size)


class _Layers:
    """Layers that grow by one part of a network after the other."""

    def __init__(self, network, image_shape):
        self.network = network
        self.layers = [Layer("input", (), image_shape, "", {}, {}, {})]
        self.last = 0
        self.parts: list[Part] = []

    def add(self, part, given):
        """Append the layers of a part that reads what the last one so far gives."""
        program = self._exported(part, given)
        state = dict(program.state_dict) | dict(program.constants)
        signature = program.graph_signature
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        known: dict[str, Any] = {}  # for each node a Value, or the name of a weight
        read = self.last
        self.places: dict[str, int] = {}
        for node in program.graph.nodes:
            if node.op == "placeholder":
                known[node.name] = names.get(node.name) or self._value(self.last)
            elif node.op == "call_function":
                self._add_node(node, known, state)
            elif node.op == "output":
                self.last = known[node.args[0][0].name].layer
        tensors = [state[name] for name in names.values()]
        self.parts.append(Part(program.graph_module, tensors, read, self.places))

    def _exported(self, part, given):
        try:
            with torch.no_grad(), computing_in("float32", "cpu"):
                return torch.export.export(part, (given,))
        except Exception as error:  # Torch has many ways to say that it cannot follow a network.
            raise ValueError(
                f"{self.network} cannot be explained, because torch.export cannot follow it: "
                f"{str(error).strip().splitlines()[0]} Its forward may not depend on the values "
                f"of an image. What can be explained are networks of {SUPPORTED}."
            ) from error

    def _add_node(self, node, known, state):
        name = node.target.__name__  # "conv2d.default"
        plain = name.partition(".")[0]
        arguments = _arguments(node)
        first = next(iter(arguments.values()))
        shape = tuple(node.meta["val"].shape)
        # An encoder for colours leaves the channels of a colour image as they are.
        is_unchanged = plain == "expand" and shape == tuple(first.meta["val"].shape)
        if plain in IDENTITIES or is_unchanged:
            known[node.name] = known[first.name]
            return
        sources: dict[int, str] = {}  # names of weights by the identity of their tensors

        def resolve(argument):
            if isinstance(argument, (list, tuple)):
                return [resolve(item) for item in argument]
            if not isinstance(argument, torch.fx.Node):
                return argument
            found = known[argument.name]
            if isinstance(found, str):
                sources[id(state[found])] = found.removeprefix("part.")
                return state[found]
            return found

        call = Call({key: resolve(value) for key, value in arguments.items()}, shape[1:])
        module = _module_name(node)
        described = self._described(name, call, shape, module)
        self.layers.append(
            Layer(
                described.kind,
                tuple(value.layer for value in described.inputs),
                call.shape,
                module,
                described.options,
                described.weights,
                {
                    role: sources[id(weight)]
                    for role, weight in described.weights.items()
                    if id(weight) in sources
                },
            )
        )
        self.places[node.name] = len(self.layers) - 1
        value = self._value(len(self.layers) - 1)
        known[node.name] = value
        if plain in IN_PLACE:
            changed = known[first.name]
            known.update({key: value for key, other in known.items() if other == changed})

    def _described(self, name, call, shape, module):
        try:
            if name not in OPERATIONS:
                raise UnsupportedOperationError(f"the operation {name.partition('.')[0]!r}")
            if shape[0] != 1:
                raise UnsupportedOperationError("an operation across images")
            return OPERATIONS[name](call)
        except UnsupportedOperationError as error:
            where = f", in {module!r}," if module else ""
            raise ValueError(
                f"{self.network} cannot be explained: it has {error}{where} which the page cannot "
                f"compute. What can be explained are networks of {SUPPORTED}."
            ) from error

    def _value(self, layer):
        return Value(layer, self.layers[layer].shape)


def _arguments(node):
    """Arguments of a call by their names in torch, with defaults; the tensor is "input"."""
    # An operation with its overload, "conv2d.default", has one signature.
    signatures: Any = get_signature_for_torch_op(node.target)
    call = signatures[0].bind(*node.args, **node.kwargs)
    call.apply_defaults()
    return call.arguments


def _module_name(node):
    """Name of the innermost module in which a call stands, as in ``named_modules()``."""
    stack = node.meta.get("nn_module_stack", {})
    name = list(stack.values())[-1][0] if stack else ""
    return name.removeprefix("part").removeprefix(".")
