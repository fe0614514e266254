"""The trained denoisers in the package: files of estimators, in half precision."""

from importlib.resources import files

import numpy as np
from sklearn.base import clone

from .._fitted import KEY
from .._version import __version__
from ..files import write_estimator
from ..images import ImageSpec, spec_of_range
from ..learning import NamedLoss, Patches, resolve_loss
from ..networks import ResUNet
from ..noise import GaussianNoise

# Where the files of the package are.
FOLDER = files("sklearn_cae") / "pretrained"
# Classes that they name, besides that of the estimator.
PRETRAINED_CLASSES = {
    cls.__name__: cls for cls in (GaussianNoise, ImageSpec, NamedLoss, Patches, ResUNet)
}


def pretrained_names():
    """Names of the denoisers in the package."""
    return sorted(
        path.name.removesuffix(".safetensors")
        for path in FOLDER.iterdir()
        if path.name.endswith(".safetensors")
    )


def pretrained_path(name):
    """Where the denoiser of a name is."""
    if name not in pretrained_names():
        raise ValueError(f"name={name!r}; the package has the denoisers {pretrained_names()}.")
    return FOLDER / f"{name}.safetensors"


def write_pretrained(cae, path):
    """Write a fitted denoiser of Gaussian noise as those in the package are.

    It holds the weights in half precision, and nothing of the training but the largest standard
    deviation of the noise and the size of the patches. It opens as a denoiser of uint8 images.
    """
    write_estimator(_without_training(cae), path, half=True)


def _without_training(cae):
    spec, network = cae.image_spec_, cae.network_
    noise = GaussianNoise((0.0, float(np.max(cae.noise_.std))), clip=False)
    data_range = (0, 255)
    plain = type(cae)(
        network,
        noise=noise,
        patches=Patches(spec.height),
        data_range=data_range,
        warm_start=True,
    )
    net = cae.__getstate__()["net_"]
    fitted = {
        "net_": net | {"criterion": {}, "optimizer_state": {}, "history": [], "annealed": True},
        "network_": clone(network),
        "loss_": resolve_loss(plain.loss),
        "optimizer_": network.optimizer,
        "noise_": clone(noise),
        "target_": "clean",
        "limits_": None,
        "precision_": "float32",
        "seed_": 0,
        "image_spec_": spec_of_range(spec.height, spec.n_channels, data_range),
        "n_features_in_": spec.height**2 * spec.n_channels,
    }
    plain.__setstate__({**vars(plain), **fitted, KEY: __version__})
    return plain
