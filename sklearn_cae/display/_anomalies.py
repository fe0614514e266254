"""Where images are unusual, and how unusual they are."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ._drawing import check_channels, grid_of_axes, show_image, unit_images
from ._estimators import spec_of

# Share of the pixels whose errors end the colour scale: single ones would leave the rest dark.
BRIGHTEST = 0.005
# End of the colour scale of maps that are zero everywhere.
TINY = 1e-12
# Of the colours of the maps none is as light.
LINE = "cyan"


class AnomalyMapDisplay:
    """Images with their anomaly maps below, on one colour scale, with scores and p-values.

    A line surrounds the pixels that are more unusual than any pixel of 95 % of normal images. Make
    a display with :meth:`from_estimator`.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Images in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.
    maps : ndarray of shape (n, H, W)
        How unusual each pixel is.
    scores : ndarray of shape (n,)
        Scores of the images; higher is more normal.
    p_values : ndarray of shape (n,)
        Conformal p-values of the images; small for outliers.
    masks : bool ndarray of shape (n, H, W)
        Odd pixels, which a line surrounds.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (2, n)
        Its axes: the images, and below them the maps over the images in gray.
    colorbar_ : matplotlib.colorbar.Colorbar
        The colour scale of the maps.

    See Also
    --------
    sklearn_cae.CAEOutlierDetector : Gives the maps, the scores and the p-values.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE
    >>> from sklearn_cae.display import AnomalyMapDisplay
    >>> digits = load_digits()
    >>> zeros, ones = (digits.images[digits.target == k] / 16 for k in (0, 1))
    >>> cae = DenoisingCAE(Autoencoder((8,)), max_epochs=1, for_codes=True)
    >>> detector = CAEOutlierDetector(cae, random_state=0).fit(zeros)
    >>> display = AnomalyMapDisplay.from_estimator(detector, ones, n_images=4)
    >>> display.axes_.shape
    (2, 4)
    """

    def __init__(
        self,
        *,
        images: NDArray[Any],
        maps: NDArray[Any],
        scores: NDArray[Any],
        p_values: NDArray[Any],
        masks: NDArray[np.bool_],
    ):
        self.images = images
        self.maps = maps
        self.scores = scores
        self.p_values = p_values
        self.masks = masks

    @classmethod
    def from_estimator(cls, detector: Any, X: Any, *, n_images: int = 8, axes: Any = None) -> Self:
        """Score images and show where they are unusual.

        Parameters
        ----------
        detector : CAEOutlierDetector
            A fitted detector.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.
        n_images : int, default=8
            How many of the first images to show.
        axes : array-like of matplotlib.axes.Axes of shape (2, n_images), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : AnomalyMapDisplay
            The display.

        Raises
        ------
        ValueError
            If the score of the detector does not tell where images are unusual, or it does not
            take X.
        """
        spec = spec_of(detector, "assess", expected="CAEOutlierDetector")
        X = X[:n_images]
        assessed = detector.assess(X)
        images = unit_images(X, spec)
        return cls(
            images=images,
            maps=assessed.maps.reshape(images.shape[:3]),
            scores=assessed.scores,
            p_values=assessed.p_values,
            masks=assessed.masks.reshape(images.shape[:3]),
        ).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the images and the maps.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes of shape (2, n), default=None
            Axes to draw on; ``None`` makes a new figure. The colour bar takes its place from the
            axes of the maps.

        Returns
        -------
        display : AnomalyMapDisplay
            The display itself, with ``figure_``, ``axes_`` and ``colorbar_``.
        """
        check_channels(self.images)
        n_images, height, width, _ = self.images.shape
        self.axes_ = grid_of_axes(
            axes,
            (2, n_images),
            figsize=(n_images + 1.1, 2 * height / width + 0.6),
            meaning="a row of images and one of maps, a column for each image",
        )
        self.figure_ = self.axes_[0, 0].figure
        gray = _to_gray(self.images)
        largest = np.quantile(self.maps, 1 - BRIGHTEST)
        largest = largest if largest > 0 else max(self.maps.max(), TINY)
        for i, (above, below) in enumerate(self.axes_.T):
            show_image(above, self.images[i])
            show_image(below, gray[i])
            drawn = _show_map(below, self.maps[i], largest)
            if self.masks[i].any():
                below.contour(self.masks[i], levels=[0.5], colors=[LINE], linewidths=1)
            label = f"score {self.scores[i]:.3g}\np = {self.p_values[i]:.2g}"
            below.set_xlabel(label, fontsize="small")
        self.axes_[0, 0].set_ylabel("image")
        self.axes_[1, 0].set_ylabel("map")
        self.colorbar_ = self.figure_.colorbar(
            drawn,
            ax=list(self.axes_[1]),
            label="how unusual",
            extend="max",
            fraction=0.15 / n_images,
            pad=0.05 / n_images,
        )
        return self


def _to_gray(images):
    """Luminance of images (n, H, W, C) as (n, H, W, 1)."""
    if images.shape[3] == 1:
        return images
    from skimage import color

    return color.rgb2gray(images[..., :3])[..., np.newaxis]


def _show_map(ax, errors, largest):
    """Draw a map (H, W) over an image, the less opaque the smaller the error."""
    opacity = (errors / largest).clip(0, 1)
    return ax.imshow(
        errors, cmap="plasma", vmin=0, vmax=largest, alpha=opacity, interpolation="nearest"
    )
