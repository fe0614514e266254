"""Corruptions whose repair asks what an image shows: colour erased, turned, mirrored.

None of them adds noise. Restoring colour or orientation takes knowledge of the things in the
images, which a network has of those it was trained on: F. Ye, C. Huang, J. Cao, M. Li, Y. Zhang,
C. Lu, "Attribute restoration framework for anomaly detection" (IEEE Transactions on Multimedia
2020).
"""

from collections.abc import Sequence
from numbers import Integral

import torch

from ._base import Level, NoiseModel, draw_level, draw_uniform

# Quarter turns that exchange height and width.
SIDEWAYS = {1, 3}


class EraseColor(NoiseModel):
    """Replace the colour of each pixel by its gray value, the mean over its channels.

    All channels get the gray value, so images keep their number of channels. Images of a single
    channel are refused, because they would stay as they are and a network would learn nothing.

    Parameters
    ----------
    clip : bool, default=True
        Clip to the data range.

    See Also
    --------
    QuarterTurns : The other half of the corruption of [1]_, ``["erase_color", "quarter_turns"]``.

    References
    ----------
    .. [1] F. Ye, C. Huang, J. Cao, M. Li, Y. Zhang, C. Lu, "Attribute restoration framework for
       anomaly detection", IEEE Transactions on Multimedia 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import EraseColor
    >>> red = torch.tensor([0.9, 0.0, 0.0]).reshape(1, 3, 1, 1)
    >>> [round(float(value), 1) for value in EraseColor().corrupt(red, torch.Generator()).flatten()]
    [0.3, 0.3, 0.3]
    """

    def __init__(self, *, clip: bool = True):
        self.clip = clip

    def check_images(self, height, width, n_channels):
        """Raise a ValueError if images have no colour."""
        if n_channels == 1:
            raise ValueError(
                "EraseColor leaves images of one channel as they are, so there is nothing to "
                "restore. Leave it out, as in noise='quarter_turns', or give images in colour."
            )

    def variants(self):
        """Itself, as it draws nothing. See :meth:`NoiseModel.variants`."""
        return [self]

    def _corrupt(self, images, generator):
        return torch.empty_like(images).copy_(images.mean(dim=1, keepdim=True))


class QuarterTurns(NoiseModel):
    """Turn each image by 0, 90, 180 or 270 degrees, drawn at random.

    A network has to restore the image before the turn. It can do so if it sees which way up things
    belong. So the images should have an upright position, and the network should see the whole
    image: its code, or its coarsest stage, has to reach from side to side.

    Parameters
    ----------
    turns : tuple of int, default=(0, 1, 2, 3)
        Quarter turns to draw from, counter-clockwise, all with the same probability.
    clip : bool, default=True
        Clip to the data range.

    Notes
    -----
    Images must be square, unless ``turns`` are of 0 and 2 alone. Training images that are turned
    or mirrored anyway have no upright position: :class:`~sklearn_cae.Patches` then need
    ``augment=False``.

    References
    ----------
    .. [1] F. Ye, C. Huang, J. Cao, M. Li, Y. Zhang, C. Lu, "Attribute restoration framework for
       anomaly detection", IEEE Transactions on Multimedia 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import QuarterTurns
    >>> image = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).reshape(1, 1, 2, 2)
    >>> QuarterTurns(turns=(1,)).corrupt(image, torch.Generator())[0, 0]
    tensor([[0.2000, 0.4000],
            [0.1000, 0.3000]])
    """

    reorients = True

    def __init__(self, turns: Sequence[int] = (0, 1, 2, 3), *, clip: bool = True):
        self.turns = turns
        self.clip = clip

    def check_levels(self) -> None:
        """Raise a ValueError if ``turns`` are not different numbers from 0 to 3."""
        super().check_levels()
        given = self.turns
        if not (
            isinstance(given, Sequence)
            and len(given) > 0
            and all(_is_turn(turn) for turn in given)
            and len(set(given)) == len(given)
        ):
            raise ValueError(
                f"QuarterTurns(turns=…) is {given!r}; expected different numbers from 0 to 3, such "
                "as (0, 1, 2, 3): how many quarter turns there may be."
            )

    def check_images(self, height, width, n_channels):
        """Raise a ValueError if a turn would exchange unequal height and width."""
        if height != width and not SIDEWAYS.isdisjoint(self.turns):
            raise ValueError(
                f"QuarterTurns needs square images, but these have {height} x {width} pixels. Crop "
                "or pad them, or take half turns alone, QuarterTurns(turns=(0, 2))."
            )

    def variants(self):
        """Each of the turns. See :meth:`NoiseModel.variants`."""
        return [QuarterTurns((turn,), clip=self.clip) for turn in self.turns]

    def _corrupt(self, images, generator):
        draws = draw_uniform(images[:, :1, :1, :1], generator)  # (n, 1, 1, 1)
        drawn = (draws * len(self.turns)).long()
        turned = torch.zeros_like(images)
        for number, turn in enumerate(self.turns):
            turned = torch.where(drawn != number, turned, torch.rot90(images, turn, (2, 3)))
        return turned


class Flip(NoiseModel):
    """Mirror left and right, with a given probability.

    There is no model that mirrors top and bottom, because none is needed: in a chain with
    :class:`QuarterTurns` all eight positions occur. As with turns, nothing can be restored if the
    training images are mirrored anyway.

    Parameters
    ----------
    probability : float or tuple (low, high), default=0.5
        Probability that an image is mirrored, from 0 to 1.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import Flip
    >>> image = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).reshape(1, 1, 2, 2)
    >>> Flip(probability=1).corrupt(image, torch.Generator())[0, 0]
    tensor([[0.2000, 0.1000],
            [0.4000, 0.3000]])
    """

    limits = {"probability": 1}
    reorients = True

    def __init__(self, probability: Level = 0.5, *, clip: bool = True):
        self.probability = probability
        self.clip = clip

    def variants(self):
        """As it was and mirrored, those that may be. See :meth:`NoiseModel.variants`."""
        ends = self.probability if isinstance(self.probability, Sequence) else [self.probability]
        mirrored = [
            flip for flip, is_possible in ((0, ends[0] < 1), (1, ends[-1] > 0)) if is_possible
        ]
        return [Flip(flip, clip=self.clip) for flip in mirrored]

    def _corrupt(self, images, generator):
        probability = draw_level(self.probability, images, generator)
        mirrored = draw_uniform(images[:, :1, :1, :1], generator) < probability
        return torch.where(mirrored, images.flip(3), images)


def _is_turn(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value in range(4)
