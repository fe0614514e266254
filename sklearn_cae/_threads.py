"""How many threads torch takes: one in a worker of joblib, and fewer where the cores are busy."""

import math
import os
import time
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend

from ._warnings import warn_user

# What torch takes where nobody has set a number.
DEFAULT_THREADS = torch.get_num_threads()
# They set it before Python starts; joblib's "loky" and dask do so for their workers.
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
# When the cores are looked at, in seconds: first, and after each look.
FIRST_LOOK, INTERVAL = 1.0, 10.0
# Seconds without a call after which it is forgotten what the cores were like.
FORGOTTEN = 60.0
# How many times as fast fewer threads have to be.
WORTH = 1.5
# Convolutions for one look: some milliseconds; fewer if they take so many times the shortest time.
N_CONVOLUTIONS, TOO_SLOW = 12, 4.0


@contextmanager
def threads_of_worker():
    """One thread of torch in a worker of joblib, unless somebody has set the number.

    joblib shares out the cores between the processes of "loky", but not between those of
    "multiprocessing" or between threads: there torch would take all cores in each. Threads that are
    more than cores wait for each other in every layer, which made trainings up to sixty times as
    slow. Afterwards the number is as before, also if :class:`SharedCores` has changed it.
    """
    before = torch.get_num_threads()
    if not _ours_to_choose():
        yield
        return
    if _in_worker():
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Looks:
    """When this process looks at the cores, and what it saw last: of all calls together.

    So calls that are shorter than ``FIRST_LOOK`` look too, if there are many in a row.

    Attributes
    ----------
    fastest : int or None
        The number of threads that was fastest. ``None`` if that is not known.
    """

    def __init__(self):
        self.fastest = None
        self._next, self._forgotten = math.inf, -math.inf

    def start(self):
        """Begin a call; after a long while without one all begins anew."""
        now = time.monotonic()
        if now >= self._forgotten:
            self.fastest, self._next = None, now + FIRST_LOOK
        self._forgotten = now + FORGOTTEN

    def is_due(self):
        """Whether it is time for a look."""
        now = time.monotonic()
        self._forgotten = now + FORGOTTEN
        return now >= self._next

    def keep(self, fastest):
        """Keep what a look has shown."""
        self.fastest = fastest
        self._next = time.monotonic() + INTERVAL


LOOKS = Looks()


class SharedCores:
    """The number of torch's threads on cores that other programs use too.

    Threads wait for each other after each layer. Where one of them has to share its core, all stand
    still until it goes on: beside another program, two threads on two cores were three to thirty
    times as slow as one. So a short convolution is timed now and then with all threads and with
    fewer. It works within :func:`threads_of_worker`, which sets the number back.

    Parameters
    ----------
    device : str
        Where the network is. On another device than the CPU nothing is done.
    keep : bool
        Whether to keep the number, since results to the last bit depend on it, and only to warn.
    """

    def __init__(self, device, *, keep):
        self.keep = keep
        self.n_threads = torch.get_num_threads()
        self.watching = device == "cpu" and self.n_threads > 1 and _ours_to_choose()
        # A warning is of this call alone; a number that was found is of use to the next one.
        self.looks = Looks() if keep else LOOKS
        self.looks.start()

    def look(self):
        """Take as many threads as pay now, if it is time for a look."""
        if not self.watching:
            return
        if self.looks.is_due():
            fastest, gain = fastest_threads(self.n_threads)
            self.looks.keep(fastest)
            if self.keep and fastest < self.n_threads:
                self.watching = False
                self._warn(fastest, gain)
        if not self.keep and self.looks.fastest is not None:
            torch.set_num_threads(self.looks.fastest)

    def _warn(self, fastest, gain):
        warn_user(
            f"Other programs use the cores: with {self.n_threads} threads of torch, a "
            f"convolution takes {gain:.0f} times as long as with {fastest}. Call "
            f"torch.set_num_threads({fastest}) before fit. With random_state=None fit chooses "
            "the number itself; for a given random_state it is kept, since the last digits of "
            "a training depend on it."
        )


def fastest_threads(n_threads):
    """The number of threads that is fastest now, and how many times as long ``n_threads`` take.

    It is ``n_threads`` unless fewer are much faster.
    """
    numbers = [n_threads]
    while numbers[-1] > 1:
        numbers.append(numbers[-1] // 2)
    seconds: dict[int, float] = {}
    try:
        for number in reversed(numbers):
            shortest = min(seconds.values(), default=float("inf"))
            seconds[number] = _seconds_of_convolutions(number, limit=TOO_SLOW * shortest)
    finally:
        torch.set_num_threads(n_threads)
    fastest = min(seconds, key=seconds.__getitem__)
    gain = seconds[n_threads] / seconds[fastest]
    return (fastest, gain) if gain > WORTH else (n_threads, 1.0)


def _seconds_of_convolutions(n_threads, limit):
    """Mean time of one in some convolutions, of which the last is beyond the limit."""
    torch.set_num_threads(n_threads)
    images, weights = (torch.ones(16, 16, n, n, device="cpu") for n in (32, 3))
    times: list[float] = []
    with torch.inference_mode():
        torch.conv2d(images, weights, padding=1)  # It starts the threads.
        while len(times) < N_CONVOLUTIONS and sum(times) < N_CONVOLUTIONS * limit:
            start = time.perf_counter()
            torch.conv2d(images, weights, padding=1).relu_()
            times.append(time.perf_counter() - start)
    return sum(times) / len(times)


def _ours_to_choose():
    """Whether nobody has set the number: not the user, and not another thread of this process."""
    return torch.get_num_threads() == DEFAULT_THREADS and not any(map(os.environ.get, VARIABLES))


def _in_worker():
    backend, _ = get_active_backend()
    return bool(backend.nesting_level)
