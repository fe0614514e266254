"""Generated images beside real ones."""

import math
from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray

from ..images import learn_spec, read_images
from ._drawing import check_channels, grid_of_axes, show_image, unit_images, unit_results
from ._estimators import check_methods, spec_of

# Gap between images, in widths of an image.
GAP = 0.06


class SamplesDisplay:
    """Real images in a square, with generated images in a second square beside it.

    Make a display with :meth:`from_estimator` or :meth:`from_images`.

    Parameters
    ----------
    real, generated : ndarray of shape (n, H, W, C)
        Images in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        Its axes: real and generated images.

    See Also
    --------
    sklearn_cae.LatentSampler : Draws new images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE, LatentSampler
    >>> from sklearn_cae.display import SamplesDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(Autoencoder((8,), latent_dim=8), max_epochs=1, for_codes=True)
    >>> sampler = LatentSampler(cae, random_state=0).fit(X[:200])
    >>> display = SamplesDisplay.from_estimator(sampler, X[200:], n_images=9)
    >>> [ax.get_title() for ax in display.axes_]
    ['real', 'generated']
    """

    def __init__(self, *, real: NDArray[Any], generated: NDArray[Any]):
        self.real = real
        self.generated = generated

    @classmethod
    def from_estimator(
        cls, sampler: Any, X: Any, *, n_images: int = 16, random_state: int = 0, axes: Any = None
    ) -> Self:
        """Draw new images and show them beside real ones.

        Parameters
        ----------
        sampler : LatentSampler
            A fitted sampler.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Real images in the units of those in ``fit``, best ones the sampler has not seen.
        n_images : int, default=16
            How many images to draw, and how many of the first of X to show.
        random_state : int, default=0
            Seed of the draw. It is fixed, unlike that of the sampler, so that the same images come
            again when the figure is drawn again.
        axes : array-like of matplotlib.axes.Axes of shape (2,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : SamplesDisplay
            The display.

        Raises
        ------
        ValueError
            If the sampler draws no images, or X is in other units.
        """
        check_methods(sampler, "sample", "interpolate", expected="LatentSampler")
        generated = sampler.sample(n_images, random_state=random_state)
        spec = spec_of(sampler.estimator_, expected="DenoisingCAE")
        real = unit_images(X[:n_images], spec)
        return cls(real=real, generated=unit_results(generated, spec)).plot(axes=axes)

    @classmethod
    def from_images(
        cls,
        real: ArrayLike,
        generated: ArrayLike,
        *,
        n_images: int = 16,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        axes: Any = None,
    ) -> Self:
        """Show images that you already have.

        Parameters
        ----------
        real, generated : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or \
(n, C, H, W)
            Images of one size and in the same units, not necessarily as many of both.
        n_images : int, default=16
            How many of the first images to show of each.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of one image in rows (n, n_features).
        channel_axis : int, default=-1
            Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
        data_range : "auto" or tuple (low, high), default="auto"
            Values of black and white, learned from ``real`` as in
            :class:`~sklearn_cae.DenoisingCAE`.
        axes : array-like of matplotlib.axes.Axes of shape (2,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : SamplesDisplay
            The display.

        Raises
        ------
        ValueError
            If real and generated images have different shapes or units.
        """
        given = {"real": real, "generated": generated}
        sources = {name: read_images(X, name=name) for name, X in given.items()}
        sizes = [source.shape[1:] for source in sources.values()]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"a real image has shape {sizes[0]} and a generated one {sizes[1]}; both have one "
                "layout and size. Crop or resize the images."
            )
        spec = learn_spec(
            sources["real"],
            image_shape=image_shape,
            channel_axis=channel_axis,
            data_range=data_range,
        )
        unit = {
            name: unit_images(source, spec, n_images=n_images) for name, source in sources.items()
        }
        return cls(**unit).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the images.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes of shape (2,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : SamplesDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        for images in (self.real, self.generated):
            check_channels(images)
        n_images = max(len(self.real), len(self.generated))
        n_columns = math.ceil(math.sqrt(n_images))
        n_rows = math.ceil(n_images / n_columns)
        height, width = self.real.shape[1:3]
        self.axes_ = grid_of_axes(
            axes,
            (2,),
            figsize=(7, 3.3 * n_rows / n_columns * height / width + 0.3),
            meaning="one for the real and one for the generated images",
        )
        self.figure_ = self.axes_[0].figure
        _show_grid(self.axes_[0], self.real, n_rows, n_columns)
        _show_grid(self.axes_[1], self.generated, n_rows, n_columns)
        for ax, title in zip(self.axes_, ("real", "generated"), strict=True):
            ax.set_title(title)
        return self


def _show_grid(ax, images, n_rows, n_columns):
    """Draw images (n, H, W, C) row by row, each one unit wide."""
    aspect = images.shape[1] / images.shape[2]
    for i, image in enumerate(images):
        row, column = divmod(i, n_columns)
        left, top = column * (1 + GAP), row * (aspect + GAP)
        show_image(ax, image, extent=(left, left + 1, top + aspect, top))
    # A wider gap on the sides sets real and generated images apart.
    ax.set_xlim(-2 * GAP, n_columns * (1 + GAP) + GAP)
    ax.set_ylim(n_rows * (aspect + GAP) - GAP, 0)
    ax.set_axis_off()
