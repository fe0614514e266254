"""What each layer of a network makes of an image."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ..images import channels_last
from ._drawing import check_channels, grid_of_axes, show_image, show_signed, unit_images
from ._estimators import spec_of


class FeatureMapsDisplay:
    """An image on its way through a network: a column for each layer, a picture for each map.

    Make a display with :meth:`from_estimator`. The first column shows the image, the second the
    filters of the first convolution, and each other column the feature maps of a layer that have
    the largest variance. Each map is scaled, from its smallest value (dark) to its largest
    (bright). The display was inspired by CNN Explainer (Wang et al., "CNN Explainer: learning
    convolutional neural networks with interactive visualization", IEEE TVCG 2021).

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        The image in units of the data range: black is 0 and white is 1. C is 1, 3 or 4.
    maps : dict of ndarray of shape (h, w, n_maps)
        Feature maps of each layer by its name, in the order of the layers.
    filters : ndarray of shape (n_filters, k, k, C)
        Filters of the first convolution.

    Attributes
    ----------
    shown_filters_ : ndarray of int of shape (n_shown,)
        Which filters are shown: those of the shown maps of the first layer, if it has one map for
        each filter.
    shown_maps_ : dict of ndarray of int of shape (n_shown,)
        Which maps of each layer are shown, from the largest variance down.
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_maps, n_layers + 2)
        Its axes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.display import FeatureMapsDisplay
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE("unet", max_epochs=10, random_state=0).fit(X[:200])
    >>> display = FeatureMapsDisplay.from_estimator(cae, X[200:], n_maps=4)
    >>> list(display.maps) == cae.layer_names_
    True
    """

    def __init__(
        self, *, image: NDArray[Any], maps: Mapping[str, NDArray[Any]], filters: NDArray[Any]
    ):
        self.image = image
        self.maps = maps
        self.filters = filters

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        layers: Sequence[str] | None = None,
        n_maps: int = 6,
        axes: Any = None,
    ) -> Self:
        """Send an image through a fitted network.

        Parameters
        ----------
        estimator : DenoisingCAE
            A fitted network.
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images as ``predict`` takes them, of which the first is shown.
        layers : list of str, default=None
            Names of layers as for ``feature_maps``; ``None`` is all of ``layer_names_``.
        n_maps : int, default=6
            How many maps of each layer to show at most.
        axes : array-like of matplotlib.axes.Axes of shape (n_maps, n_layers + 2), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : FeatureMapsDisplay
            The display.

        Raises
        ------
        ValueError
            If there is no such layer, one has a flat output, the network names no layers and none
            are given, or it has no convolution.
        """
        spec = spec_of(estimator, "feature_maps", expected="DenoisingCAE")
        layers = _named_layers(estimator) if layers is None else layers
        maps = {}
        for layer in layers:
            output = estimator.feature_maps(X[:1], layer)
            if output.ndim != 4:
                raise ValueError(
                    f"layer {layer!r} has flat outputs and no maps. Leave it out of layers."
                )
            maps[layer] = channels_last(output, spec.channel_axis)[0]
        (image,) = unit_images(X[:1], spec)
        filters = _first_filters(estimator)
        return cls(image=image, maps=maps, filters=filters).plot(n_maps=n_maps, axes=axes)

    def plot(self, *, n_maps: int = 6, axes: Any = None) -> Self:
        """Draw image, filters and maps.

        Parameters
        ----------
        n_maps : int, default=6
            How many maps of each layer to show at most.
        axes : array-like of matplotlib.axes.Axes of shape (n_maps, n_layers + 2), default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : FeatureMapsDisplay
            The display itself, with ``figure_`` and ``axes_``.
        """
        check_channels(self.image[np.newaxis])
        n_columns = len(self.maps) + 2
        aspect = self.image.shape[0] / self.image.shape[1]
        self.axes_ = grid_of_axes(
            axes,
            (n_maps, n_columns),
            figsize=(0.95 * n_columns, 0.95 * aspect * n_maps + 0.5),
            meaning="a row for each map, columns for the image, the filters and each layer",
        )
        self.figure_ = self.axes_[0, 0].figure
        for ax in self.axes_.flat:
            ax.set_axis_off()
        order = {layer: _by_variance(maps) for layer, maps in self.maps.items()}
        self.shown_maps_ = {layer: indices[:n_maps] for layer, indices in order.items()}
        self.shown_filters_ = self._filter_order(order)[:n_maps]
        image_column, filter_column, *map_columns = self.axes_.T
        show_image(_entitle(image_column[0], "image", self.image.shape), self.image)
        self._plot_filters(filter_column)
        for column, (layer, maps) in zip(map_columns, self.maps.items(), strict=True):
            _entitle(column[0], layer.replace(".", "\n", 1), maps.shape)
            for ax, i in zip(column, self.shown_maps_[layer], strict=False):
                ax.set_axis_on()
                ax.set(xticks=[], yticks=[])
                ax.imshow(maps[..., i], cmap="viridis", interpolation="nearest")
        return self

    def _filter_order(self, order):
        """The filters of the maps beside them, if the first layer is made of these filters."""
        beside = next(iter(order.values()), ())
        if len(beside) == len(self.filters):
            return beside
        return _by_variance(np.moveaxis(self.filters, 0, 3).reshape(-1, len(self.filters)))

    def _plot_filters(self, column):
        n_filters, height, width, n_channels = self.filters.shape
        _entitle(column[0], "filters", (height, width, n_filters))
        limit = np.abs(self.filters).max() or 1.0
        for ax, i in zip(column, self.shown_filters_, strict=False):
            ax.set_axis_on()
            if n_channels == 3:
                show_image(ax, 0.5 + self.filters[i] / (2 * limit))
            else:
                show_signed(ax, self.filters[i].mean(axis=2), limit)


def _named_layers(estimator):
    if not hasattr(estimator, "layer_names_"):
        raise ValueError(
            f"{estimator.network_!r} names no layers. Give layers, names of the net's "
            "net_.module_.named_modules(), or a module with layer_names."
        )
    return estimator.layer_names_


def _first_filters(estimator):
    """Filters (n, k, k, C) of the first convolution."""
    modules = estimator.net_.module_.modules()
    conv = next((part for part in modules if isinstance(part, torch.nn.Conv2d)), None)
    if conv is None:
        raise ValueError(
            f"{estimator.network_!r} has no torch.nn.Conv2d, so there are no filters to show. See "
            "feature_maps for what its layers give."
        )
    return conv.weight.detach().permute(0, 2, 3, 1).cpu().numpy()


def _by_variance(maps):
    """Indices of the maps (..., n_maps) from the largest variance down."""
    variance = maps.reshape(-1, maps.shape[-1]).var(axis=0)
    return np.argsort(-variance, kind="stable")


def _entitle(ax, name, shape):
    ax.set_axis_on()
    size = " × ".join(map(str, shape))
    ax.set_title(f"{name}\n{size}", size="x-small")
    return ax
