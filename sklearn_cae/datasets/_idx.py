"""The idx format of MNIST and Fashion-MNIST.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, section "File
formats for the MNIST database".
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

_UNSIGNED_BYTE = 0x08
# The largest file of MNIST has 47 MB. It is read in blocks of a MiB.
_LARGEST, _BLOCK = 2**28, 2**20


def read_idx(path: Path, *, ndim: int) -> np.ndarray:
    """Read a gzipped idx file of unsigned bytes.

    Parameters
    ----------
    path : Path
        The ``.gz`` file.
    ndim : int
        Number of dimensions that the file must have: 3 for images, 1 for labels.

    Returns
    -------
    array : ndarray of ``ndim`` dimensions, dtype uint8
        The content, writable.

    Raises
    ------
    ValueError
        If the file is not gzipped, is cut short, is not an idx file of unsigned bytes with ``ndim``
        dimensions, or holds more or less than its header says.

    Examples
    --------
    >>> import gzip, tempfile
    >>> from pathlib import Path
    >>> from sklearn_cae.datasets._idx import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte.gz"
    ...     _ = path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])))
    ...     read_idx(path, ndim=1)
    array([7, 2, 1], dtype=uint8)
    """
    try:
        with gzip.open(path) as file:
            return _read_array(file, path, ndim)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is not a whole gzip file ({error}). Get the file again."
        ) from error


def _read_array(file, path, ndim):
    magic, found = bytes([0, 0, _UNSIGNED_BYTE, ndim]), file.read(4)
    if found != magic:
        raise ValueError(
            f"{path} is not an idx file of unsigned bytes with {ndim} dimension(s): it begins with "
            f"{found.hex()}, expected {magic.hex()}."
        )
    sizes = file.read(4 * ndim)
    if len(sizes) != 4 * ndim:
        raise ValueError(
            f"{path} is truncated or damaged: it ends within its header. Get the file again."
        )
    shape = tuple(np.frombuffer(sizes, dtype=">u4").tolist())
    size = math.prod(shape)
    if size > _LARGEST:
        raise ValueError(
            f"{path} is damaged: its header says shape {shape}, and no file of these data sets has "
            f"more than {_LARGEST} bytes. Get the file again."
        )
    # One byte more than there should be tells a file that goes on.
    content = _read_up_to(file, size + 1)
    if len(content) != size:
        held = "more" if len(content) > size else len(content)
        raise ValueError(
            f"{path} is truncated or damaged: its header says shape {shape}, which takes {size} "
            f"bytes, and it holds {held}. Get the file again."
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_up_to(file, n_bytes):
    content = bytearray()
    while block := file.read(min(_BLOCK, n_bytes - len(content))):
        content += block
    return content
