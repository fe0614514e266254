"""Results that are written block by block into what the user gives."""

import math

import numpy as np

from ._blocks import dtype_of, forget_pages, refuse_closed, rows_in_block

EXPECTED = (
    "out is an array that can be written: an ndarray, a memory map, a dataset of HDF5 or zarr, or "
    "anything else with shape, dtype and item assignment"
)


class BlockWriter:
    """Collects results until a block of them is complete, and writes it.

    Parameters
    ----------
    out : object
        What :func:`check_out` has let pass.
    shape : tuple of int
        Shape of all results, which come in the order of their rows; parts of an image come one
        after the other, and those of a batch only if it is a single image.
    dtype : dtype
        Dtype of the results.
    to_layout : callable, default=None
        Brings a block of results to the layout of ``out``; ``None`` leaves it.
    """

    def __init__(self, out, shape, dtype, to_layout=None):
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._out = out
        self._to_layout = to_layout
        row_bytes = math.prod(shape[1:]) * self.dtype.itemsize
        self._n_rows = rows_in_block(out, row_bytes, written=True)
        self._start, self._block = 0, None

    def __setitem__(self, part, results):
        """Take the results of some rows: a slice, or one and those of rows and columns."""
        rows, *within = part if isinstance(part, tuple) else (part,)
        start, stop, _ = rows.indices(self.shape[0])
        for first in range(start // self._n_rows * self._n_rows, stop, self._n_rows):
            begin, end = max(start, first), min(stop, first + self._n_rows)
            block = self._block_from(first)
            block[begin - first : end - first, *within] = results[begin - start : end - start]

    def flush(self):
        """Write the block that is not written yet."""
        if self._block is None:
            return
        start, stop = self._start, self._start + len(self._block)
        block = self._block if self._to_layout is None else self._to_layout(self._block)
        try:
            self._out[start:stop] = block
        except Exception as error:  # Whatever a store raises.
            raise ValueError(
                f"out[{start}:{stop}] cannot be written: {type(error).__name__}: {error} What "
                "comes before is written. Open it for writing, and make room."
            ) from error
        forget_pages(self._out)
        self._block = None

    def _block_from(self, first):
        if self._block is None or self._start != first:
            self.flush()
            n_rows = min(self._n_rows, self.shape[0] - first)
            self._start = first
            self._block = np.empty((n_rows, *self.shape[1:]), self.dtype)
        return self._block


def check_out(out, shape, dtype):
    """Refuse what results of a shape and dtype cannot be written into."""
    refuse_closed(out, "out")
    own_dtype = dtype_of(out)
    is_array = hasattr(out, "shape") and own_dtype is not None
    if not is_array or not hasattr(out, "__setitem__"):
        raise ValueError(f"out is a {type(out).__name__}; {EXPECTED}.")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ValueError(f"out cannot be written, as it is read-only; {EXPECTED}.")
    if tuple(out.shape) != tuple(shape) or own_dtype.newbyteorder("=") != dtype:
        raise ValueError(
            f"out has shape {tuple(out.shape)} and dtype {own_dtype}, but the results have shape "
            f"{tuple(shape)} and dtype {np.dtype(dtype)}. Give an array of these."
        )
