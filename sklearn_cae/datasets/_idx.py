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
    content = _decompress(path)
    magic = bytes([0, 0, _UNSIGNED_BYTE, ndim])
    if content[:4] != magic:
        raise ValueError(
            f"{path} is not an idx file of unsigned bytes with {ndim} dimension(s): it begins with "
            f"{content[:4].hex()}, expected {magic.hex()}."
        )
    start = 4 + 4 * ndim
    shape = tuple(np.frombuffer(content[4:start].ljust(4 * ndim, b"\0"), dtype=">u4").tolist())
    if len(content) != start + math.prod(shape):
        raise ValueError(
            f"{path} is truncated or damaged: its header says shape {shape}, which takes "
            f"{start + math.prod(shape)} bytes, and it holds {len(content)}. Get the file again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def _decompress(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is not a whole gzip file ({error}). Get the file again."
        ) from error
