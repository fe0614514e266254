"""Training with skorch: whole batches, schedules, progress and devices."""

from ._batches import BatchIterator, count_batches, fitting_batch_size
from ._callbacks import check_callbacks, fit_checked
from ._device import resolve_device
from ._history import epoch_curves
from ._muon import Muon
from ._net import DenoisingNet, make_net
from ._precision import PRECISIONS, resolve_precision
from ._processes import all_processes, describe_call, processes_of
from ._schedules import LR_SCHEDULES, OPTIMIZERS, resolve_optimizer
from ._train import TrainingPlan, train
from ._verdict import harm_of, warn_of_harm

__all__ = [
    "LR_SCHEDULES",
    "OPTIMIZERS",
    "PRECISIONS",
    "BatchIterator",
    "DenoisingNet",
    "Muon",
    "TrainingPlan",
    "all_processes",
    "check_callbacks",
    "count_batches",
    "describe_call",
    "epoch_curves",
    "fit_checked",
    "fitting_batch_size",
    "harm_of",
    "make_net",
    "processes_of",
    "resolve_device",
    "resolve_optimizer",
    "resolve_precision",
    "train",
    "warn_of_harm",
]
