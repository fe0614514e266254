"""Reading in the background what will be asked for."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class ReadAhead:
    """Reads items by their numbers, ahead of their use while an order is known.

    Parameters
    ----------
    read : callable
        Gives the item of a number. One thread at a time calls it.
    n_ahead : int
        Items that are read before they are asked for.
    """

    def __init__(self, read, n_ahead):
        self.n_ahead = n_ahead
        self._read = read
        self._coming: deque[int] = deque()
        self._pending: dict[int, Any] = {}
        self._worker: Any = None

    @contextmanager
    def in_order(self, numbers, kept):
        """Read items that will be asked for in this order, but those that are ``kept``."""
        with ThreadPoolExecutor(1) as self._worker:
            self._coming = deque(dict.fromkeys(numbers))
            self._hand_out(kept)
            try:
                yield
            finally:
                self._worker.shutdown(cancel_futures=True)
                self._worker, self._coming, self._pending = None, deque(), {}

    def take(self, number, kept):
        """Give an item, which is read now if it was not before."""
        if self._worker is None:
            return self._read(number)
        if number not in self._pending:
            self._pending[number] = self._worker.submit(self._read, number)
        item = self._pending.pop(number).result()
        self._hand_out(kept)
        return item

    def _hand_out(self, kept):
        while self._coming and len(self._pending) < self.n_ahead:
            number = self._coming.popleft()
            if number not in kept and number not in self._pending:
                self._pending[number] = self._worker.submit(self._read, number)
