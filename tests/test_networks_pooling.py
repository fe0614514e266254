"""In training, maps of an encoder that nobody needs are pooled before their ReLU."""

import pytest
import torch
from small import step_of
from torch import nn

from sklearn_cae.networks import Autoencoder, ConvEncoder, VGG16Encoder
from sklearn_cae.networks._encoders import ConvEncoderModule

NETWORKS = {
    "default": Autoencoder((4, 6, 8)),
    "without normalisation": Autoencoder((4, 6), normalization=None),
    "strides": Autoencoder(ConvEncoder((4, 6), downsampling="stride")),
    "flat code": Autoencoder((4, 6), latent_dim=5),
    "VGG16": Autoencoder(VGG16Encoder(1, weights=None)),
}


def build(network, size=(32, 32)):
    return network.build(size, 3, torch.Generator().manual_seed(0)).double()


def listen(module):
    """Hear the ReLU of each stage, so that the encoder computes layer by layer."""
    heard = []
    for layer in module.encoder.modules():
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda layer, images, maps: heard.append(maps.shape))
    return heard


@pytest.mark.parametrize("size", [(32, 32), (28, 37)])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_step_is_that_of_the_layers(network, size):
    images = torch.rand(3, 3, *size, dtype=torch.float64)
    apart = build(network, size)
    listen(apart)
    expected = step_of(apart, images)
    assert expected[0].std() > 1e-3
    found = step_of(build(network, size), images)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def test_fewer_values_are_activated(monkeypatch):
    sizes = []
    forward = torch.relu

    def count(x, *args, **kwargs):
        sizes.append(tuple(x.shape[-2:]))
        return forward(x)

    monkeypatch.setattr(nn.functional, "relu", count)
    build(NETWORKS["default"]).encode(torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert sizes == [(16, 16), (8, 8), (4, 4)]


def test_who_listens_hears_the_layers():
    module = build(NETWORKS["default"])
    heard = listen(module)
    module.encode(torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert [tuple(shape[-2:]) for shape in heard] == [(32, 32), (16, 16), (8, 8)]


def test_who_listens_to_all_modules_hears_the_layers():
    module, heard = build(NETWORKS["default"]), []
    listening = nn.modules.module.register_module_forward_hook(
        lambda layer, images, maps: heard.append(type(layer).__name__)
    )
    with listening:
        module(torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert {"ConvEncoderModule", "Sequential", "Upsample"} <= set(heard)


def set_average(encoder):
    encoder.downsample = nn.AvgPool2d(2)


def set_activation(encoder):
    encoder.stages[0][-1] = nn.Mish()  # falls before it rises


def set_stage(encoder):
    encoder.stages[0] = nn.Conv2d(3, 4, 3, padding=1).double()


def set_empty(encoder):
    encoder.stages.insert(1, nn.Sequential())


def set_forward(encoder):
    forward = encoder.forward
    encoder.forward = lambda images: forward(images / 2)


class Halved(ConvEncoderModule):
    def forward(self, images):
        return super().forward(images / 2)


def set_class(encoder):
    encoder.__class__ = Halved


REPLACED = {
    "average": set_average,
    "activation": set_activation,
    "stage": set_stage,
    "empty": set_empty,
    "forward": set_forward,
    "class": set_class,
}


@pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED)
def test_layers_that_were_replaced_compute_as_they_do(replace):
    module = build(NETWORKS["default"])
    replace(module.encoder)
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64) - 0.5
    code, _ = module.encoder(images)
    torch.testing.assert_close(module.encode(images), code, rtol=0, atol=0)
