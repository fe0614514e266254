"""The archive of CIFAR-10: pickles of Python 2 inside a tar file, read without running them.

Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html, section "Dataset layout".
"""

import pickle
import tarfile
from pathlib import Path
from typing import IO

import numpy as np

_BATCHES = {
    "train": [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)],
    "test": ["cifar-10-batches-py/test_batch"],
}


def read_cifar10(path: Path, *, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of one split.

    Nothing is unpacked to disk, and a pickle that asks for anything but an array is refused.

    Parameters
    ----------
    path : Path
        ``cifar-10-python.tar.gz``.
    split : {"train", "test"}
        The five training batches, in order, or the test batch.

    Returns
    -------
    images : ndarray of shape (n, 32, 32, 3), dtype uint8
        Red, green, blue in 0...255.
    labels : ndarray of shape (n,), dtype int64
        Class indices 0...9.

    Raises
    ------
    ValueError
        If a batch is missing from the archive.
    pickle.UnpicklingError
        If a batch asks for anything that an array of numbers does not need.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sklearn_cae.datasets._cifar import read_cifar10
    >>> path = Path("cifar-10-python.tar.gz")
    >>> images, labels = read_cifar10(path, split="test")  # doctest: +SKIP
    >>> images.shape  # doctest: +SKIP
    (10000, 32, 32, 3)
    """
    names = _BATCHES[split]
    batches = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in names else None
            if file is not None:
                batches[member.name] = _ArrayUnpickler(file).load()
    missing = [name for name in names if name not in batches]
    if missing:
        raise ValueError(f"{path} does not hold {', '.join(missing)}. Get the archive again.")
    planes = np.concatenate([batches[name][b"data"] for name in names])  # (n, 3 * 32 * 32)
    images = np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    labels = np.concatenate([batches[name][b"labels"] for name in names])
    return images, labels.astype(np.int64)


def _dtype(name: bytes, align: int, copy: int) -> np.dtype:
    # numpy 2.4.0 to 2.4.4 warn at the integers that Python 2 pickles hold in place of booleans.
    return np.dtype(name.decode(), align=bool(align), copy=bool(copy))


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler of Python 2 pickles that knows arrays of numbers and nothing else."""

    # The function that rebuilds arrays lives in a private module that numpy 2 has renamed.
    _allowed = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): _dtype,
    }

    def __init__(self, file: IO[bytes]):
        super().__init__(file, encoding="bytes")

    def find_class(self, module, name):
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(
                f"The archive asks for {module}.{name}; a CIFAR-10 batch needs only "
                f"{', '.join('.'.join(key) for key in self._allowed)}. Nothing was run: do not "
                "use this archive, get it again from its publisher."
            )
        return self._allowed[module, name]
