"""Weights of trained denoisers as files: safetensors in half precision, nothing is unpickled."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..networks import ResUNet

# Where the files of the package are.
FOLDER = files("sklearn_cae") / "pretrained"
FORMAT = 1
# Classes of networks that a file may name.
CLASSES = {"ResUNet": ResUNet}


@dataclass(frozen=True)
class Pretrained:
    """A trained denoiser without units.

    Attributes
    ----------
    network : NetworkSpec
        The network.
    n_channels : int
        Channels of its images.
    size : int
        Side of the patches it was trained on, in pixels.
    max_std : float
        Largest standard deviation of the Gaussian noise it was trained on, in units of the data
        range.
    weights : dict of Tensor
        float32 weights by name.
    """

    network: Any
    n_channels: int
    size: int
    max_std: float
    weights: dict[str, torch.Tensor]


def pretrained_names():
    """Names of the denoisers in the package."""
    return sorted(
        path.name.removesuffix(".safetensors")
        for path in FOLDER.iterdir()
        if path.name.endswith(".safetensors")
    )


def load_pretrained(name):
    """Read a denoiser of the package: a :class:`Pretrained`."""
    if name not in pretrained_names():
        raise ValueError(f"name={name!r}; the package has the denoisers {pretrained_names()}.")
    return read_pretrained(FOLDER / f"{name}.safetensors")


def read_pretrained(path):
    """Read a file of :func:`write_pretrained`; a ValueError names what is wrong with it."""
    facts, weights = _read_file(path)
    if facts.get("format") != FORMAT:
        raise ValueError(f"{path} is of another format than {FORMAT}. Update sklearn_cae.")
    if facts.get("network") not in CLASSES:
        raise ValueError(
            f"{path} holds a network {facts.get('network')!r}; known are {sorted(CLASSES)}. Update "
            "sklearn_cae."
        )
    try:
        return _of_facts(facts, weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of its network: {error}") from error


def _read_file(path):
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = dict(json.loads((file.metadata() or {})["sklearn_cae"]))
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no file of a trained denoiser: {error!r}.") from error
    return facts, weights


def _of_facts(facts, weights):
    params = {name: _hashable(value) for name, value in facts["params"].items()}
    network = CLASSES[facts["network"]](**params)
    network.check()
    size, n_channels = facts["size"], facts["n_channels"]
    # Weights that do not fit are told here, where the file is known.
    module = network.build((size, size), n_channels, torch.Generator())
    module.load_state_dict(weights)
    return Pretrained(network, n_channels, size, facts["max_std"], weights)


def write_pretrained(cae, path):
    """Write the weights of a fitted denoiser in half precision."""
    spec, network = cae.image_spec_, cae.network_
    facts = {
        "format": FORMAT,
        "network": type(network).__name__,
        "params": {name: _plain(value) for name, value in network.get_params().items()},
        "n_channels": spec.n_channels,
        "size": spec.height,
        "max_std": float(np.max(cae.noise_.std)),
    }
    weights = {
        name: value.detach().cpu().half().contiguous()
        for name, value in cae.net_.module_.state_dict().items()
    }
    save_file(weights, str(path), metadata={"sklearn_cae": json.dumps(facts)})


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
