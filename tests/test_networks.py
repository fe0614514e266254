"""The torch modules of the networks: topology, shapes, symmetry, layers."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, pairwise

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_cae.networks import (
    Autoencoder,
    ConvEncoder,
    ResUNet,
    TorchNetwork,
    UNet,
    layer_output,
)
from sklearn_cae.networks._decoders import halved, upward_sizes
from sklearn_cae.networks._res_unet import pad_to_multiple

SMALL = ConvEncoder((4, 8), code_channels=5)
STRIDE = ConvEncoder((4, 8), code_channels=5, downsampling="stride")


def build(network=None, size=(12, 12), n_channels=3):
    network = Autoencoder(SMALL) if network is None else network
    network.check()
    return network.build(size, n_channels, torch.Generator().manual_seed(0))


def images(n=2, channels=3, height=12, width=12):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0))


def source_network():
    """The network of the defaults on images of 32 x 32 x 3, without normalisation."""
    return build(Autoencoder(normalization=None), (32, 32))


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


# --- topology


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


def test_the_u_net_joins_the_maps_of_each_stage():
    net = build(UNet((4, 8, 16), normalization=None))
    widths = [
        (m.in_channels, m.out_channels) for m in net.decoder.modules() if isinstance(m, nn.Conv2d)
    ]
    # The code has 128 maps.
    assert widths == [(128 + 16, 8), (8 + 8, 4), (4 + 4, 4), (4, 3)]


@pytest.mark.parametrize(
    ("depth", "downsampling", "upsampling"),
    [
        (1, "max_pool", "nearest"),
        (2, "stride", "transpose"),
        (3, "max_pool", "transpose"),
        (4, "stride", "nearest"),
    ],
)
def test_there_are_as_many_ups_as_downs(depth, downsampling, upsampling):
    encoder = ConvEncoder((4,) * depth, downsampling=downsampling)
    net = build(Autoencoder(encoder, upsampling=upsampling), (32, 32))
    sizes = [size for _, _, size in layers(net, images(1, 3, 32, 32))]
    steps = list(pairwise([(32, 32), *sizes]))
    downs = [size for before, size in steps if size < before]
    ups = [size for before, size in steps if size > before]
    assert len(downs) == len(ups) == depth
    assert min(sizes) == (32 // 2**depth,) * 2


def test_strides_halve_without_pooling():
    names = {name for name, _, _ in layers(build(Autoencoder(STRIDE)), images())}
    assert "MaxPool2d" not in names


def test_transposed_convolutions_double_without_repeating():
    net = build(Autoencoder(SMALL, upsampling="transpose"))
    names = {name for name, _, _ in layers(net, images())}
    assert "ConvTranspose2d" in names
    assert "Upsample" not in names


@pytest.mark.parametrize(
    ("normalization", "expected"), [("batch", True), (None, False)], ids=["batch", "None"]
)
def test_normalization_is_there_if_asked_for(normalization, expected):
    net = build(Autoencoder(SMALL, latent_dim=3, normalization=normalization))
    kinds = {type(m) for m in net.modules()}
    assert [kind in kinds for kind in (nn.BatchNorm1d, nn.BatchNorm2d)] == [expected] * 2


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(nn.ConvTranspose2d, (128, 128, 2)), (nn.Linear, (128 * 3 * 3, 50))],
)
def test_other_layers_begin_as_those_of_torch(kind, arguments):
    network = Autoencoder((64, 64), latent_dim=50, upsampling="transpose", normalization=None)
    net = build(network)
    ours = next(m for m in net.modules() if isinstance(m, kind))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torchs = kind(*arguments)
    assert ours.weight.shape == torchs.weight.shape
    for one, other in zip(ours.parameters(), torchs.parameters(), strict=True):
        # Both are uniform: the largest of 50 numbers and more is within 15 % of the bound.
        torch.testing.assert_close(one.abs().max(), other.abs().max(), rtol=0.15, atol=0)


# --- shapes

SIZES = [(1, 1), (1, 5), (2, 2), (3, 8), (7, 9), (12, 12), (13, 11)]
NETWORKS = [
    Autoencoder(SMALL),
    Autoencoder(STRIDE),
    Autoencoder(SMALL, upsampling="transpose"),
    Autoencoder(SMALL, normalization=None),
    Autoencoder((4,), kernel_size=1),
    Autoencoder((4, 5, 6, 7), kernel_size=5),
    UNet(SMALL),
    UNet(STRIDE, upsampling="transpose"),
    UNet((4,), normalization=None),
    UNet((4, 5, 6, 7), kernel_size=5),
    ResUNet((8,)),
    ResUNet((4, 6), blocks=1),
    ResUNet((4, 5, 6, 7), blocks=1),
]
# Each network with two sizes, each size with networks of both kinds.
SHAPES = list(zip(2 * NETWORKS, cycle(SIZES), cycle([1, 3, 5]), strict=False))


@pytest.mark.parametrize(("network", "size", "n_channels"), SHAPES, ids=str)
def test_an_image_comes_out_in_its_size(network, size, n_channels):
    batch = images(2, n_channels, *size)
    assert build(network, (12, 12), n_channels).eval()(batch).shape == batch.shape


@pytest.mark.parametrize(("network", "size", "n_channels"), SHAPES, ids=str)
def test_codes_have_the_shape_that_is_told(network, size, n_channels):
    net = build(network, size, n_channels).eval()
    assert net.encode(images(2, n_channels, *size)).shape == (2, *net.code_shape)


@pytest.mark.parametrize(
    ("encoder", "size"),
    list(zip(cycle([SMALL, STRIDE, (4,), (4, 5, 6)]), SIZES, strict=False)),
    ids=str,
)
def test_a_flat_code_has_its_length_for_images_of_any_size(encoder, size):
    net = build(Autoencoder(encoder, latent_dim=3), size).eval()
    batch = images(2, 3, *size)
    assert net.encode(batch).shape == (2, *net.code_shape) == (2, 3)
    assert net(batch).shape == batch.shape


def test_only_a_flat_code_fixes_the_size():
    networks = [Autoencoder(SMALL), Autoencoder(SMALL, latent_dim=3), UNet(SMALL)]
    assert [build(network).fixed_size for network in networks] == [False, True, False]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_the_decoder_are_those_of_the_encoder(size):
    *_, smallest = [halved(size, n) for n in range(4)]
    assert [smallest, *upward_sizes(size, 3)] == [halved(size, n) for n in (3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("size", "n_halvings", "expected"),
    [((28, 27), 3, (4, 4)), ((1, 5), 2, (1, 2)), ((8, 8), 0, (8, 8))],
)
def test_sizes_are_halved_and_rounded_up(size, n_halvings, expected):
    assert halved(size, n_halvings) == expected


# --- what is computed


@pytest.mark.parametrize("network", [*NETWORKS[:6], Autoencoder(SMALL, latent_dim=3)], ids=str)
def test_a_code_is_decoded_to_what_the_network_gives(network):
    net = build(network, (7, 9)).eval()
    batch = images(2, 3, 7, 9)
    torch.testing.assert_close(net.decode(net.encode(batch), (7, 9)), net(batch), rtol=0, atol=0)


def test_the_output_of_an_autoencoder_is_between_black_and_white():
    net = build().eval()
    output = net(10 * images() - 5)
    assert net.bounded
    assert 0 <= output.min() <= output.max() <= 1


@pytest.mark.parametrize("network", NETWORKS[6:], ids=str)
@pytest.mark.parametrize("size", [(12, 12), (5, 7), (1, 1)], ids=str)
def test_a_u_net_begins_by_giving_back_its_input(network, size):
    batch = images(2, 3, *size)
    assert torch.equal(build(network)(batch), batch)


def test_a_u_net_is_not_bounded_and_does_not_decode():
    net = build(UNet(SMALL))
    assert not net.bounded
    assert not hasattr(net, "decode")


def test_skip_connections_reach_around_the_code():
    net = build(UNet(SMALL)).eval()
    nn.init.ones_(net.decoder.head.weight)
    net.encoder.code = nn.Sequential(net.encoder.code, nn.Threshold(torch.inf, 0))
    one, other = net(images()) - images()
    assert not torch.allclose(one, other, atol=1e-3)


def test_in_an_autoencoder_the_code_is_all_that_is_known():
    net = build().eval()
    net.compress = nn.Threshold(torch.inf, 0)
    one, other = net(images())
    assert torch.equal(one, other)


def last_weights(net):
    """Those of the last convolution, which are zero at the start of a network that adds."""
    return [m for m in net.decoder.head.modules() if isinstance(m, nn.Conv2d)][-1].weight


@pytest.mark.parametrize("network", NETWORKS[-3:], ids=str)
@pytest.mark.parametrize("size", [(12, 12), (5, 7)], ids=str)
@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_a_residual_u_net_makes_of_a_multiple_of_an_image_the_same_multiple(network, size, factor):
    net = build(network, size)
    nn.init.normal_(last_weights(net), std=0.1, generator=torch.Generator().manual_seed(1))
    batch = images(2, 3, *size)
    output = net(batch)
    assert not torch.allclose(output, batch, atol=1e-2)
    # Powers of two change no digit.
    torch.testing.assert_close(net(factor * batch), factor * output, rtol=1e-6, atol=0)


REFLECTED = [((12, 12), 4), ((9, 12), 4), ((12, 5), 4), ((10, 11), 4), ((2, 9), 4), ((5, 1), 8)]


@pytest.mark.parametrize(("size", "multiple"), REFLECTED, ids=str)
def test_images_are_continued_by_reflection_to_whole_codes(size, multiple):
    batch = images(2, 3, *size)
    missing = [(0, 0), (0, 0), *((0, -length % multiple) for length in size)]
    expected = np.pad(batch.numpy(), missing, mode="reflect")
    np.testing.assert_array_equal(pad_to_multiple(batch, multiple), expected)


def test_a_residual_u_net_has_no_bias_and_no_normalisation():
    kinds = {name.rpartition(".")[2] for name in build(ResUNet((4, 6))).state_dict()}
    assert kinds == {"weight"}


def test_the_first_maps_of_a_residual_u_net_have_half_the_size():
    net = build(ResUNet((4, 6, 8), blocks=1), (16, 8))
    shapes = [tuple(maps.shape) for maps in net.stage_maps(images(2, 3, 16, 8))]
    assert shapes == [(2, 4, 8, 4), (2, 6, 4, 2)]
    assert net.code_shape == (8, 2, 1)


@pytest.mark.parametrize("network", [*NETWORKS, Autoencoder(SMALL, latent_dim=3)], ids=str)
def test_every_parameter_is_trained(network):
    net = build(network)
    if isinstance(network, UNet | ResUNet):
        # Its last weights are zero and hold the gradient back in the first step.
        nn.init.ones_(last_weights(net))
    net(images(4)).square().sum().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a normalisation has no effect; there is none.
    assert without == []


@pytest.mark.parametrize("network", [Autoencoder((4, 8, 16)), UNet((4, 8, 16))], ids=str)
def test_stage_maps_are_those_of_each_stage_finest_first(network):
    net = build(network)
    shapes = [tuple(maps.shape) for maps in net.stage_maps(images())]
    assert shapes == [(2, 4, 12, 12), (2, 8, 6, 6), (2, 16, 3, 3)]
    assert net.n_stages == 3


# --- layers


@pytest.mark.parametrize(
    ("network", "n_decoder"),
    [(Autoencoder((4, 8)), 1), (UNet((4, 8)), 2), (ResUNet((4, 8, 16)), 2)],
    ids=str,
)
def test_layers_have_names_from_the_image_to_the_image(network, n_decoder):
    stages = [f"decoder.stages.{i}" for i in range(n_decoder)]
    encoder = ["encoder.stages.0", "encoder.stages.1", "encoder.code"]
    assert build(network).layer_names == [*encoder, *stages, "decoder.head"]


@pytest.mark.parametrize(
    "network", [Autoencoder(SMALL), UNet(SMALL), ResUNet((4, 6)), ResUNet((8,))], ids=str
)
def test_every_layer_that_is_named_gives_feature_maps(network):
    net = build(network).eval()
    shapes = {layer_output(net, images(), name).ndim for name in net.layer_names}
    assert shapes == {4}


def test_the_output_of_the_code_layer_is_the_code():
    net = build().eval()
    assert torch.equal(layer_output(net, images(), "encoder.code"), net.encode(images()))


def test_the_output_of_the_head_is_the_image_before_the_sigmoid():
    net = build().eval()
    assert torch.equal(layer_output(net, images(), "decoder.head").sigmoid(), net(images()))


def test_the_outputs_of_layers_are_right_in_eight_threads():
    net = build().eval()
    batches = [images() * level for level in torch.linspace(0, 1, 40)]
    expected = [net.encode(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: layer_output(net, batch, "encoder.code"), batches))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_listening_to_a_layer_leaves_no_hook_and_copies_no_weight():
    net = build().eval()
    weight = net.encoder.stages[0][0].weight
    loss = layer_output(net, images(), "encoder.stages.0").sum()
    loss.backward()
    assert weight.grad is not None
    assert not any(m._forward_hooks for m in net.modules())


def test_a_layer_that_is_not_there_is_named():
    message = r"layer='encoder.cod'; expected one of \['encoder.stages.0'.* or another name in the"
    with pytest.raises(ValueError, match=message):
        layer_output(build(), images(), "encoder.cod")


def test_a_layer_that_is_not_called_gives_no_feature_maps():
    message = r"layer 'encoder.stages' gives no feature maps; choose one of \['encoder.stages.0'"
    with pytest.raises(ValueError, match=message):
        layer_output(build(), images(), "encoder.stages")


class Twice(nn.Module):
    """Uses one layer twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, images):
        return self.conv(self.conv(images))


def test_a_layer_that_is_called_twice_gives_no_feature_maps():
    net = build(TorchNetwork(Twice), n_channels=1)
    with pytest.raises(ValueError, match=r"'conv' gives no feature maps; choose one of \['conv'\]"):
        layer_output(net, images(channels=1), "conv")
