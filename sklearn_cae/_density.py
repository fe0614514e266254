"""Densities over codes."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import pairwise_distances_chunked
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted

# Squared distance, in squared typical distances, below which a code is a training code itself:
# the rounding of float32 codes.
SAME = 1e-12
# Length from which on codes are compared by their direction.
LONG_CODE = 16


class CodeDensity(BaseEstimator):
    r"""Kernel density of codes.

    The default density of :class:`CAEOutlierDetector`. Codes of 16 or more values are divided by
    their Euclidean norm; of long codes the direction alone tells more of what an image shows. All
    are projected on their principal components. A code :math:`z` then scores

    .. math:: \log \frac{1}{n} \sum_{i=1}^n \exp\Bigl(-\frac{\|z - z_i\|^2}{2 (b d)^2}\Bigr)

    with the training codes :math:`z_i`, the bandwidth :math:`b` and the root mean squared distance
    :math:`d` of two training codes. A training code does not count for itself, so that training
    images score as new ones do.

    Parameters
    ----------
    bandwidth : float, default=0.2
        Standard deviation of the Gaussian kernel in units of :math:`d`. The smaller, the more
        kinds of normal images are told apart.
    n_components : int, default=64
        Number of principal components; fewer if the codes are fewer or shorter.
    random_state : int, RandomState instance or None, default=None
        Seed of the randomised decomposition of many long codes.

    Attributes
    ----------
    pca_ : sklearn.decomposition.PCA
        The projection.
    codes_ : ndarray of shape (n, n_components_)
        The projected training codes.
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

    _parameter_constraints = {
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        bandwidth: float = 0.2,
        *,
        n_components: int = 64,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Keep the projected codes.

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
        codes = self._scaled(X, ensure_min_samples=2)
        n_components = min(self.n_components, *codes.shape)
        # Equal codes have no variance of which to explain a part.
        with np.errstate(invalid="ignore"):
            self.pca_ = PCA(n_components, random_state=self.random_state).fit(codes)
        self.codes_ = self.pca_.transform(codes)
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
        codes = self.pca_.transform(self._scaled(X))
        chunks = pairwise_distances_chunked(
            codes,
            self.codes_,
            reduce_func=self._log_mean_kernel,
            metric="sqeuclidean",
        )
        return np.concatenate(list(chunks))

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


def fit_density(density, codes, seed):
    """Fit a density to codes; an error says of how many and of what length they are."""
    try:
        # Codes are numpy's, and with dispatch on the k-means of a mixture refuses to start.
        with config_context(array_api_dispatch=False):
            return seeded(density, seed).fit(codes)
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
