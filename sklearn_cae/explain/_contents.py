"""What the page holds: the network, images, codes and all else, as what JSON can write."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._version import __version__
from .._weight_history import WeightHistory
from ._data import (
    as_bytes,
    count_copies,
    count_points,
    described_codes,
    described_noise,
    exciting_places,
)
from ._graph import Graph, trace
from ._guide import guide_address
from ._stages import Stage, stages_of
from ._weights import as_text, count_products, count_weights, packed, packed_state

# A page holds networks of so many weights, that take so many products for an image.
MAX_WEIGHTS, MAX_PRODUCTS = 3_000_000, 1_000_000_000
# More numbers than that are written in half precision, so that the page stays small.
MAX_SINGLE = 1_000_000
# Weights of all epochs together, and epochs.
MAX_EPOCH_WEIGHTS, MAX_EPOCHS = 6_000_000, 24


def contents(
    cae: Any,
    images: np.ndarray,
    labels: list[str] | None,
    *,
    n_images: int,
    title: str | None,
    history: WeightHistory | None,
) -> dict[str, Any]:
    """All that the page shows.

    Parameters
    ----------
    cae : DenoisingCAE
        Fitted.
    images : ndarray of shape (n, C, H, W)
        float32 images in units of the data range.
    labels : list of str or None
        A label for each image.
    n_images : int
        How many images can be chosen.
    title : str or None
        Title of the page.
    history : WeightHistory or None
        States of the training.

    Returns
    -------
    contents : dict
        Numbers, texts, lists and dicts of these; arrays as base64 of their bytes.

    Raises
    ------
    ValueError
        If the network is too large, or has layers that the page cannot compute, or if ``history``
        is not its own.
    """
    graph = trace(cae.net_.module_, images.shape[2:], images.shape[1])
    n_products = sum(map(count_products, graph.layers))
    _check_size(cae, graph, n_products, images.shape[2:])
    epochs = _epochs(graph, history)
    stages = stages_of(graph, getattr(cae.net_.module_, "layer_names", None))
    places, weights = packed(graph)
    weights = _halved_if_many(weights)
    shown = images[:n_images]
    copies = images[: count_copies(images, max(1, n_products))]
    return {
        "title": title or f"Inside {_with_article(type(cae.network_).__name__)}",
        "version": __version__,
        "guide": guide_address(),
        "network": _network(cae, graph, stages, places) | {"nProducts": n_products},
        "weights": as_text(weights),
        "halved": weights.dtype == np.float16,
        "epochs": epochs,
        "curves": {name: _numbers(values) for name, values in cae.history_.items()},
        "images": {
            "shape": list(images.shape[1:]),
            "n": len(shown),
            "values": as_text(shown),
            "labels": labels,
        },
        "copies": {"n": len(copies), "values": as_bytes(copies)},
        "excitement": exciting_places(graph, stages, copies),
        **_codes_and_scores(cae, graph, images, max(1, n_products)),
        "noise": described_noise(cae.noise_),
        "training": _training(cae),
        "unitLimits": list(cae.image_spec_.unit_limits),
        "limits": None if cae.limits_ is None else list(cae.limits_),
        "bounded": bool(cae.image_spec_.fixed or cae.net_.module_.bounded),
    }


def _network(cae: Any, graph: Graph, stages: list[Stage], places: list[dict]) -> dict[str, Any]:
    """The network without its weights; ``places`` tells where in the array these lie."""
    return {
        "name": type(cae.network_).__name__,
        "description": repr(cae.network_),
        "code": graph.code,
        "decodes": graph.decodes,
        "hides": cae.target_ == "masked",
        "nWeights": int(cae.n_total_parameters_),
        "layers": [
            {
                "kind": layer.kind,
                "inputs": list(layer.inputs),
                "shape": list(layer.shape),
                "name": layer.name,
                "options": layer.options,
                "weights": of_layer,
                "nWeights": count_weights(layer),
            }
            for layer, of_layer in zip(graph.layers, places, strict=True)
        ],
        "stages": [
            {"title": stage.title, "layers": stage.layers, "field": list(stage.field)}
            for stage in stages
        ],
    }


def _codes_and_scores(cae, graph, images, n_products):
    """The codes of images along their principal axes, and how badly each is given back."""
    if graph.code is None:
        return {"codes": None, "scores": None}
    length = math.prod(graph.layers[graph.code].shape)
    images = _as_given(cae, images[: count_points(images, length, n_products)])
    return {
        "codes": described_codes(_codes(cae, images)),
        "scores": _numbers(-cae.runner_.score(images)) if graph.decodes else None,
    }


def _codes(cae, images):
    module, runner = cae.net_.module_, cae.runner_.in_float32()

    def encode(batch):
        return module.encode(runner.within_limits(batch)).flatten(1).cpu().numpy()

    return runner.in_batches(runner.on_tensors(encode), images)


def _as_given(cae, images):
    """Images (n, C, H, W) in units of the data range as the runner takes them, (n, H, W, C)."""
    low, high = cae.image_spec_.data_range
    return images.transpose(0, 2, 3, 1) * np.float32(high - low) + np.float32(low)


def _with_article(name):
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"


def _training(cae):
    """What the network was trained on: noise, nothing ("plain"), pairs, or noisy images alone."""
    if cae.target_ != "clean":
        return "noisy"
    if cae.noise_ is None:
        return "pairs"
    return "noise" if getattr(cae.noise_, "models", True) else "plain"


def _numbers(values):
    """An array as a list; JSON has no NaN."""
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]


def _check_size(cae, graph: Graph, n_products: int, size: Sequence[int]) -> None:
    n_weights = sum(map(count_weights, graph.layers))
    if n_weights > MAX_WEIGHTS or n_products > MAX_PRODUCTS:
        raise ValueError(
            f"{cae.network_!r} is too large for a page: it has {n_weights:,} weights and takes "
            f"{n_products:,} products for an image of {size[0]} x {size[1]} pixels; a page holds "
            f"{MAX_WEIGHTS:,} weights and {MAX_PRODUCTS:,} products. Give smaller images, parts of "
            "those in X where the network has no flat code, or take fewer channels, or fewer "
            "blocks of VGG16."
        )


def _halved_if_many(weights):
    """Weights in half precision if they are many and none becomes infinite by that."""
    if len(weights) <= MAX_SINGLE or np.abs(weights).max() > np.finfo(np.float16).max:
        return weights
    return weights.astype(np.float16)


def _epochs(graph, history):
    """States of a training, evenly spread; the weights in half precision."""
    if history is None:
        return []
    if not hasattr(history, "epochs_"):
        raise ValueError(
            f"history={history!r} has seen no training. Put it among the callbacks of the "
            "estimator before fit: DenoisingCAE(callbacks=[history])."
        )
    n_values = sum(t.numel() for layer in graph.layers for t in layer.weights.values())
    n_kept = max(2, min(MAX_EPOCHS, MAX_EPOCH_WEIGHTS // max(1, n_values)))
    kept = np.unique(np.linspace(0, len(history.epochs_) - 1, n_kept).round().astype(int))
    return [
        {
            "epoch": history.epochs_[i],
            "weights": as_text(packed_state(graph, history.weights_[i]).astype(np.float16)),
        }
        for i in kept
    ]
