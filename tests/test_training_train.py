"""A training from its plan to the trained net."""

import numpy as np
import pytest
import torch
from small import colour
from torch import nn

from sklearn_cae import GaussianNoise
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import CorruptedImages, Pictures
from sklearn_cae.training import TrainingPlan, train

X = colour(40)
IMAGES = CorruptedImages(Pictures((X,)), learn_spec(ImageSource(X)), GaussianNoise(0.1))


def plan(**changes):
    choices = {
        "optimizer": torch.optim.SGD,
        "lr": 0.01,
        "lr_schedule": "constant",
        "batch_size": 32,
        "max_epochs": 2,
        "early_stopping": False,
        "patience": 5,
        "device": "cpu",
        "verbose": 0,
        "seed": 0,
        "one_pass": False,
        "reproducible": True,
    }
    return TrainingPlan(**choices | changes)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3))


def trained(module=None, valid=None, *, images=IMAGES, prepare=lambda net: None, **changes):
    module = network() if module is None else module
    return train(
        plan(**changes), module, nn.MSELoss(), images, valid, precision="float32", prepare=prepare
    )


def test_epochs_are_recorded():
    net = trained(valid=IMAGES)
    assert len(net.history) == 2
    assert {"train_loss", "valid_loss", "valid_psnr", "noisy_psnr", "dur"} <= net.history[-1].keys()


def test_the_net_is_ready_to_be_used():
    assert not trained().module_.training


def test_few_images_make_four_batches():
    assert trained().batch_size == 10


@pytest.mark.parametrize(("max_epochs", "expected"), [(3, 3), ("auto", 125)])
def test_automatic_epochs_make_500_steps(max_epochs, expected):
    assert trained(max_epochs=max_epochs).max_epochs == expected


def test_one_pass_is_one_pass():
    assert len(trained(max_epochs="auto", one_pass=True).history) == 1


def test_the_net_is_prepared_before_the_first_step():
    def prepare(net):
        with torch.no_grad():
            net.module_[0].weight.fill_(7)

    net = trained(prepare=prepare, lr=1e-9)
    # Steps of 1e-9 change nothing that float32 holds at 7.
    assert (net.module_[0].weight == 7).all()


@pytest.mark.parametrize(
    ("schedule", "one_pass", "annealed"),
    [("one_cycle", False, True), ("constant", False, False), ("one_cycle", True, False)],
)
def test_a_net_knows_whether_its_rate_has_come_down(schedule, one_pass, annealed):
    assert trained(lr_schedule=schedule, one_pass=one_pass).annealed is annealed


def test_statistics_after_a_few_steps_are_those_of_the_images():
    net = trained(lr=1e-9)
    with torch.no_grad():
        maps = net.module_[0](torch.from_numpy(X.transpose(0, 3, 1, 2)))
    # Mean over four batches, with noise of 0.1 clipped to the range: to 0.02.
    np.testing.assert_allclose(net.module_[1].running_mean, maps.mean(dim=(0, 2, 3)), atol=0.02)
    assert net.module_[1].momentum == 0.1


def test_statistics_of_one_pass_are_the_mean_of_its_steps():
    # Four steps, of which torch's own running mean would leave two thirds at its start.
    net = trained(lr=1e-9, one_pass=True)
    with torch.no_grad():
        maps = net.module_[0](torch.from_numpy(X.transpose(0, 3, 1, 2)))
    # Noise of 0.1 clipped to the range: to 0.02.
    np.testing.assert_allclose(net.module_[1].running_mean, maps.mean(dim=(0, 2, 3)), atol=0.02)
    assert net.module_[1].momentum == 0.1


def test_later_steps_weigh_as_torch_says():
    def settled(net):
        net.module_[1].num_batches_tracked.fill_(1000)
        net.module_[1].running_mean.fill_(100)

    net = trained(lr=1e-9, one_pass=True, prepare=settled)
    # Four steps leave 0.9 ** 4 of what was there.
    np.testing.assert_allclose(net.module_[1].running_mean, 100 * 0.9**4, rtol=0.02)


def test_a_network_without_batch_normalisation_needs_no_statistics():
    assert len(trained(network()[:1]).history) == 2


def test_weights_that_are_no_numbers_at_the_end_are_an_error():
    # One step of eight images, after which no loss is looked at.
    images = CorruptedImages(Pictures((X[:8],)), IMAGES.spec, IMAGES.noise)
    with pytest.raises(ValueError, match=r"Weights became infinite in training. Lower lr"):
        trained(network()[:1], images=images, lr=float("inf"), one_pass=True)
