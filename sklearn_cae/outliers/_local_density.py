"""The density of each place of an image: for defects."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from .._constraints import instance_of
from .._coreset import CoresetNeighbors
from .._density import fit_density, score_codes
from ..networks import check_layer
from ._density_score import check_scoring_density
from ._features import at_each_pixel
from ._score import MAP_CONSTRAINTS, MapScore

# Places of all training images from which a density learns.
N_PLACES = 20_000


class LocalDensityScore(MapScore):
    """Density of the places of an image among those of the training images, for defects.

    There is a place every four pixels. The feature maps of several layers describe the place and
    its surroundings, and each place is compared with those of all training images. The score of an
    image comes from its worst places, so a scratch counts even in a large image. Images of any size
    can be scored.

    Parameters
    ----------
    layers : list of str, default=None
        Names of layers with feature maps, as
        :meth:`~sklearn_cae.DenoisingCAE.feature_maps` takes them. ``None``
        is the first and the second stage of the encoder, and of VGG16 its second and third block.
    density : density estimator, default=None
        As in :class:`DensityScore`, on the features of places. ``None`` is
        :class:`CoresetNeighbors`, the memory of PatchCore [1]_. A covariance such as
        :class:`~sklearn.covariance.LedoitWolf` is faster.
    per_position : bool, default=False
        Fit a density for each place of its own, as PaDiM [2]_ does with Gaussians: for parts that
        always lie in the same way in images of one size.
    smoothing : float, default=3.0
        Standard deviation in pixels of the Gaussian that smooths the map.
    worst : float, default=0.01
        Share of the pixels that count, the worst ones.

    Attributes
    ----------
    layers_ : list of str
        Names of the layers.
    densities_ : list of density estimators
        The fitted density, or one for each place, row by row.

    References
    ----------
    .. [1] K. Roth, L. Pemula, J. Zepeda, B. Schölkopf, T. Brox, P. Gehler, "Towards total recall in
       industrial anomaly detection", CVPR 2022.
    .. [2] T. Defard, A. Setkov, A. Loesch, R. Audigier, "PaDiM: a patch distribution modeling
       framework for anomaly detection and localization", ICPR 2021 workshops.

    Examples
    --------
    >>> from sklearn.covariance import LedoitWolf
    >>> from sklearn_cae import CAEOutlierDetector, LocalDensityScore
    >>> score = LocalDensityScore(density=LedoitWolf(), per_position=True)
    >>> CAEOutlierDetector(outlier_score=score).outlier_score
    LocalDensityScore(density=LedoitWolf(), per_position=True)
    """

    _parameter_constraints = MAP_CONSTRAINTS | {
        "layers": [instance_of("a list of names of layers", list, tuple), None],
        "density": "no_validation",  # an error of its own
        "per_position": ["boolean"],
    }

    def __init__(
        self,
        layers: Sequence[str] | None = None,
        *,
        density: Any = None,
        per_position: bool = False,
        smoothing: float = 3.0,
        worst: float = 0.01,
    ) -> None:
        super().__init__(smoothing=smoothing, worst=worst)
        self.layers = layers
        self.density = density
        self.per_position = per_position

    @property
    def any_size(self):
        return not self.per_position

    def check(self):
        super().check()
        if self.layers is not None and len(self.layers) == 0:
            raise ValueError("LocalDensityScore(layers=[]) has no layer. Name one, or leave None.")
        check_scoring_density(self.density)

    def check_network(self, module):
        for layer in self.layers or ():
            check_layer(module, layer)

    def check_autoencoder(self, cae):
        module = cae.net_.module_
        if self.layers is None and not hasattr(module, "place_layers"):
            raise ValueError(
                f"LocalDensityScore() takes stages of an encoder, but {cae.network_!r} has none. "
                "Name its layers, or take an Autoencoder."
            )
        self.layers_ = list(self.layers or module.place_layers)

    def learn(self, collect, seed):
        density = CoresetNeighbors() if self.density is None else self.density
        features = collect(self._features if self.per_position else self._draw_of(collect, seed))
        rows = features.reshape(len(features), -1, features.shape[-1])  # (n, places, n_features)
        groups = np.moveaxis(rows, 1, 0) if self.per_position else [rows.reshape(-1, rows.shape[2])]
        self.densities_ = [fit_density(clone(density), group, seed) for group in groups]

    def errors(self, batch):
        features = self._features(batch)
        rows = features.reshape(len(features), -1, features.shape[3])
        if self.per_position:
            by_place = zip(self.densities_, np.moveaxis(rows, 1, 0), strict=True)
            scores = np.stack([score_codes(density, group) for density, group in by_place], axis=1)
        else:
            scores = score_codes(self.densities_[0], rows.reshape(-1, rows.shape[2]))
        unusual = -scores.reshape(features.shape[:3]).astype(np.float64)
        return at_each_pixel(unusual, batch.images.shape[1:3])

    def _features(self, batch):
        return batch.places(self.layers_)

    def _draw_of(self, collect, seed):
        """Draws as many places of each image as make ``N_PLACES`` together."""
        n_images = len(collect(lambda batch: np.zeros((len(batch), 1))))
        n_each = -(-N_PLACES // n_images)
        rng = np.random.default_rng(seed)

        def draw(batch):
            features = self._features(batch)
            rows = features.reshape(len(features), -1, features.shape[3])
            n_drawn = min(n_each, rows.shape[1])
            drawn = np.argsort(rng.random(rows.shape[:2]), axis=1)[:, :n_drawn, np.newaxis]
            return np.take_along_axis(rows, drawn, axis=1)

        return draw
