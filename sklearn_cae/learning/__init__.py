"""What a network learns from: the images, what a step makes of them, and the losses."""

from ._losses import LOSSES, LossSpec, PerceptualLoss, resolve_loss
from ._targets import Batch, CorruptedImages, ImagePairs, TrainingImages

__all__ = [
    "LOSSES",
    "Batch",
    "CorruptedImages",
    "ImagePairs",
    "LossSpec",
    "PerceptualLoss",
    "TrainingImages",
    "resolve_loss",
]
