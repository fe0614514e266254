"""Squares cut out of images."""

from numbers import Integral

import torch

from ._base import Level, NoiseModel, as_tensor, draw_level, draw_uniform


class CutOut(NoiseModel):
    """Replace squares of an image by one gray value, in all channels.

    This is the corruption of [1]_. The centre of a square is any pixel with the same probability.
    The part of a square beyond the border of the image is lost.

    Parameters
    ----------
    side : float or tuple (low, high), default=0.25
        Side of the squares, as a share of the shorter side of the image, from 0 to 1: 0.25 is 8
        pixels of 32. [1]_ takes half of it to classify CIFAR-10.
    count : int, default=1
        Number of squares of an image; they may overlap.
    value : float or tuple (low, high), default=0.5
        Brightness of the squares in units of the data range, from 0 to 1.
    clip : bool, default=True
        Clip to the data range.

    See Also
    --------
    MaskingNoise : Single pixels, black.

    References
    ----------
    .. [1] T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with
       cutout", 2017.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import CutOut
    >>> white = torch.ones(1, 3, 32, 32)
    >>> image = CutOut(0.25, value=0).corrupt(white, torch.Generator().manual_seed(0))
    >>> int((image[0, 0] == 0).sum())
    64
    """

    limits = {"side": 1, "value": 1}
    units = {
        "side": "a share of the shorter side of the image: 0.25 is 8 pixels of 32",
        "value": "in units of the data range: 128 on uint8 images is 128 / 255",
    }

    def __init__(
        self, side: Level = 0.25, count: int = 1, value: Level = 0.5, *, clip: bool = True
    ):
        self.side = side
        self.count = count
        self.value = value
        self.clip = clip

    def check_levels(self) -> None:
        """Raise a ValueError if a level is out of its limits or ``count`` no number."""
        super().check_levels()
        if not isinstance(self.count, Integral) or isinstance(self.count, bool) or self.count < 1:
            raise ValueError(
                f"CutOut(count=…) is {self.count!r}; expected a number of squares, 1 or more."
            )

    def _corrupt(self, images, generator):
        n, _, height, width = images.shape
        side = draw_level(self.side, images, generator)
        pixels = (as_tensor(side, images) * min(height, width)).round()  # one, or (n, 1, 1, 1)
        shape = images.new_empty(n, 2 * self.count, 1, 1)
        down, right = draw_uniform(shape, generator).split(self.count, dim=1)  # (n, count, 1, 1)
        rows = _covered(down, height, pixels).unsqueeze(3)  # (n, count, H, 1)
        columns = _covered(right, width, pixels).unsqueeze(2)  # (n, count, 1, W)
        covered = (rows & columns).any(dim=1, keepdim=True)
        value = draw_level(self.value, images, generator)
        return torch.where(covered, as_tensor(value, images), images)


def _covered(draws, length, side):
    """Which places (n, count, length) of an axis lie under squares whose centres are drawn."""
    first = (draws * length).floor() - (side / 2).floor()  # (n, count, 1, 1)
    places = torch.arange(length, device=draws.device)
    return ((places >= first) & (places < first + side)).squeeze(2)
