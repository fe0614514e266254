"""Several scores at once, and what describes scores by name."""

from collections.abc import Sequence

import numpy as np
from sklearn.base import clone

from .._constraints import instance_of
from ._density_score import DensityScore
from ._local_density import LocalDensityScore
from ._restoration import RestorationScore
from ._score import OutlierScore
from ._scores import DenoisingScore, FeatureScore, ReconstructionScore, SSIMScore


class CombinedScore(OutlierScore):
    """Sum of scores, each minus its mean and divided by its standard deviation.

    Means and standard deviations are those of all held-out images, each scored by the autoencoder
    that did not learn from it. The scores share what they are
    computed from. The default costs ``1 + n_draws`` passes of a network that decodes its codes.

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

    _parameter_constraints = {"scores": [instance_of("a list of scores", list, tuple), None]}
    calibrates_maps = True

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

    def check_network(self, module):
        for score in self._resolved():
            score.check_network(module)

    def check_autoencoder(self, cae):
        self.scores_ = self._resolved()
        for score in self.scores_:
            score.check_autoencoder(cae)

    def learn(self, collect, seed):
        for score in self.scores_:
            score.learn(collect, seed)

    def calibrate(self, values):
        self.means_, stds = values.mean(axis=0), values.std(axis=0)
        self.stds_ = np.where(stds > 0, stds, 1.0)

    @property
    def any_size(self):
        return all(score.any_size for score in self.scores_)

    @property
    def normalizes_contrast(self):
        return any(score.normalizes_contrast for score in self._resolved())

    @property
    def tells_where(self):
        return any(score.tells_where for score in self.scores_)

    def anomaly_map(self, batch):
        return self._sum_of([s.anomaly_map(batch) if s.tells_where else None for s in self.scores_])

    def values_and_map(self, batch):
        known = [
            s.values_and_map(batch) if s.tells_where else (s.values(batch), None)
            for s in self.scores_
        ]
        return np.hstack([values for values, _ in known]), self._sum_of([maps for _, maps in known])

    def _sum_of(self, maps):
        """The sum of the maps of those scores that have one, each in units of its score."""
        pairs = zip(maps, self.stds_, strict=True)
        return sum(each / std for each, std in pairs if each is not None)

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
    "local_density": LocalDensityScore,
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
        f"{score!r} is not a score; allowed are the names {sorted(SCORES)}, and a score such as "
        "DenoisingScore(n_draws=8)."
    )
