"""A training from its plan to the trained net."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch.callbacks import EarlyStopping
from skorch.helper import predefined_split

from .._precision import computing_in
from .._threads import SharedCores
from ._batch_statistics import MeanOfFirstSteps, settle_batch_statistics
from ._batches import count_batches, fitting_batch_size
from ._cores import CoresWatch
from ._memory import keep_freed_memory
from ._net import make_net
from ._processes import OneProcess, describe_images
from ._progress import EpochProgress
from ._schedules import GOING_ON, early_stopping_callbacks, lr_callbacks

# What max_epochs="auto" makes: so many passes, or more where they are fewer steps than a training
# needs.
AUTO_EPOCHS, AUTO_STEPS = 10, 500
# Steps after which the running statistics of batch normalisation hold nothing of a network that has
# hardly learned.
STEPS_TO_SETTLE = 100


@dataclass(frozen=True)
class TrainingPlan:
    """How to train: the choices of the user, resolved.

    Attributes
    ----------
    optimizer : callable
        Makes the torch optimizer.
    lr, lr_schedule, batch_size, max_epochs, early_stopping, patience, device, verbose
        As in :class:`~sklearn_cae.DenoisingCAE`, but the name of a device.
    callbacks : list of skorch callbacks
        Callbacks of the user.
    checkpoint : skorch callback or None
        A callback that comes after all others. It may set ``net.epochs_done``.
    seed : int
        Seed of order and noise.
    one_pass : bool
        Whether this is one pass of a training without end, at a constant rate.
    reproducible : bool
        Whether the same training has to give the same weights again, to the last bit.
    processes : OneProcess
        Who trains.
    """

    optimizer: Callable[..., Any]
    lr: float
    lr_schedule: str
    batch_size: int
    max_epochs: int | str
    early_stopping: bool
    patience: int
    device: str
    verbose: int
    seed: int
    one_pass: bool
    reproducible: bool
    callbacks: list = field(default_factory=list)
    processes: OneProcess = field(default_factory=OneProcess)
    checkpoint: Any = None


def train(plan, module, criterion, train_images, valid_images, *, precision, prepare):
    """Train a module and give the net.

    Parameters
    ----------
    plan : TrainingPlan
        How to train.
    module, criterion : torch.nn.Module
        The network and the loss with their initial weights.
    train_images, valid_images : TrainingImages
        The images; ``None`` if none are there to validate.
    precision : {"float32", "bfloat16"}
        What the network computes in.
    prepare : callable
        Called with the net before the first step, to give it the state of an earlier training.

    Returns
    -------
    net : DenoisingNet
        The trained net.

    Raises
    ------
    ValueError
        If the loss or a weight is no longer a finite number, or processes differ.
    """
    batch_size = fitting_batch_size(plan.batch_size, len(train_images))
    n_batches = count_batches(len(train_images), batch_size)
    n_epochs = _count_epochs(plan, n_batches)
    plan.processes.check_same(lambda: describe_images(train_images, valid_images))
    plan.processes.check_enough(max(2, len(train_images)) // n_batches)
    net = make_net(
        module,
        criterion,
        plan.optimizer,
        lr=plan.lr,
        batch_size=batch_size,
        max_epochs=n_epochs,
        seed=plan.seed,
        limits=train_images.spec.unit_limits,
        clean_targets=train_images.clean_targets,
        device=plan.device,
        precision=precision,
        verbose=plan.verbose,
        train_split=predefined_split(valid_images) if valid_images else None,
        callbacks=plan.processes.own_callbacks(plan.callbacks),
        processes=plan.processes,
    )
    prepare(net)
    plan.processes.check_same_weights(net.module_)
    going_on = net.annealed
    rate = plan.lr * GOING_ON if going_on else plan.lr
    for group in net.optimizer_.param_groups:
        group["lr"] = rate
    if n_epochs > 0:
        if plan.verbose:
            n_validated = len(valid_images) if valid_images else 0
            n_images = len(train_images.rows)
            progress = EpochProgress(n_images, len(train_images), n_validated, n_batches)
            net.callbacks_.append(("progress", progress.initialize()))
        _add_callbacks(net, plan, n_steps=n_epochs * n_batches, going_on=going_on)
        net.annealed = net.annealed or not (plan.one_pass or plan.lr_schedule == "constant")
    # Gradients and noise too are float32 where the caller has torch round.
    with computing_in("float32", plan.device):
        if n_epochs > 0:
            _run(net, train_images)
        if not plan.one_pass and n_epochs * n_batches < STEPS_TO_SETTLE:
            settle_batch_statistics(net, train_images)
    net.module_.eval()
    net.train_split = None  # It holds the images.
    if not all(torch.isfinite(value).all() for value in net.module_.state_dict().values()):
        raise ValueError(f"Weights became infinite in training. Lower lr={net.lr:g}.")
    net.processes = OneProcess()
    return net


def _count_epochs(plan, n_batches):
    if plan.one_pass:
        return 1
    if plan.max_epochs == "auto":
        return max(AUTO_EPOCHS, -(-AUTO_STEPS // n_batches))
    return plan.max_epochs


def _add_callbacks(net, plan, *, n_steps, going_on):
    cores = SharedCores(plan.device, keep=plan.reproducible)
    added: list = [("cores", CoresWatch(cores)), ("batch_statistics", MeanOfFirstSteps())]
    if not plan.one_pass:
        added += lr_callbacks(
            plan.lr_schedule, plan.optimizer, lr=plan.lr, n_steps=n_steps, going_on=going_on
        )
        if plan.early_stopping:
            added += early_stopping_callbacks(plan.patience, plan.verbose)
        if plan.checkpoint is not None:
            added.append(("checkpoint", plan.checkpoint))
    net.callbacks_ += [(name, callback.initialize()) for name, callback in added]


def _run(net, images):
    """Run the epochs. skorch's own ``partial_fit`` would swallow a KeyboardInterrupt."""
    keep_freed_memory()
    try:
        net.notify("on_train_begin", X=images, y=None)
        _fit_until_stopped(net, images)
        net.notify("on_train_end", X=images, y=None)
    finally:
        for _, callback in net.callbacks_:
            if isinstance(callback, EpochProgress):
                callback.close()


def _fit_until_stopped(net, images):
    try:
        net.fit_loop(images, epochs=net.max_epochs - net.epochs_done)
    except KeyboardInterrupt:
        # It is skorch's way to stop early, and the user's to break off.
        if not any(_has_stopped(callback) for _, callback in net.callbacks_):
            raise


def _has_stopped(callback):
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience
