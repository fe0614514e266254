"""Operations of torch that the page can compute, each as a plain layer.

A table from the name of an operation in torch's exported programs to a function that describes one
call of it; errors and tests read it.
"""

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes
    ----------
    arguments : dict
        Arguments by their names in torch, defaults filled in. A :class:`Value` stands for what the
        network computes, a tensor for a weight or a constant.
    shape : tuple of int
        Shape of the result for one image, without the batch.
    """

    arguments: dict[str, Any]
    shape: tuple[int, ...]

    def __getitem__(self, name):
        return self.arguments[name]


@dataclass(frozen=True)
class Value:
    """What an earlier layer gives: its place among the layers and its shape for one image."""

    layer: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Described:
    """A layer without its place in the network.

    Attributes
    ----------
    kind : str
        Name of the function of the page that computes it.
    inputs : list of Value
        What it reads.
    options : dict
        Numbers and lists of numbers.
    weights : dict of Tensor
        Weights and constants by their role.
    """

    kind: str
    inputs: list[Value]
    options: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)


class UnsupportedOperationError(Exception):
    """An operation, or an option of one, that the page cannot compute."""


def _convolution(call):
    _refuse(not isinstance(call["padding"], str), "a padding of this kind")
    return _described_convolution(call, list(call["padding"]))


def _convolution_padded_by_name(call):
    kernel = call["weight"].shape[2:]
    reach = [d * (k - 1) for d, k in zip(call["dilation"], kernel, strict=True)]
    same = call["padding"] == "same"
    _refuse(not same or all(r % 2 == 0 for r in reach), "padding='same' with an even kernel")
    return _described_convolution(call, [r // 2 if same else 0 for r in reach])


def _described_convolution(call, padding):
    options = {
        "stride": list(call["stride"]),
        "padding": padding,
        "dilation": list(call["dilation"]),
        "groups": call["groups"],
    }
    return Described("convolution", [_input(call)], options, _weight_and_bias(call))


def _transposed_convolution(call):
    _refuse(call["groups"] == 1 and set(call["dilation"]) == {1}, "groups or dilation")
    options = {"stride": list(call["stride"]), "padding": list(call["padding"])}
    return Described("transposed convolution", [_input(call)], options, _weight_and_bias(call))


def _linear(call):
    _refuse(len(_input(call).shape) == 1, "a linear layer on more than flat values")
    return Described("linear", [_input(call)], {}, _weight_and_bias(call))


def _weight_and_bias(call):
    weights = {"weight": call["weight"], "bias": call["bias"]}
    return {role: tensor for role, tensor in weights.items() if tensor is not None}


def _normalization(call):
    _refuse(not call["training"], "batch normalisation in training mode")
    roles = {"mean": "running_mean", "variance": "running_var", "weight": "weight", "bias": "bias"}
    weights = {role: call[name] for role, name in roles.items() if call[name] is not None}
    return Described("normalization", [_input(call)], {"eps": call["eps"]}, weights)


def _pooling(kind):
    def describe(call):
        _refuse(set(call.arguments.get("dilation", [1])) == {1}, "dilation")
        _refuse(kind == "maximum" or not any(call["padding"]), "average pooling with a padding")
        size = list(call["kernel_size"])
        options = {"size": size, "stride": list(call["stride"] or size)}
        return Described(kind, [_input(call)], options | {"padding": list(call["padding"])})

    return describe


def _repetition(call):
    (_, height, width), (_, *size) = call.shape, _input(call).shape
    _refuse(height % size[0] == width % size[1] == 0, "up-sampling by other than whole numbers")
    return Described(
        "repetition", [_input(call)], {"factor": [height // size[0], width // size[1]]}
    )


def _pointwise(kind, **options):
    """Functions of one value; ``options`` are theirs by the names of torch's arguments."""

    def describe(call):
        values = {name: call[argument] for name, argument in options.items()}
        return Described(kind, [_input(call)], values)

    return describe


def _clamp(call):
    return Described("clamp", [_input(call)], {"low": call["min"], "high": call["max"]})


def _padding(call):
    modes = {"constant": "constant", "replicate": "replicate", "reflect": "reflect"}
    _refuse(call["mode"] in modes and len(call["pad"]) <= 4, f"padding by {call['mode']!r}")
    left, right, top, bottom = (*call["pad"], 0, 0)[:4]
    _refuse(min(left, right, top, bottom) >= 0, "a negative padding")
    options = {"top": top, "left": left, "mode": call["mode"], "value": call["value"] or 0}
    return Described("padding", [_input(call)], options)


def _crop(call):
    value, dim = _input(call), call["dim"]
    _refuse(call["step"] == 1 and dim >= 1, "slicing with steps or across images")
    length = value.shape[dim - 1]
    start = call["start"] or 0
    starts = [0] * len(value.shape)
    starts[dim - 1] = start + length if start < 0 else start
    return Described("crop", [value], {"start": starts})


def _concatenation(call):
    values = call["tensors"]
    _refuse(call["dim"] in (1, 1 - len(call.shape)), "concatenation but of channels")
    _refuse(all(isinstance(value, Value) for value in values), "concatenation with constants")
    return Described("concatenation", values)


def _sum(call):
    return _combined(call, "sum", scale=lambda c: 1.0, shift=lambda c: c)


def _difference(call):
    return _combined(call, "difference", scale=lambda c: 1.0, shift=lambda c: -c)


def _product(call):
    return _combined(call, "product", scale=lambda c: c, shift=lambda c: 0.0)


def _quotient(call):
    return _combined(call, None, scale=lambda c: 1 / c, shift=lambda c: 0.0)


def _combined(call, kind, *, scale, shift):
    """Two values together, or a value with a constant for each channel: ``scale * x + shift``."""
    _refuse(call.arguments.get("alpha", 1) == 1, "a sum with alpha")
    one, other = call["input"], call["other"]
    if not isinstance(one, Value) and kind in ("sum", "product"):
        one, other = other, one
    _refuse(isinstance(one, Value), "this order of a constant and a value")
    if isinstance(other, Value):
        _refuse(kind is not None and one.shape == other.shape, "values of different shapes")
        return Described(kind, [one, other])
    constants = _by_channel(other, call.shape)
    weights = {"scale": scale(constants), "shift": shift(constants)}
    return Described(
        "affine",
        [one],
        {},
        {role: torch.as_tensor(w).expand(call.shape[0]) for role, w in weights.items()},
    )


def _by_channel(constant, shape):
    """A constant as one number for each channel, or each value of a flat layer."""
    constant = torch.as_tensor(constant, dtype=torch.float32)
    trailing = len(shape) - 1  # height and width
    padded = constant.reshape((1,) * (trailing + 1 - constant.dim()) + tuple(constant.shape))
    if padded.dim() == trailing + 2:
        padded = padded[0]
    _refuse(padded[..., 0, 0].numel() == padded.numel() if trailing else True, "a constant image")
    return padded.reshape(-1).expand(shape[0])


def _repeated_channels(call):
    value = _input(call)
    _refuse(value.shape[0] == 1 and value.shape[1:] == call.shape[1:], "expand, but of channels")
    return Described("channels", [value])


def _reshape(call):
    return Described("reshape", [_input(call)])


def _shuffle(kind, argument):
    def describe(call):
        return Described(kind, [_input(call)], {"factor": call[argument]})

    return describe


def _input(call):
    value = call.arguments.get("input")
    _refuse(isinstance(value, Value), "an operation on constants")
    return value


def _refuse(is_right, what):
    if not is_right:
        raise UnsupportedOperationError(what)


# Operations that give back what they are given, when a network is not trained.
IDENTITIES = frozenset(
    {"alias", "clone", "contiguous", "detach", "detach_", "dropout", "feature_dropout", "to"}
)
# Operations that change what they are given: later readers of it see the result.
IN_PLACE = frozenset({"relu_", "leaky_relu_", "sigmoid_", "tanh_", "hardtanh_", "add_", "mul_"})

OPERATIONS = {
    "conv2d.default": _convolution,
    "conv2d.padding": _convolution_padded_by_name,
    "conv_transpose2d.input": _transposed_convolution,
    "linear.default": _linear,
    "batch_norm.default": _normalization,
    "max_pool2d.default": _pooling("maximum"),
    "avg_pool2d.default": _pooling("average"),
    "upsample_nearest2d.vec": _repetition,
    "relu.default": _pointwise("relu"),
    "relu_.default": _pointwise("relu"),
    "leaky_relu.default": _pointwise("leaky relu", slope="negative_slope"),
    "leaky_relu_.default": _pointwise("leaky relu", slope="negative_slope"),
    "sigmoid.default": _pointwise("sigmoid"),
    "sigmoid_.default": _pointwise("sigmoid"),
    "tanh.default": _pointwise("tanh"),
    "tanh_.default": _pointwise("tanh"),
    "clamp.default": _clamp,
    "hardtanh.default": _pointwise("clamp", low="min_val", high="max_val"),
    "hardtanh_.default": _pointwise("clamp", low="min_val", high="max_val"),
    "pad.default": _padding,
    "slice.Tensor": _crop,
    "cat.default": _concatenation,
    "add.Tensor": _sum,
    "add_.Tensor": _sum,
    "sub.Tensor": _difference,
    "mul.Tensor": _product,
    "mul_.Tensor": _product,
    "div.Tensor": _quotient,
    "expand.default": _repeated_channels,
    "flatten.using_ints": _reshape,
    "unflatten.int": _reshape,
    "view.default": _reshape,
    "reshape.default": _reshape,
    "pixel_shuffle.default": _shuffle("pixel shuffle", "upscale_factor"),
    "pixel_unshuffle.default": _shuffle("pixel unshuffle", "downscale_factor"),
}

SUPPORTED = (
    "convolutions, transposed convolutions, linear layers, batch normalisation, max and average "
    "pooling, nearest up-sampling, pixel shuffles, ReLU, leaky ReLU, sigmoid, tanh, clamping, "
    "padding, cropping, sums, differences, products, concatenation of channels, and reshaping"
)
