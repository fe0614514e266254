"""A fitted estimator as parameters and arrays, from which its network is built again."""

from typing import Any, ClassVar

from torch import nn

from ._fitted import VersionedState
from ._random import derived_seed, generator_on
from ._warnings import warn_user
from .images import ImageSpec
from .learning import TARGETS, LossSpec, resolve_loss
from .networks import NetworkSpec, Spec
from .noise import NoiseModel
from .persistence import (
    check_net_state,
    check_optimizer_state,
    check_weights,
    load_state,
    read_state,
    without_memory,
)
from .training import OPTIMIZERS, PRECISIONS, make_net, resolve_device, resolve_optimizer

# The first streams of a seed are those of the training.
WEIGHTS_STREAM = 4
# Kinds of what ``fit`` sets, but for ``net_``.
FITTED: dict[str, Any] = {
    "network_": NetworkSpec,
    "loss_": LossSpec,
    "image_spec_": ImageSpec,
    "noise_": (NoiseModel, type(None)),
    "target_": str,
    "limits_": (tuple, type(None)),
    "precision_": str,
    "seed_": int,
    "n_features_in_": int,
    "optimizer_": object,
}


class NetworkState(VersionedState):
    """Turns ``net_`` into arrays for pickles and files, and back."""

    # What files hold in place of a loss or an optimizer that is a function.
    stand_ins: ClassVar[dict[str, Any]] = {"loss_": resolve_loss("mse"), "optimizer_": "adam"}
    device: str
    network_: Any
    loss_: Any
    image_spec_: Any
    seed_: int
    optimizer_: Any

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state:
            state["net_"] = read_state(state["net_"])
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            module, criterion = build_modules(
                self.network_, self.loss_, self.image_spec_, self.seed_
            )
            net = make_net(
                module,
                criterion,
                resolve_optimizer(self.optimizer_),
                seed=self.seed_,
                limits=self.image_spec_.unit_limits,
                device=self._device_or_cpu(),
            )
            load_state(net, state["net_"])
            self.net_ = net

    @classmethod
    def check_state(cls, state):
        """Raise a ValueError unless a state from a file is whole and fits its network.

        Called before anything of it is built. The network is built without memory first, so that
        the file alone limits how much its weights take.
        """
        if "net_" not in state:
            return
        _check_fitted(state)
        network, loss, spec = (state[name] for name in ("network_", "loss_", "image_spec_"))
        kept = state["net_"]
        check_net_state(kept)
        check_weights(kept["weights"], _outline(network, spec, len(kept["weights"])))
        check_weights(kept["criterion"], loss.build())
        if kept["optimizer"] in {made.__name__ for made in OPTIMIZERS.values()}:
            check_optimizer_state(kept)

    def _device_or_cpu(self):
        try:
            return resolve_device(self.device)
        except ValueError as error:
            warn_user(f"{error} Until then the unpickled network is on the CPU.")
            return "cpu"


def build_modules(network, loss, spec, seed):
    """The torch modules of a network and a loss, with initial weights of a seed."""
    generator = generator_on("cpu", derived_seed(seed, WEIGHTS_STREAM))
    module = network.build((spec.height, spec.width), spec.n_channels, generator)
    return module, loss.build()


def _check_fitted(state):
    missing = FITTED.keys() - state.keys()
    if missing:
        raise ValueError(f"a fitted DenoisingCAE lacks {sorted(missing)}.")
    for name, kinds in FITTED.items():
        if not isinstance(state[name], kinds):
            raise ValueError(f"{name} is of type {type(state[name]).__name__}.")
    for name, known in (("target_", TARGETS), ("precision_", PRECISIONS)):
        if state[name] not in known:
            raise ValueError(f"{name} is {state[name]!r}; expected one of {list(known)}.")
    if state["seed_"] < 0:
        raise ValueError("seed_ is negative.")
    limits = state["limits_"]
    if limits is not None and not (len(limits) == 2 and all(map(_is_float, limits))):
        raise ValueError("limits_ has to be two numbers.")
    for name in ("network_", "loss_"):
        state[name].check()
    if state["noise_"] is not None:
        state["noise_"].check_levels()
    resolve_optimizer(state["optimizer_"])


def _is_float(value):
    return isinstance(value, float)


def _outline(network, spec, n_tensors):
    """The module of a network, without memory unless a class of the user builds it."""
    size = (spec.height, spec.width)

    def build():
        return network.build(size, spec.n_channels, generator_on("cpu", 0))

    return without_memory(build, n_tensors) if _is_of_library(network) else build()


def _is_of_library(network):
    """Whether all that builds a network is of the library."""
    parts = [network, *network.resolved_params().values()]
    classes = [part if isinstance(part, type) else type(part) for part in parts]
    builders = [cls for cls in classes if issubclass(cls, (Spec, nn.Module))]
    return all(cls.__module__.split(".")[0] == "sklearn_cae" for cls in builders)
