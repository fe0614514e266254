"""Densities over codes."""

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import row_norms
from sklearn.utils.validation import check_array, check_is_fitted

# Squared distance, in squared typical distances, below which a code is a training code itself:
# the rounding of float32 codes.
SAME = 1e-12
# Length from which on codes are compared by their direction.
LONG_CODE = 16


class CodeDensity(BaseEstimator):
    r"""Kernel density of codes.

    The default density of :class:`CAEOutlierDetector`. Codes of 16 or more values are divided by
    their Euclidean norm; of long codes the direction alone tells more of what an image shows. A
    code :math:`z` then scores

    .. math:: \log \frac{1}{n} \sum_{i=1}^n \exp\Bigl(-\frac{\|z - z_i\|^2}{2 (b d)^2}\Bigr)

    with the training codes :math:`z_i`, the bandwidth :math:`b` and the root mean squared distance
    :math:`d` of two training codes. A training code does not count for itself, so that training
    images score as new ones do.

    Parameters
    ----------
    bandwidth : float, default=0.2
        Standard deviation of the Gaussian kernel in units of :math:`d`. The smaller, the more
        kinds of normal images are told apart.

    Attributes
    ----------
    codes_ : ndarray of shape (n, n_features)
        The training codes, divided by their norm if they are long.
    distance_ : float
        :math:`d`; 1 if all training codes are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae import CodeDensity
    >>> codes = np.random.default_rng(0).normal(size=(100, 8))
    >>> near, far = CodeDensity().fit(codes).score_samples([[0] * 8, [9] * 8])
    >>> bool(near > far)
    True
    """

    _parameter_constraints = {"bandwidth": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, bandwidth: float = 0.2) -> None:
        self.bandwidth = bandwidth

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Keep the codes.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Codes of at least two images.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : CodeDensity
            The fitted density.

        Raises
        ------
        ValueError
            If there are fewer than two codes, or they are not finite.
        """
        self._validate_params()
        self.codes_ = self._scaled(X, ensure_min_samples=2)
        self._squared_norms = row_norms(self.codes_, squared=True)
        distance = np.sqrt(2 * self.codes_.var(axis=0).sum())
        # Rounding leaves equal codes a little apart.
        self.distance_ = float(distance) if distance > 1e-6 else 1.0
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Logarithm of the mean kernel to the training codes.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Codes.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores, at most 0; higher is more normal.
        """
        check_is_fitted(self)
        chunks = pairwise_distances_chunked(
            self._scaled(X),
            self.codes_,
            reduce_func=self._log_mean_kernel,
            **self._squared_distance(),
        )
        return np.concatenate(list(chunks))

    def _squared_distance(self):
        """By matrix products, which are fast and, for vectors of length 1, exact enough."""
        if self.codes_.shape[1] >= LONG_CODE:
            return {"metric": "euclidean", "squared": True, "Y_norm_squared": self._squared_norms}
        return {"metric": "sqeuclidean"}

    def _scaled(self, X, ensure_min_samples=1):
        codes = check_array(
            X, dtype=np.float64, input_name="codes", ensure_min_samples=ensure_min_samples
        )
        return normalize(codes) if codes.shape[1] >= LONG_CODE else codes

    def _log_mean_kernel(self, squared_distances, start):
        distances = squared_distances / self.distance_**2
        others = distances > SAME
        exponents = np.where(others, -distances / (2 * self.bandwidth**2), -np.inf)
        n_others = others.sum(axis=1)
        # Where all are the same code, it is as normal as can be.
        exponents[n_others == 0] = 0
        return logsumexp(exponents, axis=1) - np.log(np.where(n_others, n_others, len(self.codes_)))


def score_codes(density, codes):
    """Scores of codes by a fitted density; nearest neighbours give minus their mean distance."""
    if isinstance(density, NearestNeighbors):
        return -density.kneighbors(codes)[0].mean(axis=1)
    return density.score_samples(codes)


def fit_density(density, codes, seed):
    """Fit a density to codes; an error says of how many and of what length they are."""
    try:
        # Codes are numpy's, and with dispatch on the k-means of a mixture refuses to start.
        with config_context(array_api_dispatch=False):
            fitted = seeded(density, seed).fit(codes)
        # Nearest neighbours find out only now that there are too few.
        score_codes(fitted, codes[:1])
        return fitted
    except ValueError as error:
        raise ValueError(
            f"density={density!r} cannot be fitted to {codes.shape[0]} codes of length "
            f"{codes.shape[1]}: {error} Give more images, or a density that needs fewer."
        ) from error


def seeded(estimator, seed):
    """Give a seed to every part of an unfitted estimator that has none."""
    if isinstance(estimator, FrozenEstimator):
        return estimator
    params = estimator.get_params().items()
    unseeded = [
        name
        for name, value in params
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, seed))
