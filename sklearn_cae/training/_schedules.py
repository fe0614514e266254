"""Optimizers by name, the course of the learning rate, and when to stop."""

from inspect import isclass, signature

import torch
from skorch.callbacks import EarlyStopping, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from ._muon import Muon
from ._progress import print_above_bar

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
    "sgd": torch.optim.SGD,
}
LR_SCHEDULES = ("one_cycle", "cosine", "constant")
# A training whose rate has come down goes on with this share of it: the peak would undo what is
# there.
GOING_ON = 0.1


def resolve_optimizer(optimizer):
    """Callable that makes a torch optimizer: that of a name, a class, or one with options.

    Parameters
    ----------
    optimizer : str, class of torch optimizer, or callable
        A callable takes the parameters of a network and ``lr``, as
        ``functools.partial(torch.optim.SGD, momentum=0.9)`` does.

    Raises
    ------
    ValueError
        If it is none of these, or makes what cannot train a convolution.
    """
    if isinstance(optimizer, str) and optimizer in OPTIMIZERS:
        return OPTIMIZERS[optimizer]
    makes_others = isclass(optimizer) and not issubclass(optimizer, torch.optim.Optimizer)
    if not callable(optimizer) or makes_others:
        raise ValueError(
            f"optimizer={optimizer!r}; allowed are {', '.join(map(repr, OPTIMIZERS))}, a class of "
            "torch.optim, and one with options such as "
            "functools.partial(torch.optim.SGD, momentum=0.9)."
        )
    _try_out(optimizer)
    return optimizer


def _try_out(optimizer):
    """Refuse what cannot take a step of a convolution, before a training that would be in vain."""
    kernel = torch.zeros(2, 2, 3, 3).to(memory_format=torch.channels_last)
    parameters = [torch.nn.Parameter(kernel), torch.nn.Parameter(torch.zeros(2))]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    try:
        made = optimizer([{"params": parameters}], lr=0.01)
        made.step(lambda: torch.tensor(0.0))
    except Exception as error:
        raise ValueError(
            f"optimizer={optimizer!r} cannot train a convolutional network: {error} Allowed are "
            f"{', '.join(map(repr, OPTIMIZERS))}, and classes of torch.optim such as RMSprop, "
            "which take one gradient a step."
        ) from error


def lr_callbacks(schedule, optimizer, *, lr, n_steps, going_on):
    """Skorch callbacks of a learning-rate schedule over a known number of steps."""
    if schedule == "constant":
        return []
    if schedule == "cosine" or going_on:
        policy = {"policy": CosineAnnealingLR, "T_max": n_steps}
    else:
        policy = {
            "policy": OneCycleLR,
            "max_lr": lr,
            # One step at least before and after the peak.
            "total_steps": max(2, n_steps),
            "cycle_momentum": bool({"momentum", "betas"} & signature(optimizer).parameters.keys()),
        }
    return [
        ("lr_schedule", LRScheduler(step_every="batch", last_epoch=-1, event_name=None, **policy))
    ]


def early_stopping_callbacks(patience, verbose):
    """Skorch callbacks that stop when the validation loss stalls and restore the best epoch."""
    stopping = EarlyStopping(
        monitor="valid_loss",
        patience=patience,
        load_best=True,
        sink=print_above_bar if verbose else print,
    )
    return [("early_stopping", stopping)]
