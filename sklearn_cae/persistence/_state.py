"""A trained net as plain numbers and numpy arrays, and back.

The numbers are what pickles hold, so that a model trained on a GPU opens on a CPU, and what
training goes on from, so that a failing one leaves the trained net alone.
"""

import numpy as np
import torch


def read_state(net):
    """Copy weights, optimizer state and history out of a net."""
    history = [_map(_without_batches(epoch), np.generic, np.generic.item) for epoch in net.history]
    return {**_read_numbers(net), "history": history}


def load_state(net, state):
    """Copy a state of :func:`read_state` into an initialised net of the same architecture.

    The state of the loss and of the optimizer are taken over where the net has the same.

    Returns
    -------
    same_loss : bool
        Whether the loss got its weights, if it has any.
    """
    _load_weights(net.module_, state["weights"])
    same_loss = _shapes(_read_weights(net.criterion_)) == _shapes(state["criterion"])
    if same_loss:
        _load_weights(net.criterion_, state["criterion"])
    optimizer = {name: state[name] for name in ("optimizer", "trained")}
    if optimizer == _optimizer_of(net):
        numbers = net.optimizer_.state_dict()
        numbers["state"] = _map(state["optimizer_state"], np.ndarray, torch.tensor)
        net.optimizer_.load_state_dict(numbers)
    net.annealed = state["annealed"]
    net.history.extend(state["history"])
    return same_loss


def take_over(net, trained):
    """Give an initialised net all that a trained one has, as :func:`load_state` does.

    Its history is shared, so that a long one costs no time.
    """
    return load_state(net, {**_read_numbers(trained), "history": trained.history})


def share_state(net, processes):
    """Give a trained net in every process what that of the first one has: bit by bit the same."""

    def load(state):
        net.history.clear()
        load_state(net, state)

    processes.take_state(lambda: read_state(net), load)


def _read_numbers(net):
    return {
        "weights": _read_weights(net.module_),
        "criterion": _read_weights(net.criterion_),
        **_optimizer_of(net),
        "optimizer_state": _map(net.optimizer_.state_dict()["state"], torch.Tensor, _to_array),
        "annealed": net.annealed,
    }


def _optimizer_of(net):
    """What has to be the same for the state of the optimizer to fit."""
    return {
        "optimizer": type(net.optimizer_).__name__,
        "trained": [name for name, _ in net.get_all_learnable_params()],
    }


def _read_weights(module):
    """Copy weights and buffers out of a torch module, as arrays by name."""
    return _map(module.state_dict(), torch.Tensor, _to_array)


def _load_weights(module, weights):
    module.load_state_dict(_map(weights, np.ndarray, torch.tensor))


def _shapes(weights):
    return {name: value.shape for name, value in weights.items()}


def _without_batches(epoch):
    # History expects the key.
    return {**epoch, "batches": []}


def _to_array(tensor):
    return tensor.detach().cpu().numpy().copy()


def _map(tree, kind, function):
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _map(value, kind, function) for key, value in tree.items()}
    return tree
