"""In training, maps are convolved before they are doubled."""

from copy import deepcopy

import pytest
import torch
from small import step_of
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from sklearn_cae.networks import Autoencoder, UNet, VGG16Encoder, fused
from sklearn_cae.networks._decoders import DecoderStage
from sklearn_cae.networks._doubling import _meeting

NETWORKS = {
    "autoencoder": Autoencoder((4, 6, 8)),
    "U-Net": UNet((4, 6, 8)),
    "without normalisation": UNet((4, 6), normalization=None),
    "large kernels": Autoencoder((4, 6), kernel_size=5),
    "transposed": UNet((4, 6), upsampling="transpose"),
    "VGG16": UNet(VGG16Encoder(1, weights=None)),
}


def heard_layer_by_layer(module):
    """Listen to what doubles maps, so that the network computes layer by layer."""
    heard = []
    for layer in module.modules():
        if isinstance(layer, nn.Upsample):
            layer.register_forward_hook(lambda layer, images, maps: heard.append(maps.shape))
    return heard


def build(network, size):
    module = network.build(size, 3, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.05
    return module


@pytest.mark.parametrize("size", [(32, 32), (28, 36), (37, 50)])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_step_is_that_of_the_layers(network, size):
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    apart = build(network, size)
    heard_layer_by_layer(apart)
    expected = step_of(apart, images)
    assert expected[0].std() > 1e-3
    for found, wanted in zip(step_of(build(network, size), images), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-10)


class Flops(TorchDispatchMode):
    """Counts as FlopCounterMode does, without its hooks, which would hear the layers."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, out_val=output)
        return output


def flops(stage, small, size, *, train):
    with Flops() as counter:
        stage.train(train)(small, size)
    return counter.total


def test_the_work_is_four_ninths():
    stage = build(Autoencoder((4, 6)), (32, 32)).decoder.head
    small = torch.rand(1, 4, 16, 16, dtype=torch.float64)
    work = [flops(stage, small, (32, 32), train=train) for train in (True, False)]
    assert work[0] / work[1] == pytest.approx(4 / 9)


def test_of_a_few_pixels_each_meets_each_weight_once():
    stage = DecoderStage(nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, padding=1))
    pixels, cut = 4 * 4, (7, 7)
    meetings = 7 * 7 * 9 * pixels * 64
    work = flops(stage, torch.rand(1, 128, 4, 4), cut, train=True)
    assert work == 2 * (pixels * 128 * 9 * 64 + meetings)
    assert work < flops(stage, torch.rand(1, 128, 4, 4), cut, train=False) / 2


@pytest.mark.parametrize(
    ("n_channels", "small", "cut", "share"),
    [
        (64, (4, 4), (8, 8), 4 / 9),
        (64, (8, 8), (15, 15), 1),
        (1024, (9, 9), (17, 17), 1),
        (128, (4, 4), (8, 8), (128 + 64) / (4 * 128)),
        (128, (5, 5), (9, 9), (128 + 81) * 25 / (128 * 81)),
    ],
)
def test_the_way_of_the_least_work_is_taken(n_channels, small, cut, share):
    stage = DecoderStage(nn.Upsample(scale_factor=2), nn.Conv2d(n_channels, 2, 3, padding=1))
    x = torch.rand(1, n_channels, *small)
    work = [flops(stage, x, cut, train=train) for train in (True, False)]
    assert work[0] / work[1] == pytest.approx(share)


def test_a_prediction_may_come_before_a_training():
    module = build(NETWORKS["autoencoder"], (28, 28))
    images = torch.rand(2, 3, 28, 28, dtype=torch.float64)
    _meeting.cache_clear()
    with torch.inference_mode():
        fused(module.eval())(images)
    expected = step_of(build(NETWORKS["autoencoder"], (28, 28)), images)
    for found, wanted in zip(step_of(module, images), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-10)


def test_who_listens_in_training_hears_the_layers():
    module = build(NETWORKS["autoencoder"], (32, 32)).train()
    images = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    heard = heard_layer_by_layer(module)
    module(images)
    assert [tuple(shape[-2:]) for shape in heard] == [(8, 8), (16, 16), (32, 32)]


def test_gradients_of_layers_are_heard():
    module = build(NETWORKS["autoencoder"], (32, 32)).train()
    heard = []
    conv = module.decoder.head.convolution
    conv.register_full_backward_hook(lambda layer, given, got: heard.append(got[0].shape))
    module(torch.rand(1, 3, 32, 32, dtype=torch.float64)).sum().backward()
    assert heard == [(1, 3, 32, 32)]


class Halved(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) / 2


class HalvedChain(nn.Sequential):
    def forward(self, x):
        return super().forward(x) / 2


def other_conv(stage, cls=nn.Conv2d, **options):
    conv = stage.convolution[0]
    stage.convolution[0] = cls(conv.in_channels, conv.out_channels, 3, **{"padding": 1} | options)


def set_bilinear(stage):
    stage.doubling = nn.Upsample(scale_factor=2, mode="bilinear")


def set_chain(stage):
    stage.convolution = HalvedChain(*stage.convolution)


def set_forward(stage):
    conv = stage.convolution[0]
    conv.forward = lambda x: nn.Conv2d.forward(conv, x) / 2


REPLACED = {
    "bilinear": set_bilinear,
    "reflected border": lambda stage: other_conv(stage, padding_mode="reflect"),
    "dilation": lambda stage: other_conv(stage, dilation=2, padding=2),
    "groups": lambda stage: other_conv(stage, groups=2),
    "subclass": lambda stage: other_conv(stage, Halved),
    "subclass of the chain": set_chain,
    "forward of its own": set_forward,
    "reparametrised": lambda stage: spectral_norm(stage.convolution[0]),
}


@pytest.mark.parametrize("normalization", ["batch", None])
@pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED)
def test_a_layer_that_was_replaced_computes_in_its_own_way(replace, normalization):
    module = build(UNet((4, 6, 8), normalization=normalization), (32, 32))
    for stage in module.decoder.stages:
        replace(stage)
    apart = deepcopy(module.double())
    for stage in apart.decoder.stages:
        stage.register_forward_hook(lambda *_: None)
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    expected = apart.train()(images)
    assert expected.std() > 1e-3
    torch.testing.assert_close(module.train()(images), expected, rtol=1e-9, atol=1e-10)
    with torch.no_grad():
        module.eval()
        torch.testing.assert_close(fused(module)(images), module(images), rtol=1e-9, atol=1e-10)


def test_a_network_in_fewer_operations_can_be_copied_and_moved():
    module = build(NETWORKS["U-Net"], (32, 32)).eval()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = module(images.double()).float()
        found = deepcopy(fused(module)).float()(images)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert fused(module.to("meta"))(images.double().to("meta")).shape == images.shape


def test_the_default_device_does_not_matter():
    arguments = (4, 5, 7, 10, torch.float32, torch.device("cpu"))
    expected = _meeting(*arguments)
    _meeting.cache_clear()
    with torch.device("meta"):
        found = _meeting(*arguments)
    assert torch.equal(found, expected)
    # Each pixel but those of the border meets nine weights.
    assert expected.sum(1).max() == 9
