"""How well a network gives back normal images, and other ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._drawing import COLOURS, check_channels, grid_of_axes, in_units, show_image, view_images
from ._estimators import spec_of

# In squared units of the data range: what rounding to float32 leaves of an error of 0.
SMALLEST_ERROR = 1e-12


class ReconstructionErrorDisplay:
    """Distribution of the error per image, and images from the smallest error to the largest.

    Make a display with :meth:`from_estimator`. A detector that uses the error can tell images apart
    only where the distributions do not overlap.

    Parameters
    ----------
    errors : dict of ndarray of shape (n,)
        Error of each image of a group, by the name of the group, above 0.
    images : dict of ndarray of shape (n, H, W, C)
        The images of each group. C is 1, 3 or 4. Only those that are shown are converted.
    data_range : tuple of float, default=(0, 1)
        Values of black and white.

    Attributes
    ----------
    shown_ : dict of ndarray of int of shape (n_images,)
        Which images of each group are shown, from the smallest error to the largest.
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (1 + n_groups,)
        Its axes: the histogram, and the images of each group.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE
    >>> from sklearn_cae.display import ReconstructionErrorDisplay
    >>> digits = load_digits()
    >>> X = digits.images / 16
    >>> ones, others = X[digits.target == 1], X[digits.target != 1]
    >>> cae = DenoisingCAE(Autoencoder((8,)), max_epochs=1, for_codes=True).fit(ones[:100])
    >>> display = ReconstructionErrorDisplay.from_estimator(cae, ones[100:], others)
    >>> list(display.errors)
    ['normal', 'other']
    """

    def __init__(
        self,
        *,
        errors: Mapping[str, NDArray[Any]],
        images: Mapping[str, NDArray[Any]],
        data_range: Sequence[float] = (0.0, 1.0),
    ):
        self.errors = errors
        self.images = images
        self.data_range = data_range

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        X_other: ArrayLike | None = None,
        *,
        n_images: int = 6,
        axes: Any = None,
    ) -> Self:
        """Measure how well an estimator reproduces images.

        Parameters
        ----------
        estimator : DenoisingCAE
            A fitted network.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Normal images, best ones the network has not seen.
        X_other : array-like of the layout of X, default=None
            Images of another kind.
        n_images : int, default=6
            How many images of each group to show.
        axes : array-like of matplotlib.axes.Axes of shape (1 + n_groups,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : ReconstructionErrorDisplay
            The display. It views the images, and copies none but those it shows.

        Raises
        ------
        ValueError
            If the estimator scores no images, or does not take these.
        """
        spec = spec_of(estimator, "score_samples", expected="DenoisingCAE")
        groups = {"normal": X} if X_other is None else {"normal": X, "other": X_other}
        errors = {name: -estimator.score_samples(X) for name, X in groups.items()}
        images = {name: view_images(X, spec, name=name) for name, X in groups.items()}
        display = cls(errors=errors, images=images, data_range=spec.data_range)
        return display.plot(n_images=n_images, axes=axes)

    def plot(self, *, n_images: int = 6, axes: Any = None) -> Self:
        """Draw the histogram, and images at equally spaced quantiles of the error.

        Parameters
        ----------
        n_images : int, default=6
            How many images of each group to show.
        axes : array-like of matplotlib.axes.Axes of shape (1 + n_groups,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : ReconstructionErrorDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        for images in self.images.values():
            check_channels(images)
        n_groups = len(self.errors)
        if axes is not None:
            axes = np.reshape(axes, (-1, 1))
        self.axes_ = grid_of_axes(
            axes,
            (1 + n_groups, 1),
            figsize=(4.5, 2.0 + 1.1 * n_groups),
            meaning="the histogram, then the images of each group",
            height_ratios=[2.0] + [1.1] * n_groups,
        ).ravel()
        self.figure_ = self.axes_[0].figure
        self.shown_ = {name: _quantiles(errors, n_images) for name, errors in self.errors.items()}
        self._plot_histogram(self.axes_[0])
        for ax, name in zip(self.axes_[1:], self.errors, strict=True):
            _plot_strip(ax, in_units(self.images[name][self.shown_[name]], self.data_range))
            errors = self.errors[name][self.shown_[name]]
            ax.set_xticklabels([f"{error:.2g}" for error in errors], size="small")
            ax.set_ylabel(name)
        return self

    def _plot_histogram(self, ax):
        from matplotlib.ticker import LogLocator, NullFormatter

        # Logarithms need errors above 0.
        errors = {name: np.maximum(values, SMALLEST_ERROR) for name, values in self.errors.items()}
        together = np.concatenate(list(errors.values()))
        low, high = np.log10([together.min(), together.max()])
        n_bins = int(np.clip(2 * np.sqrt(len(together)), 5, 30))
        bins = np.logspace(low, high + 1e-6, n_bins + 1)
        # Rounding must not leave the smallest error out.
        bins[0] = together.min()
        for i, (name, values) in enumerate(errors.items()):
            share = np.full(len(values), 1 / len(values))
            ax.hist(values, bins, weights=share, color=COLOURS[i], alpha=0.6, label=name)
        ax.set(xscale="log", xlabel="mean squared error of an image", ylabel="share of images")
        # Two labels in a decade have room at any range of errors.
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(errors), frameon=False)


def _quantiles(errors, n_images):
    """Indices of the images at equally spaced quantiles of the error."""
    order = np.argsort(errors, kind="stable")
    n_shown = min(n_images, len(errors))
    return order[np.linspace(0, len(errors) - 1, n_shown).round().astype(int)]


def _plot_strip(ax, images):
    """Draw images beside each other, each one unit wide with a gap of a tenth."""
    aspect = images.shape[1] / images.shape[2]
    left = 1.1 * np.arange(len(images))
    for start, image in zip(left, images, strict=True):
        show_image(ax, image, extent=(start, start + 1, 0, aspect))
    ax.set(xlim=(0, left[-1] + 1), ylim=(0, aspect), xticks=left + 0.5)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
