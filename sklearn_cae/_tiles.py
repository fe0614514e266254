"""Large images in tiles whose results are those of the whole image.

How far around a pixel its result depends on the image is measured, so that nobody has to declare
it: a block of NaN in an image spreads as far as a network sees. What a tile sees begins and ends
at multiples of ``ALIGNMENT`` pixels, or where the image does, so that pooling and strides fall as
they do in the whole image. That a part then gives what the whole does is tried on random numbers.
"""

import math
from itertools import pairwise, product

import torch

# Pixels that a network sees at a time, about. The default U-Net needs 900 bytes for each.
TILE_PIXELS = 2**19
# Images can be halved six times.
ALIGNMENT = 64
# Length of the strips of an image on which networks are measured, and what they may reach there.
STRIP = 1024
LARGEST_MARGIN = 416
# Of the largest result: more than a GPU rounds, less than what another size or place makes.
SAME = 3e-3


class Tiling:
    """An image in tiles: parts that are kept of what a network sees around them.

    Parameters
    ----------
    size : tuple of int
        Height and width of the image in pixels.
    margin : int or None
        How far around a pixel its result depends on the image. ``None`` is one tile: the image.

    Attributes
    ----------
    kept : list of tuple of slice
        Rows and columns of each part; together they are the image.
    """

    def __init__(self, size, margin):
        self.size = size
        self.margin = margin
        sides = size if margin is None else _tile_sides(size, margin)
        self.kept = list(product(*map(self._parts, size, sides)))

    def seen(self, kept, flipped=(False, False)):
        """Rows and columns that a network has to see for a part that is kept.

        Parameters
        ----------
        kept : tuple of slice
            Rows and columns of the part.
        flipped : tuple of bool
            Whether it sees the rows, and whether the columns, in reverse order: multiples of
            ``ALIGNMENT`` count from the other end then.

        Returns
        -------
        seen : tuple of slice
            Rows and columns of the image.
        """
        return tuple(map(self._around, kept, self.size, flipped))

    def _parts(self, length, side):
        """Cut an axis into parts that, with what they need around them, are no longer than side."""
        if length <= side:
            return [slice(0, length)]
        overlap = _overlap(self.margin)
        n_parts = math.ceil((length - overlap) / (side - overlap))
        step = aligned((length - overlap) / n_parts)
        inner = [number * step + overlap // 2 for number in range(1, n_parts)]
        return [slice(*ends) for ends in pairwise([0, *inner, length])]

    def _around(self, kept, length, flipped):
        """What is needed around a part of an axis."""
        if self.margin is None:
            return slice(0, length)
        if flipped:
            return _mirrored(self._around(_mirrored(kept, length), length, False), length)
        start, stop = kept.start - self.margin, kept.stop + self.margin
        return slice(max(start // ALIGNMENT * ALIGNMENT, 0), min(aligned(stop), length))


def _mirrored(part, length):
    """A part of an axis, counted from the other end."""
    return slice(length - part.stop, length - part.start)


def aligned(length):
    """The next multiple of ``ALIGNMENT``."""
    return math.ceil(length / ALIGNMENT) * ALIGNMENT


def _overlap(margin):
    """How much two tiles side by side have in common, so that each pixel is far from the end."""
    return aligned(2 * margin)


def _tile_sides(size, margin):
    """Largest height and width of a tile in pixels.

    Tiles are squares; of long and narrow images they are as wide as the image. At least half of a
    side is kept, so that no pixel is computed more than four times: around wide margins a tile may
    have more than ``TILE_PIXELS``.
    """
    square = max(math.isqrt(TILE_PIXELS) // ALIGNMENT * ALIGNMENT, 2 * _overlap(margin))
    return [max(square, TILE_PIXELS // min(across, square)) for across in reversed(size)]


def within(kept, seen):
    """Rows and columns that are kept, counted in those that are seen."""
    return tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(kept, seen, strict=True)
    )


def is_large(size):
    """Whether images of this height and width are cut into tiles where the network allows it."""
    return math.prod(size) > TILE_PIXELS


@torch.inference_mode()
def measure_margin(module, n_channels, device):
    """Measure how far around a pixel the result of a network depends on the image.

    Parameters
    ----------
    module : torch.nn.Module
        The network, in evaluation mode.
    n_channels : int
        Number of channels of an image.
    device : str
        Where the network is.

    Returns
    -------
    margin : int or None
        Pixels, in rows and in columns. ``None`` if a part of an image cannot be computed alone: the
        network takes images of one size, sees more than 416 pixels far or all of an image, or
        depends on the size of the image or on the place in it. Networks whose pooling does not
        divide ``ALIGNMENT`` are of the last kind.
    """
    if module.fixed_size:
        return None
    runs = [_Strips(module, n_channels, device, axis) for axis in (2, 3)]
    try:
        margin = max(run.reach() for run in runs)
        fits = margin <= LARGEST_MARGIN and all(run.gives_the_same(margin) for run in runs)
    except Exception:  # A network may say in any way that it does not take such sizes.
        return None
    return margin if fits else None


class _Strips:
    """A network on images that are long in one axis, which is the first of the tensors here."""

    def __init__(self, module, n_channels, device, axis):
        self.module = module
        self.n_channels = n_channels
        self.device = device
        self.axis = axis

    def reach(self):
        """How far NaN spread from a block in the middle, in pixels."""
        strip = torch.full(self._shape(STRIP), 0.5)
        first, last = STRIP // 2, STRIP // 2 + ALIGNMENT - 1
        strip[first : last + 1] = math.nan
        reached = self._run(strip).isnan().flatten(1).any(dim=1)  # (STRIP,)
        place = torch.arange(STRIP)
        away = torch.maximum(first - place, place - last).clamp_min(0)
        return int((away * reached).max())

    def gives_the_same(self, margin):
        """Whether the result for a part of a strip is that for the whole, but for a margin."""
        length = _overlap(margin) + 3 * ALIGNMENT
        strip = torch.rand(self._shape(length), generator=torch.Generator().manual_seed(0))
        # Dark to bright, for what compares a place with the mean of its surroundings.
        strip *= torch.linspace(0, 1, length).reshape(-1, 1, 1)
        inner = slice(ALIGNMENT, -ALIGNMENT)
        whole, part = self._run(strip)[inner], self._run(strip[inner])
        kept = slice(margin, len(part) - margin)
        return bool((whole - part)[kept].abs().max() <= SAME * whole.abs().max())

    def _shape(self, length):
        return length, self.n_channels, ALIGNMENT

    def _run(self, strip):
        images = strip.movedim(0, self.axis - 1)[None].to(self.device)  # (1, C, H, W)
        return self.module(images)[0].movedim(self.axis - 1, 0).cpu()
