"""Threads of torch in a worker of joblib."""

import os
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

# What torch takes where nobody has set a number.
DEFAULT_THREADS = torch.get_num_threads()
# They set it before Python starts; joblib's "loky" and dask do so for their workers.
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def threads_of_worker():
    """One thread of torch in a worker of joblib, unless somebody has set the number.

    joblib shares out the cores between the processes of "loky", but not between those of
    "multiprocessing" or between threads: there torch would take all cores in each. Threads that are
    more than cores wait for each other in every layer, which made trainings up to sixty times as
    slow.
    """
    before = torch.get_num_threads()
    # Where another thread has set one already, that one sets the number back.
    if not _in_worker() or before != DEFAULT_THREADS or any(map(os.environ.get, VARIABLES)):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _in_worker():
    backend, _ = get_active_backend()
    return bool(backend.nesting_level)
