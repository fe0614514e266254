"""Feature maps as vectors: of whole images, and of places in them."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# Pixels from one place to the next, in rows and in columns.
PLACE = 4
# Places beside each other are averaged, so that a feature tells of some surroundings.
NEIGHBORHOOD = 3
# Keeps quotients finite.
TINY = 1e-9
# Maps of a shorter length are as good as dark.
SHORTEST = 1e-3


def average(maps, pooling):
    """Averages of maps (n, h, w, C) over ``pooling x pooling`` parts: (n, p, p, C).

    Maps of fewer places in a direction have as many parts as places.
    """
    n_rows, n_columns = (min(pooling, side) for side in maps.shape[1:3])
    parts = [
        part.mean(axis=(1, 2), keepdims=True)
        for rows in np.array_split(maps, n_rows, axis=1)
        for part in np.array_split(rows, n_columns, axis=2)
    ]
    return np.concatenate(parts, axis=1).reshape(len(maps), n_rows, n_columns, -1)


def lengths(features):
    """Lengths (n, 1, 1, 1) of features (n, h, w, C), all values of an image being one vector."""
    return np.sqrt(np.square(features).sum(axis=(1, 2, 3), keepdims=True)).clip(min=TINY)


def features_of_places(maps, image_size):
    """Features of places all over images, from maps (n, C, h, w) of several layers.

    Each layer's maps are brought to length 1 at every place, with the logarithm of the length as
    one value more, averaged with those around it, and brought to one grid, with a place every 4
    pixels.

    Parameters
    ----------
    maps : list of torch.Tensor of shape (n, C, h, w)
        Maps of the layers, of any sizes.
    image_size : tuple of int
        Height and width of the images in pixels.

    Returns
    -------
    features : torch.Tensor of shape (n, h, w, n_features)
        Features of the places.
    """
    grid = [-(-side // PLACE) for side in image_size]
    on_grid = [_to_grid(_smoothed(_direction_and_length(layer)), grid) for layer in maps]
    return torch.cat(on_grid, dim=1).permute(0, 2, 3, 1)


def at_each_pixel(values, image_size):
    """Values (n, h, w) of places at each pixel, (n, H, W), linear between the places."""
    rows, columns = (
        _interpolation(n_places, length)
        for n_places, length in zip(values.shape[1:3], image_size, strict=True)
    )
    return rows @ values @ columns.T


def _interpolation(n_places, length):
    """Weights (length, n_places) of places, which are the centres of their parts, for pixels."""
    at = (np.arange(length) + 0.5) / _part(n_places, length) - 0.5
    each = np.eye(n_places)
    return np.stack([np.interp(at, np.arange(n_places), one) for one in each], axis=1)


def _part(n_places, length):
    """Pixels that belong to a place.

    A network halves some times and rounds up, so the last place may be only partly in the image.
    Any other number of places is that of equal parts.
    """
    halved = 2 ** math.ceil(math.log2(length / n_places))
    return halved if math.ceil(length / halved) == n_places else length / n_places


def _direction_and_length(maps):
    """Maps of length 1 at each place, (n, C + 1, h, w) with the logarithm of their length."""
    lengths = maps.norm(dim=1, keepdim=True).clamp(min=SHORTEST)
    return torch.cat([maps / lengths, lengths.log()], dim=1)


def _smoothed(maps):
    return F.avg_pool2d(maps, NEIGHBORHOOD, 1, NEIGHBORHOOD // 2, count_include_pad=False)


def _to_grid(maps, grid):
    """Maps (n, C, h, w) at the places of a grid."""
    sides = list(zip(maps.shape[2:], grid, strict=True))
    if any(side < n_places for side, n_places in sides):
        rows, columns = (torch.from_numpy(_interpolation(*pair)).to(maps) for pair in sides)
        return rows @ maps @ columns.T
    parts = [_part(n_places, side) for side, n_places in sides]
    if all(isinstance(part, int) for part in parts):
        return F.avg_pool2d(maps, parts, ceil_mode=True)
    return F.adaptive_avg_pool2d(maps, grid)
