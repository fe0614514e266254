"""Trainings that can be taken up again: all that goes on needs, written now and then."""

import os
import time
from contextlib import contextmanager
from datetime import timedelta
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from ._random import derived_seed, generator_on
from ._warnings import warn_user
from .files import read_values, write_values
from .persistence import check_weights

# What is compared of so many images, to tell whether they are those of the interrupted training.
N_COMPARED, TOLERANCE = 8, 1e-3
# Seed of the noise with which they are compared.
COMPARED_STREAM = 5


class TrainingCheckpoint(Callback):
    """Save the state of a training regularly, so that it can continue after a crash.

    Run the same program again: ``fit`` finds the last checkpoint of the same training and continues
    after it. On the same machine the weights at the end are bit by bit those of a training without
    interruption. A training that has ended is not repeated; it continues after its last checkpoint.

    Parameters
    ----------
    path : str or path-like
        Folder of the checkpoints, one for each training. It is made if it is not there.
    every : int or datetime.timedelta, default=1
        Number of epochs between two checkpoints, or time, which is looked at after each epoch.
    keep : int, default=2
        Number of checkpoints to keep, the last ones. If the last is damaged, the one before is
        taken, with a warning.
    on_error : {"end", "now"}, default="end"
        When a checkpoint cannot be written, as on a full disk: "end" goes on with the training and
        raises the error after it, when the estimator is fitted, unless a later checkpoint was
        written; "now" breaks the training off.

    Raises
    ------
    ValueError
        At the start of a training, if a parameter is not allowed, or the checkpoints are those of
        another training: other images, or other parameters of the estimator.
    OSError
        If a checkpoint cannot be written, when ``on_error`` says.

    Notes
    -----
    A checkpoint holds weights, the state of the optimizer, of the learning rate and of early
    stopping, the seed and the history; order and noise of an epoch follow from the seed. It is a
    ``.safetensors`` file without code. Callbacks of skorch go on where they were; others begin
    anew. ``partial_fit`` writes none: between two calls, ``save`` keeps all there is.

    With ``random_state=None`` the training goes on with the seed of the checkpoint.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.callbacks import TrainingCheckpoint
    >>> X = load_digits().images[:100] / 16
    >>> folder = tempfile.mkdtemp()
    >>> checkpoint = TrainingCheckpoint(folder, every=2)
    >>> cae = DenoisingCAE(max_epochs=5, for_codes=True, callbacks=[checkpoint]).fit(X)
    >>> sorted(os.listdir(folder))
    ['epoch_000002.safetensors', 'epoch_000004.safetensors']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int | timedelta = 1,
        keep: int = 2,
        on_error: str = "end",
    ) -> None:
        self.path = path
        self.every = every
        self.keep = keep
        self.on_error = on_error

    def initialize(self):
        """Check the parameters; skorch calls this before a training."""
        _check_params(self)
        self.error_ = None
        return self

    def stored_seed(self, default):
        """The seed of the last checkpoint, or another one if there is none."""
        _check_params(self)
        state = self._last()
        return default if state is None else state["training"]["seed"]

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Go on where the last checkpoint is. skorch has called all other callbacks before."""
        self.training_ = _describe(net, X)
        self.epochs_before_ = len(net.history)
        if net.processes.is_first:
            self._prepare_folder()
        # Another process may not see the folder.
        state = net.processes.of_first(self._last() if net.processes.is_first else None)
        if state is not None:
            self._check_same(state["training"])
            _restore(net, state, self.path)
            net.epochs_done = state["epochs_done"]
        self.written_ = time.monotonic()

    def on_epoch_end(self, net, **kwargs):
        """Write a checkpoint if it is time."""
        done = len(net.history) - self.epochs_before_
        if net.processes.is_first and self._is_time(done):
            self._write(net, done)

    def share_error(self, processes):
        """Let all processes know what has kept the first one from writing."""
        self.error_ = processes.of_first(self.error_)

    def raise_error(self):
        """Raise what has kept the last checkpoint from being written, if anything has."""
        error, self.error_ = self.error_, None
        if error is not None:
            raise error

    def _is_time(self, done):
        if isinstance(self.every, timedelta):
            return time.monotonic() - self.written_ >= self.every.total_seconds()
        return done % self.every == 0

    def _write(self, net, done):
        self.written_ = time.monotonic()
        with self._errors_kept():
            state = {"training": self.training_, "epochs_done": done, **_state_of(net)}
            Path(self.path).mkdir(parents=True, exist_ok=True)
            write_values(state, Path(self.path) / f"epoch_{done:06d}.safetensors")
            for older in self._files()[: -self.keep]:
                older.unlink()

    def _files(self):
        """Checkpoints, the last one at the end."""
        return sorted(Path(self.path).glob("epoch_*.safetensors"))

    def _prepare_folder(self):
        """Make the folder, and remove what a training that was killed has left half written."""
        with self._errors_kept():
            Path(self.path).mkdir(parents=True, exist_ok=True)
            for part in Path(self.path).glob("epoch_*.safetensors.*.part"):
                part.unlink(missing_ok=True)

    @contextmanager
    def _errors_kept(self):
        """Keep an error for the end of the training, or raise it, as the user chose."""
        try:
            yield
        except (OSError, ValueError) as error:
            if self.on_error == "now":
                raise
            self.error_ = error
        else:
            self.error_ = None

    def _last(self):
        """The state in the last checkpoint that can be read; None without checkpoints."""
        files = self._files()
        for path in reversed(files):
            try:
                return read_values(path)
            except ValueError as error:
                if path == files[0]:
                    raise
                warn_user(f"{error} The checkpoint before it is used.")
        return None

    def _check_same(self, stored):
        found = self.training_
        different = [
            f"{name} {stored.get(name)!r:.60} there and {found[name]!r:.60} here"
            for name in found
            if name != "images" and stored.get(name) != found[name]
        ]
        if not different and not _close(stored["images"], found["images"]):
            different = ["images or noise"]
        if different:
            raise ValueError(
                f"The checkpoints in {os.fspath(self.path)} are those of another training: "
                f"{', '.join(different)}. Set it back, or give another path or an empty folder."
            )


def split_checkpoint(callbacks):
    """Callbacks without the checkpoint among them, and the checkpoint, None if there is none."""
    plain = [item[1] if isinstance(item, tuple) else item for item in callbacks]
    found = [item for item in plain if isinstance(item, TrainingCheckpoint)]
    if len(found) > 1:
        raise ValueError(
            f"callbacks holds {len(found)} objects TrainingCheckpoint; a training has one."
        )
    others = [
        item
        for item, callback in zip(callbacks, plain, strict=True)
        if not isinstance(callback, TrainingCheckpoint)
    ]
    return others, found[0] if found else None


def _check_params(checkpoint):
    every, keep = checkpoint.every, checkpoint.keep
    if not isinstance(checkpoint.path, (str, os.PathLike)):
        raise ValueError(
            f"TrainingCheckpoint(path={checkpoint.path!r}); expected the name of a folder."
        )
    if not (_is_count(every) or (isinstance(every, timedelta) and every > timedelta())):
        raise ValueError(
            f"TrainingCheckpoint(every={every!r}); expected a number of epochs, 1 or more, or a "
            "time such as datetime.timedelta(minutes=10)."
        )
    if not _is_count(keep):
        raise ValueError(f"TrainingCheckpoint(keep={keep!r}); expected an integer, 1 or more.")
    if checkpoint.on_error not in ("end", "now"):
        raise ValueError(
            f"TrainingCheckpoint(on_error={checkpoint.on_error!r}); allowed are 'end' and 'now'."
        )


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _describe(net, images):
    """What has to be the same for a training to be the same."""
    return {
        "seed": net.seed,
        "epochs": net.max_epochs,
        "earlier epochs": len(net.history),
        "lr": float(net.lr),
        "batch_size": int(net.batch_size),
        "optimizer": type(net.optimizer_).__name__,
        "loss": type(net.criterion_).__name__,
        "precision": net.precision,
        "callbacks": [_name_of(name, callback) for name, callback in _of_skorch(net)],
        "number of images": len(images),
        "images": _sample(images),
    }


def _name_of(name, callback):
    """The name of a callback, with the kind of schedule if it has one."""
    schedule = getattr(callback, "lr_scheduler_", None)
    return name if schedule is None else f"{name} {type(schedule).__name__}"


def _sample(images):
    """Mean and standard deviation of a few inputs and targets, (n, 4)."""
    rows = images.samples[:: -(-len(images.samples) // N_COMPARED)]
    generator = generator_on("cpu", derived_seed(0, COMPARED_STREAM))
    batch = images.batch(rows, generator, "cpu")
    flat = [tensor.flatten(1) for tensor in (batch.input, batch.target.images)]
    measures = [(values.mean(1), values.std(1, correction=0)) for values in flat]
    return torch.stack([measure for pair in measures for measure in pair], dim=1).numpy()


def _close(stored, found):
    return stored.shape == found.shape and np.allclose(
        stored, found, rtol=0, atol=TOLERANCE, equal_nan=True
    )


def _state_of(net):
    """All that goes on needs, as numbers, text and arrays."""
    return {
        "weights": _to_arrays(net.module_.state_dict()),
        "criterion": _to_arrays(net.criterion_.state_dict()),
        "optimizer": _to_arrays(net.optimizer_.state_dict()),
        "callbacks": {name: _state_of_callback(callback) for name, callback in _of_skorch(net)},
        "history": [{**epoch, "batches": []} for epoch in net.history],
    }


def _restore(net, state, path):
    try:
        check_weights(state["weights"], net.module_)
        check_weights(state["criterion"], net.criterion_)
    except ValueError as error:
        raise ValueError(
            f"The checkpoints in {os.fspath(path)} are those of another network: {error}"
        ) from error
    net.module_.load_state_dict(_to_tensors(state["weights"]))
    net.criterion_.load_state_dict(_to_tensors(state["criterion"]))
    net.optimizer_.load_state_dict(_to_tensors(state["optimizer"]))
    for name, callback in _of_skorch(net):
        _restore_callback(callback, state["callbacks"][name])
    net.history[:] = state["history"]


def _of_skorch(net):
    """Callbacks whose state is known to be in attributes that end in an underscore."""
    return [
        (name, callback)
        for name, callback in net.callbacks_
        if type(callback).__module__.startswith("skorch.")
    ]


def _state_of_callback(callback):
    state = {}
    for name, value in vars(callback).items():
        if not name.endswith("_") or isinstance(value, type):
            continue
        state[name] = _to_arrays(value.state_dict() if hasattr(value, "state_dict") else value)
    return state


def _restore_callback(callback, state):
    for name, value in state.items():
        held = vars(callback).get(name)
        if held is not None and hasattr(held, "load_state_dict"):
            held.load_state_dict(_to_tensors(value))
        else:
            setattr(callback, name, _to_tensors(value))


def _to_arrays(tree):
    return _map(tree, torch.Tensor, lambda tensor: tensor.detach().cpu().numpy())


def _to_tensors(tree):
    return _map(tree, np.ndarray, torch.tensor)


def _map(tree, kind, function):
    """A tree of dicts, lists and tuples with its leaves of a kind replaced."""
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _map(value, kind, function) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_map(value, kind, function) for value in tree)
    return tree
