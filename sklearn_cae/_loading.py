"""``load``: estimators from files."""

from dataclasses import is_dataclass
from inspect import isclass
from os import PathLike
from typing import Any

from sklearn.base import BaseEstimator

from . import learning, networks, noise, outliers
from ._coreset import CoresetNeighbors
from ._denoising_cae import DenoisingCAE
from ._density import CodeDensity
from ._layer_features import LayerFeatures
from ._sampling import LatentSampler
from .classical import ClassicalDenoiser
from .files import read_estimator
from .images import ImageSpec
from .training import Muon, resolve_device


def _kept_of(module):
    """Classes of estimators, specs and records that a package exports."""
    exported = [getattr(module, name) for name in module.__all__]
    return [
        value
        for value in exported
        if isclass(value) and (issubclass(value, BaseEstimator) or is_dataclass(value))
    ]


# The classes that a file may name, but for those of scikit-learn and torch.
CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        *(cls for module in (networks, noise, learning, outliers) for cls in _kept_of(module)),
        ClassicalDenoiser,
        CodeDensity,
        CoresetNeighbors,
        DenoisingCAE,
        ImageSpec,
        LatentSampler,
        LayerFeatures,
        Muon,
    )
}


def load(
    path: str | PathLike[str],
    *,
    device: str = "auto",
    custom: dict[str, type] | None = None,
) -> Any:
    """Open a file that ``save`` of an estimator wrote.

    Nothing in the file is run, because it holds only arrays and text. Classes are looked up by
    name, in a table of this library and in ``custom``. Every weight is checked against the network
    that is built for it.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str, default="auto"
        Device of torch for the networks, whatever it was when the file was written; "auto" picks
        CUDA, else MPS, else CPU.
    custom : dict of type, default=None
        Classes of your own that the file names, by name: ``{"MyNet": MyNet}``. Their code is run,
        with the parameters in the file.

    Returns
    -------
    estimator : estimator
        The estimator, which predicts bitwise what the saved one does on the same device.

    Raises
    ------
    ValueError
        If the file is damaged, of another format, or not what it should be; the message begins
        with its path. If the device is not available, or ``custom`` is not a dict of classes.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import sklearn_cae
    >>> X = np.random.default_rng(0).random((8, 12, 12))
    >>> injector = sklearn_cae.NoiseInjector("blur", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     injector.save(f"{folder}/injector.safetensors")
    ...     sklearn_cae.load(f"{folder}/injector.safetensors")
    NoiseInjector(noise='blur', random_state=0)
    """
    resolve_device(device)
    if custom is not None:
        _check_custom(custom)
    return read_estimator(path, CLASSES, custom=custom, device=device)


def _check_custom(custom):
    if not isinstance(custom, dict) or not all(map(isclass, custom.values())):
        raise ValueError(
            f"custom={custom!r}; expected classes by their names, as in {{'MyNet': MyNet}}."
        )
