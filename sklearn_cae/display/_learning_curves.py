"""How a training went, epoch by epoch."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ._drawing import COLOURS, grid_of_axes
from ._estimators import check_methods

CURVES = ("train_loss", "valid_loss", "valid_psnr", "noisy_psnr")
# More of them merge into a line.
_MAX_MARKERS = 30


class LearningCurvesDisplay:
    """Loss and validation PSNR over the epochs, with the best epoch and overfitting shaded.

    Make a display with :meth:`from_estimator` or :meth:`from_history`. After the best epoch the gap
    between the two losses is shaded. There the training loss still falls but the validation loss
    does not, which is overfitting. A gap before the best epoch is usual. The training loss may even
    be the higher one at first, because it is the mean over an epoch in which the weights still
    change. The dashed line is the PSNR of the noisy images. A network below this line makes them
    worse.

    Parameters
    ----------
    train_loss : ndarray of shape (n_epochs,)
        Training loss of each epoch.
    valid_loss : ndarray of shape (n_epochs,), default=None
        Validation loss; NaN in epochs without one.
    valid_psnr : ndarray of shape (n_epochs,), default=None
        Validation PSNR in dB; NaN in epochs without one.
    noisy_psnr : ndarray of shape (n_epochs,), default=None
        PSNR of the noisy validation images in dB; NaN in epochs without one.

    Attributes
    ----------
    best_epoch_ : int or None
        The epoch with the lowest validation loss, counted from 1: the one that early stopping
        restores. ``None`` without validation.
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_panels,)
        Its axes: the losses and, if there is one, the PSNR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.display import LearningCurvesDisplay
    >>> X = load_digits().images[:200] / 16
    >>> cae = DenoisingCAE("unet", max_epochs=10, random_state=0).fit(X)
    >>> display = LearningCurvesDisplay.from_estimator(cae)
    >>> 1 <= display.best_epoch_ <= 10
    True
    """

    def __init__(
        self,
        *,
        train_loss: NDArray[Any],
        valid_loss: NDArray[Any] | None = None,
        valid_psnr: NDArray[Any] | None = None,
        noisy_psnr: NDArray[Any] | None = None,
    ):
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.valid_psnr = valid_psnr
        self.noisy_psnr = noisy_psnr

    @classmethod
    def from_estimator(cls, estimator: Any, *, axes: Any = None) -> Self:
        """Show the training of a fitted estimator.

        Parameters
        ----------
        estimator : DenoisingCAE
            A fitted estimator with ``history_``.
        axes : array-like of matplotlib.axes.Axes of shape (n_panels,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : LearningCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no ``history_``.
        """
        check_methods(estimator, "fit", expected="DenoisingCAE")
        check_is_fitted(estimator)
        check_methods(estimator, "history_", expected="DenoisingCAE")
        return cls.from_history(estimator.history_, axes=axes)

    @classmethod
    def from_history(cls, history: Mapping[str, ArrayLike], *, axes: Any = None) -> Self:
        """Show a training from its history.

        Parameters
        ----------
        history : dict of array-like of shape (n_epochs,)
            ``train_loss`` and, if images were held out, ``valid_loss``, ``valid_psnr`` and
            ``noisy_psnr`` in dB, as in ``DenoisingCAE.history_``.
        axes : array-like of matplotlib.axes.Axes of shape (n_panels,), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : LearningCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If there is no epoch, no ``train_loss``, or a curve of another length.
        """
        if "train_loss" not in history:
            raise ValueError(
                f"history has {list(history)}, but no 'train_loss'. Give history_ of a fitted "
                "DenoisingCAE, or a dict of curves by its names."
            )
        curves = {name: np.asarray(history[name], float) for name in CURVES if name in history}
        return cls(**curves).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes of shape (n_panels,), default=None
            Axes to draw on, two with a validation PSNR and one without; ``None`` makes a new
            figure.

        Returns
        -------
        display : LearningCurvesDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        self._check_curves()
        n_panels = 1 if self.valid_psnr is None else 2
        self.axes_ = grid_of_axes(
            axes, (n_panels,), figsize=(3.6 * n_panels, 2.8), meaning="the losses, then the PSNR"
        )
        self.figure_ = self.axes_[0].figure
        self.best_epoch_ = _best_epoch(self.valid_loss)
        epochs = np.arange(1, len(self.train_loss) + 1)
        self._plot_losses(self.axes_[0], epochs)
        if self.valid_psnr is not None:
            self._plot_psnr(self.axes_[1], epochs)
        for ax in self.axes_:
            ax.set_xlabel("epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
        return self

    def _check_curves(self):
        lengths = {
            name: np.shape(getattr(self, name))
            for name in CURVES
            if getattr(self, name) is not None
        }
        n_epochs = lengths["train_loss"]
        if len(n_epochs) != 1 or n_epochs == (0,) or set(lengths.values()) != {n_epochs}:
            raise ValueError(
                f"curves have shapes {lengths}; expected one value for each epoch in every curve, "
                "for one epoch at least. Give NaN where there is no value."
            )

    def _plot_losses(self, ax, epochs):
        _plot_curve(ax, epochs, self.train_loss, "train")
        if self.best_epoch_ is not None:
            _plot_curve(ax, epochs, self.valid_loss, "valid", self.best_epoch_)
            _shade_overfitting(ax, epochs, self.train_loss, self.valid_loss, self.best_epoch_)
        ax.set(ylabel="loss", yscale="log")
        ax.legend()

    def _plot_psnr(self, ax, epochs):
        _plot_curve(ax, epochs, self.valid_psnr, "denoised", self.best_epoch_)
        if self.noisy_psnr is not None:
            ax.plot(epochs, self.noisy_psnr, "--", color="gray", label="noisy")
        ax.set_ylabel("validation PSNR (dB)")
        ax.legend()


def _best_epoch(valid_loss):
    if valid_loss is None or np.isnan(valid_loss).all():
        return None
    return int(np.nanargmin(valid_loss)) + 1


def _plot_curve(ax, epochs, values, name, best_epoch=None):
    colour, marker = (COLOURS[0], ".") if name == "train" else (COLOURS[1], "s")
    every = -(-len(epochs) // _MAX_MARKERS)
    ax.plot(epochs, values, color=colour, marker=marker, markersize=4, markevery=every, label=name)
    if best_epoch is not None:
        ax.axvline(
            best_epoch, color=colour, linestyle=":", zorder=0, label=f"best epoch {best_epoch}"
        )


def _shade_overfitting(ax, epochs, train, valid, best_epoch):
    after = slice(best_epoch - 1, None)
    worse = valid[after] > train[after]
    if worse[1:].any():
        ax.fill_between(
            epochs[after],
            train[after],
            valid[after],
            where=worse,
            interpolate=True,
            color=COLOURS[1],
            alpha=0.35,
            linewidth=0,
            label="overfitting",
        )
