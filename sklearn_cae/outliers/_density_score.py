"""The density of codes or of averaged feature maps, and which places lower it."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from .._constraints import instance_of
from .._density import CodeDensity, check_density, explain_codes, explains, fit_density, score_codes
from ..networks import check_layer
from ._features import at_each_pixel, average, lengths
from ._score import OutlierScore


def check_scoring_density(density):
    """Refuse what gives no scores of features; covariances and neighbours do by their distances."""
    from sklearn.neighbors import NearestNeighbors

    if not (isinstance(density, NearestNeighbors) or hasattr(density, "mahalanobis")):
        check_density(
            density,
            ("fit", "score_samples"),
            "such as GaussianMixture(), KernelDensity(), LocalOutlierFactor(novelty=True) or "
            "LedoitWolf(), or NearestNeighbors()",
        )


class DensityScore(OutlierScore):
    """Density of a code, or of averaged feature maps, among those of the training images.

    With ``layers`` the score uses averaged feature maps: the maps of each layer are averaged over
    the image and, by default, scaled to length 1. Otherwise it uses the codes. If the encoder was
    trained on many kinds of images, such as ``VGG16Encoder(4)``, averaged feature maps are the best
    way to find other objects.

    Parameters
    ----------
    layers : list of str, default=None
        Names of layers with feature maps, as
        :meth:`~sklearn_cae.DenoisingCAE.feature_maps` takes them. ``None``
        is the code, and of VGG16 the last two blocks up to the fourth.
    pooling : int, default=1
        Maps are averaged over ``pooling`` x ``pooling`` parts of the image; of use with ``layers``.
    unit_length : bool, default=True
        Whether the averages of each layer are scaled to length 1, so that their directions count.
        ``False`` leaves them as they are, and how strong the maps are counts too, as contrast makes
        them; of use with ``layers``.
    density : density estimator, default=None
        Anything with ``fit`` and ``score_samples`` on features (n, n_features) in float64, such as
        :class:`~sklearn.mixture.GaussianMixture`, :class:`~sklearn.neighbors.KernelDensity`,
        a :class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``, or a pipeline that
        ends in one. Or a covariance of scikit-learn, which scores by minus the squared Mahalanobis
        distance, or :class:`~sklearn.neighbors.NearestNeighbors`, which scores by minus the mean
        distance to the ``n_neighbors`` nearest features of the training images, of which a training
        image's own is one. ``None`` is :class:`CodeDensity` for the code and
        :class:`~sklearn.covariance.LedoitWolf` for ``layers`` [1]_.

    Attributes
    ----------
    layers_ : list of str
        Names of the layers; empty for the code.
    has_places_ : bool
        Whether what is scored has places, as flat codes have not.
    density_ : density estimator
        The fitted density. It has the seed of the detector if it had none of its own.

    See Also
    --------
    LocalDensityScore : The density of each place, for defects.

    Notes
    -----
    ``anomaly_map`` tells which places lower the score, for :class:`CodeDensity` and covariances:
    the mean of an image's map is minus its score. Single values may be negative.

    References
    ----------
    .. [1] O. Rippel, P. Mertens, D. Merhof, "Modeling the distribution of normal data in
       pre-trained deep features for anomaly detection", ICPR 2020.

    Examples
    --------
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_cae import CAEOutlierDetector, DensityScore
    >>> detector = CAEOutlierDetector(outlier_score=DensityScore(density=GaussianMixture(5)))
    >>> detector.set_params(outlier_score__density__n_components=3).outlier_score
    DensityScore(density=GaussianMixture(n_components=3))
    """

    _parameter_constraints = {
        "layers": [instance_of("a list of names of layers", list, tuple), None],
        "pooling": [Interval(Integral, 1, None, closed="left")],
        "unit_length": ["boolean"],
        "density": "no_validation",  # an error of its own
    }

    def __init__(
        self,
        layers: Sequence[str] | None = None,
        *,
        pooling: int = 1,
        unit_length: bool = True,
        density: Any = None,
    ) -> None:
        self.layers = layers
        self.pooling = pooling
        self.unit_length = unit_length
        self.density = density

    @property
    def any_size(self):
        return bool(self.layers_)

    @property
    def tells_where(self):
        return self.has_places_ and explains(self.density_)

    def check(self):
        super().check()
        if self.layers is not None and len(self.layers) == 0:
            raise ValueError("DensityScore(layers=[]) has no layer. Name one, or leave None.")
        check_scoring_density(self.density)

    def check_network(self, module):
        for layer in self.layers or ():
            check_layer(module, layer)

    def check_autoencoder(self, cae):
        module = cae.net_.module_
        self.layers_ = list(self.layers or getattr(module, "object_layers", []))
        if not self.layers_ and not hasattr(module, "encode"):
            raise ValueError(
                f"DensityScore needs a network with a code, but that of {cae.network_!r} has none. "
                "Name its layers, take an Autoencoder, or ReconstructionScore()."
            )
        self.has_places_ = bool(self.layers_) or len(module.code_shape) == 3

    def learn(self, collect, seed):
        density = self.density
        if density is None:
            from sklearn.covariance import LedoitWolf

            density = LedoitWolf() if self.layers_ else CodeDensity()
        self.density_ = fit_density(clone(density), collect(self._features), seed)

    def score(self, batch):
        return score_codes(self.density_, self._known_features(batch))

    def anomaly_map(self, batch):
        features = self._known_features(batch)
        maps = self._maps(batch)
        image_size = batch.images.shape[1:3]
        explained = self._explained(features, maps)
        unusual = sum(at_each_pixel(values, image_size) for values in explained)
        # What the map of a code of few places loses between them, and what is the same everywhere.
        missing = -score_codes(self.density_, features) - unusual.mean(axis=(1, 2))
        return unusual + missing[:, np.newaxis, np.newaxis]

    def _maps(self, batch):
        """Maps (n, h, w, C) whose features the density knows."""
        return batch.layer_maps(self.layers_) if self.layers_ else [batch.code_maps]

    def _features(self, batch):
        if not self.layers_:
            return batch.codes
        parts = [average(maps, self.pooling) for maps in self._maps(batch)]
        scaled = [part / self._lengths(part) for part in parts]
        return np.concatenate([part.reshape(len(part), -1) for part in scaled], axis=1)

    def _lengths(self, averages):
        """What averages (n, p, p, C) are divided by, (n, 1, 1, 1)."""
        if not self.unit_length:
            return np.ones((len(averages), 1, 1, 1))
        return lengths(averages)

    def _known_features(self, batch):
        """Features, as many as the density knows; images of few places have fewer parts."""
        features = self._features(batch)
        known = getattr(self.density_, "n_features_in_", features.shape[1])
        if features.shape[1] != known:
            height, width = batch.images.shape[1:3]
            raise ValueError(
                f"DensityScore(pooling={self.pooling}) averages the maps of these images of "
                f"{height} x {width} pixels over another number of parts than those of the images "
                f"in fit: {features.shape[1]} and {known} features. One of them has maps of fewer "
                "places than parts; give larger images, or a smaller pooling."
            )
        return features

    def _explained(self, features, maps):
        """How much each place of each layer lowers the score, (n, h, w)."""
        reference, slope = explain_codes(self.density_, features)
        start = 0
        for layer in maps:
            if not self.layers_:
                # Codes are channels first.
                reference, slope = (
                    values.reshape(len(values), -1, *layer.shape[1:3]).transpose(0, 2, 3, 1)
                    for values in (reference, slope)
                )
                yield ((layer - reference) * slope).sum(axis=3) * layer[0, :, :, 0].size
            else:
                averages = average(layer, self.pooling)
                stop = start + averages[0].size
                parts = [v[:, start:stop].reshape(averages.shape) for v in (reference, slope)]
                yield _explained_places(layer / self._lengths(averages), *parts)
                start = stop


def _explained_places(maps, reference, slope):
    """How much each place adds, of scaled maps whose averages over parts the density knows.

    The mean over the places is what all parts add together.
    """
    n_rows, n_columns = reference.shape[1:3]
    explained = np.empty(maps.shape[:3])
    for i, rows in enumerate(np.array_split(np.arange(maps.shape[1]), n_rows)):
        for j, columns in enumerate(np.array_split(np.arange(maps.shape[2]), n_columns)):
            part = np.ix_(np.arange(len(maps)), rows, columns)
            difference = maps[part] - reference[:, i : i + 1, j : j + 1]
            # A part counts once, so each of its places counts more where they are few.
            weight = maps[0, :, :, 0].size / (len(rows) * len(columns))
            explained[part] = (difference * slope[:, i : i + 1, j : j + 1]).sum(axis=3) * weight
    return explained
