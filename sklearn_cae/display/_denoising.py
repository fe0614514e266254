"""Clean, noisy and denoised images one below the other."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..images import check_same_shape, learn_spec, read_images
from ..metrics import capped_psnr, denoise_pairs, ssim_or_nan
from ..noise import NoiseModel
from ._drawing import (
    check_channels,
    clip_like,
    grid_of_axes,
    in_units,
    show_image,
    show_signed,
    unit_images,
)
from ._estimators import first_noise, one_data_range


class DenoisingDisplay:
    """Clean, noisy and denoised images of any number of denoisers, with PSNR and SSIM.

    Make one with :meth:`from_estimator`, :meth:`from_estimators` or :meth:`from_predictions`.

    Parameters
    ----------
    clean, noisy : ndarray of shape (n, H, W, C)
        Images in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.
    denoised : ndarray of shape (n, H, W, C), or dict of these
        Denoised images, or those of several denoisers by name.

    Attributes
    ----------
    psnr_, ssim_ : dict of ndarray of shape (n,)
        PSNR in dB, at most 100, and SSIM of each image, for "noisy" and each denoiser by its name.
        SSIM needs 3 x 3 pixels; of smaller images it is NaN.
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_rows, n)
        Its axes: rows clean, noisy and one for each denoiser. With ``zoom`` a row for the part of
        the clean image follows the first, with ``errors`` a row of errors follows each of the
        others.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import ClassicalDenoiser, DenoisingCAE, NoiseInjector
    >>> from sklearn_cae.display import DenoisingDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE("unet", max_epochs=10, random_state=0).fit(X[:200])
    >>> display = DenoisingDisplay.from_estimator(cae, X[200:], n_images=4)
    >>> display.axes_.shape
    (3, 4)
    >>> median = ClassicalDenoiser("median").fit(NoiseInjector().fit_transform(X[:20]))
    >>> display = DenoisingDisplay.from_estimators({"median": median, "ours": cae}, X[200:])
    >>> sorted(display.psnr_)
    ['median', 'noisy', 'ours']
    """

    def __init__(
        self,
        *,
        clean: NDArray[Any],
        noisy: NDArray[Any],
        denoised: NDArray[Any] | Mapping[str, NDArray[Any]],
    ):
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
        **plot_options: Any,
    ) -> Self:
        """Corrupt clean images, denoise them and show all three.

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
            Seed of the noise. It is fixed, so that figures of other denoisers show the same noise.
        **plot_options : dict
            Options of :meth:`plot`: ``zoom``, ``errors``, ``error_limit``, ``axes``.

        Returns
        -------
        display : DenoisingDisplay
            The display.
        """
        return cls.from_estimators(
            {"denoised": estimator},
            X,
            noise=noise,
            n_images=n_images,
            random_state=random_state,
            **plot_options,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Any,
        *,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        n_images: int = 8,
        random_state: int = 0,
        **plot_options: Any,
    ) -> Self:
        """Corrupt clean images and show the results of several denoisers.

        Parameters
        ----------
        estimators : dict of str to estimator or Pipeline
            Fitted denoisers by the name of their row.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, best ones no estimator has seen.
        noise : NoiseModel, str, list of these, or None, default=None
            The noise; ``None`` is that of the first estimator that was trained with one.
        n_images : int, default=8
            How many of the first images to show.
        random_state : int, default=0
            Seed of the noise. It is fixed, so that figures of other denoisers show the same noise.
        **plot_options : dict
            Options of :meth:`plot`: ``zoom``, ``errors``, ``error_limit``, ``axes``.

        Returns
        -------
        display : DenoisingDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimators differ in their values of black and white, or one is called "clean"
            or "noisy".
        """
        _check_names(estimators)
        noise = first_noise(estimators.values()) if noise is None else noise
        denoised, ranges = {}, {}
        for name, estimator in estimators.items():
            clean, noisy, denoised[name], ranges[name] = denoise_pairs(
                estimator, X[:n_images], noise=noise, random_state=random_state
            )
        data_range = one_data_range(ranges)
        return cls(
            clean=in_units(clean, data_range),
            noisy=in_units(noisy, data_range),
            denoised={name: in_units(images, data_range) for name, images in denoised.items()},
        ).plot(**plot_options)

    @classmethod
    def from_predictions(
        cls,
        clean: ArrayLike,
        noisy: ArrayLike,
        denoised: ArrayLike | Mapping[str, ArrayLike],
        *,
        n_images: int = 8,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        **plot_options: Any,
    ) -> Self:
        """Show images that you already have.

        Parameters
        ----------
        clean, noisy : array-like of one shape
            Images (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W) in the same units.
        denoised : array-like of that shape, or dict of these
            Denoised images, or those of several denoisers by the name of their row.
        n_images : int, default=8
            How many of the first images to show.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of one image in rows (n, n_features).
        channel_axis : int, default=-1
            Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
        data_range : "auto" or tuple (low, high), default="auto"
            Values of black and white, learned from ``clean`` as in
            :class:`~sklearn_cae.DenoisingCAE`.
        **plot_options : dict
            Options of :meth:`plot`: ``zoom``, ``errors``, ``error_limit``, ``axes``.

        Returns
        -------
        display : DenoisingDisplay
            The display.

        Raises
        ------
        ValueError
            If the images differ in shape or units, or a denoiser is called "clean" or "noisy".
        """
        by_name = _by_name(denoised)
        _check_names(by_name)
        truth = read_images(clean, name="clean")
        spec = learn_spec(
            truth, image_shape=image_shape, channel_axis=channel_axis, data_range=data_range
        )
        unit = {}
        for name, X in {"noisy": noisy, **by_name}.items():
            source = read_images(X, name=name)
            check_same_shape(source, truth)
            unit[name] = unit_images(source, spec, n_images=n_images)
        return cls(
            clean=unit_images(truth, spec, n_images=n_images),
            noisy=unit.pop("noisy"),
            denoised=unit,
        ).plot(**plot_options)

    def plot(
        self,
        *,
        zoom: Sequence[int] | None = None,
        errors: bool = False,
        error_limit: float | None = None,
        axes: Any = None,
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        zoom : tuple (top, left, height, width), default=None
            Part of each image in pixels. The first row shows the whole clean image and this part
            framed, all others this part alone. PSNR and SSIM are those of the whole image.
        errors : bool, default=False
            Whether to show below noisy and denoised images what differs from the clean ones, as
            the mean over channels.
        error_limit : float, default=None
            Ends of the colour scale of all errors, in units of the data range; ``None`` is the
            99th percentile of the errors of denoised images.
        axes : array-like of matplotlib.axes.Axes of shape (n_rows, n), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : DenoisingDisplay
            The display itself, with ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If images have other than 1, 3 or 4 channels, ``zoom`` leaves the image, or ``axes``
            have another shape.
        """
        check_channels(self.clean)
        self._measure()
        rows = self._rows(zoom, errors)
        n_images, height, width, _ = rows[-1].images.shape
        height_sum = sum(1.3 * height / width + row.margin for row in rows)
        self.axes_ = grid_of_axes(
            axes,
            (len(rows), n_images),
            figsize=(1.3 * n_images + (1.3 if errors else 0.4), height_sum),
            meaning=f"rows {', '.join(row.label for row in rows)}, a column for each image",
        )
        self.figure_ = self.axes_[0, 0].figure
        limit = self._error_limit() if error_limit is None else error_limit
        for row_axes, row in zip(self.axes_, rows, strict=True):
            row.draw(row_axes, limit)
        if zoom is not None:
            _frame(self.axes_[0], zoom)
        if errors:
            error_axes = [ax for ax, row in zip(self.axes_, rows, strict=True) if row.signed]
            _add_scale(self.figure_, error_axes)
        return self

    def _measure(self):
        self.psnr_, self.ssim_ = {}, {}
        each: dict[str, Any] = {"data_range": 1, "reduction": "none"}
        for name, images in {"noisy": self.noisy, **_by_name(self.denoised)}.items():
            seen = clip_like(images, self.clean)
            self.psnr_[name] = capped_psnr(self.clean, seen, **each)
            self.ssim_[name] = ssim_or_nan(self.clean, seen, **each)

    def _rows(self, zoom, errors):
        part = _part(zoom, self.clean.shape[1:3])
        rows = [_Row("clean", self.clean)]
        if zoom is not None:
            rows.append(_Row("zoom", self.clean[part]))
        for name, images in {"noisy": self.noisy, **_by_name(self.denoised)}.items():
            rows.append(_Row(name, images[part], self._texts(name)))
            if errors:
                error = (images - self.clean)[part].mean(axis=3, keepdims=True)
                rows.append(_Row("error", error, signed=True))
        return rows

    def _texts(self, name):
        pairs = zip(self.psnr_[name], self.ssim_[name], strict=True)
        return tuple(
            f"{psnr:.1f} dB" + ("" if np.isnan(ssim) else f"\nSSIM {ssim:.2f}")
            for psnr, ssim in pairs
        )

    def _error_limit(self):
        errors = [
            np.abs((images - self.clean).mean(axis=3))
            for images in _by_name(self.denoised).values()
        ]
        return float(np.percentile(errors, 99)) or 1.0


class _Row(NamedTuple):
    """One row of pictures, with the texts below them."""

    label: str
    images: NDArray[Any]
    texts: tuple[str, ...] = ()
    signed: bool = False

    @property
    def margin(self):
        """Height of the texts and the gap below them in inches."""
        return 0.45 if self.texts else 0.1

    def draw(self, axes, limit):
        for ax, image in zip(axes, self.images, strict=True):
            if self.signed:
                show_signed(ax, image[..., 0], limit)
            else:
                show_image(ax, image)
        for ax, text in zip(axes, self.texts, strict=False):
            ax.set_xlabel(text, size="small")
        axes[0].set_ylabel(self.label)


def _check_names(denoisers):
    if {"clean", "noisy"} & denoisers.keys():
        raise ValueError(
            f"the denoisers have the names {list(denoisers)}; 'clean' and 'noisy' are rows of "
            "their own. Name the denoiser."
        )


def _by_name(denoised):
    return denoised if isinstance(denoised, Mapping) else {"denoised": denoised}


def _part(zoom, image_size):
    if zoom is None:
        return ...
    top, left, height, width = zoom
    bottom, right = image_size
    if not (0 <= top < top + height <= bottom and 0 <= left < left + width <= right):
        raise ValueError(
            f"zoom={zoom}; expected (top, left, height, width) in pixels within images of "
            f"{bottom} x {right}."
        )
    return np.s_[:, top : top + height, left : left + width]


def _frame(axes, zoom):
    from matplotlib.patches import Rectangle

    top, left, height, width = zoom
    for ax in axes:
        corner = (left - 0.5, top - 0.5)
        ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="tab:orange", lw=1.5))


def _add_scale(figure, error_axes):
    (image,) = error_axes[0][0].get_images()
    axes = [ax for row in error_axes for ax in row]
    figure.colorbar(image, ax=axes, extend="both", aspect=30, label="error (image − clean)")
