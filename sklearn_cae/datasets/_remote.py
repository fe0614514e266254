"""Published files: found on disk or downloaded, and checked against the published checksum."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from .._optional import import_optional


class RemoteFile(NamedTuple):
    """A published file.

    Attributes
    ----------
    name : str
        File name, on disk and at the source.
    url : str
        Where it is published.
    checksum : str
        ``"sha256:..."`` or ``"md5:..."``, in hexadecimal digits.
    """

    name: str
    url: str
    checksum: str


def locate(remote: RemoteFile, *, folder: str, data_home=None, download_if_missing=True) -> Path:
    """Return the path of a published file, downloading it if it is nowhere on disk.

    Looked for in ``<data_home>/sklearn_cae/<folder>`` and then in ``data_home`` itself. Downloads
    go to the first of these; a file that is already there is never replaced.

    Parameters
    ----------
    remote : RemoteFile
        The file.
    folder : str
        Folder of the dataset: MNIST and Fashion-MNIST use the same file names.
    data_home : str, path-like or None, default=None
        As in :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        If False, a missing file is an error.

    Returns
    -------
    path : Path
        The file, with the published checksum.

    Raises
    ------
    OSError
        If the file is missing and may not or cannot be downloaded, or if its checksum is not the
        published one.
    ImportError
        If it has to be downloaded and pooch is not installed.

    Examples
    --------
    >>> import hashlib, tempfile
    >>> from pathlib import Path
    >>> from sklearn_cae.datasets._remote import RemoteFile, locate
    >>> remote = RemoteFile("a.gz", "https://example.org/a.gz", "md5:" + hashlib.md5().hexdigest())
    >>> with tempfile.TemporaryDirectory() as home:
    ...     (Path(home) / "a.gz").touch()
    ...     locate(remote, folder="letters", data_home=home).name
    'a.gz'
    """
    from sklearn.datasets import get_data_home

    root = Path(get_data_home(data_home))
    own_folder = root / "sklearn_cae" / folder
    for path in (own_folder / remote.name, root / remote.name):
        if path.is_file():
            _check_checksum(path, remote)
            return path
    if not download_if_missing:
        raise FileNotFoundError(
            f"{remote.name} is neither in {own_folder} nor in {root}, and download_if_missing is "
            f"False. Pass download_if_missing=True, or {_cure_by_hand(remote, own_folder)}"
        )
    return _download(remote, own_folder)


def _cure_by_hand(remote: RemoteFile, folder: Path) -> str:
    return (
        f"download {remote.url} by hand and put {remote.name} into {folder}, or pass the folder "
        "that holds it as data_home."
    )


def _check_checksum(path: Path, remote: RemoteFile) -> None:
    algorithm, expected = remote.checksum.split(":")
    found = hashlib.new(algorithm, path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != expected:
        raise OSError(
            f"{path} is not the file published at {remote.url}: expected {algorithm} {expected}, "
            f"found {found}. It was left as it is; move it away to have it downloaded, or pass "
            "another data_home."
        )


def _download(remote: RemoteFile, folder: Path) -> Path:
    pooch = import_optional("pooch", extra="datasets", purpose=f"Downloading {remote.name}")
    try:
        # pooch writes to a temporary file, checks it, and only then moves it to its name.
        path = pooch.retrieve(remote.url, remote.checksum, fname=remote.name, path=folder)
    except (OSError, ValueError) as error:
        raise OSError(
            f"{remote.name} could not be downloaded from {remote.url} ({error}). Try again, or "
            f"{_cure_by_hand(remote, folder)}"
        ) from error
    return Path(path)
