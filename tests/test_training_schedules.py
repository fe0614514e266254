"""Optimizers by name, the course of the learning rate, devices."""

from functools import partial

import numpy as np
import pytest
import torch
from small import colour, small_cae

from sklearn_cae.training import LR_SCHEDULES, OPTIMIZERS, resolve_device, resolve_optimizer

X = colour(20)
WITH_MOMENTUM = partial(torch.optim.SGD, momentum=0.9)


# Each schedule with an optimizer that has a momentum and one that has none.
@pytest.mark.parametrize("optimizer", ["adam", "sgd", torch.optim.Adagrad, WITH_MOMENTUM])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_each_schedule_works_with_optimizers_with_and_without_momentum(schedule, optimizer):
    cae = small_cae(lr_schedule=schedule, optimizer=optimizer).fit(X)
    assert np.isfinite(cae.history_["train_loss"]).all()


def test_schedules_are_in_a_table():
    assert LR_SCHEDULES == ("one_cycle", "cosine", "constant")


@pytest.mark.parametrize("batch_size", [2, 32])
def test_one_cycle_ends_near_zero_whatever_the_batch_size(batch_size):
    cae = small_cae(lr=0.1, batch_size=batch_size, max_epochs=4).fit(X)
    # The schedule steps once past its end, where the cosine rises again; half-way it is at 0.81.
    assert cae.net_.optimizer_.param_groups[0]["lr"] < 0.1 * 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_name_is_that_of_a_class_of_torch(name):
    assert resolve_optimizer(name) is OPTIMIZERS[name]


def test_options_of_an_optimizer_are_kept():
    cae = small_cae(optimizer=WITH_MOMENTUM, lr_schedule="constant").fit(X)
    assert cae.net_.optimizer_.param_groups[0]["momentum"] == 0.9


@pytest.mark.parametrize("optimizer", ["lion", int, 3])
def test_what_makes_no_optimizer_is_refused(optimizer):
    with pytest.raises(
        ValueError, match=r"optimizer=.*; allowed are 'adam', 'adamw', 'muon', 'sgd', a"
    ):
        resolve_optimizer(optimizer)


UNABLE = {
    "needs several gradients a step": torch.optim.LBFGS,
    "for matrices alone": torch.optim.Muon,
    "for sparse gradients": torch.optim.SparseAdam,
    "wrong options": partial(torch.optim.SGD, nesterov=True),
    "takes no rate": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "makes a number": lambda parameters, lr: 3,
}


@pytest.mark.parametrize("optimizer", UNABLE.values(), ids=UNABLE)
def test_what_cannot_train_a_convolution_is_refused_before_it_trains(optimizer):
    with pytest.raises(ValueError, match=r"cannot train a convolutional network: .*Allowed are"):
        resolve_optimizer(optimizer)


def test_every_other_optimizer_of_torch_is_taken():
    classes = [
        value
        for value in vars(torch.optim).values()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    ]
    others = set(classes) - {torch.optim.Optimizer, *UNABLE.values()}
    assert [resolve_optimizer(one) for one in others] == list(others)
    assert len(others) >= 12


# --- devices


def test_an_automatic_device_is_there():
    torch.empty(0, device=resolve_device("auto"))


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_device_that_is_there_is_kept(device):
    assert resolve_device(device) == device


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "", "meta"])
def test_a_device_that_is_not_there_is_refused(device):
    message = f"device={device!r} is not available here .* Use device='auto' or 'cpu'"
    with pytest.raises(ValueError, match=message):
        resolve_device(device)
