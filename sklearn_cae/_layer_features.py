"""What a layer of a network sees in images, as features for what follows in a pipeline."""

from functools import partial
from typing import Any, Self

import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from ._constraints import instance_of, one_of
from ._denoising_cae import DenoisingCAE, copy_for_codes
from ._fitted import VersionedState, commit
from .files import Savable
from .images import (
    check_images,
    check_units,
    learn_images,
    split_targets,
    to_channels_last,
    view_of_size,
)
from .metrics import denoiser_of
from .networks import layer_output
from .training import fit_checked

# What makes one number of a feature map (n, n_maps, h * w).
POOLINGS = {
    "mean": lambda maps: maps.mean(dim=2),
    "max": lambda maps: maps.amax(dim=2),
    None: lambda maps: maps.flatten(1),
}


class LayerFeatures(
    Savable, VersionedState, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Features of images: one number for each feature map of a layer.

    Use them for classifiers with few labels, for clustering, and to search for similar images. The
    layer in the middle of a network often tells more about what an image shows than its code [1]_.
    A search finds this layer: ``layerfeatures__layer``.

    Parameters
    ----------
    estimator : DenoisingCAE or FrozenEstimator
        The network. A copy of it is fitted; one that is fitted already is kept as it is within
        :class:`sklearn.frozen.FrozenEstimator`: a search then trains nothing again. Of a frozen
        search or pipeline the autoencoder alone is taken.
    layer : str, default="encoder.code"
        One of ``layer_names_`` of the fitted network, or the name of any layer in
        ``net_.module_.named_modules()``, as for :meth:`~sklearn_cae.DenoisingCAE.feature_maps`.
    pooling : {"mean", "max"} or None, default="mean"
        Take the mean or the largest value of each feature map, so that it does not matter where in
        the image something is; or all values, map by map.

    Attributes
    ----------
    estimator_ : DenoisingCAE or FrozenEstimator
        The fitted network.
    layer_ : str
        The layer.
    pooling_ : {"mean", "max"} or None
        What makes one number of a map.
    image_spec_ : ImageSpec
        Shape, layout, dtype and units of the images of the network.
    n_features_out_ : int
        Number of features.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    DenoisingCAE : Its ``transform`` gives codes, its ``feature_maps`` the maps themselves.

    Notes
    -----
    The maps of no more images than a batch holds are in memory at a time.

    Of :class:`NoisyImages` ``fit`` takes the clean images; the network gets their noise if it has
    none of its own.

    References
    ----------
    .. [1] W. Xiang, H. Yang, D. Huang, Y. Wang, "Denoising diffusion autoencoders are unified
       self-supervised learners", ICCV 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_cae import Autoencoder, DenoisingCAE, LayerFeatures
    >>> digits = load_digits()
    >>> X, y = digits.images / 16, digits.target
    >>> cae = DenoisingCAE(Autoencoder((16, 32)), for_codes=True, random_state=0).fit(X)
    >>> features = LayerFeatures(FrozenEstimator(cae), layer="encoder.code", pooling="max")
    >>> features.fit_transform(X).shape
    (1797, 128)
    >>> classifier = make_pipeline(features, LogisticRegression(max_iter=1000))
    >>> bool(classifier.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.8)
    True
    """

    _parameter_constraints = {
        "estimator": [
            instance_of(
                "a DenoisingCAE or a FrozenEstimator of a fitted one", DenoisingCAE, FrozenEstimator
            )
        ],
        "layer": [str],
        "pooling": [one_of("mean", "max"), None],
    }

    def __init__(
        self,
        estimator: DenoisingCAE | FrozenEstimator,
        layer: str = "encoder.code",
        *,
        pooling: str | None = "mean",
    ) -> None:
        self.estimator = estimator
        self.layer = layer
        self.pooling = pooling

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the network, unless it is frozen.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images: integers, float32 or float64. What is not in memory is read in blocks, as in
            :class:`DenoisingCAE`.
        y : Ignored
            Labels, for what follows in a pipeline.

        Returns
        -------
        self : LayerFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If images or parameters are not as described, or the network has no such layer; this is
            told before it is trained. The transformer is then as it was before, as it is after any
            other error and after Ctrl-C.
        """
        self._validate_params()
        _, clean, _ = split_targets(X, None)
        estimator = self._unfitted_network(X)
        source, columns = learn_images(clean, lazy=True)
        if not isinstance(estimator, FrozenEstimator):
            fit_checked(estimator, source, partial(_check_layer, layer=self.layer))
        cae = denoiser_of(estimator)
        check_units(source, cae.image_spec_)
        first = _view(source, cae, self.pooling)[:1]
        fitted = {
            "estimator_": estimator,
            "layer_": self.layer,
            "pooling_": self.pooling,
            "image_spec_": cae.image_spec_,
            "n_features_out_": _features(first, cae, self.layer, self.pooling).shape[1],
        }
        commit(self, columns | fitted)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the features of images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``. With a pooling, and where the network has no
            flat code, they may be of another size.

        Returns
        -------
        features : ndarray of shape (n, n_features_out)
            float32 features, one for each feature map with a pooling.

        Raises
        ------
        ValueError
            If X does not have the shape or the units of the images in ``fit``, or is not finite.
        """
        check_is_fitted(self)
        source = check_images(self, X, lazy=True)
        check_units(source, self.image_spec_)
        cae = denoiser_of(self.estimator_)
        return _features(_view(source, cae, self.pooling_), cae, self.layer_, self.pooling_)

    def _unfitted_network(self, X):
        """A copy of the network to fit, or the frozen one."""
        cae = denoiser_of(self.estimator)
        if not isinstance(cae, DenoisingCAE):
            raise ValueError(
                f"estimator={self.estimator!r}; expected a DenoisingCAE, or a fitted one within "
                "FrozenEstimator."
            )
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(cae)
            return self.estimator
        return copy_for_codes(self.estimator, X, seed=None)

    @property
    def _n_features_out(self):
        return self.n_features_out_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@torch.inference_mode()
def _check_layer(module, device, image_shape, layer):
    """Raise a ValueError if a network has no such layer, or it gives no features."""
    height, width, n_channels = image_shape
    image = torch.zeros(1, n_channels, height, width, dtype=torch.float32, device=device)
    layer_output(module.eval(), image, layer)


def _view(source, cae, pooling):
    """View images as (n, H, W, C), of the size in fit where they need to be."""
    one_size = pooling is None or cae.net_.module_.fixed_size
    images = (view_of_size if one_size else to_channels_last)(source, cae.image_spec_)
    cae.network_.check_images(*images.shape[1:])
    return images


def _features(images, cae, layer, pooling):
    """Features of images (n, H, W, C), pooled batch by batch: float32, (n, n_features)."""
    runner = cae.runner_

    def features_of(batch):
        maps = layer_output(runner.module, runner.within_limits(batch), layer)
        # A layer with flat outputs has maps of one value.
        maps = maps.flatten(2) if maps.ndim > 2 else maps.unsqueeze(2)
        return POOLINGS[pooling](maps).cpu().numpy()

    return runner.in_batches(runner.on_tensors(features_of), images)
