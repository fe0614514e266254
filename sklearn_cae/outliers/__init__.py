"""Outlier detection by what an autoencoder makes of an image, and by where its code lies."""

from ._base import OutlierScore
from ._batch import ImageBatch
from ._detector import Assessment, CAEOutlierDetector
from ._restoration import RestorationScore
from ._scores import (
    SCORES,
    CombinedScore,
    DenoisingScore,
    DensityScore,
    FeatureScore,
    ReconstructionScore,
    SSIMScore,
    resolve_score,
)

__all__ = [
    "SCORES",
    "Assessment",
    "CAEOutlierDetector",
    "CombinedScore",
    "DenoisingScore",
    "DensityScore",
    "FeatureScore",
    "ImageBatch",
    "OutlierScore",
    "ReconstructionScore",
    "RestorationScore",
    "SSIMScore",
    "resolve_score",
]
