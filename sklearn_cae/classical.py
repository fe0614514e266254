"""Classical filters as estimators, tuned on pairs: what a learned denoiser has to beat."""

from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter
from skimage.filters import unsharp_mask
from skimage.restoration import (
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
    wiener,
)
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ._images import (
    check_images,
    check_pixels,
    check_units,
    check_within_range,
    from_channels_last,
    from_unit,
    learn_spec,
    to_channels_last,
    to_unit,
)
from ._optional import import_optional
from .metrics import peak_signal_noise_ratio, psnr_scorer
from .noise._pairs import check_same_shape, split_targets

__all__ = ["CLASSICAL_METHODS", "ClassicalDenoiser", "available_methods"]


def _median(images, size):
    return median_filter(images, size=(1, size, size, 1), mode="nearest")


def _total_variation(image, weight):
    return denoise_tv_chambolle(image, weight=weight, channel_axis=-1)


def _nl_means(image, h, patch_size):
    filtered = denoise_nl_means(
        image, h=h, patch_size=patch_size, patch_distance=5, fast_mode=True, channel_axis=-1
    )
    return filtered.reshape(image.shape)


def _wavelet(image, sigma):
    return denoise_wavelet(image, sigma=sigma, wavelet="db2", channel_axis=-1, rescale_sigma=False)


def _unsharp_mask(image, radius, amount):
    # With channel_axis=-1 scikit-image 0.26 leaves most of the result uninitialised.
    return unsharp_mask(image, radius=radius, amount=amount, channel_axis=2)


def _wiener(image, std, balance):
    reach = int(4 * std + 0.5)
    profile = np.exp(-0.5 * (np.arange(-reach, reach + 1) / std) ** 2)
    psf = np.outer(profile, profile) / profile.sum() ** 2
    # Mirrored borders, because the filter takes an image to be periodic.
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    channels = [wiener(channel, psf, balance) for channel in np.moveaxis(padded, 2, 0)]
    return np.stack(channels, axis=2)[reach:-reach, reach:-reach]


def _bm3d(image, sigma):
    bm3d = import_optional("bm3d", extra=None, purpose="BM3D")
    height, width, n_channels = image.shape
    # Version 4.0.3 crashes on images of 8 x 8 pixels and refuses smaller ones.
    missing = [(0, max(0, 16 - side)) for side in (height, width)]
    padded = np.pad(image, (*missing, (0, 0)), mode="symmetric")
    filter_channels = bm3d.bm3d_rgb if n_channels == 3 else bm3d.bm3d
    filtered = filter_channels(padded, sigma)
    return filtered.reshape(padded.shape)[:height, :width].astype(image.dtype)


def _each(function):
    """Apply a filter of one image to a batch."""

    def on_batch(images, **params):
        return np.stack([function(image, **params) for image in images])

    return on_batch


# Levels are in units of the data range.
CLASSICAL_METHODS: dict[str, tuple[Callable[..., Any], dict[str, tuple[float, ...]]]] = {
    "median": (_median, {"size": (3, 5, 7)}),
    "total_variation": (
        _each(_total_variation),
        {"weight": (0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)},
    ),
    "nl_means": (
        _each(_nl_means),
        {"h": (0.02, 0.04, 0.06, 0.09, 0.13, 0.18, 0.25, 0.35), "patch_size": (3, 5)},
    ),
    "wavelet": (_each(_wavelet), {"sigma": (0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25, 0.4)}),
    "unsharp_mask": (
        _each(_unsharp_mask),
        {"radius": (0.7, 1.0, 1.5, 2.0), "amount": (0.5, 1.0, 1.5, 2.5)},
    ),
    "wiener": (
        _each(_wiener),
        {"std": (0.7, 1.0, 1.5, 2.0), "balance": (1e-4, 1e-3, 1e-2, 1e-1, 1.0)},
    ),
    "bm3d": (_each(_bm3d), {"sigma": (0.02, 0.05, 0.1, 0.15, 0.25, 0.4)}),
}
# Packages that only these filters need, by their names for ``import``.
_NEEDED_PACKAGES = {"wavelet": "pywt", "bm3d": "bm3d"}


def available_methods() -> list[str]:
    """List the filters of :class:`ClassicalDenoiser` whose packages are installed.

    Returns
    -------
    methods : list of str
        Values for its parameter ``method``.

    Examples
    --------
    >>> from sklearn_cae.classical import available_methods
    >>> "median" in available_methods()
    True
    """
    return [
        method
        for method in CLASSICAL_METHODS
        if method not in _NEEDED_PACKAGES or find_spec(_NEEDED_PACKAGES[method])
    ]


class ClassicalDenoiser(BaseEstimator):
    """A classical filter of scikit-image whose strength is chosen on pairs.

    Compare with it before you trust a learned denoiser: it trains in seconds, and where it does
    as well it is the better choice.

    Parameters
    ----------
    method : str, default="median"
        "median", "total_variation" (Chambolle), "nl_means" (non-local means) and "wavelet"
        (BayesShrink) remove noise; "unsharp_mask" and "wiener" (deconvolution of a Gaussian)
        sharpen blurred images. "bm3d" (block matching and 3D filtering), the strongest against
        Gaussian noise and by far the slowest, needs the package bm3d, which is free for
        non-commercial use only: ``pip install bm3d``.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features).
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white, as in :class:`~sklearn_cae.DenoisingCAE`.

    Attributes
    ----------
    params_ : dict
        The filter's parameters with the highest mean PSNR on the pairs; levels are in units of the
        data range, sizes in pixels.
    psnr_ : float
        That PSNR in dB.
    data_range_ : tuple of float
        Values of black and white.
    n_features_in_ : int
        Number of values in one image.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import ClassicalDenoiser, NoiseInjector
    >>> X = load_digits().images[:20] / 16
    >>> noisy = NoiseInjector("salt_and_pepper", random_state=0).fit_transform(X)
    >>> ClassicalDenoiser("median").fit(noisy).params_
    {'size': 3}
    """

    def __init__(
        self,
        method: str = "median",
        *,
        image_shape: tuple[int, ...] | None = None,
        channel_axis: int = -1,
        data_range: str | tuple[float, float] = "auto",
    ):
        self.method = method
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Choose the filter's parameters; each setting filters all of X, so a few dozen will do.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images, with their clean ones if they are ``NoisyImages``.
        y : array-like of the shape of X, default=None
            Clean images.

        Returns
        -------
        self : ClassicalDenoiser
            The fitted filter.

        Raises
        ------
        ValueError
            If there are no clean images, or ``method`` is unknown.
        """
        if self.method not in CLASSICAL_METHODS:
            raise ValueError(
                f"method={self.method!r}; allowed are {', '.join(map(repr, CLASSICAL_METHODS))}."
            )
        noisy, clean, _ = split_targets(X, y)
        if noisy is None:
            raise ValueError(
                "A filter is tuned on pairs: fit(X_noisy, X_clean), or fit(X) with the NoisyImages "
                "of NoiseInjector().fit_transform(X)."
            )
        noisy, clean = check_images(self, noisy, reset=True), check_pixels(clean, name="y")
        check_same_shape(noisy, clean)
        layout = {"image_shape": self.image_shape, "channel_axis": self.channel_axis}
        self._spec = learn_spec(clean, data_range=self.data_range, **layout)
        self.data_range_ = self._spec.data_range
        check_within_range(clean, self.data_range_, name="y")
        check_units(noisy, self._spec)
        target, images = self._unit(clean), self._unit(noisy)
        function, grid = CLASSICAL_METHODS[self.method]
        settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        psnr = [
            peak_signal_noise_ratio(target, function(images, **setting).clip(0, 1), data_range=1)
            for setting in settings
        ]
        self.params_, self.psnr_ = settings[int(np.argmax(psnr))], float(np.max(psnr))
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Filter images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images in the units of those in ``fit``.

        Returns
        -------
        denoised : ndarray of the shape and dtype of X
            Filtered images, clipped to the data range.
        """
        check_is_fitted(self)
        checked = check_images(self, X, reset=False)
        check_units(checked, self._spec)
        function, _ = CLASSICAL_METHODS[self.method]
        filtered = function(self._unit(checked), **self.params_).clip(0, 1)
        batch = torch.from_numpy(filtered).permute(0, 3, 1, 2)
        images = from_unit(batch, self.data_range_, checked.dtype)
        return from_channels_last(images, checked.ndim, self._spec)

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Mean PSNR of the filtered images in dB.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images, with their clean ones if they are ``NoisyImages``.
        y : array-like of the shape of X, default=None
            Clean images.

        Returns
        -------
        score : float
            Mean PSNR in dB.
        """
        check_is_fitted(self)
        return psnr_scorer(self, X, y)

    def _unit(self, X):
        batch = to_unit(to_channels_last(X, self._spec), self.data_range_)
        return batch.permute(0, 2, 3, 1).numpy()
