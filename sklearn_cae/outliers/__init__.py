"""Outlier detection by what an autoencoder makes of an image, and by where its code lies."""

from ._batch import ImageBatch
from ._calibration import HeldOut, Votes
from ._combined import SCORES, CombinedScore, resolve_score
from ._density_score import DensityScore
from ._detector import Assessment, CAEOutlierDetector
from ._local_density import LocalDensityScore
from ._restoration import RestorationScore
from ._score import MapScore, OutlierScore
from ._scores import DenoisingScore, FeatureScore, ReconstructionScore, SSIMScore

__all__ = [
    "SCORES",
    "Assessment",
    "CAEOutlierDetector",
    "CombinedScore",
    "DenoisingScore",
    "DensityScore",
    "FeatureScore",
    "HeldOut",
    "ImageBatch",
    "LocalDensityScore",
    "MapScore",
    "OutlierScore",
    "ReconstructionScore",
    "RestorationScore",
    "SSIMScore",
    "Votes",
    "resolve_score",
]
