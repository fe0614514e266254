"""How well denoisers do as the noise grows."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..metrics import capped_psnr, denoise_pairs
from ..noise import GaussianNoise, NoiseModel
from ._drawing import COLOURS, clip_like, one_axes
from ._estimators import one_data_range

_MARKERS = "os^Dv*"


class NoiseRobustnessDisplay:
    """PSNR of denoisers at different levels of the noise.

    Make a display with :meth:`from_estimators` or :meth:`from_estimator`. The dashed line is the
    noisy image. A denoiser below it makes images worse, which may happen at levels far from those
    of its training.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels of the noise.
    psnr : dict of ndarray of shape (n_levels,)
        Mean PSNR of each denoiser by its name, in dB.
    psnr_noisy : ndarray of shape (n_levels,)
        Mean PSNR of the noisy images in dB.
    level_name : str, default="noise level"
        Label of the levels.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    ax_ : matplotlib.axes.Axes
        Its axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import ClassicalDenoiser, DenoisingCAE, NoiseInjector
    >>> from sklearn_cae.display import NoiseRobustnessDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE("unet", max_epochs=10, random_state=0).fit(X[:200])
    >>> median = ClassicalDenoiser("median").fit(NoiseInjector().fit_transform(X[:20]))
    >>> display = NoiseRobustnessDisplay.from_estimators(
    ...     {"median": median, "ours": cae}, X[200:220], levels=(0.1, 0.2)
    ... )
    >>> display.psnr["ours"].shape
    (2,)
    """

    def __init__(
        self,
        *,
        levels: NDArray[Any],
        psnr: Mapping[str, NDArray[Any]],
        psnr_noisy: NDArray[Any],
        level_name: str = "noise level",
    ):
        self.levels = levels
        self.psnr = psnr
        self.psnr_noisy = psnr_noisy
        self.level_name = level_name

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, **options: Any) -> Self:
        """Measure one denoiser.

        Parameters
        ----------
        estimator : estimator or Pipeline
            A fitted denoiser.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, best ones the estimator has not seen.
        **options : dict
            Options of :meth:`from_estimators`.

        Returns
        -------
        display : NoiseRobustnessDisplay
            The display.
        """
        return cls.from_estimators({"denoised": estimator}, X, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Any,
        *,
        noise: Callable[[float], NoiseModel] = GaussianNoise,
        levels: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4),
        random_state: int = 0,
        ax: Any = None,
    ) -> Self:
        """Corrupt clean images at each level, and measure how well each denoiser restores them.

        Parameters
        ----------
        estimators : dict of str to estimator or Pipeline
            Fitted denoisers by name.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, best ones no estimator has seen.
        noise : class of NoiseModel or callable, default=GaussianNoise
            Makes the noise model of a level: a class takes it as its first parameter.
        levels : list of float, default=(0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
            Levels of the noise.
        random_state : int, default=0
            Seed of the noise. It is fixed, so that every denoiser gets the same noise each time.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : NoiseRobustnessDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimators differ in their values of black and white.
        """
        psnr: dict[str, list[float]] = {name: [] for name in estimators}
        ranges, psnr_noisy = {}, []
        for level in levels:
            for name, estimator in estimators.items():
                clean, noisy, denoised, ranges[name] = denoise_pairs(
                    estimator, X, noise=noise(level), random_state=random_state
                )
                psnr[name].append(_mean_psnr(clean, denoised, ranges[name]))
            psnr_noisy.append(_mean_psnr(clean, noisy, one_data_range(ranges)))
        return cls(
            levels=np.asarray(levels),
            psnr={name: np.array(values) for name, values in psnr.items()},
            psnr_noisy=np.array(psnr_noisy),
            level_name=_level_name(noise),
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw a line for each denoiser and one for the noisy images.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : NoiseRobustnessDisplay
            The display itself, with ``figure_`` and ``ax_``.
        """
        self.ax_ = one_axes(ax, figsize=(3.6, 2.8))
        self.figure_ = self.ax_.figure
        for i, (name, psnr) in enumerate(self.psnr.items()):
            style = {"color": COLOURS[i % len(COLOURS)], "marker": _MARKERS[i % len(_MARKERS)]}
            self.ax_.plot(self.levels, psnr, markersize=5, label=name, **style)
        self.ax_.plot(self.levels, self.psnr_noisy, "--", color="gray", label="noisy")
        self.ax_.set(xlabel=self.level_name, ylabel="PSNR (dB)")
        self.ax_.legend()
        return self


def _mean_psnr(clean, images, data_range):
    low, high = data_range
    return capped_psnr(clean, clip_like(images, clean, data_range), data_range=high - low)


def _level_name(noise):
    if not isinstance(noise, type):
        return "noise level"
    return f"{next(iter(inspect.signature(noise).parameters))} of {noise.__name__}"
