"""Scores by the error of each pixel: of a reconstruction, of what is denoised, of features."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from ..metrics import SSIM_MIN_SIZE, ssim_maps
from ._features import at_each_pixel
from ._score import MAP_CONSTRAINTS, DrawnMapScore, MapScore


class ReconstructionScore(MapScore):
    """Minus the mean squared error of the reconstruction.

    The error is in squared units of the range that the autoencoder sees.

    Parameters
    ----------
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map of errors.
    worst : float, default=1.0
        Share of the pixels that count, the worst ones: 0.01 for small defects.

    Examples
    --------
    For defects of a few pixels:

    >>> from sklearn_cae import CAEOutlierDetector, ReconstructionScore
    >>> CAEOutlierDetector(outlier_score=ReconstructionScore(smoothing=2, worst=0.01)).outlier_score
    ReconstructionScore(smoothing=2, worst=0.01)
    """

    def errors(self, batch):
        return batch.squared_error


class SSIMScore(MapScore):
    """Structural similarity of the image and its reconstruction [1]_, minus 1.

    Scores are at most 0. Images of less than 3 pixels in a direction are first extended to 3 by
    repeating their edge.

    Parameters
    ----------
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map of errors.
    worst : float, default=1.0
        Share of the pixels that count, the worst ones: 0.01 for small defects.

    References
    ----------
    .. [1] P. Bergmann, S. Löwe, M. Fauser, D. Sattlegger, C. Steger, "Improving unsupervised defect
       segmentation by applying structural similarity to autoencoders", VISAPP 2019.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, SSIMScore
    >>> CAEOutlierDetector(outlier_score=SSIMScore()).outlier_score
    SSIMScore()
    """

    def errors(self, batch):
        height, width = batch.images.shape[1:3]
        missing = [(0, max(0, SSIM_MIN_SIZE - side)) for side in (height, width)]
        pair = (
            np.pad(images, [(0, 0), *missing, (0, 0)], mode="edge")
            for images in (batch.images, batch.reconstruction)
        )
        return 1 - ssim_maps(*pair)[:, :height, :width]


class DenoisingScore(DrawnMapScore):
    """Minus the mean squared error of the denoised image, averaged over draws of the noise.

    The noise is that of the training, and the same image always gets the same noise. The error is
    in squared units of the range that the autoencoder sees.

    Parameters
    ----------
    n_draws : int, default=4
        Number of noise draws, each of which costs a pass of the network.
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map of errors.
    worst : float, default=1.0
        Share of the pixels that count, the worst ones: 0.01 for small defects.

    Attributes
    ----------
    seeds_ : list of int
        Seed of the noise of each draw.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, DenoisingScore
    >>> detector = CAEOutlierDetector(outlier_score=DenoisingScore())
    >>> detector.set_params(outlier_score__n_draws=8).outlier_score
    DenoisingScore(n_draws=8)
    """

    def check_autoencoder(self, cae):
        if cae.noise_ is None:
            raise ValueError(
                "DenoisingScore draws the noise of the training, but the autoencoder learned from "
                "pairs or from noisy images, and has none. Fit it on clean images, or choose "
                "another score."
            )

    def errors(self, batch):
        errors = [
            np.square(batch.denoised(seed) - batch.images).mean(axis=3) for seed in self.seeds_
        ]
        return np.mean(errors, axis=0)


class FeatureScore(MapScore):
    """Minus the mean squared error of the reconstruction in the feature maps of an encoder stage.

    It gives weight to edges and textures, and is made for
    ``DenoisingCAE(Autoencoder(VGG16Encoder()))``. The error is in squared units of the feature
    maps.

    Parameters
    ----------
    stage : int, default=2
        The stage, counted from 1 at the image; a block of VGG16.
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map of errors.
    worst : float, default=1.0
        Share of the pixels that count, the worst ones: 0.01 for small defects.

    Examples
    --------
    >>> from sklearn_cae import CAEOutlierDetector, FeatureScore
    >>> CAEOutlierDetector(outlier_score=FeatureScore(3)).outlier_score
    FeatureScore(stage=3)
    """

    _parameter_constraints = MAP_CONSTRAINTS | {
        "stage": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, stage: int = 2, *, smoothing: float = 0.0, worst: float = 1.0) -> None:
        super().__init__(smoothing=smoothing, worst=worst)
        self.stage = stage

    def check_network(self, module):
        n_stages = getattr(module, "n_stages", 0)
        if self.stage > n_stages:
            raise ValueError(
                f"FeatureScore has stage={self.stage}, but the encoder has {n_stages} stage(s), "
                "counted from 1. Choose one of these, or another score."
            )

    def errors(self, batch):
        original, reconstructed = batch.stage_maps(self.stage)
        errors = np.square(reconstructed - original).mean(axis=3)  # (n, h, w)
        return at_each_pixel(errors, batch.images.shape[1:3])
