"""The outlier detector: an autoencoder, a score and what is held out to compare with."""

from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._denoising_cae import DenoisingCAE, copy_for_codes
from .._fitted import VersionedState, commit
from .._random import resolve_seed
from ..files import Savable
from ..images import (
    ImageSource,
    check_images,
    check_units,
    chunks,
    learn_images,
    learn_spec,
    normalize_contrast,
    split_targets,
    to_channels_last,
)
from ..metrics import denoiser_of
from ._batch import UNIT_RANGE, BatchReader
from ._scores import SCORES, OutlierScore, resolve_score

# Share of the held-out images that contamination="auto" calls outliers.
AUTO_LEVEL = 0.05
# The fewest values of an image that contrast normalisation leaves more of than a sign.
MIN_NORMALIZED = 3


class Assessment(NamedTuple):
    """All that a detector tells of images, from one reconstruction of each.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        As ``score_samples`` gives them.
    p_values : ndarray of shape (n,)
        As ``p_values`` gives them.
    maps : ndarray of shape (n, H, W), or (n, H * W) for rows
        As ``anomaly_map`` gives them.
    """

    scores: NDArray[Any]
    p_values: NDArray[Any]
    maps: NDArray[Any]


class CAEOutlierDetector(Savable, VersionedState, OutlierMixin, BaseEstimator):
    """Find unusual images with a denoising convolutional autoencoder.

    The autoencoder learns from the images given to ``fit``, most of which are normal. Some of them
    are held out: the scores of others are compared with theirs.

    Parameters
    ----------
    estimator : DenoisingCAE or FrozenEstimator, default=None
        The autoencoder. A copy of it is fitted; one that is fitted already is kept as it is within
        :class:`sklearn.frozen.FrozenEstimator`, and ``fit`` should then see other images than it
        did. Of a frozen search or pipeline the autoencoder alone is taken. ``None`` is
        ``DenoisingCAE()``.
    outlier_score : str or OutlierScore, default="density"
        What makes an image normal. An object for other options than the defaults, such as
        ``DenoisingScore(n_draws=8)``, or for a score of your own; a search reaches into it:
        ``outlier_score__n_draws``.

        - "density", :class:`DensityScore`: a code where the training images' codes are dense;
        - "reconstruction", :class:`ReconstructionScore`: a small mean squared error of its
          reconstruction;
        - "ssim", :class:`SSIMScore`: a large structural similarity of image and reconstruction;
        - "denoising", :class:`DenoisingScore`: a small mean squared error of what is denoised;
        - "features", :class:`FeatureScore`: a small mean squared error of the reconstruction in the
          feature maps of an encoder stage;
        - "combined", :class:`CombinedScore`: a large sum of the first four.
    contrast_normalization : "auto" or bool, default="auto"
        Global contrast normalisation [1]_: the autoencoder sees each image minus its mean and
        divided by its standard deviation, over all pixels and channels, and clipped to three
        standard deviations. Brightness and contrast then make no outlier; for images where they
        may, take False. "auto" is True, but False for a FrozenEstimator, which gets the images as
        they are, and for images of two values, of which hardly anything would be left. A frozen
        autoencoder sees normalised images in its own units, as if black and white ended their
        range.
    contamination : "auto" or float, default="auto"
        Share of outliers among the images of ``fit``, above 0 and at most 0.5: as many of them
        score below ``offset_``. "auto" calls an image an outlier that scores below all but 5 % of
        the held-out images.
    calibration_fraction : float, default=0.2
        Share of the images that ``fit`` holds out, at least one. With n of them the smallest
        p-value [2]_ is 1 / (n + 1).
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of held-out images, of what the score draws, and of the autoencoder and
        a density where they have none of their own.

    Attributes
    ----------
    estimator_ : DenoisingCAE or FrozenEstimator
        The fitted autoencoder. One that is not frozen takes images (n, H, W, C), with
        ``normalizes_contrast_`` normalised ones in [0, 1].
    outlier_score_ : OutlierScore
        The fitted score; ``outlier_score_.density_`` is the density of "density".
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    calibration_scores_ : ndarray of shape (n_calibration,)
        Scores of the held-out images, ascending.
    normalizes_contrast_ : bool
        Whether the autoencoder sees images of normalised contrast.
    image_spec_ : ImageSpec
        Shape, layout, dtype and units of the images in ``fit``.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    DenoisingCAE : The autoencoder; its ``score_samples`` is "reconstruction".
    OutlierScore : Base of the scores, for one of your own.
    sklearn.ensemble.IsolationForest : The same methods for rows.

    Notes
    -----
    Scores do not depend on the images beside one in a batch.

    Of :class:`NoisyImages` ``fit`` takes the clean images; the autoencoder gets their noise if it
    has none of its own.

    The error of the reconstruction prefers smooth images, whatever they show: where normal images
    have more texture than the others it may be worse than chance. ``benchmarks/one_class.py``
    compares the scores.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, "Deep learning", MIT Press 2016, section
       12.2.
    .. [2] S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia, "Testing for outliers with conformal
       p-values", Annals of Statistics 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE
    >>> X, y = load_digits(return_X_y=True)
    >>> zeros, ones = X[y == 0] / 16, X[y == 1] / 16
    >>> cae = DenoisingCAE(Autoencoder((16, 32)))
    >>> detector = CAEOutlierDetector(cae, random_state=0).fit(zeros[:150])
    >>> detector.predict(ones[:5])
    array([-1, -1, -1, -1, -1])
    >>> detector.assess(ones[:5]).maps.shape
    (5, 64)
    """

    _parameter_constraints = {
        "estimator": [DenoisingCAE, FrozenEstimator, None],
        "outlier_score": [StrOptions(set(SCORES)), OutlierScore],
        "contrast_normalization": [StrOptions({"auto"}), "boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "calibration_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: DenoisingCAE | FrozenEstimator | None = None,
        *,
        outlier_score: str | OutlierScore = "density",
        contrast_normalization: str | bool = "auto",
        contamination: str | float = "auto",
        calibration_fraction: float = 0.2,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.outlier_score = outlier_score
        self.contrast_normalization = contrast_normalization
        self.contamination = contamination
        self.calibration_fraction = calibration_fraction
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the autoencoder, fit the density and score the held-out images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images, most of them normal: integers, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : CAEOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If images or parameters are not as described, the images are too few to hold one out or
            for the density, or the network does not offer what the score asks for. The detector is
            then as it was before, as it is after any other error and after Ctrl-C.
        """
        self._validate_params()
        score = resolve_score(self.outlier_score)
        seed = resolve_seed(self.random_state)
        _, X, noise = split_targets(X, None)
        estimator = self._unfitted_autoencoder(seed, noise)
        source, columns = learn_images(X)
        spec = _spec_for(estimator, source)
        images = _view(source, spec)
        train, held_out = self._split(len(images), seed)
        normalize = self._should_normalize(estimator, images)
        if not isinstance(estimator, FrozenEstimator):
            _train(estimator, source, images[train], spec, normalize=normalize)
        cae = denoiser_of(estimator)
        _check_size(cae, spec)
        score.check_autoencoder(cae)
        reader = BatchReader(cae, spec.data_range, normalize=normalize)
        score.learn(lambda function: reader.collect(function, images[train]), seed)
        values = reader.collect(score.values, images[held_out])
        score.calibrate(values)
        scores = np.sort(score.combine(values))
        if self.contamination == "auto":
            offset = np.quantile(scores, AUTO_LEVEL)
        else:
            of_train = score.combine(reader.collect(score.values, images[train]))
            offset = np.quantile(np.concatenate([of_train, scores]), float(self.contamination))
        fitted = {
            "estimator_": estimator,
            "outlier_score_": score,
            "offset_": offset,
            "calibration_scores_": scores,
            "normalizes_contrast_": normalize,
            "image_spec_": spec,
        }
        commit(self, columns | fitted)
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """How normal images look, by ``outlier_score``.

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
        _, images = self._read(X)
        score = self.outlier_score_
        return score.combine(self._collect(score.values, images))

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
        return self._p_values_of(self.score_samples(X))

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
        ndim, images = self._read(X)
        return _layout_of_maps(self._collect(_squared_error, images), ndim)

    def assess(self, X: ArrayLike) -> Assessment:
        """Scores, p-values and anomaly maps, all from one reconstruction of each image.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        assessment : Assessment
            A named tuple: ``scores``, ``p_values`` and ``maps``, as ``score_samples``,
            ``p_values`` and ``anomaly_map`` give them.

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        ndim, images = self._read(X)
        score = self.outlier_score_

        def rows_of(batch):
            errors = batch.squared_error
            return np.hstack([score.values(batch), errors.reshape(len(errors), -1)])

        rows = self._collect(rows_of, images)
        values, errors = np.split(rows, [-images.shape[1] * images.shape[2]], axis=1)
        scores = score.combine(values)
        maps = _layout_of_maps(errors.reshape(images.shape[:3]), ndim)
        return Assessment(scores, self._p_values_of(scores), maps)

    def _unfitted_autoencoder(self, seed, noise):
        """A copy of the autoencoder to fit, or the frozen one."""
        if not isinstance(denoiser_of(self.estimator), DenoisingCAE | None):
            raise ValueError(
                f"estimator={self.estimator!r}; expected None, a DenoisingCAE, or a fitted one "
                "within FrozenEstimator."
            )
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(denoiser_of(self.estimator))
            return self.estimator
        return copy_for_codes(self.estimator or DenoisingCAE(), noise, seed)

    def _should_normalize(self, estimator, images):
        if self.contrast_normalization != "auto":
            return bool(self.contrast_normalization)
        frozen = isinstance(estimator, FrozenEstimator)
        return not frozen and images[0].size >= MIN_NORMALIZED

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

    def _read(self, X):
        """Validate images for a fitted detector: their dimensions, and their view (n, H, W, C)."""
        check_is_fitted(self)
        source = check_images(self, X)
        check_units(source, self.image_spec_)
        return source.ndim, _view(source, self.image_spec_)

    def _collect(self, function, images):
        reader = BatchReader(
            denoiser_of(self.estimator_),
            self.image_spec_.data_range,
            normalize=self.normalizes_contrast_,
        )
        return reader.collect(function, images)

    def _p_values_of(self, scores):
        n_below = np.searchsorted(self.calibration_scores_, scores, side="right")
        return (1 + n_below) / (1 + len(self.calibration_scores_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class _Part(ImageSource):
    """Some of the images of a source, which are not measured again."""

    def __init__(self, source, pixels):
        self.pixels = pixels
        self.name = source.name
        self.measures = source.measures


def _spec_for(estimator, source):
    """Layout and units of the images: learned, but for a frozen autoencoder, which knows them."""
    if not isinstance(estimator, FrozenEstimator):
        return learn_spec(
            source,
            image_shape=estimator.image_shape,
            channel_axis=estimator.channel_axis,
            data_range=estimator.data_range,
        )
    spec = denoiser_of(estimator).image_spec_
    n_values, n_expected = source.pixels[0].size, spec.height * spec.width * spec.n_channels
    if n_values != n_expected:
        raise ValueError(
            f"X has images of {n_values} values, but the frozen autoencoder was fitted on images "
            f"of {n_expected}. Give images of its size."
        )
    check_units(source, spec, reference="the images of the frozen autoencoder")
    return spec


def _train(estimator, source, images, spec, *, normalize):
    """Fit the autoencoder to images (n, H, W, C), in units that are known or normalised."""
    estimator.set_params(image_shape=None, channel_axis=-1)
    if not normalize:
        estimator.fit(_Part(source, images))
        return
    normalized = np.empty(images.shape, np.float32)
    for rows in chunks(images):
        normalized[rows] = normalize_contrast(images[rows], spec.data_range)
    estimator.set_params(data_range=UNIT_RANGE).fit(normalized)


def _view(source, spec):
    """View images as (n, H, W, C), of the size in ``fit`` only, whatever the network could take."""
    images = to_channels_last(source, spec)
    size = images.shape[1:3]
    if size != (spec.height, spec.width):
        raise ValueError(
            f"{source.name} has images of {size[0]} x {size[1]} pixels, but a detector compares "
            f"them with the held-out images of fit, which had {spec.height} x {spec.width}. Crop "
            f"or resize the images, or cut them into parts of that size."
        )
    return images


def _check_size(cae, spec):
    """Refuse an autoencoder that was trained on patches and takes nothing else."""
    taken = cae.image_spec_.height, cae.image_spec_.width
    if cae.net_.module_.fixed_size and taken != (spec.height, spec.width):
        raise ValueError(
            f"X has images of {spec.height} x {spec.width} pixels, but the autoencoder takes its "
            f"patches of {taken[0]} x {taken[1]} only. Leave patches=None, or take a network whose "
            "code is not flat."
        )


def _squared_error(batch):
    return batch.squared_error


def _layout_of_maps(maps, ndim):
    """Maps (n, H, W), as rows for images that came as rows."""
    return maps.reshape(len(maps), -1) if ndim == 2 else maps
