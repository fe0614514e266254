"""A net as plain numbers and arrays, and back."""

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from torch import nn

from sklearn_cae._random import derived_seed
from sklearn_cae._state import load_state, read_state

X = np.random.default_rng(0).random((20, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


class Layers(nn.Module):
    """With parameters, buffers of floats, and a counter of no dimension."""

    def __init__(self, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 1))

    def forward(self, X):
        return self.layers(X)


def make_net(seed=0, optimizer=torch.optim.Adam, **params):
    net = NeuralNet(
        Layers,
        criterion=nn.MSELoss,
        optimizer=optimizer,
        max_epochs=2,
        module__width=5,
        train_split=None,
        iterator_train__shuffle=False,
        verbose=0,
        **params,
    )
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed))
        return net.initialize()


def trained(**params):
    return make_net(**params).partial_fit(X, Y)


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop])
def test_a_state_holds_arrays_and_plain_numbers(optimizer):
    kinds = {type(leaf) for leaf in leaves(read_state(trained(optimizer=optimizer)))}
    assert kinds <= {np.ndarray, int, float, bool, str, type(None)}


def test_a_state_has_the_architecture():
    assert read_state(trained())["architecture"] == {"width": 5}


def test_a_state_does_not_follow_the_net():
    net = trained()
    state = read_state(net)
    before = [leaf.copy() for leaf in leaves(state["weights"])]
    net.partial_fit(X, Y)
    for old, new in zip(before, leaves(state["weights"]), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_net_does_not_follow_the_state_it_came_from():
    state = read_state(trained())
    net = load_state(make_net(1), state)
    for leaf in leaves([state["weights"], state["optimizer_state"]]):
        leaf[...] = 77
    assert all((p != 77).all() for p in net.module_.state_dict().values())


def test_loading_gives_every_weight_and_buffer_back():
    net = trained()
    loaded = load_state(make_net(1), read_state(net))
    for name, tensor in net.module_.state_dict().items():
        assert torch.equal(loaded.module_.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    "optimizer",
    [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.NAdam],
)
def test_a_loaded_net_trains_on_as_the_old_one(optimizer):
    net = trained(optimizer=optimizer)
    loaded = load_state(make_net(1, optimizer=optimizer), read_state(net))
    net.partial_fit(X, Y)
    loaded.partial_fit(X, Y)
    for name, tensor in net.module_.state_dict().items():
        assert torch.equal(loaded.module_.state_dict()[name], tensor), name


def test_momentum_is_kept():
    params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
    net = trained(**params)
    loaded = load_state(make_net(1, **params), read_state(net))
    old, new = (n.optimizer_.state_dict()["state"][0]["momentum_buffer"] for n in (net, loaded))
    assert torch.equal(old, new)


def test_another_optimizer_starts_afresh():
    loaded = load_state(make_net(optimizer=torch.optim.SGD), read_state(trained()))
    assert loaded.optimizer_.state_dict()["state"] == {}


def test_the_rate_is_that_of_the_new_net():
    loaded = load_state(make_net(lr=0.5), read_state(trained()))
    assert loaded.optimizer_.param_groups[0]["lr"] == 0.5


def test_the_history_is_kept_without_its_batches():
    net = trained()
    loaded = load_state(make_net(1), read_state(net))
    assert loaded.history[:, "train_loss"] == net.history[:, "train_loss"]
    assert all(epoch["batches"] == [] for epoch in loaded.history)


def test_arrays_that_cannot_be_written_are_loaded():
    state = read_state(trained())
    for leaf in leaves([state["weights"], state["optimizer_state"]]):
        leaf.flags.writeable = False
    load_state(make_net(1), state).partial_fit(X, Y)
