"""Networks in fewer operations, for results alone."""

import numpy as np
import pytest
import torch
from small import colour, small_autoencoder, small_cae
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sklearn_cae.networks import Autoencoder, ConvEncoder, ResUNet, UNet, VGG16Encoder, fused
from sklearn_cae.networks._fused import FusedStage

NETWORKS = {
    "autoencoder": Autoencoder((4, 6, 8)),
    "U-Net": UNet((4, 6, 8)),
    "without normalisation": UNet((4, 6), normalization=None),
    "flat code": Autoencoder((4, 6), latent_dim=3),
    "strides": Autoencoder(ConvEncoder((4, 6), downsampling="stride")),
    "transposed": UNet((4, 6), upsampling="transpose"),
    "large kernels": Autoencoder((4, 6), kernel_size=5),
    "VGG16": UNet(VGG16Encoder(1, weights=None)),
    "residual": ResUNet((4, 6), blocks=1),
}


def learned(network, size):
    """A network in float64, with weights and statistics that are not those of the beginning."""
    generator = torch.Generator().manual_seed(0)
    module = network.build(size, 3, generator).eval().double()
    for name, values in module.state_dict().items():
        if "var" in name:
            values.uniform_(0.5, 2, generator=generator)
        elif values.is_floating_point():
            values.add_(torch.empty_like(values).normal_(0, 0.05, generator=generator))
    return module


def flops(module, *arguments):
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*arguments)
    return counter.get_total_flops()


@pytest.mark.parametrize("size", [(32, 32), (37, 50), (8, 12)])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_results_are_those_of_the_network(network, size):
    module = learned(network, size)
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    with torch.inference_mode():
        expected, found = module(images), fused(module)(images)
        codes = fused(module).encode(images)
        torch.testing.assert_close(codes, module.encode(images), rtol=0, atol=1e-12)
        if network.decodes:
            decoded = fused(module).decode(codes, size)
            torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-12)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_convolution_of_a_doubled_map_is_one_of_the_small_map():
    stage = learned(Autoencoder((4, 6)), (64, 64)).decoder.head
    arguments = torch.rand(1, 4, 32, 32, dtype=torch.float64), (64, 64)
    assert flops(FusedStage(stage), *arguments) / flops(stage, *arguments) == pytest.approx(4 / 9)


def test_normalisation_is_folded_into_convolutions():
    module = fused(learned(NETWORKS["autoencoder"], (32, 32)))
    assert not [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


def test_the_network_stays_as_it_is():
    module = learned(NETWORKS["U-Net"], (32, 32))
    before = {name: values.clone() for name, values in module.state_dict().items()}
    modules = list(module.modules())
    fused(module)
    assert list(module.modules()) == modules
    assert not module.encoder.stages[0][2].inplace
    for name, values in module.state_dict().items():
        assert torch.equal(values, before[name])


def test_weights_that_are_not_replaced_are_shared():
    module = learned(NETWORKS["VGG16"], (32, 32))
    weight = next(module.encoder.parameters())
    assert next(fused(module).encoder.parameters()) is weight


def test_who_listens_to_layers_hears_them():
    module = learned(NETWORKS["autoencoder"], (32, 32))
    handle = module.encoder.stages[0][1].register_forward_hook(lambda *args: None)
    assert fused(module) is module
    handle.remove()
    assert fused(module) is not module


def test_other_networks_are_left_alone():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    assert fused(module) is module


def test_results_follow_weights_that_are_changed():
    X = colour(height=16, width=16)
    cae = small_cae(small_autoencoder()).fit(X)
    with torch.no_grad():
        cae.net_.module_.decoder.head.convolution.bias.fill_(20)
    np.testing.assert_allclose(cae.predict(X), 1, atol=1e-3)
