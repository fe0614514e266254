"""The processes that train one network together: one, or those of ``torch.distributed``.

A training asks one object, so that it has no branches: :class:`OneProcess` does nothing,
:class:`ProcessGroup` divides batches and joins what comes out.
"""

import json
import traceback
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from numbers import Number
from types import CodeType, FunctionType
from zlib import crc32

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Checkpoint, TrainEndCheckpoint
from torch import distributed as dist

from .._random import resolve_seed
from ..images import chunks, is_read_lazily
from ..learning import Batch, Part
from ._batch_norm import JoinedBatchNorm

# So long a process waits for another one. It covers what the first process alone does meanwhile,
# such as writing a checkpoint.
TIME_LIMIT = timedelta(minutes=10)
# Parameters that may differ between processes: where they compute, and what they show.
FREE_PARAMETERS = ("callbacks", "device", "verbose")
# Callbacks of skorch that write: those of these classes, and all of this module.
WRITERS, WRITERS_MODULE = (Checkpoint, TrainEndCheckpoint), "skorch.callbacks.logging"
# So many images are compared where each is read. Weights of unlike machines differ by rounding.
N_COMPARED, TOLERANCE = 64, 1e-3


class OneProcess:
    """A training in this process alone."""

    @property
    def is_first(self):
        """Whether this process shows progress and writes files."""
        return True

    @property
    def n_processes(self):
        """Number of processes that train together."""
        return 1

    def share(self, batch):
        """What this process takes of a batch."""
        return batch

    def joined_batch_norm(self):
        """A context in which batch normalisation takes its statistics over the whole batch."""
        return nullcontext()

    def join_gradients(self, parameters, loss):
        """Make gradients those of the whole batch, in place, and give its loss."""
        return loss

    def total(self, loss):
        """Loss of the whole batch from that of the share."""
        return loss

    def mean(self, values):
        """Mean over the values of all processes."""
        return values.mean()

    def of_first(self, value):
        """Value that the first process has."""
        return value

    def seed(self, random_state):
        """Seed of a training; without a ``random_state`` that of the first process."""
        return resolve_seed(random_state)

    def take_state(self, read, load):
        """Load in the other processes what is read in the first one."""

    def check_same(self, describe):
        """Refuse what differs in what ``describe`` gives, a dict of texts."""

    def check_same_weights(self, module):
        """Refuse to start from different weights."""

    def check_enough(self, n_images):
        """Refuse batches that are smaller than the number of processes."""

    def own_callbacks(self, callbacks):
        """Callbacks that this process runs: the first one all, others none that writes files."""
        return list(callbacks)


class ProcessGroup(OneProcess):
    """A training that all processes of ``torch.distributed`` share.

    Each makes every batch whole, from the same seeds, and takes its share of it: so images, order,
    noise and patches are those of one process. Losses count by the share of images, and what is
    added up over the processes is that of the batch.

    An error in one process closes its connections. Whoever waits for it hears of that at once,
    finds the message in the store of the group, and ends too. A process that is stuck is waited for
    ``TIME_LIMIT``. Nothing has to be agreed upon before a step, which would cost time in each.
    """

    def __init__(self):
        self._rank, self._size = dist.get_rank(), dist.get_world_size()
        try:
            self._group = dist.new_group(timeout=TIME_LIMIT)
        except RuntimeError as error:
            raise self._lost(error) from error
        self._store = self._group.get_group_store()
        self._joined = JoinedBatchNorm(self._add_up)

    @property
    def is_first(self):
        return self._rank == 0

    @property
    def n_processes(self):
        return self._size

    def share(self, batch):
        n = len(batch.input)
        if n < self._size:
            # Images to validate that are too few to be shared: all compute the same.
            return Batch(batch.input, Part(batch.target, slice(None), 1 / self._size))
        rows = slice(n * self._rank // self._size, n * (self._rank + 1) // self._size)
        own = batch.input[rows]
        return Batch(own, Part(batch.target, rows, len(own) / n))

    def joined_batch_norm(self):
        return self._joined

    def join_gradients(self, parameters, loss):
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.detach()[None]])
        *joined, total = self._add_up(flat).split([*(g.numel() for g in gradients), 1])
        for gradient, values in zip(gradients, joined, strict=True):
            gradient.copy_(values.view(gradient.shape))
        return total[0]

    def total(self, loss):
        return self._add_up(loss.detach().clone())

    def mean(self, values):
        total, n = self._add_up(torch.stack([values.sum(), values.new_tensor(len(values))]))
        return total / n

    def of_first(self, value):
        values = [value]
        with self._others_heard():
            dist.broadcast_object_list(values, src=0, group=self._group)
        return values[0]

    def seed(self, random_state):
        self.check_same(lambda: {"random_state": _text(random_state)})
        return self.of_first(resolve_seed(random_state))

    def take_state(self, read, load):
        state = self.of_first(read() if self.is_first else None)
        if not self.is_first:
            load(state)

    def check_same(self, describe):
        found: list[dict[str, str]] = [{}] * self._size
        with self._others_heard():
            dist.all_gather_object(found, describe(), group=self._group)
        first = found[0]
        for rank, other in enumerate(found):
            names = [n for n in first.keys() | other.keys() if first.get(n) != other.get(n)]
            if names:
                differences = "; ".join(
                    f"{name}: {first.get(name, 'none')} in process 0, {other.get(name, 'none')} in "
                    f"process {rank}"
                    for name in sorted(names)
                )
                raise ValueError(
                    f"Processes that train one network differ ({differences}). Call fit in each "
                    "with the same data and parameters: every process takes its share by itself."
                )

    def check_same_weights(self, module):
        own = torch.cat([p.detach().flatten() for p in module.parameters()])
        first = own.clone()
        with self._others_heard():
            dist.broadcast(first, src=0, group=self._group)
        if not torch.allclose(own, first, rtol=TOLERANCE, atol=TOLERANCE):
            raise ValueError(
                f"Training would start from other weights in process {self._rank} than in process "
                "0. Go on from the same fitted estimator in each."
            )

    def check_enough(self, n_images):
        if n_images < self._size:
            raise ValueError(
                f"A batch of {n_images} image(s) is too few for {self._size} processes, each of "
                "which takes one at least. Give more images or a larger batch_size, or start fewer "
                "processes."
            )

    def own_callbacks(self, callbacks):
        return [item for item in callbacks if self.is_first or not _writes(item)]

    def meet(self):
        """Wait until all processes have come here."""
        with self._others_heard():
            dist.barrier(group=self._group)

    def hang_up(self, error):
        """Close the connections, so that others do not wait for a process with an error."""
        # The store may be that of a process which has ended.
        with suppress(RuntimeError):
            # Before the connections are closed, so that those who hear of it find the message.
            if not self._store.check(["error"]):
                told = [self._rank, isinstance(error, ValueError), type(error).__name__, str(error)]
                self._store.set("error", json.dumps(told))
        _clear_frames(error)
        self.close()

    def close(self):
        """Close the connections."""
        group, self._group = self._group, None
        if group is not None:
            dist.destroy_process_group(group)

    def _add_up(self, tensor):
        with self._others_heard():
            dist.all_reduce(tensor, group=self._group)
        return tensor

    @contextmanager
    def _others_heard(self):
        """Tell the error of another process instead of that of a lost connection."""
        if self._group is None:
            raise self._lost("An error before has closed the connections.")
        try:
            yield
        except RuntimeError as error:
            raise self._error_of_other(error) from error

    def _error_of_other(self, error):
        with suppress(RuntimeError):
            if self._store.check(["error"]):
                rank, is_value_error, kind, message = json.loads(self._store.get("error"))
                made = ValueError if is_value_error else RuntimeError
                return made(f"The training ends because process {rank} failed: {kind}: {message}")
        return self._lost(error)

    def _lost(self, error):
        return RuntimeError(
            f"Process {self._rank} of {self._size} has lost the others: one has ended, or did not "
            f"answer for {TIME_LIMIT}; its own output tells why. Every process has to call fit. "
            f"({error})"
        )


# The processes of what is trained now, such as a detector, which trains several autoencoders.
_present: ContextVar[ProcessGroup | None] = ContextVar("processes", default=None)


@contextmanager
def all_processes():
    """The processes of a training: an error in one is an error in all.

    A training within another one has its processes, so that they hear of an error between them.

    Yields
    ------
    processes : OneProcess
        A :class:`ProcessGroup` where ``torch.distributed`` is initialised with several processes.
    """
    together = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
    if not together:
        yield OneProcess()
        return
    around = _present.get()
    processes = around or ProcessGroup()
    token = _present.set(processes)
    try:
        # An error in the first moment would close connections that others are still opening.
        processes.meet()
        yield processes
        processes.meet()
    except BaseException as error:
        # At once, as the training around this one might go on after the error.
        processes.hang_up(error)
        raise
    finally:
        _present.reset(token)
    if around is None:
        processes.close()


def processes_of(estimator):
    """The processes that train an estimator: this one alone if it is frozen, and not trained."""
    frozen = isinstance(estimator, FrozenEstimator)
    return nullcontext(OneProcess()) if frozen else all_processes()


def describe_call(estimator, *, resume, one_pass):
    """What a training is called with, as texts that are equal in processes where it is."""
    params = estimator.get_params(deep=False)
    texts = {name: _text(value) for name, value in params.items() if name not in FREE_PARAMETERS}
    return texts | {"goes on": str(resume), "method": "partial_fit" if one_pass else "fit"}


def describe_images(train_images, valid_images):
    """What tells images from others: their numbers and shape, and a checksum of their values.

    It is that of all values in memory, and of some images where each has to be read.
    """
    pictures = train_images.pictures
    stacks = [stack for stack in pictures.stacks if not is_read_lazily(stack)]
    if len(stacks) < len(pictures.stacks):
        rows = np.arange(0, len(pictures), -(-len(pictures) // N_COMPARED))
        stacks += pictures.take(rows, torch.Generator().manual_seed(0))
    checksum = 0
    for part in _parts(stacks):
        checksum = crc32(f"{part.dtype}{part.shape}".encode(), checksum)
        checksum = crc32(np.ascontiguousarray(part).data, checksum)
    return {
        "number of training images": str(len(train_images.rows)),
        "number of held-out images": str(len(valid_images.rows) if valid_images else 0),
        "shape of an image": str(train_images.shape),
        "units": str(train_images.spec.data_range),
        "noise": _text(train_images.noise),
        "values": f"{checksum:08x}",
    }


def _parts(stacks):
    """Arrays that are not too large to be copied, of arrays and of lists of images."""
    for stack in stacks:
        if isinstance(stack, np.ndarray):
            yield from (stack[rows] for rows in chunks(stack))
        else:
            yield from stack


def _clear_frames(error):
    # torch closes connections when nothing refers to them, and the frames of an error do.
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _text(value):
    # The text of an object may hold its address.
    if value is None or isinstance(value, (str, Number)):
        return repr(value)
    if isinstance(value, (np.ndarray, torch.Tensor)):
        dense = value.to_dense() if isinstance(value, torch.Tensor) else value
        checksum = crc32(_text(dense.tolist()).encode())
        return f"{value.dtype} {tuple(value.shape)} of values {checksum:08x}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, partial):
        return f"partial({_text([value.func, *value.args, value.keywords])})"
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"{type(value).__qualname__}({_text(value.get_params(deep=False))})"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_text(item)}" for name, item in value.items())
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} of code {crc32(_text(value.__code__).encode()):08x}"
    if isinstance(value, CodeType):
        # All lambdas of a function have one name.
        return f"{value.co_code.hex()} {_text([value.co_names, value.co_consts])}"
    return getattr(value, "__qualname__", type(value).__qualname__)


def _writes(item):
    callback = item[1] if isinstance(item, tuple) else item
    cls = callback if isinstance(callback, type) else type(callback)
    return issubclass(cls, WRITERS) or cls.__module__ == WRITERS_MODULE
