"""Which networks and losses may draw random numbers in training."""

import pytest
import torch
from small import small_unet

from sklearn_cae import Autoencoder, PerceptualLoss, ResUNet, UNet, VGG16Encoder
from sklearn_cae.learning import LOSSES
from sklearn_cae.training._draws import may_draw


def built(network):
    return network.build((32, 32), 1, torch.Generator().manual_seed(0))


LIBRARY = [Autoencoder((4, 8), latent_dim=3), small_unet(), ResUNet((4, 8)), UNet(VGG16Encoder(1))]


# Fits that did would wait for each other in threads, and disturb what else draws.
@pytest.mark.parametrize("network", LIBRARY, ids=str)
def test_networks_of_the_library_do_not(network):
    assert not may_draw(built(network), torch.nn.MSELoss())


@pytest.mark.parametrize(
    "criterion", [*(make() for make in LOSSES.values()), PerceptualLoss(weights=None).build()]
)
def test_losses_by_name_do_not(criterion):
    assert not may_draw(built(LIBRARY[0]), criterion)


class OfTheUser(torch.nn.Module):
    """What it does in forward is not known."""


def with_layer(layer):
    module = built(LIBRARY[0])
    module.encoder.layer = layer
    return module


MAY = {
    "a network of the user": OfTheUser(),
    "a network of torch": torch.nn.Sequential(torch.nn.RReLU()),
    "a layer of the user": with_layer(OfTheUser()),
    "dropout": with_layer(torch.nn.Dropout2d()),
}


@pytest.mark.parametrize("module", MAY.values(), ids=MAY)
def test_others_may(module):
    assert may_draw(module, torch.nn.MSELoss())


def test_a_loss_of_the_user_may():
    assert may_draw(built(LIBRARY[0]), OfTheUser())
