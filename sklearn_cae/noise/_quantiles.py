"""Normal numbers from a table of quantiles, on a CPU in half of the time that torch takes."""

from functools import cache

import torch

from ._base import draw_normal
from ._poisson import random_bits

N_QUANTILES = 2**16


def draw_quantiles(like, generator):
    """Draw numbers that are normal but for what lies beyond 4.3 standard deviations.

    On a CPU each is one of 65,536 quantiles, equally probable and of variance 1: the distribution
    function is that of the normal distribution to 2e-5. Elsewhere they are those of
    :func:`draw_normal`.

    Parameters
    ----------
    like : Tensor of shape (n, C, H, W)
        Tells shape and device.
    generator : torch.Generator or sequence of n of these
        Where numbers come from; those of each image from its own.

    Returns
    -------
    numbers : Tensor of the shape of ``like``
        Mean 0 and standard deviation 1, in torch's memory format ``channels_last``.
    """
    last = like.permute(0, 2, 3, 1)  # A training has its images in this order in memory.
    if like.device.type != "cpu":
        return draw_normal(last, generator).permute(0, 3, 1, 2)
    if not isinstance(generator, torch.Generator):
        draws = zip(like, generator, strict=True)
        return torch.cat([draw_quantiles(image[None], one) for image, one in draws])
    place = _random_places(like.numel(), generator)
    return _quantiles().index_select(0, place).view(last.shape).permute(0, 3, 1, 2)


def _random_places(n, generator):
    """Draw n places in the table."""
    return random_bits(n, torch.int16, generator).int().add_(N_QUANTILES // 2)


@cache
def _quantiles():
    places = torch.arange(N_QUANTILES, dtype=torch.float64, device="cpu")
    quantiles = torch.special.ndtri((places + 0.5) / N_QUANTILES)
    return (quantiles / quantiles.std(correction=0)).float()
