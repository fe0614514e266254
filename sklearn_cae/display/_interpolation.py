"""Walks from images to others."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ._drawing import check_channels, grid_of_axes, show_image, unit_images, unit_results
from ._estimators import check_methods, spec_of


class InterpolationDisplay:
    """Walks between images, one a row: the start, the decoded codes in between, and the end.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    starts, ends : ndarray of shape (n, H, W, C)
        Images in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.
    walks : ndarray of shape (n, n_steps, H, W, C)
        Decoded images in the same units, from the reconstruction of the start to that of the end.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n, n_steps + 2)
        Its axes.

    See Also
    --------
    sklearn_cae.LatentSampler : Its ``interpolate`` gives the walks.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE, LatentSampler
    >>> from sklearn_cae.display import InterpolationDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(Autoencoder((8,), latent_dim=8), max_epochs=1, for_codes=True)
    >>> sampler = LatentSampler(cae, random_state=0).fit(X[:200])
    >>> display = InterpolationDisplay.from_estimator(sampler, X[:2], X[2:4], n_steps=5)
    >>> display.axes_.shape
    (2, 7)
    """

    def __init__(self, *, starts: NDArray[Any], walks: NDArray[Any], ends: NDArray[Any]):
        self.starts = starts
        self.walks = walks
        self.ends = ends

    @classmethod
    def from_estimator(
        cls,
        sampler: Any,
        X1: Any,
        X2: Any,
        *,
        n_steps: int = 8,
        n_images: int = 4,
        axes: Any = None,
    ) -> Self:
        """Walk from some images to others and show the walks.

        Parameters
        ----------
        sampler : LatentSampler
            A fitted sampler.
        X1, X2 : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images to start from, and as many to end at, in the units of those in ``fit``.
        n_steps : int, default=8
            Number of images of a walk, the reconstructions of both ends included: 2 at least.
        n_images : int, default=4
            How many of the first pairs to show.
        axes : array-like of matplotlib.axes.Axes of shape (n_images, n_steps + 2), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : InterpolationDisplay
            The display.

        Raises
        ------
        ValueError
            If the sampler gives no walks, or as in :meth:`sklearn_cae.LatentSampler.interpolate`.
        """
        check_methods(sampler, "interpolate", expected="LatentSampler")
        X1, X2 = X1[:n_images], X2[:n_images]
        walks = sampler.interpolate(X1, X2, n_steps=n_steps)
        spec = spec_of(sampler.estimator_, expected="DenoisingCAE")
        starts, ends = unit_images(X1, spec, name="X1"), unit_images(X2, spec, name="X2")
        steps = unit_results(walks.reshape(-1, *walks.shape[2:]), spec)
        walks = steps.reshape(*walks.shape[:2], *starts.shape[1:])
        return cls(starts=starts, walks=walks, ends=ends).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the walks.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes of shape (n, n_steps + 2), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : InterpolationDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        check_channels(self.starts)
        n_walks, n_steps, height, width, _ = self.walks.shape
        self.axes_ = grid_of_axes(
            axes,
            (n_walks, n_steps + 2),
            figsize=(0.75 * (n_steps + 2), n_walks * (0.75 * height / width) + 0.3),
            meaning="a row for each walk, columns start, steps and end",
        )
        self.figure_ = self.axes_[0, 0].figure
        ends = self.starts[:, np.newaxis], self.ends[:, np.newaxis]
        strips = np.concatenate([ends[0], self.walks, ends[1]], axis=1)
        for row, strip in zip(self.axes_, strips, strict=True):
            for ax, image in zip(row, strip, strict=True):
                show_image(ax, image)
        parts = [f"{part:.2f}" for part in np.linspace(0, 1, n_steps)]
        for ax, title in zip(self.axes_[0], ["start", *parts, "end"], strict=True):
            ax.set_title(title, fontsize="small")
        return self
