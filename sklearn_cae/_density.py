"""Densities over codes."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted

# Directions of the codes with a smaller part of the largest variance are rounding, not data.
NEGLIGIBLE_VARIANCE = 1e-6


class NearestNeighborDistance(BaseEstimator):
    """How far a code lies from the nearest codes of the training images.

    The default density of :class:`CAEOutlierDetector`: it estimates no covariance of full size, so
    that few images and long codes do, and takes normal images to be of several kinds. Codes are
    first projected on their principal components and whitened.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbours; all training codes, if they are fewer.
    n_components : int, default=32
        Largest number of principal components. There are never more than the codes have values,
        nor more than one for four training codes.
    random_state : int, RandomState instance or None, default=None
        Seed of the randomised decomposition of many long codes.

    Attributes
    ----------
    pca_ : sklearn.decomposition.PCA
        The projection.
    scale_ : ndarray of shape (n_components_,)
        Standard deviations by which projected codes are divided.
    neighbors_ : sklearn.neighbors.NearestNeighbors
        The index of the whitened training codes.

    References
    ----------
    .. [1] L. Bergman, N. Cohen, Y. Hoshen, "Deep nearest neighbor anomaly detection", 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae import NearestNeighborDistance
    >>> codes = np.random.default_rng(0).normal(size=(100, 8))
    >>> near, far = NearestNeighborDistance().fit(codes).score_samples([[0] * 8, [9] * 8])
    >>> bool(near > far)
    True
    """

    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        n_components: int = 32,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Keep the whitened codes.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Codes of at least two images.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : NearestNeighborDistance
            The fitted density.

        Raises
        ------
        ValueError
            If there are fewer than two codes, or they are not finite.
        """
        self._validate_params()
        codes = check_array(X, dtype=np.float64, ensure_min_samples=2, input_name="codes")
        n_components = max(1, min(self.n_components, len(codes) // 4, codes.shape[1]))
        # Equal codes have no variance of which to explain a part.
        with np.errstate(invalid="ignore"):
            self.pca_ = PCA(n_components, random_state=self.random_state).fit(codes)
        variance = self.pca_.explained_variance_
        floor = NEGLIGIBLE_VARIANCE * variance.max()
        self.scale_ = np.sqrt(np.maximum(variance, floor)) if floor else np.ones(n_components)
        n_neighbors = min(self.n_neighbors, len(codes))
        self.neighbors_ = NearestNeighbors(n_neighbors=n_neighbors).fit(self._whiten(codes))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Minus the mean distance to the nearest training codes.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Codes.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores, at most 0, in standard deviations of the training codes; higher is more
            normal.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float64, input_name="codes")
        return -self.neighbors_.kneighbors(self._whiten(codes))[0].mean(axis=1)

    def _whiten(self, codes):
        return self.pca_.transform(codes) / self.scale_


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
