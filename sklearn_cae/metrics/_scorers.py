"""Scorers of denoisers, for searches and cross-validation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._constraints import instance_of, one_of
from .._random import resolve_seed
from ..images import is_image_list, is_lazy
from ..noise import NoiseModel
from ._evaluation import batches_of_blocks, batches_of_one_shape, denoise_pairs, denoiser_of
from ._quality import capped_psnr_of_each, ssim_of_each

_METRICS = {"psnr": capped_psnr_of_each, "ssim": ssim_of_each}


class DenoisingScorer(BaseEstimator):
    """Score a denoiser by the quality of its images; higher is better.

    Pass it as ``scoring`` to :class:`~sklearn.model_selection.GridSearchCV` and similar searches.
    If ``y`` is given, X is noisy and ``y`` holds the clean images. Without ``y``, X is clean and is
    corrupted first. An image then gets the same noise for every candidate and in every fold.

    Parameters
    ----------
    metric : {"psnr", "ssim"} or callable, default="psnr"
        "psnr" in dB, each image counted with at most 100 dB, "ssim" (images of at least 3 x 3
        pixels), or a function ``metric(clean, denoised, data_range=width)`` of two arrays
        (n, H, W, C).
    noise : NoiseModel, str, list of these, or None, default=None
        The noise to score on, as in :class:`~sklearn_cae.NoiseInjector`. ``None`` is the noise the
        estimator was fitted with; to compare candidates that were fitted with different noise,
        give one noise for all.
    random_state : int, RandomState instance or None, default=0
        Seed of the noise.

    Examples
    --------
    >>> from sklearn_cae.metrics import DenoisingScorer
    >>> from sklearn_cae.noise import GaussianNoise
    >>> DenoisingScorer("ssim", noise=GaussianNoise(0.2))
    DenoisingScorer(metric='ssim', noise=GaussianNoise(std=0.2))
    """

    _parameter_constraints = {
        "metric": [one_of(*_METRICS), callable],
        "noise": [
            instance_of("a noise such as GaussianNoise(0.1)", NoiseModel, str, list, tuple),
            None,
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        metric: str | Callable[..., float] = "psnr",
        *,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        random_state: Any = 0,
    ):
        self.metric = metric
        self.noise = noise
        self.random_state = random_state

    def __call__(self, estimator: Any, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Mean of the metric over the images.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            A fitted denoiser. Any object with ``predict`` will do; the fitted attributes
            ``data_range_`` and ``noise_`` are used where it has them.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Clean images, or noisy ones if ``y`` is given; a list may hold images of any sizes. An
            array that is not in memory is scored block by block.
        y : array-like of the shape of X, default=None
            Clean images; labels are ignored.

        Returns
        -------
        score : float
            PSNR in dB, SSIM, or what the callable gives.

        Raises
        ------
        ValueError
            If a parameter is not allowed, there is no noise to score on, or ``predict`` gives
            other than images of the shape of its input.
        """
        self._validate_params()
        seed = resolve_seed(self.random_state)
        if is_image_list(X):
            batches = batches_of_one_shape(X, y)
        elif is_lazy(X) and hasattr(denoiser_of(estimator), "image_spec_"):
            batches = batches_of_blocks(X, y)
        else:
            return self._score(estimator, X, y, seed)
        scores, sizes = [], []
        for images, clean in batches:
            scores.append(self._score(estimator, images, clean, seed))
            sizes.append(len(images))
        return float(np.average(scores, weights=sizes))

    def _score(self, estimator, X, y, seed):
        clean, _, denoised, (low, high) = denoise_pairs(
            estimator, X, y, noise=self.noise, random_state=seed
        )
        if callable(self.metric):
            return float(self.metric(clean, denoised, data_range=high - low))
        return float(_METRICS[self.metric](clean, denoised, high - low).mean())


psnr_scorer = DenoisingScorer("psnr")
ssim_scorer = DenoisingScorer("ssim")
