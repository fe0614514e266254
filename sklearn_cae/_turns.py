"""The eight flips and quarter turns of images."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Turn:
    """A flip or a quarter turn of images ``(n, C, H, W)``.

    Attributes
    ----------
    flipped : tuple of bool
        Whether the rows, and whether the columns, are taken in reverse order.
    transposed : bool
        Whether rows and columns are exchanged after that.
    """

    flipped: tuple[bool, bool] = (False, False)
    transposed: bool = False

    def apply(self, batch):
        """Turn a tensor ``(n, C, H, W)``."""
        batch = batch.flip(self._axes)
        return batch.transpose(2, 3) if self.transposed else batch

    def undo(self, batch):
        """Turn it back."""
        batch = batch.transpose(2, 3) if self.transposed else batch
        return batch.flip(self._axes)

    @property
    def _axes(self):
        return [axis for axis, flipped in zip((2, 3), self.flipped, strict=True) if flipped]


# The first one leaves images as they are.
TURNS = tuple(
    Turn((rows, columns), transposed)
    for transposed, rows, columns in product((False, True), repeat=3)
)
