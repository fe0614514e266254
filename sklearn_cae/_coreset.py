"""Nearest neighbours among few rows that stand for many."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from ._fitted import VersionedState, commit
from ._random import resolve_seed
from .files import Savable

# Rows are chosen by their distances in a random projection to so many values, as published.
PROJECTED = 128


class CoresetNeighbors(Savable, VersionedState, BaseEstimator):
    """Score rows by minus their distance to the nearest of a few chosen rows.

    This is the memory of PatchCore [1]_. The rows are chosen so that they lie near all others: one
    row after the other is kept, each time the one that is farthest from those kept before. In this
    way rare kinds of normal places are kept, too. A random choice would lose some of them.

    Parameters
    ----------
    n_kept : int, default=2000
        Largest number of rows that are kept.
    n_neighbors : int, default=1
        Distances to so many nearest rows are averaged.
    random_state : int, RandomState instance or None, default=None
        Seed of the first row and of the random projection.

    Attributes
    ----------
    neighbors_ : sklearn.neighbors.NearestNeighbors
        The nearest neighbours among the rows that are kept.
    n_features_in_ : int
        Length of a row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    LocalDensityScore : Scores the places of images, by this density unless told otherwise.

    References
    ----------
    .. [1] K. Roth, L. Pemula, J. Zepeda, B. Schölkopf, T. Brox, P. Gehler, "Towards total recall in
       industrial anomaly detection", CVPR 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae import CoresetNeighbors
    >>> rows = np.random.default_rng(0).normal(size=(500, 4))
    >>> density = CoresetNeighbors(50, random_state=0).fit(rows)
    >>> near, far = density.score_samples([[0] * 4, [9] * 4])
    >>> bool(near > far)
    True
    """

    _parameter_constraints = {
        "n_kept": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_kept: int = 2000,
        *,
        n_neighbors: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_kept = n_kept
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Choose the rows to keep.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows, ``n_neighbors`` at least.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : CoresetNeighbors
            The fitted density.

        Raises
        ------
        ValueError
            If there are fewer rows than ``n_neighbors``, fewer are to be kept, or they are not
            finite.
        """
        self._validate_params()
        if self.n_neighbors > self.n_kept:
            raise ValueError(
                f"n_neighbors={self.n_neighbors} is more than n_kept={self.n_kept}, the rows that "
                "are kept. Keep more, or average over fewer."
            )
        fitted = BaseEstimator()
        rows = validate_data(
            fitted, X, dtype=[np.float64, np.float32], ensure_min_samples=self.n_neighbors
        )
        rng = np.random.default_rng(resolve_seed(self.random_state))
        kept = rows[_spread(rows, self.n_kept, rng)]
        from sklearn.neighbors import NearestNeighbors

        neighbors = NearestNeighbors(n_neighbors=self.n_neighbors, algorithm="brute")
        fitted.neighbors_ = neighbors.fit(kept)
        commit(self, vars(fitted))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Compute minus the mean distance to the nearest kept rows.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n,)
            Scores, at most 0; higher is more normal.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return -self.neighbors_.kneighbors(rows)[0].mean(axis=1)


def _spread(rows, n_kept, rng):
    """Indices of rows, each the farthest from those before it."""
    if n_kept >= len(rows):
        return np.arange(len(rows))
    projected = _project(rows, rng)
    kept = [int(rng.integers(len(rows)))]
    distances = np.square(projected - projected[kept[0]]).sum(axis=1)
    while len(kept) < n_kept:
        kept.append(int(distances.argmax()))
        new = np.square(projected - projected[kept[-1]]).sum(axis=1)
        np.minimum(distances, new, out=distances)
    return np.sort(kept)


def _project(rows, rng):
    if rows.shape[1] <= PROJECTED:
        return rows
    directions = rng.normal(size=(rows.shape[1], PROJECTED)).astype(rows.dtype)
    return rows @ directions
