"""Names of classes in files, and the classes of scikit-learn and torch that may stand in one.

Parts of scikit-learn are imported when a file is written or read: they take as long as the library.
"""

from functools import cache
from importlib import import_module
from inspect import isclass

import torch

LIBRARY, CUSTOM = "sklearn_cae", "custom"

# Their fitted state is arrays, but for those in ``REFITTED``.
ESTIMATORS = (
    "sklearn.covariance.EllipticEnvelope",
    "sklearn.covariance.EmpiricalCovariance",
    "sklearn.covariance.LedoitWolf",
    "sklearn.covariance.MinCovDet",
    "sklearn.decomposition.PCA",
    "sklearn.frozen.FrozenEstimator",
    "sklearn.mixture.BayesianGaussianMixture",
    "sklearn.mixture.GaussianMixture",
    "sklearn.neighbors.KernelDensity",
    "sklearn.neighbors.LocalOutlierFactor",
    "sklearn.neighbors.NearestNeighbors",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing.MinMaxScaler",
    "sklearn.preprocessing.Normalizer",
    "sklearn.preprocessing.RobustScaler",
    "sklearn.preprocessing.StandardScaler",
)

# What holds trees: of these a file keeps the training data, to which they are fitted again. The
# trees themselves are compiled code's, which could be led out of its memory.
REFITTED = {
    "sklearn.neighbors.KernelDensity": lambda state: state["tree_"].data,
    "sklearn.neighbors.LocalOutlierFactor": lambda state: state["_fit_X"],
    "sklearn.neighbors.NearestNeighbors": lambda state: state["_fit_X"],
}

LOSSES = ("BCELoss", "BCEWithLogitsLoss", "HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss")


def _torch_classes():
    losses = {f"torch.nn.{name}": getattr(torch.nn, name) for name in LOSSES}
    optimizers = {
        f"torch.optim.{name}": value
        for name, value in vars(torch.optim).items()
        if isclass(value)
        and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }
    return losses | optimizers


@cache
def other_classes():
    """Classes of other libraries by the names that stand in files."""
    paths = (path.rpartition(".") for path in ESTIMATORS)
    estimators = (getattr(import_module(package), name) for package, _, name in paths)
    return dict(zip(ESTIMATORS, estimators, strict=True)) | _torch_classes()


@cache
def _names():
    return {cls: name for name, cls in other_classes().items()}


def name_of(cls):
    """The name of a class in files: one of the library's, of another one, or the user's."""
    if cls in _names():
        return _names()[cls]
    owner = LIBRARY if cls.__module__.split(".")[0] == LIBRARY else CUSTOM
    return f"{owner}.{cls.__name__}"


def is_foreign(cls):
    """Whether it is a class of scikit-learn that no file holds."""
    return cls.__module__.split(".")[0] == "sklearn" and cls not in _names()


def named(classes, *, custom=False):
    """A table of classes by the names that stand in files."""
    return {f"{CUSTOM if custom else LIBRARY}.{name}": cls for name, cls in classes.items()}
