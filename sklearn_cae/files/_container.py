"""The file itself: safetensors, with facts as JSON in the header and a checksum over both."""

import json
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

import numpy as np
import sklearn
import torch
from safetensors import SafetensorError, safe_open

from .._version import __version__

# What changes when an older version could misread a file.
FORMAT = 1
FACTS, CHECKSUM = "sklearn_cae", "sha256"
# dtypes in the words of safetensors.
DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
# Characters of JSON, of which even large estimators need a few hundred thousand.
MAX_FACTS = 2**24


def write_file(path, facts, arrays):
    """Write a file: all of it, or nothing.

    Whatever interrupts it leaves the old file or the new one.

    Parameters
    ----------
    path : str or path-like
        Where to.
    facts : dict
        What JSON holds; the number of the format and the versions are added.
    arrays : dict of ndarray
        C-contiguous arrays by name, of a dtype of safetensors.
    """
    facts = {"format": FORMAT, "versions": _versions(), **facts}
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False)
    if len(text) > MAX_FACTS:
        raise ValueError(
            f"{os.fspath(path)} would hold {len(text)} characters of JSON; {MAX_FACTS} are allowed."
        )
    # The widest come first, so that all of them are aligned.
    arrays = dict(sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])))
    metadata = {FACTS: text, CHECKSUM: _checksum(text, arrays)}
    write_atomically(path, [_header(metadata, arrays), *map(_bytes_of, arrays.values())])


def read_file(path):
    """Read a file of :func:`write_file`.

    Returns
    -------
    facts : dict
        What JSON holds.
    arrays : dict of ndarray
        Arrays by name.

    Raises
    ------
    ValueError
        If it is no such file, of another format or damaged; the message begins with the path.
    OSError
        If it cannot be read.
    """
    # Asked first: opening a pipe would wait for who writes to it.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{os.fspath(path)} is not a file, but a folder or a device.")
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            metadata = file.metadata() or {}
            if FACTS not in metadata:
                raise ValueError("it is a file of safetensors, but none of sklearn_cae")
            facts = _parse(metadata[FACTS])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get(CHECKSUM) != _checksum(metadata[FACTS], arrays):
            raise ValueError("its checksum is wrong, so it is damaged or was changed")
    except (SafetensorError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} cannot be read: {error}.") from error
    return facts, arrays


def _parse(text):
    if len(text) > MAX_FACTS:
        raise ValueError(f"it holds {len(text)} characters of JSON; {MAX_FACTS} are allowed")
    facts = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(facts, dict):
        raise ValueError("its description is not a JSON object")
    if facts.get("format") != FORMAT:
        raise ValueError(
            f"it is of format {facts.get('format')!r}, and this version of sklearn_cae, "
            f"{__version__}, knows {FORMAT}. Update sklearn_cae"
        )
    return facts


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def _checksum(text, arrays):
    checksum = sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        checksum.update(f"{name} {array.dtype.name} {array.shape}".encode())
        checksum.update(_bytes_of(array))
    return checksum.hexdigest()


def _header(metadata, arrays):
    """Length and text of the header of safetensors."""
    header, start = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": (start, start + array.nbytes),
        }
        start += array.nbytes
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _bytes_of(array):
    return array.reshape(-1).view(np.uint8)


def _versions():
    return {
        "sklearn_cae": __version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": str(torch.__version__),
    }


def write_atomically(path, parts):
    """Write bytes, part by part, beside a path, and move them there: all of them, or nothing."""
    # Of a link, what it points to is replaced.
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
