"""What makes an image normal: scores as objects, and what describes them by name."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval

from .._density import CodeDensity, check_density, fit_density, score_codes
from .._random import derived_seed
from ..metrics import SSIM_MIN_SIZE, structural_similarity
from ._base import OutlierScore
from ._restoration import RestorationScore


class DensityScore(OutlierScore):
    """A code where the density of the training images' codes is high.

    Parameters
    ----------
    density : density estimator, default=None
        Anything with ``fit`` and ``score_samples`` on codes (n, n_features_out) in float64, such as
        :class:`~sklearn.mixture.GaussianMixture`, :class:`~sklearn.neighbors.KernelDensity`,
        :class:`~sklearn.covariance.EllipticEnvelope`, a
        :class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``, or a pipeline that
        ends in one. Or :class:`~sklearn.neighbors.NearestNeighbors`, which scores by minus the mean
        distance to the ``n_neighbors`` nearest codes of the training images, of which a training
        image's own is one. ``None`` is :class:`CodeDensity`, where it does not count.

    Attributes
    ----------
    density_ : density estimator
        The fitted density. It has the seed of the detector if it had none of its own.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_cae import CAEOutlierDetector, DensityScore
    >>> detector = CAEOutlierDetector(outlier_score=DensityScore(GaussianMixture(5)))
    >>> detector.set_params(outlier_score__density__n_components=3).outlier_score
    DensityScore(density=GaussianMixture(n_components=3))
    """

    _parameter_constraints = {"density": "no_validation"}  # an error of its own

    def __init__(self, density: Any = None) -> None:
        self.density = density

    def check(self):
        super().check()
        if not isinstance(self.density, NearestNeighbors):
            check_density(
                self.density,
                ("fit", "score_samples"),
                "such as GaussianMixture(), KernelDensity() or LocalOutlierFactor(novelty=True), "
                "or NearestNeighbors()",
            )

    def check_autoencoder(self, cae):
        if not hasattr(cae.net_.module_, "encode"):
            raise ValueError(
                f"DensityScore needs a network with a code, but that of {cae.network_!r} has none. "
                "Take an Autoencoder, or ReconstructionScore()."
            )

    def learn(self, collect, seed):
        density = CodeDensity() if self.density is None else clone(self.density)
        self.density_ = fit_density(density, collect(_codes), seed)

    def score(self, batch):
        return score_codes(self.density_, batch.codes)


class ReconstructionScore(OutlierScore):
    """A small mean squared error of the reconstruction.

    Scores are minus the error, in squared units of the range that the autoencoder sees.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, ReconstructionScore
    >>> CAEOutlierDetector(outlier_score=ReconstructionScore()).outlier_score
    ReconstructionScore()
    """

    def score(self, batch):
        return -batch.squared_error.mean(axis=(1, 2))


class SSIMScore(OutlierScore):
    """A large structural similarity of image and reconstruction [1]_, at most 1.

    Images of less than 3 pixels in a direction are first extended to 3 by repeating their edge.

    References
    ----------
    .. [1] P. Bergmann, S. Löwe, M. Fauser, D. Sattlegger, C. Steger, "Improving unsupervised defect
       segmentation by applying structural similarity to autoencoders", VISAPP 2019.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, SSIMScore
    >>> CAEOutlierDetector(outlier_score=SSIMScore()).outlier_score
    SSIMScore()
    """

    def score(self, batch):
        sides = batch.images.shape[1:3]
        missing = [(0, max(0, SSIM_MIN_SIZE - side)) for side in sides]
        original, reconstruction = (
            np.pad(images, [(0, 0), *missing, (0, 0)], mode="edge")
            for images in (batch.images, batch.reconstruction)
        )
        return structural_similarity(original, reconstruction, data_range=1, reduction="none")


class DenoisingScore(OutlierScore):
    """A small mean squared error of what is denoised, averaged over draws of the training's noise.

    The same image always gets the same noise. Scores are minus the error, in squared units of the
    range that the autoencoder sees.

    Parameters
    ----------
    n_draws : int, default=4
        Number of noise draws, each of which costs a pass of the network.

    Attributes
    ----------
    seeds_ : list of int
        Seed of the noise of each draw.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, DenoisingScore
    >>> detector = CAEOutlierDetector(outlier_score=DenoisingScore())
    >>> detector.set_params(outlier_score__n_draws=8).outlier_score
    DenoisingScore(n_draws=8)
    """

    _parameter_constraints = {"n_draws": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, n_draws: int = 4) -> None:
        self.n_draws = n_draws

    def check_autoencoder(self, cae):
        if cae.noise_ is None:
            raise ValueError(
                "DenoisingScore draws the noise of the training, but the autoencoder was fitted on "
                "pairs and has none. Fit it on clean images, or choose another score."
            )

    def learn(self, collect, seed):
        self.seeds_ = [derived_seed(seed, draw) for draw in range(self.n_draws)]

    def score(self, batch):
        errors = [
            np.square(batch.denoised(seed) - batch.images).mean(axis=(1, 2, 3))
            for seed in self.seeds_
        ]
        return -np.mean(errors, axis=0)


class FeatureScore(OutlierScore):
    """A small mean squared error of the reconstruction in the feature maps of an encoder stage.

    It weighs edges and textures; for ``DenoisingCAE(Autoencoder(VGG16Encoder()))``. Scores are
    minus the error, in squared units of the feature maps.

    Parameters
    ----------
    stage : int, default=2
        The stage, counted from 1 at the image; a block of VGG16.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, FeatureScore
    >>> CAEOutlierDetector(outlier_score=FeatureScore(3)).outlier_score
    FeatureScore(stage=3)
    """

    _parameter_constraints = {"stage": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, stage: int = 2) -> None:
        self.stage = stage

    def check_autoencoder(self, cae):
        n_stages = getattr(cae.net_.module_, "n_stages", 0)
        if self.stage > n_stages:
            raise ValueError(
                f"FeatureScore has stage={self.stage}, but the encoder has {n_stages} stage(s), "
                "counted from 1. Choose one of these, or another score."
            )

    def score(self, batch):
        original, reconstructed = batch.stage_maps(self.stage)
        return -np.square(reconstructed - original).mean(axis=(1, 2, 3))


class CombinedScore(OutlierScore):
    """A large sum of scores, each minus its mean and divided by its standard deviation.

    Means and standard deviations are those of the held-out images. All scores share what they are
    made of: the default costs ``1 + n_draws`` passes of a network that decodes its codes.

    Parameters
    ----------
    scores : list of str or OutlierScore, default=None
        Names or objects; ``None`` is ["density", "reconstruction", "ssim", "denoising"].

    Attributes
    ----------
    scores_ : list of OutlierScore
        The fitted scores.
    means_, stds_ : ndarray of shape (n_scores,)
        Mean and standard deviation of each on the held-out images; the latter is 1 for scores that
        are all the same.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, CombinedScore, DenoisingScore
    >>> score = CombinedScore(["density", DenoisingScore(n_draws=2)])
    >>> CAEOutlierDetector(outlier_score=score).outlier_score
    CombinedScore(scores=['density', DenoisingScore(n_draws=2)])
    """

    _parameter_constraints = {"scores": [list, tuple, None]}

    def __init__(self, scores: Sequence[str | OutlierScore] | None = None) -> None:
        self.scores = scores

    def check(self):
        super().check()
        if self.scores is not None and len(self.scores) == 0:
            raise ValueError("CombinedScore(scores=[]) has nothing to sum. Give a list of scores.")
        if any(isinstance(score, CombinedScore) for score in self._resolved()):
            raise ValueError(
                f"{self!r} holds a CombinedScore. A sum of sums is a sum: list all scores in one."
            )

    def check_autoencoder(self, cae):
        for score in self._resolved():
            score.check_autoencoder(cae)

    def learn(self, collect, seed):
        self.scores_ = self._resolved()
        for score in self.scores_:
            score.learn(collect, seed)

    def calibrate(self, values):
        self.means_, stds = values.mean(axis=0), values.std(axis=0)
        self.stds_ = np.where(stds > 0, stds, 1.0)

    def values(self, batch):
        return np.column_stack([score.score(batch) for score in self.scores_])

    def combine(self, values):
        return ((values - self.means_) / self.stds_).sum(axis=1)

    def score(self, batch):
        return self.combine(self.values(batch))

    def _resolved(self):
        scores = COMBINED if self.scores is None else self.scores
        return [resolve_score(score) for score in scores]


SCORES: dict[str, type[OutlierScore]] = {
    "density": DensityScore,
    "reconstruction": ReconstructionScore,
    "ssim": SSIMScore,
    "denoising": DenoisingScore,
    "restoration": RestorationScore,
    "features": FeatureScore,
    "combined": CombinedScore,
}
# What CombinedScore() sums.
COMBINED = ("density", "reconstruction", "ssim", "denoising")


def resolve_score(score: str | OutlierScore) -> OutlierScore:
    """Turn what describes a score into a checked one.

    Parameters
    ----------
    score : OutlierScore or str
        A name is one of ``SCORES`` with its defaults.

    Returns
    -------
    score : OutlierScore
        The score, its parameters checked; an unfitted copy of one that was given.

    Raises
    ------
    ValueError
        If it is none of these, or a parameter is wrong.

    Examples
    --------
    >>> from sklearn_cae.outliers import resolve_score
    >>> resolve_score("denoising")
    DenoisingScore()
    """
    if isinstance(score, str) and score in SCORES:
        return SCORES[score]()
    if isinstance(score, OutlierScore):
        score.check()
        return clone(score)
    raise ValueError(
        f"{score!r} is no score; allowed are the names {sorted(SCORES)}, and a score such as "
        "DenoisingScore(n_draws=8)."
    )


def _codes(batch):
    return batch.codes
