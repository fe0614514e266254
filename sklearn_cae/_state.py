"""A trained net as plain numbers and numpy arrays, and back; a failing fit undone.

The numbers are what pickles hold, so that a model trained on a GPU opens on a CPU, and what
training goes on from, so that a failing one leaves the trained net alone.
"""

from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def all_or_nothing(estimator):
    """Leave an estimator as it was if anything in here fails."""
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


def read_state(net):
    """Copy architecture, weights, optimizer state and history out of a net."""
    return {
        "architecture": net.get_params_for("module"),
        "weights": read_weights(net.module_),
        "optimizer": type(net.optimizer_).__name__,
        "optimizer_state": _map(net.optimizer_.state_dict()["state"], torch.Tensor, _to_array),
        "history": [
            _map(_without_batches(epoch), np.generic, np.generic.item) for epoch in net.history
        ],
    }


def load_state(net, state):
    """Copy a state of :func:`read_state` into an initialised net of the same architecture."""
    load_weights(net.module_, state["weights"])
    if state["optimizer"] == type(net.optimizer_).__name__:
        optimizer = net.optimizer_.state_dict()
        optimizer["state"] = _map(state["optimizer_state"], np.ndarray, torch.tensor)
        net.optimizer_.load_state_dict(optimizer)
    for epoch in state["history"]:
        net.history.new_epoch()
        for key, value in epoch.items():
            net.history.record(key, value)
    return net


def read_weights(module):
    """Copy weights and buffers out of a torch module, as arrays by name."""
    return _map(module.state_dict(), torch.Tensor, _to_array)


def load_weights(module, weights):
    """Copy weights of :func:`read_weights` into a torch module."""
    module.load_state_dict(_map(weights, np.ndarray, torch.tensor))


def _without_batches(epoch):
    return {key: value for key, value in epoch.items() if key != "batches"}


def _to_array(tensor):
    return tensor.detach().cpu().numpy().copy()


def _map(tree, kind, function):
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _map(value, kind, function) for key, value in tree.items()}
    return tree
