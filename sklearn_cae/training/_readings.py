"""Numbers that the steps of a training have measured."""

import torch


class Readings:
    """Scalar tensors, which are read from the device all at once: each reading waits for it."""

    def __init__(self):
        self._measured = []

    def add(self, record, named):
        """Keep tensors of one number each, by their names, which belong into a dict."""
        self._measured.append((record, named))

    def read(self):
        """Put the numbers into their dicts, and forget them."""
        tensors = [one.reshape(()) for _, named in self._measured for one in named.values()]
        numbers = iter(torch.stack(tensors).tolist() if tensors else [])
        for record, named in self._measured:
            record |= {name: next(numbers) for name in named}
        self._measured = []
