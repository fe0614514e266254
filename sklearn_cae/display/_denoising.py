"""Clean, noisy and denoised images side by side."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._images import check_pixels, learn_spec, to_channels_last
from ..metrics import denoise_pairs, peak_signal_noise_ratio
from ..noise import NoiseModel
from ..noise._pairs import check_same_shape
from ._drawing import show_image


class DenoisingDisplay:
    """Clean, noisy and denoised images one below the other, with their PSNR.

    Make one with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    clean, noisy, denoised : ndarray of shape (n, H, W, C)
        Images in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.

    Attributes
    ----------
    psnr_noisy_, psnr_denoised_ : ndarray of shape (n,)
        PSNR of each image in dB.
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (3, n)
        Its axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.display import DenoisingDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(channels=(8,), max_epochs=1, random_state=0).fit(X[:200])
    >>> display = DenoisingDisplay.from_estimator(cae, X[200:], n_images=4)
    >>> display.axes_.shape
    (3, 4)
    """

    def __init__(self, clean: NDArray[Any], noisy: NDArray[Any], denoised: NDArray[Any]):
        self.clean = clean
        self.noisy = noisy
        self.denoised = denoised

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        n_images: int = 8,
        random_state: int = 0,
        axes: Any = None,
    ) -> Self:
        """Corrupt clean images, denoise them and show the three.

        Parameters
        ----------
        estimator : estimator or Pipeline
            A fitted denoiser.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, best ones the estimator has not seen.
        noise : NoiseModel, str, list of these, or None, default=None
            The noise; ``None`` is that of the training.
        n_images : int, default=8
            How many of the first images to show.
        random_state : int, default=0
            Seed of the noise.
        axes : array-like of matplotlib.axes.Axes of shape (3, n_images), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : DenoisingDisplay
            The display.
        """
        clean, noisy, denoised, data_range = denoise_pairs(
            estimator, X[:n_images], noise=noise, random_state=random_state
        )
        return cls.from_predictions(
            clean, noisy, denoised, n_images=n_images, data_range=data_range, axes=axes
        )

    @classmethod
    def from_predictions(
        cls,
        clean: ArrayLike,
        noisy: ArrayLike,
        denoised: ArrayLike,
        *,
        n_images: int = 8,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        axes: Any = None,
    ) -> Self:
        """Show images you already have.

        Parameters
        ----------
        clean, noisy, denoised : array-like of one shape
            Images (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W) in the same units.
        n_images : int, default=8
            How many of the first images to show.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of one image in rows (n, n_features).
        channel_axis : int, default=-1
            Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
        data_range : "auto" or tuple (low, high), default="auto"
            Values of black and white, learned from ``clean`` as in
            :class:`~sklearn_cae.DenoisingCAE`.
        axes : array-like of matplotlib.axes.Axes of shape (3, n_images), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : DenoisingDisplay
            The display.
        """
        rows = {"clean": clean, "noisy": noisy, "denoised": denoised}
        rows = {name: check_pixels(X, name=name)[:n_images] for name, X in rows.items()}
        for name in ("noisy", "denoised"):
            check_same_shape(rows[name], rows["clean"])
        spec = learn_spec(
            rows["clean"], image_shape=image_shape, channel_axis=channel_axis, data_range=data_range
        )
        low, high = spec.data_range
        unit = {
            name: (to_channels_last(X, spec).astype(np.float64) - low) / (high - low)
            for name, X in rows.items()
        }
        return cls(**unit).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the images.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes of shape (3, n), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : DenoisingDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        n_images, height, width, n_channels = self.clean.shape
        if n_channels not in (1, 3, 4):
            raise ValueError(
                f"images with {n_channels} channels cannot be shown; allowed are 1, 3 and 4. "
                "Select channels first."
            )
        self.axes_ = self._check_axes(axes, n_images, height / width)
        self.figure_ = self.axes_[0, 0].figure
        self.psnr_noisy_ = self._psnr(self.noisy)
        self.psnr_denoised_ = self._psnr(self.denoised)
        rows = (
            ("clean", self.clean, None),
            ("noisy", self.noisy, self.psnr_noisy_),
            ("denoised", self.denoised, self.psnr_denoised_),
        )
        for row_axes, (name, images, psnr) in zip(self.axes_, rows, strict=True):
            for i, ax in enumerate(row_axes):
                show_image(ax, images[i])
                if psnr is not None:
                    ax.set_xlabel(f"{psnr[i]:.1f} dB")
            row_axes[0].set_ylabel(name)
        return self

    def _psnr(self, images):
        return peak_signal_noise_ratio(
            self.clean, images.clip(0, 1), data_range=1, reduction="none"
        )

    def _check_axes(self, axes, n_images, aspect):
        if axes is None:
            import matplotlib.pyplot as plt

            size = (1.3 * n_images + 0.4, 3 * (1.3 * aspect + 0.25))
            return plt.subplots(3, n_images, figsize=size, squeeze=False, layout="constrained")[1]
        axes = np.asarray(axes, dtype=object)
        if axes.shape != (3, n_images):
            raise ValueError(
                f"axes have shape {axes.shape}; expected (3, {n_images}): rows clean, noisy and "
                "denoised, a column for each image."
            )
        return axes
