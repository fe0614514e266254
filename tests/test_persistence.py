"""A net as plain numbers and arrays, and back; results taken over at once; versions."""

import pickle

import numpy as np
import pytest
import torch
from small import colour
from torch import nn

from sklearn_cae import DenoisingCAE, GaussianNoise, __version__
from sklearn_cae._fitted import commit
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import CorruptedImages, Pictures
from sklearn_cae.persistence import load_state, read_state, take_over
from sklearn_cae.training import Muon, make_net

X = colour(20)
IMAGES = CorruptedImages(Pictures((X,)), learn_spec(ImageSource(X)), GaussianNoise(0.1))


def new_net(seed=0, optimizer=torch.optim.Adam, width=4, **params):
    """With parameters, buffers of floats, and a counter of no dimension."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Conv2d(3, width, 1), nn.BatchNorm2d(width), nn.Conv2d(width, 3, 1)
        )
    defaults = {"lr": 0.01, "train_split": None, "verbose": 0, "max_epochs": 2, "batch_size": 8}
    return make_net(module, nn.MSELoss(), optimizer, **defaults | params)


def trained(**params):
    net = new_net(**params)
    train_more(net)
    return net


def train_more(net):
    net.notify("on_train_begin", X=IMAGES, y=None)
    net.fit_loop(IMAGES)


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def assert_same_net(one, other):
    for name, tensor in one.module_.state_dict().items():
        assert torch.equal(other.module_.state_dict()[name], tensor), name


OPTIMIZERS = [torch.optim.Adam, Muon, torch.optim.SGD, torch.optim.RMSprop, torch.optim.NAdam]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_state_holds_arrays_and_plain_numbers(optimizer):
    kinds = {type(leaf) for leaf in leaves(read_state(trained(optimizer=optimizer)))}
    assert kinds <= {np.ndarray, int, float, bool, str, type(None)}


def test_a_state_does_not_follow_the_net():
    net = trained()
    state = read_state(net)
    before = [leaf.copy() for leaf in leaves(state["weights"])]
    train_more(net)
    for old, new in zip(before, leaves(state["weights"]), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_net_does_not_follow_the_state_it_came_from():
    state = read_state(trained())
    net = new_net(1)
    load_state(net, state)
    for leaf in leaves([state["weights"], state["optimizer_state"]]):
        leaf[...] = 77
    assert all((p != 77).all() for p in net.module_.state_dict().values())


@pytest.mark.parametrize(
    "copy_state", [lambda net, old: load_state(net, read_state(old)), take_over]
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_net_with_the_state_of_another_trains_on_as_that(optimizer, copy_state):
    net, other = trained(optimizer=optimizer), new_net(1, optimizer=optimizer)
    copy_state(other, net)
    assert_same_net(net, other)
    train_more(net)
    train_more(other)
    assert_same_net(net, other)


def test_momentum_is_kept():
    params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
    net, other = trained(**params), new_net(1, **params)
    load_state(other, read_state(net))
    old, new = (n.optimizer_.state_dict()["state"][0]["momentum_buffer"] for n in (net, other))
    assert torch.equal(old, new)


def test_another_optimizer_starts_afresh():
    net = new_net(optimizer=torch.optim.SGD)
    load_state(net, read_state(trained()))
    assert net.optimizer_.state_dict()["state"] == {}


def test_the_rate_is_that_of_the_new_net():
    net = new_net(lr=0.5)
    load_state(net, read_state(trained()))
    assert net.optimizer_.param_groups[0]["lr"] == 0.5


def test_the_history_is_kept_without_its_batches():
    net, other = trained(), new_net(1)
    load_state(other, read_state(net))
    assert other.history[:, "train_loss"] == net.history[:, "train_loss"]
    assert all(epoch["batches"] == [] for epoch in other.history)


def test_taking_over_shares_the_rows_of_the_history():
    net, other = trained(), new_net(1)
    take_over(other, net)
    assert all(row is old for row, old in zip(other.history, net.history, strict=True))


def test_arrays_that_cannot_be_written_are_loaded():
    state = read_state(trained())
    for leaf in leaves([state["weights"], state["optimizer_state"]]):
        leaf.flags.writeable = False
    net = new_net(1)
    load_state(net, state)
    train_more(net)


def test_a_loss_without_weights_is_the_same_loss():
    assert load_state(new_net(1), read_state(trained())) is True


# --- results at once


def test_all_fitted_attributes_are_replaced_and_parameters_stay():
    cae = DenoisingCAE(lr=0.5)
    cae.old_, cae.kept = 1, 2
    commit(cae, {"new_": 3})
    assert (cae.lr, cae.kept, cae.new_) == (0.5, 2, 3)
    assert not hasattr(cae, "old_")


# --- versions


def with_version(monkeypatch, estimator, version):
    """The pickle that a version would have written; ``None`` is one that wrote no version."""
    state = estimator.__getstate__()
    del state["_sklearn_cae_version"]
    if version is not None:
        state["_sklearn_cae_version"] = version
    with monkeypatch.context() as context:
        context.setattr(type(estimator), "__getstate__", lambda self: state)
        return pickle.dumps(estimator)


def test_a_pickle_of_this_version_opens_without_a_word():
    assert pickle.loads(pickle.dumps(DenoisingCAE(lr=0.5))).lr == 0.5


def test_the_version_is_no_attribute_of_what_is_opened():
    assert "_sklearn_cae_version" not in vars(pickle.loads(pickle.dumps(DenoisingCAE())))


@pytest.mark.parametrize(("version", "said"), [("0.0.1", "0.0.1"), (None, "an unknown version")])
def test_a_pickle_of_another_version_is_told(monkeypatch, version, said):
    stored = with_version(monkeypatch, DenoisingCAE(lr=0.5), version)
    message = f"pickled by sklearn_cae {said}, and is opened by {__version__}. .* Fit it again"
    with pytest.warns(UserWarning, match=message):
        assert pickle.loads(stored).lr == 0.5


def test_a_parameter_that_an_older_version_lacked_gets_its_default():
    state = DenoisingCAE(lr=0.5).__getstate__()
    del state["patience"], state["loss"]
    cae = DenoisingCAE()
    cae.__setstate__(state)
    assert (cae.lr, cae.patience, cae.loss) == (0.5, 5, "mse")
    assert repr(cae) == "DenoisingCAE(lr=0.5)"
