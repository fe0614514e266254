"""Classical filters as estimators, tuned on pairs: what a learned denoiser has to beat."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from itertools import product
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Options
from sklearn.utils.validation import check_is_fitted

from ._constraints import instance_of, one_of
from ._fitted import VersionedState, commit
from ._optional import import_optional
from .files import Savable
from .images import (
    check_images,
    check_same_shape,
    check_units,
    from_array,
    from_channels_last,
    layout_of,
    learn_images,
    learn_spec,
    read_images,
    split_targets,
    to_array,
    to_channels_last,
)
from .metrics import capped_psnr, psnr_scorer

__all__ = ["FILTERS", "ClassicalDenoiser", "Filter", "available_filters"]

# Standard deviations of noise in units of the data range, each about 1.3 times the one before:
# non-local means, wavelet and BM3D lose some 0.3 dB at most between two of them.
LEVELS = (0.01, 0.015, 0.02, 0.03, 0.04, 0.055, 0.075, 0.1, 0.13, 0.17, 0.22, 0.3, 0.4, 0.5)
# A slow filter is tuned on so many images, and tries so many levels.
SLOW_IMAGES, SLOW_LEVELS = 4, 4
# Pixels: BM3D 4.0.3 crashes on images of 8 x 8 and refuses smaller ones.
BM3D_MIN_SIZE = 16


class Filter(NamedTuple):
    """A filter, and what of it is tuned.

    Attributes
    ----------
    function : callable
        ``function(images, **setting)`` filters float32 images (n, H, W, C) in units of the data
        range.
    grid : mapping of str to sequence
        The values to try of each option; all their combinations are.
    package : str or None
        The optional package that it needs, by its name for ``import``.
    slow : bool
        Whether an image takes seconds: then few images and, of the one option, the few levels
        next to the error of the noisy images are tried.
    """

    function: Callable[..., NDArray[Any]]
    grid: Mapping[str, Sequence[Any]]
    package: str | None = None
    slow: bool = False


def _median(images, size):
    return median_filter(images, size=(1, size, size, 1), mode="nearest")


def _total_variation(image, weight):
    from skimage import restoration

    return restoration.denoise_tv_chambolle(image, weight=weight, channel_axis=-1)


def _nl_means(image, sigma, patch_size):
    from skimage import restoration

    # Of h = 0.4 to 1 times sigma the last did best against Gaussian and Poisson noise, once sigma
    # was tuned; then it is a little below the noise's.
    filtered = restoration.denoise_nl_means(
        image,
        h=sigma,
        sigma=sigma,
        patch_size=patch_size,
        patch_distance=5,
        fast_mode=True,
        channel_axis=-1,
    )
    return filtered.reshape(image.shape)


def _wavelet(image, sigma, wavelet):
    from skimage import restoration

    pywt = import_optional("pywt", extra=None, purpose="The wavelet filter", package="PyWavelets")
    # scikit-image leaves out the three coarsest levels, which costs 3 dB on 64 x 64 pixels.
    levels = pywt.dwt_max_level(min(image.shape[:2]), wavelet)
    return restoration.denoise_wavelet(
        image,
        sigma=sigma,
        wavelet=wavelet,
        wavelet_levels=levels,
        convert2ycbcr=image.shape[2] == 3,
        rescale_sigma=True,
        channel_axis=-1,
    )


def _unsharp_mask(image, radius, amount):
    from skimage import filters

    # With channel_axis=-1 scikit-image 0.26 leaves most of the result uninitialised.
    return filters.unsharp_mask(image, radius=radius, amount=amount, channel_axis=2)


def _wiener(image, std, balance):
    from skimage import restoration

    # Beyond four standard deviations a Gaussian is below 0.04 % of its peak.
    reach = int(4 * std + 0.5)
    profile = np.exp(-0.5 * (np.arange(-reach, reach + 1) / std) ** 2)
    psf = np.outer(profile, profile) / profile.sum() ** 2
    # Mirrored borders, because the filter takes an image to be periodic.
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    channels = [restoration.wiener(channel, psf, balance) for channel in np.moveaxis(padded, 2, 0)]
    return np.stack(channels, axis=2)[reach:-reach, reach:-reach]


def _bm3d(image, sigma):
    bm3d = import_optional("bm3d", extra=None, purpose="BM3D")
    height, width, n_channels = image.shape
    missing = [(0, max(0, BM3D_MIN_SIZE - side)) for side in (height, width)]
    padded = np.pad(image, (*missing, (0, 0)), mode="symmetric")
    filter_channels = bm3d.bm3d_rgb if n_channels == 3 else bm3d.bm3d
    filtered = filter_channels(padded, sigma)
    return filtered.reshape(padded.shape)[:height, :width]


def _each(function):
    """Apply a filter of one image to a batch."""

    def on_batch(images, **setting):
        filtered = np.stack([function(image, **setting) for image in images])
        return filtered.astype(images.dtype, copy=False)

    return on_batch


FILTERS: dict[str, Filter] = {
    # Pixels; what salt and pepper needs up to about a third of the pixels.
    "median": Filter(_median, {"size": (3, 5, 7)}),
    # The best weight is a third of the standard deviation of weak noise, and above that of strong.
    "total_variation": Filter(
        _each(_total_variation), {"weight": (0.003, 0.005, 0.007, *LEVELS, 0.7, 1.0)}
    ),
    # Patches as in scikit-image's gallery, and smaller ones for small images.
    "nl_means": Filter(_each(_nl_means), {"sigma": LEVELS, "patch_size": (3, 5)}),
    # The shortest wavelet for patches up to 32 x 32 pixels, a smooth one for larger images.
    "wavelet": Filter(_each(_wavelet), {"sigma": LEVELS, "wavelet": ("db1", "sym4")}, "pywt"),
    # Pixels of a blur that is worth undoing; amounts up to where halos appear.
    "unsharp_mask": Filter(
        _each(_unsharp_mask),
        {"radius": (0.7, 1.0, 1.5, 2.0), "amount": (0.5, 1.0, 1.5, 2.5)},
    ),
    # The same pixels; noise to signal in powers of ten, from hardly any noise to strong noise.
    "wiener": Filter(
        _each(_wiener),
        {"std": (0.7, 1.0, 1.5, 2.0), "balance": (1e-4, 1e-3, 1e-2, 1e-1, 1.0)},
    ),
    "bm3d": Filter(_each(_bm3d), {"sigma": LEVELS}, "bm3d", slow=True),
}


def available_filters() -> list[str]:
    """List the filters of :class:`ClassicalDenoiser` whose packages are installed.

    Returns
    -------
    filters : list of str
        Values for its parameter ``filter``.

    Examples
    --------
    >>> from sklearn_cae.classical import available_filters
    >>> "median" in available_filters()
    True
    """
    return [
        name
        for name, entry in FILTERS.items()
        if entry.package is None or find_spec(entry.package) is not None
    ]


class ClassicalDenoiser(Savable, VersionedState, BaseEstimator):
    """A classical filter whose strength is chosen on pairs.

    Compare with it before you trust a learned denoiser. It is tuned in seconds, and if it does as
    well as the network, use the filter.

    Parameters
    ----------
    filter : str, default="median"
        "median", "total_variation" (Chambolle), "nl_means" (non-local means) and "wavelet"
        (BayesShrink, of colour images in YCbCr) of scipy and scikit-image remove noise;
        "unsharp_mask" and "wiener" (deconvolution of a Gaussian) sharpen blurred images. "bm3d"
        (block matching and 3D filtering), the strongest against Gaussian noise and by far the
        slowest, with seconds for an image of 64 x 64 pixels, needs the package bm3d, which is free
        for non-commercial use only: ``pip install bm3d``.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features).
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white, as in :class:`~sklearn_cae.DenoisingCAE`.

    Attributes
    ----------
    filter_ : str
        The filter that was tuned.
    params_ : dict
        Its options with the highest mean PSNR on the pairs; levels are in units of the data range,
        sizes in pixels.
    psnr_ : float
        That PSNR in dB. An image counts with at most 100 dB, so that one which no setting changes,
        such as a black one under Poisson noise, has no say.
    noise_ : NoiseModel or None
        The noise model that came with ``NoisyImages``.
    image_spec_ : ImageSpec
        Layout and units of the images.
    data_range_ : tuple of float
        Values of black and white.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import ClassicalDenoiser, NoiseInjector
    >>> X = load_digits().images[:20] / 16
    >>> noisy = NoiseInjector("salt_and_pepper", random_state=0).fit_transform(X)
    >>> ClassicalDenoiser("median").fit(noisy).params_
    {'size': 3}
    """

    _parameter_constraints = {
        "filter": [one_of(*FILTERS)],
        "image_shape": [instance_of("a tuple such as (28, 28)", tuple, list), None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [one_of("auto"), instance_of("a tuple such as (0, 1)", tuple, list)],
    }

    def __init__(
        self,
        filter: str = "median",
        *,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
    ):
        self.filter = filter
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Choose the options of the filter.

        Each setting filters all of X, so a few dozen images are enough. For a slow filter, BM3D,
        only four images spread over X are used, and only the four levels next to the error of the
        noisy images are tried.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images, with their clean ones if they are ``NoisyImages``.
        y : array-like of the shape of X, default=None
            Clean images. Required unless X is ``NoisyImages``.

        Returns
        -------
        self : ClassicalDenoiser
            The fitted filter. A fit that fails or is interrupted changes nothing.

        Raises
        ------
        ValueError
            If there are no clean images, or a parameter is not allowed.
        ImportError
            If the filter needs a package that is not installed.
        """
        self._validate_params()
        noisy, clean, noise = split_targets(X, y)
        if noisy is None:
            raise ValueError(
                "This estimator requires y to be passed, but the target y is None or no images. A "
                "filter is tuned on pairs: fit(X_noisy, X_clean), or fit(X) with the NoisyImages "
                "of NoiseInjector().fit_transform(X)."
            )
        noisy, columns = learn_images(noisy)
        clean = read_images(clean, name="y")
        check_same_shape(noisy, clean)
        spec = learn_spec(clean, **layout_of(X, self))
        check_units(noisy, spec, reference="the clean images")
        params, psnr = _tune(
            FILTERS[self.filter], _unit(noisy, spec), _unit(clean, spec), spec.unit_limits
        )
        fitted = {
            "filter_": self.filter,
            "noise_": noise,
            "image_spec_": spec,
            "data_range_": spec.data_range,
            "params_": params,
            "psnr_": psnr,
        }
        commit(self, columns | fitted)
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
            Filtered images, clipped to the data range if it is fixed.
        """
        check_is_fitted(self)
        source, spec = check_images(self, X), self.image_spec_
        check_units(source, spec)
        filtered = FILTERS[self.filter_].function(_unit(source, spec), **self.params_)
        images = from_array(filtered, spec, source.dtype)
        return from_channels_last(images, source.ndim, spec)

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Compute the mean PSNR of the filtered images in dB.

        Each image counts with at most 100 dB.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images, with their clean ones if they are ``NoisyImages``; clean images, to be
            corrupted with ``noise_``, if there is no ``y``.
        y : array-like of the shape of X, default=None
            Clean images.

        Returns
        -------
        score : float
            Mean PSNR in dB.
        """
        check_is_fitted(self)
        return psnr_scorer(self, X, y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # ``NoisyImages`` alone bring the clean images along and need no y.
        tags.target_tags.required = True
        tags.target_tags.two_d_labels = True
        return tags


def _unit(source, spec):
    """Images (n, H, W, C) as float32 in units of the data range."""
    return to_array(to_channels_last(source, spec), spec.data_range)


def _tune(entry, noisy, clean, limits):
    """The setting with the highest PSNR on pairs in units of the data range, and that PSNR."""
    grid = entry.grid
    if entry.slow:
        grid, noisy, clean = _shorten(grid, noisy, clean)
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    psnr = [
        capped_psnr(clean, entry.function(noisy, **setting).clip(*limits), data_range=1)
        for setting in settings
    ]
    best = int(np.argmax(psnr))
    return settings[best], psnr[best]


def _shorten(grid, noisy, clean):
    """The levels next to the error of the noisy images, and few pairs that have one."""
    mse = np.square(noisy - clean, dtype=np.float64).mean(axis=(1, 2, 3))
    rows = np.flatnonzero(mse) if mse.any() else np.arange(len(mse))
    few = rows[np.linspace(0, len(rows) - 1, min(SLOW_IMAGES, len(rows))).round().astype(int)]
    ((option, levels),) = grid.items()
    error = max(np.sqrt(mse[few].mean()), levels[0])
    nearest = np.argsort(np.abs(np.log(levels) - np.log(error)))[:SLOW_LEVELS]
    return {option: [levels[i] for i in np.sort(nearest)]}, noisy[few], clean[few]
