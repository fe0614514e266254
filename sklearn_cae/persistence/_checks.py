"""Whether a state is one of a network: asked before the network takes any memory."""

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

PARTS = {"weights", "criterion", "optimizer", "optimizer_state", "trained", "annealed", "history"}
# Calls of torch that a network makes for each of its tensors; those of the library make 25 at most.
CALLS_PER_TENSOR = 100


def check_net_state(state):
    """Raise a ValueError unless all parts of a state of ``read_state`` are there and plain."""
    if not isinstance(state, dict) or state.keys() != PARTS:
        raise ValueError(f"the state of a net has to hold {sorted(PARTS)}.")
    for part in ("weights", "criterion"):
        _check_arrays(part, state[part])
    if not isinstance(state["annealed"], bool) or not isinstance(state["optimizer"], str):
        raise ValueError("'annealed' has to be true or false, and 'optimizer' a name.")
    if not _is_list_of(state["trained"], str) or not _is_list_of(state["history"], dict):
        raise ValueError("'trained' has to be a list of names, and 'history' one of epochs.")
    if not isinstance(state["optimizer_state"], dict):
        raise ValueError("'optimizer_state' has to be a dict.")


def check_weights(weights, module):
    """Raise a ValueError unless weights have the names, shapes and dtypes of a module's."""
    expected = module.state_dict()
    missing, unknown = expected.keys() - weights.keys(), weights.keys() - expected.keys()
    if missing or unknown:
        raise ValueError(
            f"the network lacks weights {sorted(missing)[:3]} and does not have "
            f"{sorted(unknown)[:3]}."
        )
    for name, tensor in expected.items():
        found = (weights[name].shape, weights[name].dtype.name)
        wanted = (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        if found != wanted:
            raise ValueError(
                f"{name} has shape {found[0]} and dtype {found[1]}, but that of the network has "
                f"{wanted[0]} and {wanted[1]}."
            )


def check_optimizer_state(state):
    """Raise a ValueError unless each array is a number or has the shape of what is trained."""
    trained, weights = state["trained"], state["weights"]
    for place, values in state["optimizer_state"].items():
        if not (isinstance(place, int) and 0 <= place < len(trained) and isinstance(values, dict)):
            raise ValueError(f"the optimizer has a state of {place!r:.20}, which is not trained.")
        shape = weights[trained[place]].shape if trained[place] in weights else None
        for name, array in values.items():
            if isinstance(array, np.ndarray) and array.shape not in ((), shape):
                raise ValueError(f"{name!r:.40} of the optimizer has shape {array.shape}.")


def without_memory(build, n_tensors):
    """A module whose tensors have shapes and dtypes, but no values.

    Parameters
    ----------
    build : callable
        Makes the module of a network of the library.
    n_tensors : int
        How many tensors it should have; one of very many more is given up.
    """
    most_calls = CALLS_PER_TENSOR * (n_tensors + 1)
    # It may give up where torch is about to switch gradients on again.
    with torch.set_grad_enabled(torch.is_grad_enabled()), _OnMeta(most_calls):
        return build()


class _OnMeta(TorchFunctionMode):
    """Makes tensors on the meta device, whatever device is asked for."""

    def __init__(self, most_calls):
        super().__init__()
        self._calls_left = most_calls

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self._calls_left -= 1
        if self._calls_left < 0:
            raise ValueError("the network has many more layers than there are weights.")
        kwargs = dict(kwargs or {})
        if "device" in kwargs:
            kwargs["device"] = torch.device("meta")
        # Nothing is drawn on the meta device.
        kwargs.pop("generator", None)
        return func(*args, **kwargs)


def _check_arrays(part, arrays):
    if not isinstance(arrays, dict) or not all(isinstance(a, np.ndarray) for a in arrays.values()):
        raise ValueError(f"{part!r} has to hold arrays by name.")


def _is_list_of(values, kind):
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)
