"""What the page shows beside the network: images, codes, scores, and what excites each map."""

from typing import Any

import numpy as np
import torch

from ..noise import NOISE_MODELS, NoiseChain, NoiseModel
from ._graph import Graph
from ._stages import Stage
from ._weights import as_text

# Principal axes of the codes, and images whose codes are shown as points: so many, of so many
# values in all, and so many that the network takes no more products than these for their codes.
MAX_AXES, MAX_POINTS, MAX_CODE_VALUES, MAX_POINT_PRODUCTS = 8, 1000, 8_000_000, 5e10
# Standard deviation of codes below which they are equal but for rounding.
EQUAL = 1e-6
# Images of which the page holds small copies: so many, of so many values in all, and so many that
# the network takes no more products than these to find what excites its maps.
MAX_COPIES, MAX_COPY_VALUES, MAX_COPY_PRODUCTS = 120, 400_000, 2e10
# Patches for each map.
N_PATCHES = 4


def count_copies(images: np.ndarray, n_products: int) -> int:
    """How many of the images (n, C, H, W) the page can hold copies of."""
    limits = (MAX_COPIES, MAX_COPY_VALUES / images[0].size, MAX_COPY_PRODUCTS / n_products)
    return max(1, min(len(images), *map(int, limits)))


def count_points(images: np.ndarray, code_length: int, n_products: int) -> int:
    """Of how many of the images (n, C, H, W) the page shows the codes."""
    limits = (MAX_POINTS, MAX_CODE_VALUES / code_length, MAX_POINT_PRODUCTS / n_products)
    return max(1, min(len(images), *map(int, limits)))


def as_bytes(images: np.ndarray) -> str:
    """Images in units of the data range as text, a byte for each value."""
    return as_text(np.rint(images.clip(0, 1) * 255).astype(np.uint8))


def described_codes(codes: np.ndarray, seed: int = 0) -> dict[str, Any] | None:
    """Principal axes of codes (n, length) and where the codes lie along them.

    Returns
    -------
    described : dict or None
        Mean, axes, standard deviations and shares of the variance, and the places of the codes in
        standard deviations. ``None`` if there are fewer than three codes, or all are equal.
    """
    n_axes = min(MAX_AXES, len(codes) - 1, codes.shape[1])
    if n_axes < 2 or codes.std(axis=0).max() < EQUAL:
        return None
    from sklearn.decomposition import PCA

    pca = PCA(n_axes, random_state=seed).fit(codes)
    deviations = np.sqrt(pca.explained_variance_).clip(min=1e-12)
    places = pca.transform(codes) / deviations
    return {
        "mean": as_text(pca.mean_.astype(np.float32)),
        "axes": as_text(pca.components_.astype(np.float32)),
        "deviations": deviations.tolist(),
        "shares": pca.explained_variance_ratio_.tolist(),
        "places": as_text(places.astype(np.float32)),
        "nAxes": n_axes,
        "nPoints": len(codes),
        "spread": {"low": codes.min(axis=0).tolist(), "high": codes.max(axis=0).tolist()}
        if codes.shape[1] <= MAX_AXES
        else None,
    }


def exciting_places(
    graph: Graph, stages: list[Stage], images: np.ndarray
) -> list[list[list[int]] | None]:
    """For each map of each stage the images, and the places in them, that excite it most.

    Parameters
    ----------
    graph : Graph
        The network.
    stages : list of Stage
        Its stages; those without maps have none, and the last one shows the image itself.
    images : ndarray of shape (n, C, H, W)
        float32 images.

    Returns
    -------
    places : list
        For each stage ``None``, or for each map a flat list of image, row and column of its
        highest values, each in another image, the highest first.
    """
    ends = [stage.layers[-1] for stage in stages]
    shown = [len(graph.layers[end].shape) == 3 for end in ends[:-1]] + [False]
    highest: list[list[torch.Tensor]] = [[] for _ in stages]
    where: list[list[torch.Tensor]] = [[] for _ in stages]
    for image in images:
        values = graph.values(torch.from_numpy(image[np.newaxis]))
        for i, end in enumerate(ends):
            if shown[i]:
                high, place = values[end].flatten(1).max(dim=1)
                highest[i].append(high)
                where[i].append(place)
    return [
        _best(torch.stack(high), torch.stack(place), graph.layers[end].shape[2]) if high else None
        for high, place, end in zip(highest, where, ends, strict=True)
    ]


def _best(high, place, width):
    """Images, rows and columns of the largest of values (n_images, n_maps)."""
    best = high.argsort(dim=0, descending=True, stable=True)[:N_PATCHES]
    places = []
    for c in range(high.shape[1]):
        flat: list[int] = []
        for i in best[:, c].tolist():
            flat += [i, *divmod(int(place[i, c]), width)]
        places.append(flat)
    return places


def described_noise(noise: NoiseModel | None) -> dict[str, Any] | None:
    """A noise as names and numbers, levels that are ranges by their middle.

    ``None`` if the page does not know it.
    """
    if isinstance(noise, NoiseChain):
        models = [described_noise(model) for model in noise.models]
        known = models and all(models)
        return {"kind": "chain", "models": models, "clip": bool(noise.clip)} if known else None
    kinds = [kind for kind, model in NOISE_MODELS.items() if type(noise) is model]
    if not kinds or noise is None:
        return None
    levels = {name: float(np.mean(getattr(noise, name))) for name in noise.limits}
    ranges = {
        name: list(map(float, getattr(noise, name)))
        for name in noise.limits
        if isinstance(getattr(noise, name), (tuple, list))
    }
    return {"kind": kinds[0], "levels": levels, "ranges": ranges, "clip": bool(noise.clip)}
