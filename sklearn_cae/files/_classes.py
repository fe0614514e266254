"""Names of classes in files, and the classes of scikit-learn and torch that may stand in one."""

from inspect import isclass

import torch
from sklearn.covariance import EllipticEnvelope, EmpiricalCovariance, LedoitWolf, MinCovDet
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler

LIBRARY, CUSTOM = "sklearn_cae", "custom"

# Their fitted state is arrays, but for those in `REFITTED`.
ESTIMATORS = (
    PCA,
    BayesianGaussianMixture,
    EllipticEnvelope,
    EmpiricalCovariance,
    FrozenEstimator,
    GaussianMixture,
    KernelDensity,
    LedoitWolf,
    LocalOutlierFactor,
    MinCovDet,
    MinMaxScaler,
    NearestNeighbors,
    Normalizer,
    Pipeline,
    RobustScaler,
    StandardScaler,
)

# What holds trees: of these a file keeps the training data, to which they are fitted again. The
# trees themselves are compiled code's, which could be led out of its memory.
REFITTED = {
    KernelDensity: lambda state: state["tree_"].data,
    LocalOutlierFactor: lambda state: state["_fit_X"],
    NearestNeighbors: lambda state: state["_fit_X"],
}

LOSSES = ("BCELoss", "BCEWithLogitsLoss", "HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss")


def _sklearn_name(cls):
    package = ".".join(cls.__module__.split(".")[:2])
    return f"{package}.{cls.__name__}"


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


# Classes of other libraries by the names that stand in files.
OTHERS = {_sklearn_name(cls): cls for cls in ESTIMATORS} | _torch_classes()
_NAMES = {cls: name for name, cls in OTHERS.items()}


def name_of(cls):
    """The name of a class in files: one of the library's, of ``OTHERS``, or the user's."""
    if cls in _NAMES:
        return _NAMES[cls]
    owner = LIBRARY if cls.__module__.split(".")[0] == LIBRARY else CUSTOM
    return f"{owner}.{cls.__name__}"


def is_foreign(cls):
    """Whether it is a class of scikit-learn that no file holds."""
    return cls.__module__.split(".")[0] == "sklearn" and cls not in _NAMES


def named(classes, *, custom=False):
    """A table of classes by the names that stand in files."""
    return {f"{CUSTOM if custom else LIBRARY}.{name}": cls for name, cls in classes.items()}
