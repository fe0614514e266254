"""In training, maps are convolved before they are doubled."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sklearn_cae.networks import Autoencoder, UNet, VGG16Encoder, fused

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


def trained(module, images):
    """Output of a step of training in float64, the gradients, and the statistics afterwards."""
    module = module.train().double()
    output = module(images)
    (output * torch.linspace(-1, 1, output.numel()).reshape(output.shape)).sum().backward()
    gradients = {name: weight.grad for name, weight in module.named_parameters()}
    return output, gradients, dict(module.named_buffers())


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
    expected = trained(apart, images)
    assert expected[0].std() > 1e-3
    for found, wanted in zip(trained(build(network, size), images), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-10)


def test_the_work_is_four_ninths():
    stage = build(Autoencoder((4, 6)), (32, 32)).decoder.head
    small = torch.rand(1, 4, 16, 16, dtype=torch.float64)

    def flops(train):
        with FlopCounterMode(display=False) as counter:
            stage.train(train)(small, (32, 32))
        # Sums of weights are all that is multiplied as a matrix.
        return counter.get_flop_counts()["Global"][torch.ops.aten.convolution]

    assert flops(train=True) / flops(train=False) == pytest.approx(4 / 9)


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


@pytest.mark.parametrize("train", [True, False])
def test_a_layer_that_was_replaced_computes_in_its_own_way(train):
    heard = []

    class Heard(nn.Conv2d):
        def forward(self, x):
            heard.append(x.shape)
            return super().forward(x)

    module = build(NETWORKS["without normalisation"], (32, 32)).train(train)
    stage = module.decoder.stages[-1]
    stage.convolution[0].__class__ = Heard
    with torch.no_grad():
        fused(module)(torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert len(heard) == 1
