"""Reading the weights of VGG16: the official file, or one of the user's."""

import hashlib
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

# A row for each block: the index of a convolution in torchvision's ``features``, its input and its
# output channels. A ReLU follows each convolution, a pooling each block.
VGG16_BLOCKS = (
    {0: (3, 64), 2: (64, 64)},
    {5: (64, 128), 7: (128, 128)},
    {10: (128, 256), 12: (256, 256), 14: (256, 256)},
    {17: (256, 512), 19: (512, 512), 21: (512, 512)},
    {24: (512, 512), 26: (512, 512), 28: (512, 512)},
)
# The digits in the name are the first of the file's sha256.
IMAGENET_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FORMAT = "a state dict of VGG16 in torchvision's format, without batch normalisation"


def vgg16_shapes(n_blocks: int | None = None) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights and biases of VGG16's first blocks, ``None`` for all."""
    shapes: dict[str, tuple[int, ...]] = {}
    for block in VGG16_BLOCKS[:n_blocks]:
        for index, (n_in, n_out) in block.items():
            shapes[f"features.{index}.weight"] = (n_out, n_in, 3, 3)
            shapes[f"features.{index}.bias"] = (n_out,)
    return shapes


def read_vgg16_weights(
    source: str | PathLike[str], n_blocks: int, *, progress: bool = False
) -> dict[str, Tensor]:
    """Read the weights of VGG16's first blocks from a file, which cannot run code.

    Parameters
    ----------
    source : str or path-like
        "imagenet" is torchvision's official file, looked for in the cache of :mod:`torch.hub` and
        downloaded there once (528 MB). Anything else is the path of a state dict in torchvision's
        format, whole or of ``features`` alone, written by :func:`torch.save` or, with the suffix
        ``.safetensors``, by safetensors.
    n_blocks : int
        Number of blocks, 1 to 5.
    progress : bool, default=False
        Show a bar while downloading.

    Returns
    -------
    weights : dict of Tensor
        The weights and biases by their names in torchvision: ``features.0.weight`` and so on.

    Raises
    ------
    OSError
        If the file is missing and cannot be downloaded, or is not the official one.
    ValueError
        If the file is damaged, holds more than tensors, or is not of a VGG16.

    Examples
    --------
    >>> import tempfile, torch
    >>> from pathlib import Path
    >>> from sklearn_cae.networks import VGG16, read_vgg16_weights
    >>> vgg = VGG16(1, generator=torch.Generator().manual_seed(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save(vgg.state_dict(), Path(folder) / "vgg16.pth")
    ...     list(read_vgg16_weights(Path(folder) / "vgg16.pth", 1))
    ['features.0.weight', 'features.0.bias', 'features.2.weight', 'features.2.bias']
    """
    path = _imagenet_file(progress) if source == "imagenet" else _given_file(source)
    features = _features(_read(path), path)
    shapes = vgg16_shapes(n_blocks)
    for name, shape in shapes.items():
        _check_tensor(name, features.get(name), shape, path)
    return {name: features[name] for name in shapes}


def _imagenet_file(progress: bool) -> Path:
    name = IMAGENET_URL.rpartition("/")[2]
    prefix = name.removesuffix(".pth").rpartition("-")[2]
    path = Path(torch.hub.get_dir(), "checkpoints", name)
    if path.is_file():
        _check_sha256(path, prefix)
    else:
        _download(path, prefix, progress)
    return path


def _check_sha256(path: Path, prefix: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(prefix):
        raise OSError(
            f"{path} is not the file published at {IMAGENET_URL}: its sha256 begins with "
            f"{found[: len(prefix)]}, expected {prefix}. It was left as it is; move it away to "
            "have it downloaded anew."
        )


def _download(path: Path, prefix: str, progress: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # It writes to a temporary file, checks it, and only then moves it to its name.
        torch.hub.download_url_to_file(IMAGENET_URL, str(path), prefix, progress)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(
            f"The weights of VGG16 are not in {path} and could not be downloaded from "
            f"{IMAGENET_URL} ({error}). Try again, download the file by hand and put it there, or "
            "give the path of another as weights; weights=None is random weights."
        ) from error


def _given_file(source: str | PathLike[str]) -> Path:
    path = Path(source).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(source)!r}: there is no file {path.absolute()}. Give the path "
            f"of {FORMAT}, or 'imagenet' for the official one."
        )
    return path


def _read(path: Path) -> Any:
    load = load_file if path.suffix == ".safetensors" else _load_pickle
    try:
        return load(path)
    except Exception as error:  # Damaged files fail in many ways.
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}): it is damaged, or holds more than "
            f"tensors, which might run code and is refused. Expected is {FORMAT}."
        ) from error


def _load_pickle(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _features(state: Any, path: Path) -> dict[str, Any]:
    """Entries of the convolutions by their names in the whole network."""
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError(
            f"{path} holds a {type(state).__name__}; expected {FORMAT}: tensors by their names."
        )
    if "0.weight" in state:
        state = {f"features.{name}": value for name, value in state.items()}
    features = {name: value for name, value in state.items() if name.startswith("features.")}
    unknown = sorted(features.keys() - vgg16_shapes().keys())
    if unknown:
        raise ValueError(
            f"{path} is of another network: VGG16 has no {unknown[0]}. Expected is {FORMAT}."
        )
    return features


def _check_tensor(name: str, value: Any, shape: tuple[int, ...], path: Path) -> None:
    if value is None:
        raise ValueError(f"{path} has no {name}. Expected is {FORMAT}.")
    if not _is_plain(value) or value.shape != shape:
        raise ValueError(
            f"{path}: {name} is {_described(value)}, expected dense floats of 16, 32 or 64 bits of "
            f"shape {shape}. Expected is {FORMAT}."
        )
    if not value.isfinite().all():
        raise ValueError(f"{path}: {name} holds values that are not finite numbers.")


def _is_plain(value: Any) -> bool:
    """Whether it is a dense tensor of floats that has values."""
    return (
        isinstance(value, Tensor)
        and value.dtype in DTYPES
        and value.layout == torch.strided
        and not value.is_meta
    )


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    kind = " without values" if value.is_meta else ""
    layout = "" if value.layout == torch.strided else f" {value.layout}"
    return f"{value.dtype} {tuple(value.shape)}{layout}{kind}"
