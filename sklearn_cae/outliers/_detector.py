"""The outlier detector: an autoencoder, a score and what is held out to compare with."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt
from sklearn.utils.validation import check_is_fitted

from .._constraints import instance_of, one_of
from .._denoising_cae import DenoisingCAE, copy_for_codes
from .._fitted import VersionedState, commit
from ..files import Savable
from ..images import (
    check_images,
    check_units,
    learn_images,
    selected,
    split_targets,
    to_channels_last,
)
from ..metrics import denoiser_of
from ..training import processes_of
from ._batch import make_readers
from ._calibration import (
    p_values_of_maps,
    p_values_of_pixels,
    p_values_of_scores,
    share_below,
    split_images,
    threshold,
)
from ._combined import SCORES, resolve_score
from ._score import OutlierScore
from ._scoring import assess_by_each, calibrate, maps_by_each, scores_by_each
from ._training import check_size, spec_for, train_on, view_of_one_size

# Share of normal images that contamination="auto" calls outliers.
AUTO_LEVEL = 0.05
# The fewest values of an image that contrast normalisation leaves more of than a sign.
MIN_NORMALIZED = 3


class Assessment(NamedTuple):
    """All that a detector tells of images, with what scores and maps share computed once.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        As ``score_samples`` gives them.
    p_values : ndarray of shape (n,)
        As ``p_values`` gives them.
    maps : ndarray of shape (n, H, W), or (n, H * W) for rows
        As ``anomaly_map`` gives them.
    masks : ndarray of shape (n, H, W), or (n, H * W) for rows
        As ``anomaly_mask`` gives them.
    """

    scores: NDArray[Any]
    p_values: NDArray[Any]
    maps: NDArray[Any]
    masks: NDArray[Any]


class CAEOutlierDetector(Savable, VersionedState, OutlierMixin, BaseEstimator):
    """Find unusual images with a denoising convolutional autoencoder.

    The autoencoder learns from the images in ``fit``, which should be mostly normal. Some of them
    are held out, and the scores of new images are compared with theirs.

    Parameters
    ----------
    estimator : DenoisingCAE or FrozenEstimator, default=None
        The autoencoder. ``None`` is ``DenoisingCAE()``. A copy of it is fitted. To keep one that is
        already fitted, wrap it in :class:`sklearn.frozen.FrozenEstimator`, and call ``fit`` with
        other images than it has seen. Of a frozen search or pipeline only the autoencoder is used.
    outlier_score : str or OutlierScore, default="density"
        What makes an image normal. Pass an object to set options, such as
        ``DenoisingScore(n_draws=8)``, or for a score of your own. A search can set the options:
        ``outlier_score__n_draws``.

        - "density", :class:`DensityScore`: its code lies where the codes of the training images are
          dense; for images that show something else;
        - "local_density", :class:`LocalDensityScore`: its places lie where the places of the
          training images are dense; for defects;
        - "reconstruction", :class:`ReconstructionScore`: the mean squared error of its
          reconstruction is small;
        - "ssim", :class:`SSIMScore`: its reconstruction has a similar structure;
        - "denoising", :class:`DenoisingScore`: noise is removed from it with a small mean squared
          error;
        - "restoration", :class:`RestorationScore`: little of the corruption is left after it is
          restored, for an autoencoder with a ``noise`` such as
          ``["erase_color", "quarter_turns"]``;
        - "features", :class:`FeatureScore`: its reconstruction has a small mean squared error in
          the feature maps of an encoder stage;
        - "combined", :class:`CombinedScore`: the sum of "density", "reconstruction", "ssim" and
          "denoising" is large.
    contrast_normalization : "auto" or bool, default="auto"
        Global contrast normalisation [1]_: the autoencoder sees each image minus its mean and
        divided by its standard deviation, over all pixels and channels, and clipped to three
        standard deviations. An image is then not an outlier because of its brightness or contrast.
        If it should be, set False. "auto" is True in most cases. It is False for scores by the
        worst places of an image, such as "local_density", and sums of such alone, for a
        FrozenEstimator, which gets the images as they are, and for images of one or two numbers, of
        which nothing would be left. A frozen autoencoder sees normalised images in its own units,
        as if black and white ended their range.
    contamination : "auto" or float, default="auto"
        Share of outliers among the images of ``fit``, above 0 and at most 0.5. This share of them
        scores below ``offset_``. "auto" calls an image an outlier if its conformal p-value is at
        most 0.05, or the smallest possible one with fewer than 19 held-out images, or groups. With
        several autoencoders this is so but for images near the threshold, which is that of all
        held-out scores and is compared with the mean score.
    calibration : "auto", float, int or splitter, default="auto"
        The images that are held out for comparison. A float is their share, at least one image. An
        int is a number of parts that are held out in turn, for few images: there is an autoencoder
        for each part, and all images serve for comparison [3]_. A splitter of scikit-learn that
        holds out each image once at most, such as ``LeaveOneGroupOut()``, also works. "auto" is 5
        for fewer than 100 images (or groups), and otherwise 0.2. With n held-out images, or groups,
        the smallest p-value [2]_ is 1 / (n + 1).
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of held-out images, of what the score draws, and of the autoencoder and
        a density where they have none of their own.

    Attributes
    ----------
    estimators_ : list of DenoisingCAE or FrozenEstimator
        The fitted autoencoders, one for each part that was held out: most often one. One that is
        not frozen takes images (n, H, W, C), with ``normalizes_contrast_`` normalised ones in
        [0, 1].
    outlier_scores_ : list of OutlierScore
        The fitted score of each; ``outlier_score_.density_`` is the density of "density".
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    false_alarm_rate_ : float
        Share of normal images that ``predict`` calls outliers, as far as held-out images tell.
    held_out_ : list of HeldOut
        For each autoencoder scores and maps of the images that it did not learn from.
    calibration_scores_ : ndarray of shape (n_calibration,)
        All these scores, ascending.
    estimator_, outlier_score_ : DenoisingCAE or FrozenEstimator, and OutlierScore
        The first of the autoencoders and of the scores.
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
    .. [3] V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence
       2015.

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
        "estimator": [
            instance_of(
                "a DenoisingCAE or a FrozenEstimator of a fitted one", DenoisingCAE, FrozenEstimator
            ),
            None,
        ],
        "outlier_score": [
            one_of(*SCORES),
            instance_of("a score such as ReconstructionScore()", OutlierScore),
        ],
        "contrast_normalization": [one_of("auto"), "boolean"],
        "contamination": [one_of("auto"), Interval(Real, 0, 0.5, closed="right")],
        "calibration": [
            one_of("auto"),
            Interval(Integral, 2, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            HasMethods(["split", "get_n_splits"]),
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: DenoisingCAE | FrozenEstimator | None = None,
        *,
        outlier_score: str | OutlierScore = "density",
        contrast_normalization: str | bool = "auto",
        contamination: str | float = "auto",
        calibration: Any = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.outlier_score = outlier_score
        self.contrast_normalization = contrast_normalization
        self.contamination = contamination
        self.calibration = calibration
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None) -> Self:
        """Train the autoencoder, let the score learn, and score the held-out images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images, most of them normal: integers, float32 or float64. What is not in memory is read
            in blocks, as in :class:`DenoisingCAE`.
        y : Ignored
            Present for the interface of scikit-learn.
        groups : array-like of shape (n,), default=None
            What images belong together, such as the photograph that crops were cut from: they are
            held out together and have one vote. Without it crops of one photograph are compared
            with each other, and those of another look unusual.

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
        with processes_of(self.estimator) as processes:
            learned = self._learn(X, groups, processes)
        commit(self, learned)
        return self

    def _learn(self, X, groups, processes):
        """Fitted attributes."""
        self._validate_params()
        resolve_score(self.outlier_score)  # What is wrong with it is told before the training.
        seed = processes.seed(self.random_state)
        estimator = self._unfitted_autoencoder(seed, X)
        source, columns = learn_images(split_targets(X, None)[1], lazy=True)
        spec = spec_for(estimator, source)
        images = to_channels_last(source, spec)
        splits = split_images(self.calibration, len(images), groups, seed)
        normalize = self._should_normalize(estimator, images)
        fits = [
            self._fit_one(estimator, source, selected(images, train), spec, normalize, seed)
            for train, _, _ in splits
        ]
        estimators, scores = map(list, zip(*fits, strict=True))
        readers = make_readers(estimators, spec, normalize=normalize)
        parts = [selected(images, rest) for _, rest, _ in splits]
        held_out = calibrate(scores, readers, parts, [votes for _, _, votes in splits])
        if self.contamination == "auto":
            offset, rate = threshold(held_out, AUTO_LEVEL)
        else:
            of_fit = scores_by_each(scores, readers, images).mean(axis=0)
            offset = np.quantile(of_fit, float(self.contamination))
            rate = share_below(offset, held_out)
        return columns | {
            "estimators_": estimators,
            "outlier_scores_": scores,
            "offset_": float(offset),
            "false_alarm_rate_": float(rate),
            "held_out_": held_out,
            "normalizes_contrast_": normalize,
            "image_spec_": spec,
        }

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Tell how normal images look, by ``outlier_score``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``, and of their size where the score needs it.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores; higher is more normal. "reconstruction" and "denoising" are in squared
            units of the range that the autoencoder sees: the data range, or, with contrast
            normalisation, six standard deviations of the image; "restoration" is minus a share.
            "features" is in squared units of the feature maps, "ssim" is at most 0, "density" and
            "local_density" are what the density gives. With several autoencoders it is their mean.

        Raises
        ------
        ValueError
            If X does not have the units of the images in ``fit``, or their size where the score
            needs it, or is not finite.
        """
        return self._scores(self._read(X)[1]).mean(axis=0)

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the scores relative to the threshold: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``, and of their size where the score needs it.

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
        """Tell outliers (-1) from normal images (1).

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``, and of their size where the score needs it.

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

        with the scores :math:`s` of the :math:`n` held-out images :math:`c_i`, each by the
        autoencoder that did not learn from :math:`c_i`. If these and :math:`x` are drawn from the
        same distribution, :math:`p(x) \le \alpha` has at most the probability :math:`\alpha` with
        one autoencoder, whatever the score; with several it has about that probability, and about
        :math:`2 \alpha` at most (Vovk, in the references of this class). With "combined" this is
        so up to terms of order 1 / n, because the held-out images also give its means and standard
        deviations. Images of a group of ``fit`` share one vote, and n is the number of groups.

        Images that are unlike those in ``fit`` for another reason, such as another camera, writer
        or size, get small p-values too: shuffle ordered data before splitting it.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``, and of their size where the score needs it.

        Returns
        -------
        p_values : ndarray of shape (n,)
            float64 values in (0, 1]; small for outliers.

        Raises
        ------
        ValueError
            As in ``score_samples``.
        """
        return p_values_of_scores(self._scores(self._read(X)[1]), self.held_out_)

    def anomaly_map(self, X: ArrayLike) -> NDArray[Any]:
        """Show where images are unusual, as the score sees it.

        The map has a value for each pixel. It is the squared error for "reconstruction",
        "denoising" and "features", and 1 minus the similarity for "ssim". For "local_density" it
        comes from the density of the pixel's place, and for "density" it is how much each place
        lowers the score. The score of an image is minus the mean of its map, or of the worst pixels
        of its map; with several autoencoders this is so for each of them. With "combined" the score
        differs from this by a constant; sums that hold scores by the worst pixels, or without maps,
        tell more than their map.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.

        Returns
        -------
        maps : ndarray of shape (n, H, W), or (n, H * W) for rows
            float64 values; higher is more unusual. With several autoencoders their mean.

        Raises
        ------
        ValueError
            As in ``score_samples``, or if the score does not tell where.
        """
        ndim, images = self._read(X)
        return _layout_of_maps(self._maps(images).mean(axis=0), ndim)

    def anomaly_mask(self, X: ArrayLike, *, level: float = AUTO_LEVEL) -> NDArray[np.bool_]:
        """Mark the pixels that are more unusual than any pixel of normal images.

        At most a share ``level`` of normal images has any pixel in its mask, if they are like those
        in ``fit`` and of their size. For this each pixel is compared with the largest value of the
        map of each held-out image. Larger images have more pixels to be wrong about: the share is
        that of parts of the size in ``fit``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.
        level : float, default=0.05
            The share, between 0 and 1. With fewer than ``1 / level`` - 1 held-out images, or
            groups, masks are empty.

        Returns
        -------
        masks : bool ndarray of shape (n, H, W), or (n, H * W) for rows
            True at odd pixels.

        Raises
        ------
        ValueError
            As in ``anomaly_map``, or if ``level`` is not between 0 and 1.
        """
        check_scalar(level, "level", Real, min_val=0, max_val=1, include_boundaries="neither")
        ndim, images = self._read(X)
        return _layout_of_maps(p_values_of_maps(self._maps(images), self.held_out_) <= level, ndim)

    def pixel_p_values(self, X: ArrayLike) -> NDArray[Any]:
        r"""Conformal p-values of pixels: the share of all pixels that look as unusual.

        These are the pixels of the :math:`n` held-out images and of the image itself, which counts
        as one of :math:`n + 1`:

        .. math:: p(v) = \frac{q(v) + \sum_i q_i(v)}{1 + n}

        where :math:`q_i(v)` is the share of the map of held-out image :math:`i` that is at least
        :math:`v`, and :math:`q(v)` that of the map of the image itself. The p-values are rates of
        false alarms: on average at most a thousandth of the pixels of normal images has a p-value
        of 0.001 or less, however few images are held out. With several autoencoders this holds
        nearly. With groups in ``fit`` they are counted, and images of a group share its part of the
        sum.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.

        Returns
        -------
        p_values : ndarray of shape (n, H, W), or (n, H * W) for rows
            float64 values in (0, 1]; small at odd pixels.

        Raises
        ------
        ValueError
            As in ``anomaly_map``.
        """
        ndim, images = self._read(X)
        return _layout_of_maps(p_values_of_pixels(self._maps(images), self.held_out_), ndim)

    def assess(self, X: ArrayLike) -> Assessment:
        """Compute scores, p-values, anomaly maps and masks together, and what they share only once.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.

        Returns
        -------
        assessment : Assessment
            A named tuple: ``scores``, ``p_values``, ``maps`` and ``masks``, as ``score_samples``,
            ``p_values``, ``anomaly_map`` and ``anomaly_mask`` give them.

        Raises
        ------
        ValueError
            As in ``anomaly_map``.
        """
        ndim, images = self._read(X)
        scores, maps = assess_by_each(self.outlier_scores_, self._readers(), images)
        masks = p_values_of_maps(maps, self.held_out_) <= AUTO_LEVEL
        return Assessment(
            scores.mean(axis=0),
            p_values_of_scores(scores, self.held_out_),
            _layout_of_maps(maps.mean(axis=0), ndim),
            _layout_of_maps(masks, ndim),
        )

    def _fit_one(self, estimator, source, images, spec, normalize, seed):
        """Fit an autoencoder and a score to images (n, H, W, C)."""
        score = resolve_score(self.outlier_score)
        if not isinstance(estimator, FrozenEstimator):
            estimator = clone(estimator)
            train_on(estimator, source, images, spec, score, normalize=normalize)
        cae = denoiser_of(estimator)
        check_size(cae, spec)
        score.check_network(cae.net_.module_)
        score.check_autoencoder(cae)
        (reader,) = make_readers([estimator], spec, normalize=normalize)
        score.learn(lambda function: reader.collect(function, images), seed)
        return estimator, score

    def _unfitted_autoencoder(self, seed, X):
        """A copy of the autoencoder to fit, or the frozen one."""
        if not isinstance(denoiser_of(self.estimator), DenoisingCAE | None):
            raise ValueError(
                f"estimator={self.estimator!r}; expected None, a DenoisingCAE, or a fitted one "
                "within FrozenEstimator."
            )
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(denoiser_of(self.estimator))
            return self.estimator
        return copy_for_codes(self.estimator or DenoisingCAE(), X, seed)

    def _should_normalize(self, estimator, images):
        if self.contrast_normalization != "auto":
            return bool(self.contrast_normalization)
        trained = not isinstance(estimator, FrozenEstimator)
        large = math.prod(images.shape[1:]) >= MIN_NORMALIZED
        return trained and large and resolve_score(self.outlier_score).normalizes_contrast

    @property
    def estimator_(self):
        """The first autoencoder."""
        return self.estimators_[0]

    @property
    def outlier_score_(self):
        """The score that goes with the first autoencoder."""
        return self.outlier_scores_[0]

    @property
    def calibration_scores_(self):
        """Scores of all held-out images in order, float64."""
        return np.sort(np.concatenate([known.scores.values for known in self.held_out_]))

    def _read(self, X):
        """Validate images for a fitted detector: their dimensions, and their view (n, H, W, C)."""
        check_is_fitted(self)
        source = check_images(self, X, lazy=True)
        check_units(source, self.image_spec_)
        any_size = all(score.any_size for score in self.outlier_scores_)
        fixed = not any_size or denoiser_of(self.estimator_).net_.module_.fixed_size
        view = view_of_one_size if fixed else to_channels_last
        return source.ndim, view(source, self.image_spec_)

    def _readers(self):
        return make_readers(self.estimators_, self.image_spec_, normalize=self.normalizes_contrast_)

    def _scores(self, images):
        """Scores of images by each autoencoder, (n_autoencoders, n)."""
        return scores_by_each(self.outlier_scores_, self._readers(), images)

    def _maps(self, images):
        """Maps of images by each autoencoder, (n_autoencoders, n, H, W)."""
        return maps_by_each(self.outlier_scores_, self._readers(), images)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _layout_of_maps(maps, ndim):
    """Maps (n, H, W), as rows for images that came as rows."""
    return maps.reshape(len(maps), -1) if ndim == 2 else maps
