"""The base of the scores of how normal an image is."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._fitted import VersionedState
from ._batch import ImageBatch

# Makes one array of what a function of a batch gives for all training images.
Collect = Callable[[Callable[[ImageBatch], NDArray[Any]]], NDArray[Any]]


class OutlierScore(VersionedState, BaseEstimator, metaclass=ABCMeta):
    """Base of the scores: how normal images look, from what an autoencoder makes of them.

    A score of your own derives from it and writes ``score``. Its parameters are those of an
    estimator: assigned in ``__init__`` and listed in ``_parameter_constraints``. What it learns in
    ``learn`` it keeps in attributes that end in an underscore. The detector fits a copy of it.

    See Also
    --------
    CAEOutlierDetector : Takes a score.
    sklearn_cae.outliers.ImageBatch : What a score is made of.

    Examples
    --------
    For defects of a few pixels, which hardly count in the mean: the largest error of a pixel.

    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE, OutlierScore
    >>> class LargestErrorScore(OutlierScore):
    ...     def score(self, batch):
    ...         return -batch.squared_error.max(axis=(1, 2))
    >>> X, y = load_digits(return_X_y=True)
    >>> zeros = X[y == 0] / 16
    >>> cae = DenoisingCAE(Autoencoder((16, 32)))
    >>> detector = CAEOutlierDetector(cae, outlier_score=LargestErrorScore(), random_state=0)
    >>> detector.fit(zeros[:150]).score_samples(zeros[150:]).shape
    (28,)
    """

    _parameter_constraints: dict[str, Any] = {}

    @abstractmethod
    def score(self, batch: ImageBatch) -> NDArray[np.float64]:
        """How normal the images of a batch look.

        Parameters
        ----------
        batch : ImageBatch
            The images, their reconstruction and codes, each computed when it is asked for.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores; higher is more normal. Each depends on its own image alone.
        """

    def check(self) -> None:
        """Raise a ValueError that names the parameter if one is wrong."""
        self._validate_params()

    def check_autoencoder(self, cae: Any) -> None:
        """Raise a ValueError if a fitted autoencoder does not offer what the score asks for."""

    def learn(self, collect: Collect, seed: int) -> None:
        """Learn from the training images; most scores have nothing to learn.

        Parameters
        ----------
        collect : callable
            ``collect(function)`` gives one array of what ``function(batch)``, with rows for the
            images of an :class:`~sklearn_cae.outliers.ImageBatch`, gives for all training images.
        seed : int
            Seed of what is drawn.
        """

    def values(self, batch: ImageBatch) -> NDArray[np.float64]:
        """What is known of each image, (n, n_values), before it is made one score."""
        return self.score(batch)[:, np.newaxis]

    def calibrate(self, values: NDArray[np.float64]) -> None:
        """Learn from the values of held-out images what makes them one score."""

    def combine(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make scores (n,) of values (n, n_values)."""
        return values[:, 0]
