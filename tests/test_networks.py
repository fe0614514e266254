"""The torch modules: topology, shapes, symmetry."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from sklearn_cae import DenoisingCAE
from sklearn_cae._networks import ConvAutoencoder, halved_sizes

DEFAULTS = {
    "image_size": (12, 12),
    "n_channels": 3,
    "channels": (4, 8),
    "code_channels": 5,
    "latent_dim": None,
    "kernel_size": 3,
    "downsampling": "max_pool",
    "upsampling": "nearest",
    "normalization": "batch",
    "skip_connections": False,
    "residual": False,
}


def network(**params):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConvAutoencoder(**DEFAULTS | params)


def images(n=2, channels=3, height=12, width=12):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0))


def source_network():
    """The network of the estimator's defaults on images of 32 x 32 x 3, without normalisation."""
    defaults = DenoisingCAE().get_params()
    shared = {name: defaults[name] for name in DEFAULTS if name in defaults}
    return network(**shared | {"image_size": (32, 32), "normalization": None})


def layers(module, batch):
    """Name of each layer in the order of the forward pass, its kernel's shape, the output's size.

    Convolutions alone have a kernel. Layers that pass on what they get are left out.
    """
    seen = []

    def record(layer, inputs, output):
        kernel = tuple(layer.weight.shape) if hasattr(layer, "weight") else None
        if kernel or output.shape != inputs[0].shape:
            seen.append((type(layer).__name__, kernel, tuple(output.shape[2:])))

    for layer in module.modules():
        if not list(layer.children()):
            layer.register_forward_hook(record)
    module.eval()(batch)
    return seen


def test_the_default_topology_is_that_of_the_source():
    assert layers(source_network(), images(1, 3, 32, 32)) == [
        ("Conv2d", (32, 3, 3, 3), (32, 32)),
        ("MaxPool2d", None, (16, 16)),
        ("Conv2d", (64, 32, 3, 3), (16, 16)),
        ("MaxPool2d", None, (8, 8)),
        ("Conv2d", (128, 64, 3, 3), (8, 8)),
        ("MaxPool2d", None, (4, 4)),
        ("Conv2d", (128, 128, 3, 3), (4, 4)),
        ("Upsample", None, (8, 8)),
        ("Conv2d", (64, 128, 3, 3), (8, 8)),
        ("Upsample", None, (16, 16)),
        ("Conv2d", (32, 64, 3, 3), (16, 16)),
        ("Upsample", None, (32, 32)),
        ("Conv2d", (3, 32, 3, 3), (32, 32)),
    ]


def test_the_default_topology_has_333955_weights_and_biases():
    assert sum(p.numel() for p in source_network().parameters()) == 333_955


def test_the_default_code_of_32_x_32_pixels_is_4_x_4_x_128():
    assert source_network().code_shape == (128, 4, 4)


def test_every_convolution_of_the_default_topology_has_a_bias():
    convolutions = [m for m in source_network().modules() if isinstance(m, nn.Conv2d)]
    assert [conv.bias is not None for conv in convolutions] == [True] * 7


SIZES = [(1, 1), (1, 5), (2, 2), (3, 8), (7, 9), (12, 12), (13, 11)]
OPTIONS = [
    {},
    {"downsampling": "stride"},
    {"upsampling": "transpose"},
    {"normalization": None},
    {"skip_connections": True},
    {"residual": True},
    {"skip_connections": True, "residual": True, "downsampling": "stride"},
    {"channels": (4,)},
    {"channels": (4, 5, 6, 7)},
    {"kernel_size": 1},
    {"kernel_size": 5},
    {"code_channels": 1, "n_channels": 1},
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_an_image_comes_out_in_its_size(size, params):
    net = network(**params).eval()
    batch = images(2, net.encoder.stages[0][0].in_channels, *size)
    assert net(batch).shape == batch.shape


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_a_flat_code_has_its_length_for_images_of_any_size(size, params):
    net = network(**params, image_size=size, latent_dim=3).eval()
    batch = images(2, net.encoder.stages[0][0].in_channels, *size)
    assert net.encode(batch).shape == (2, 3)
    assert net(batch).shape == batch.shape


@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
@pytest.mark.parametrize("upsampling", ["nearest", "transpose"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_there_are_as_many_ups_as_downs(depth, downsampling, upsampling):
    net = network(
        channels=(4,) * depth, downsampling=downsampling, upsampling=upsampling, image_size=(32, 32)
    )
    sizes = [size for _, _, size in layers(net, images(1, 3, 32, 32))]
    steps = list(pairwise([(32, 32), *sizes]))
    downs = [size for before, size in steps if size < before]
    ups = [size for before, size in steps if size > before]
    assert len(downs) == len(ups) == depth
    assert min(sizes) == (32 // 2**depth,) * 2


def test_strides_halve_without_pooling():
    names = {name for name, _, _ in layers(network(downsampling="stride"), images())}
    assert "MaxPool2d" not in names


def test_transposed_convolutions_double_without_repeating():
    names = {name for name, _, _ in layers(network(upsampling="transpose"), images())}
    assert "ConvTranspose2d" in names
    assert "Upsample" not in names


@pytest.mark.parametrize(
    ("normalization", "expected"), [("batch", True), (None, False)], ids=["batch", "None"]
)
def test_normalization_is_there_if_asked_for(normalization, expected):
    names = {name for name, _, _ in layers(network(normalization=normalization), images())}
    assert ("BatchNorm2d" in names) is expected


@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_a_code_is_decoded_to_what_the_network_gives(params):
    net = network(**params | {"skip_connections": False, "residual": False}).eval()
    batch = images(2, net.encoder.stages[0][0].in_channels, 7, 9)
    torch.testing.assert_close(net.decode(net.encode(batch), (7, 9)), net(batch), rtol=0, atol=0)


def test_the_output_is_between_black_and_white():
    output = network().eval()(10 * images() - 5)
    assert 0 <= output.min() <= output.max() <= 1


def test_a_residual_network_begins_by_giving_back_its_input():
    batch = images()
    torch.testing.assert_close(network(residual=True).eval()(batch), batch, rtol=0, atol=1e-6)


def test_skip_connections_reach_around_the_code():
    net = network(skip_connections=True).eval()
    net.bottleneck.compress = torch.zeros_like
    one, other = net(images())
    assert not torch.allclose(one, other, atol=1e-3)


def test_without_skip_connections_the_code_is_all_that_is_known():
    net = network().eval()
    net.bottleneck.compress = torch.zeros_like
    one, other = net(images())
    torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_every_parameter_is_trained(params):
    net = network(**params)
    batch = images(4, net.encoder.stages[0][0].in_channels)
    if net.residual:
        # Its last weights are zero and hold the gradient back in the first step.
        nn.init.ones_(net.decoder.head.weight)
    net(batch).square().sum().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a normalisation has no effect; there is none.
    assert without == []


@pytest.mark.parametrize(
    ("size", "n_halvings", "expected"),
    [
        ((28, 28), 3, [(28, 28), (14, 14), (7, 7), (4, 4)]),
        ((1, 5), 2, [(1, 5), (1, 3), (1, 2)]),
        ((8, 8), 0, [(8, 8)]),
    ],
)
def test_sizes_are_halved_and_rounded_up(size, n_halvings, expected):
    assert halved_sizes(size, n_halvings) == expected
