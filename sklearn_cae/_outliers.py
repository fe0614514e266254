"""Outlier detection by what an autoencoder makes of an image, and by where its code lies."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._denoising_cae import DenoisingCAE
from ._density import CodeDensity, fit_density, score_codes, seeded
from ._images import (
    check_images,
    check_units,
    check_within_range,
    learn_spec,
    normalize_contrast,
    view_of_size,
)
from ._random import derived_seed, generators_by_content, resolve_seed
from ._state import all_or_nothing
from .metrics import structural_similarity

__all__ = ["CAEOutlierDetector"]

# Share of the held-out images that contamination="auto" calls outliers.
AUTO_LEVEL = 0.05
# The fewest values of an image that contrast normalisation leaves more of than a sign.
MIN_NORMALIZED = 3
# The smallest window of SSIM, in pixels.
SSIM_WINDOW = 3


def _squared_error(cae, images):
    """Squared error of the reconstruction of each pixel, (n, H, W), the mean over channels."""
    batch = cae._to_unit(images)
    return (_denoised(cae, batch) - batch.double()).square().mean(dim=1).cpu().numpy()


def _denoised(cae, batch):
    """Denoise a tensor (n, C, H, W) with values in [0, 1]; float64, for the sums to come."""
    return cae.net_.module_(batch).clamp(0, 1).double()


def _reconstruction_score(detector, images):
    return -_squared_error(detector._cae, images).mean(axis=(1, 2))


def _ssim_score(detector, images):
    batch = detector._cae._to_unit(images)
    missing = [(0, max(0, SSIM_WINDOW - side)) for side in images.shape[1:3]]
    original, denoised = (
        np.pad(tensor.permute(0, 2, 3, 1).cpu(), [(0, 0), *missing, (0, 0)], mode="edge")
        for tensor in (batch.double(), _denoised(detector._cae, batch))
    )
    return structural_similarity(original, denoised, data_range=1, reduction="none")


def _density_score(detector, images):
    return score_codes(detector.density_, detector._cae._encode(images).astype(np.float64))


def _denoising_score(detector, images):
    cae = detector._cae
    clean = cae._to_unit(images)
    # Drawn on the CPU, so that an image gets the same noise on any device.
    on_cpu = clean.cpu().contiguous()
    errors = []
    for seed in detector._noise_seeds:
        noisy = cae.noise_.corrupt(on_cpu, generators_by_content(on_cpu.numpy(), seed))
        denoised = _denoised(cae, noisy.to(clean.device))
        errors.append((denoised - clean.double()).square().mean(dim=(1, 2, 3)).cpu().numpy())
    return -np.mean(errors, axis=0)


def _features_score(detector, images):
    module = detector._cae.net_.module_
    batch = detector._cae._to_unit(images)
    original, denoised = (
        module.encoder(x)[1][detector.feature_stage - 1].double()
        for x in (batch, module(batch).clamp(0, 1))
    )
    return -(denoised - original).square().mean(dim=(1, 2, 3)).cpu().numpy()


# Functions of a detector and a batch of prepared images (n, H, W, C).
SCORES: dict[str, Callable[..., NDArray[Any]]] = {
    "reconstruction": _reconstruction_score,
    "ssim": _ssim_score,
    "density": _density_score,
    "denoising": _denoising_score,
    "features": _features_score,
}
COMBINED = ("density", "reconstruction", "ssim", "denoising")


class CAEOutlierDetector(OutlierMixin, BaseEstimator):
    """Find unusual images with a denoising convolutional autoencoder.

    The autoencoder learns from the images given to ``fit``, most of which are normal. Some of them
    are held out: the scores of others are compared with theirs.

    Parameters
    ----------
    estimator : DenoisingCAE or FrozenEstimator, default=None
        The autoencoder. A copy of it is fitted; one that is fitted already is kept as it is within
        :class:`sklearn.frozen.FrozenEstimator`, and ``fit`` should then see other images than it
        did. ``None`` is ``DenoisingCAE()``.
    method : str, default="density"
        What makes an image normal:

        - "density": a code where ``density`` is high;
        - "reconstruction": a small mean squared error of its reconstruction;
        - "ssim": a large structural similarity of image and reconstruction [1]_. Images of less
          than 3 pixels in a direction are first extended to 3 by repeating their edge;
        - "denoising": a small mean squared error of what is denoised, averaged over ``n_draws``
          draws of the noise the autoencoder was trained with. The same image always gets the same
          noise;
        - "features": a small mean squared error of the reconstruction in the feature maps of an
          encoder stage, which weighs edges and textures; for ``DenoisingCAE(encoder="vgg16")``;
        - "combined": a large sum of the first four, each minus its mean and divided by its standard
          deviation on the held-out images.
    density : density estimator, default=None
        Anything with ``fit`` and ``score_samples`` on codes (n, n_features_out) in float64, such as
        :class:`~sklearn.mixture.GaussianMixture`, :class:`~sklearn.neighbors.KernelDensity`,
        :class:`~sklearn.covariance.EllipticEnvelope`, a
        :class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``, or a pipeline that
        ends in one. Or :class:`~sklearn.neighbors.NearestNeighbors`, which scores by minus the mean
        distance to the ``n_neighbors`` nearest codes of the training images, of which a training
        image's own is one. ``None`` is :class:`CodeDensity`, where it does not count. Used by
        "density" and "combined".
    contrast_normalization : "auto" or bool, default="auto"
        Global contrast normalisation [2]_: the autoencoder sees each image minus its mean and
        divided by its standard deviation, over all pixels and channels, and clipped to three
        standard deviations. Brightness and contrast then make no outlier; for images where they
        may, take False. "auto" is True, but False for a FrozenEstimator, which gets the images as
        they are, and for images of two values, of which hardly anything would be left.
    n_draws : int, default=4
        Number of noise draws of "denoising" and "combined".
    feature_stage : int, default=2
        Which stage of the encoder "features" compares, counted from the image; a block of VGG16.
    contamination : "auto" or float, default="auto"
        Share of outliers among the images of ``fit``, above 0 and at most 0.5: as many of them
        score below ``offset_``. "auto" calls an image an outlier that scores below all but 5 % of
        the held-out images.
    calibration_fraction : float, default=0.2
        Share of the images that ``fit`` holds out, at least one. With n of them the smallest
        p-value [3]_ is 1 / (n + 1).
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of held-out images, of the noise, and of the autoencoder and the density
        where they have none of their own.

    Attributes
    ----------
    estimator_ : DenoisingCAE or FrozenEstimator
        The fitted autoencoder. One that is not frozen takes images (n, H, W, C), with
        ``contrast_normalization`` normalised ones in [0, 1].
    density_ : density estimator or None
        The fitted density; ``None`` if the method uses none.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    calibration_scores_ : ndarray of shape (n_calibration,)
        Scores of the held-out images, ascending.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    DenoisingCAE : The autoencoder; its ``score_samples`` is "reconstruction" in float32.
    sklearn.ensemble.IsolationForest : The same methods for rows.

    Notes
    -----
    Scores do not depend on the images beside one in a batch.

    The error of the reconstruction prefers smooth images, whatever they show: where normal images
    have more texture than the others it may be worse than chance. ``benchmarks/one_class.py``
    compares the methods.

    References
    ----------
    .. [1] P. Bergmann, S. Löwe, M. Fauser, D. Sattlegger, C. Steger, "Improving unsupervised defect
       segmentation by applying structural similarity to autoencoders", VISAPP 2019.
    .. [2] I. Goodfellow, Y. Bengio, A. Courville, "Deep learning", MIT Press 2016, section
       12.2.
    .. [3] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for outliers with conformal
       p-values", Annals of Statistics 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import CAEOutlierDetector, DenoisingCAE
    >>> X, y = load_digits(return_X_y=True)
    >>> zeros, ones = X[y == 0] / 16, X[y == 1] / 16
    >>> cae = DenoisingCAE(channels=(16, 32))
    >>> detector = CAEOutlierDetector(cae, random_state=0).fit(zeros[:150])
    >>> detector.predict(ones[:5])
    array([-1, -1, -1, -1, -1])
    >>> detector.anomaly_map(ones[:5]).shape
    (5, 64)
    """

    _parameter_constraints = {
        "estimator": [DenoisingCAE, FrozenEstimator, None],
        "method": [StrOptions({*SCORES, "combined"})],
        "density": "no_validation",  # an error of its own
        "contrast_normalization": [StrOptions({"auto"}), "boolean"],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "feature_stage": [Interval(Integral, 1, None, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "calibration_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: DenoisingCAE | FrozenEstimator | None = None,
        *,
        method: str = "density",
        density: Any = None,
        contrast_normalization: str | bool = "auto",
        n_draws: int = 4,
        feature_stage: int = 2,
        contamination: str | float = "auto",
        calibration_fraction: float = 0.2,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.density = density
        self.contrast_normalization = contrast_normalization
        self.n_draws = n_draws
        self.feature_stage = feature_stage
        self.contamination = contamination
        self.calibration_fraction = calibration_fraction
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the autoencoder, fit the density and score the held-out images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images, most of them normal: uint8, uint16, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : CAEOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If images or parameters are not as described, or the images are too few to hold one
            out or for the density. The detector is then as it was before.
        """
        self._validate_params()
        self._check_estimator()
        self._check_density()
        with all_or_nothing(self):
            self._fit(X)
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """How normal images look, by ``method``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores; higher is more normal. "reconstruction" and "denoising" are in squared
            units of the range that the autoencoder sees: the data range, or, with contrast
            normalisation, six standard deviations of the image. "features" is in squared units of
            the feature maps, "ssim" is at most 1, "density" is what the density gives.

        Raises
        ------
        ValueError
            If X does not have the shape or the units of the images in ``fit``, or is not finite.
        """
        return self._score(self._check_fitted_images(X)[1])

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Scores relative to the threshold: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        decision : ndarray of shape (n,)
            ``score_samples(X) - offset_``.

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Tell outliers from inliers.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        is_inlier : ndarray of shape (n,)
            -1 for outliers, whose ``decision_function`` is negative, and 1 for inliers.

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> NDArray[Any]:
        r"""Conformal p-values: how many held-out images look as unusual.

        After Bates et al., in the references of this class:

        .. math:: p(x) = \frac{1 + \#\{i : s(c_i) \le s(x)\}}{1 + n}

        with the scores :math:`s` of the :math:`n` held-out images :math:`c_i`. If these and
        :math:`x` are drawn from the same distribution, :math:`p(x) \le \alpha` has at most the
        probability :math:`\alpha`, whatever the score. With "combined" this is so up to terms of
        order 1 / n, because the held-out images also give its means and standard deviations.

        Images that are unlike those in ``fit`` for another reason, such as another camera or
        writer, get small p-values too: shuffle ordered data before splitting it.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        p_values : ndarray of shape (n,)
            float64 values in (0, 1]; small for outliers.

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        scores = self.score_samples(X)
        n_below = np.searchsorted(self.calibration_scores_, scores, side="right")
        return (1 + n_below) / (1 + len(self.calibration_scores_))

    def anomaly_map(self, X: ArrayLike) -> NDArray[Any]:
        """Where images are unusual: the squared error of the reconstruction of each pixel.

        The mean over channels, not smoothed: the mean of an image's map is minus its score
        "reconstruction". To smooth maps (n, H, W), take
        ``scipy.ndimage.gaussian_filter(maps, (0, std, std))``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        maps : ndarray of shape (n, H, W), or (n, H * W) for rows
            float64 errors, not negative, in the units of the score "reconstruction".

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        checked, images = self._check_fitted_images(X)
        maps = self._cae._in_batches(partial(_squared_error, self._cae), images)
        return maps.reshape(len(maps), -1) if checked.ndim == 2 else maps

    def _check_estimator(self):
        inner = getattr(self.estimator, "estimator", self.estimator)
        if not isinstance(inner, DenoisingCAE | None):
            raise ValueError(
                f"estimator={self.estimator!r}; expected None, a DenoisingCAE, or a fitted one "
                "within FrozenEstimator."
            )

    def _check_density(self):
        if self.density is None or isinstance(self.density, NearestNeighbors):
            return
        missing = [name for name in ("fit", "score_samples") if not hasattr(self.density, name)]
        if missing:
            raise ValueError(
                f"density={self.density!r} has no {missing[-1]}; expected None, an estimator "
                "with fit and score_samples, such as GaussianMixture(), KernelDensity() or "
                "LocalOutlierFactor(novelty=True), or NearestNeighbors()."
            )

    def _fit(self, X):
        checked = check_images(self, X, reset=True)
        seed = resolve_seed(self.random_state)
        train, held_out = self._split(len(checked), seed)
        estimator = DenoisingCAE() if self.estimator is None else clone(self.estimator)
        self._learn_spec(estimator, checked)
        images = self._prepare(checked)
        self.estimator_ = self._fit_autoencoder(seeded(estimator, seed), images[train])
        self._noise_seeds = [derived_seed(seed, draw) for draw in range(self.n_draws)]
        names = COMBINED if self.method == "combined" else (self.method,)
        self._check_noise(names)
        self._check_stage(names)
        self.density_ = self._fit_density(images[train], seed) if "density" in names else None
        self._standards = dict.fromkeys(names, (0.0, 1.0))
        if self.method == "combined":
            self._standards = {
                name: _mean_and_std(self._score_by(name, images[held_out])) for name in names
            }
        self.calibration_scores_ = np.sort(self._score(images[held_out]))
        if self.contamination == "auto":
            self.offset_ = np.quantile(self.calibration_scores_, AUTO_LEVEL)
        else:
            self.offset_ = np.quantile(self._score(images), float(self.contamination))

    def _learn_spec(self, estimator, checked):
        """Learn layout and units of the images, which a frozen autoencoder has learned before."""
        frozen = isinstance(estimator, FrozenEstimator)
        self._normalizes = (
            not frozen and self.n_features_in_ >= MIN_NORMALIZED
            if self.contrast_normalization == "auto"
            else bool(self.contrast_normalization)
        )
        if frozen:
            self._spec = estimator.estimator._spec
            self._check_size_of_frozen()
        else:
            self._spec = learn_spec(
                checked,
                image_shape=estimator.image_shape,
                channel_axis=estimator.channel_axis,
                data_range=estimator.data_range,
            )
            check_within_range(checked, self._spec.data_range)
        check_units(checked, self._spec)

    def _fit_autoencoder(self, estimator, images):
        if isinstance(estimator, FrozenEstimator):
            return estimator
        data_range = (0, 1) if self._normalizes else self._spec.data_range
        layout = {"image_shape": None, "channel_axis": -1, "data_range": data_range}
        return estimator.set_params(**layout).fit(images)

    def _split(self, n_images, seed):
        """Indices of the images to train on, and of those to hold out."""
        n_held_out = max(1, int(self.calibration_fraction * n_images))
        if n_held_out >= n_images:
            raise ValueError(
                f"n_samples={n_images} with calibration_fraction={self.calibration_fraction} "
                "leaves no image to train on: at least one is held out. Give more images or a "
                "smaller fraction."
            )
        order = np.random.default_rng(seed).permutation(n_images)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    @property
    def _cae(self):
        """The fitted autoencoder itself."""
        frozen = isinstance(self.estimator_, FrozenEstimator)
        return self.estimator_.estimator if frozen else self.estimator_

    def _check_noise(self, names):
        if "denoising" in names and self._cae.noise_ is None:
            raise ValueError(
                f"method={self.method!r} draws the noise of the training, but the autoencoder was "
                "fitted on pairs and has none. Fit it on clean images, or choose another method."
            )

    def _check_stage(self, names):
        n_stages = self._cae.net_.module_.n_stages
        if "features" in names and self.feature_stage > n_stages:
            raise ValueError(
                f"feature_stage={self.feature_stage}, but the encoder has {n_stages} stage(s), "
                "counted from 1."
            )

    def _check_size_of_frozen(self):
        n_values = self._spec.height * self._spec.width * self._spec.n_channels
        if self.n_features_in_ != n_values:
            raise ValueError(
                f"X has images of {self.n_features_in_} values, but the frozen autoencoder was "
                f"fitted on images of {n_values}. Give images of its size."
            )

    def _fit_density(self, images, seed):
        density = CodeDensity() if self.density is None else clone(self.density)
        codes = self._cae._in_batches(self._cae._encode, images)
        return fit_density(density, codes.astype(np.float64), seed)

    def _check_fitted_images(self, X):
        """Validate images for a fitted detector: the checked X, and the prepared images."""
        check_is_fitted(self)
        checked = check_images(self, X, reset=False)
        check_units(checked, self._spec)
        return checked, self._prepare(checked)

    def _prepare(self, checked):
        """Images (n, H, W, C) as the autoencoder takes them."""
        images = view_of_size(checked, self._spec)
        return normalize_contrast(images, self._spec.data_range) if self._normalizes else images

    def _score(self, images):
        """Sum of the scores, each minus its location and divided by its scale."""
        scores = np.zeros(len(images))
        for name, (location, scale) in self._standards.items():
            scores += (self._score_by(name, images) - location) / scale
        return scores

    def _score_by(self, name, images):
        return self._cae._in_batches(partial(SCORES[name], self), images)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _mean_and_std(scores):
    """Location and scale, of which the latter is 1 for scores that are all the same."""
    return float(scores.mean()), float(scores.std()) or 1.0
