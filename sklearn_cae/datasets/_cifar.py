"""The archive of CIFAR-10: pickles of Python 2 inside a tar file, read without running them.

Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html, section "Dataset layout".
"""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np

_BATCHES = {
    "train": [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)],
    "test": ["cifar-10-batches-py/test_batch"],
}

_KEYS = (b"data", b"labels")
_LABELS = range(10)
# A batch of the publisher has 31 MB.
_LARGEST = 2**26


class _CodeRefused(pickle.UnpicklingError):
    """A batch asks for what might be code."""


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
        If the archive is damaged, lacks a batch, or holds anything but images and labels in one.
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
    try:
        batches = _read_batches(path, names)
    except _CodeRefused:
        raise
    except Exception as error:  # What a damaged archive raises has a dozen classes.
        raise ValueError(f"{path} is damaged ({error!r}). Get the archive again.") from error
    missing = [name for name in names if name not in batches]
    if missing:
        raise ValueError(f"{path} does not hold {', '.join(missing)}. Get the archive again.")
    parts = [_planes_and_labels(path, name, batches[name]) for name in names]
    planes, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    # (n, 3 * 32 * 32) to (n, 32, 32, 3)
    images = np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return images, labels


def _read_batches(path, names):
    batches = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name in names else None
            if file is not None:
                # Not `member.size`: a link has the size of what it leads to.
                if (size := file.seek(0, io.SEEK_END)) > _LARGEST:
                    raise ValueError(f"{member.name} has {size} bytes, more than {_LARGEST}")
                file.seek(0)
                batches[member.name] = _ArrayUnpickler(file.read(), path).load()
    return batches


def _planes_and_labels(path, name, batch):
    planes, labels = (batch.get(key) if isinstance(batch, dict) else None for key in _KEYS)
    if not (
        isinstance(planes, np.ndarray)
        and planes.dtype == np.uint8
        and planes.shape[1:] == (3 * 32 * 32,)
        and isinstance(labels, list)
        and len(labels) == len(planes)
        and all(label in _LABELS for label in labels)
    ):
        raise ValueError(
            f"{path} holds a {name} that is no batch of uint8 images (n, {3 * 32 * 32}) with n "
            "labels from 0 to 9. Get the archive again."
        )
    return planes, np.array(labels, dtype=np.int64)


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

    def __init__(self, content: bytes, path: Path):
        super().__init__(io.BytesIO(content), encoding="bytes")
        self._path = path

    def find_class(self, module, name):
        if (module, name) not in self._allowed:
            raise _CodeRefused(
                f"{self._path} asks for {module}.{name}; a CIFAR-10 batch needs only "
                f"{', '.join('.'.join(key) for key in self._allowed)}. Nothing was run: do not "
                "use this archive, get it again from its publisher."
            )
        return self._allowed[module, name]
