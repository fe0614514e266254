"""The base of the scores: what makes an image normal."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from .._fitted import VersionedState
from .._random import derived_seed
from ._batch import ImageBatch

# Makes one array of what a function of a batch gives for all training images.
Collect = Callable[[Callable[[ImageBatch], NDArray[Any]]], NDArray[Any]]


MAP_CONSTRAINTS: dict[str, Any] = {
    "smoothing": [Interval(Real, 0, None, closed="left")],
    "worst": [Interval(Real, 0, 1, closed="right")],
}


class OutlierScore(VersionedState, BaseEstimator, metaclass=ABCMeta):
    """Base of the scores, which tell how normal images look from the results of an autoencoder.

    To write a score of your own, derive a class and write ``score``. As in an estimator, its
    parameters are assigned in ``__init__`` and listed in ``_parameter_constraints``. Attributes
    that ``learn`` sets end in an underscore. The detector fits a copy of the score.

    Attributes
    ----------
    any_size : bool
        Whether images of other sizes than those in ``fit`` can be scored, if the network takes
        them.
    normalizes_contrast : bool
        What ``contrast_normalization="auto"`` of the detector does for this score.
    tells_where : bool
        Whether ``anomaly_map`` gives maps.
    calibrates_maps : bool
        Whether maps need what ``calibrate`` learns.

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
    calibrates_maps = False

    @property
    def any_size(self) -> bool:
        """Whether it scores images of another size than those of fit."""
        return True

    @property
    def normalizes_contrast(self) -> bool:
        """Whether it wants normalised contrast where "auto" decides."""
        return True

    @property
    def tells_where(self) -> bool:
        """Whether it has anomaly maps."""
        return True

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

    def anomaly_map(self, batch: ImageBatch) -> NDArray[np.float64]:
        """Where the images of a batch are unusual.

        The squared error of the reconstruction, unless a score says otherwise.

        Parameters
        ----------
        batch : ImageBatch
            The images.

        Returns
        -------
        maps : ndarray of shape (n, H, W)
            float64 values; higher is more unusual.

        Raises
        ------
        ValueError
            If the score cannot tell.
        """
        return batch.squared_error

    def check(self) -> None:
        """Raise a ValueError that names the parameter if one is wrong."""
        self._validate_params()

    def check_network(self, module: Any) -> None:
        """Raise a ValueError if a network does not offer what the score asks for.

        This is told before the network is trained.

        Parameters
        ----------
        module : torch.nn.Module
            The network.
        """

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
        """Learn from the values of all held-out images what makes them one score.

        Each has its values from the autoencoder that did not learn from it.
        """

    def combine(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make scores (n,) of values (n, n_values)."""
        return values[:, 0]

    def values_and_map(self, batch: ImageBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What ``values`` and ``anomaly_map`` give, with what they share computed once."""
        return self.values(batch), self.anomaly_map(batch)


class MapScore(OutlierScore):
    """Base of the scores by a map: small values all over it, or at its worst places.

    Such a score writes ``errors`` and has these two parameters. An image scores minus the mean of
    the worst pixels of its smoothed map.

    Parameters
    ----------
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map; 0 leaves it.
    worst : float, default=1.0
        Share of the pixels that count: 1 is the mean of the map, which tells whole images apart;
        0.01 the mean of the worst hundredth, for defects that cover a small part of an image. One
        pixel counts at least.
    """

    _parameter_constraints = MAP_CONSTRAINTS

    def __init__(self, *, smoothing: float = 0.0, worst: float = 1.0) -> None:
        self.smoothing = smoothing
        self.worst = worst

    @property
    def normalizes_contrast(self):
        # A defect moves mean and contrast of its image, and is clipped to them.
        return self.worst == 1

    @abstractmethod
    def errors(self, batch: ImageBatch) -> NDArray[np.float64]:
        """How unusual each pixel is, (n, H, W), before it is smoothed."""

    def anomaly_map(self, batch):
        errors = self.errors(batch)
        if not self.smoothing:
            return errors
        return gaussian_filter(errors, (0, self.smoothing, self.smoothing))

    def score(self, batch):
        return self._score_of(self.anomaly_map(batch))

    def values_and_map(self, batch):
        maps = self.anomaly_map(batch)
        return self._score_of(maps)[:, np.newaxis], maps

    def _score_of(self, maps):
        pixels = maps.reshape(len(maps), -1)
        n_worst = max(1, round(self.worst * pixels.shape[1]))
        if n_worst < pixels.shape[1]:
            pixels = np.partition(pixels, -n_worst, axis=1)[:, -n_worst:]
        return -pixels.mean(axis=1)


class DrawnMapScore(MapScore):
    """Base of the scores by a map whose errors are averaged over draws of the training's noise.

    Parameters
    ----------
    n_draws : int, default=4
        Number of draws, each of which costs a pass of the network.
    smoothing, worst : float
        As in :class:`MapScore`.

    Attributes
    ----------
    seeds_ : list of int
        Seed of each draw.
    """

    _parameter_constraints = MAP_CONSTRAINTS | {
        "n_draws": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, *, n_draws: int = 4, smoothing: float = 0.0, worst: float = 1.0) -> None:
        super().__init__(smoothing=smoothing, worst=worst)
        self.n_draws = n_draws

    def learn(self, collect, seed):
        self.seeds_ = [derived_seed(seed, draw) for draw in range(self.n_draws)]
