"""What a network learns from: the images, what a step makes of them, and the losses."""

from ._batch import Batch, Part, Target
from ._losses import (
    LOSSES,
    LossSpec,
    NamedLoss,
    PerceptualLoss,
    TorchLoss,
    check_bounds,
    resolve_loss,
)
from ._patches import PatchedPictures, Patches, Pictures
from ._reading import TARGETS, TrainingReader
from ._recorrupted import RecorruptedImages
from ._self_supervised import MaskedImages, NeighborImages, predict_hidden
from ._targets import CorruptedImages, ImagePairs, TrainingImages, limits_of

__all__ = [
    "LOSSES",
    "TARGETS",
    "Batch",
    "CorruptedImages",
    "ImagePairs",
    "LossSpec",
    "MaskedImages",
    "NamedLoss",
    "NeighborImages",
    "Part",
    "PatchedPictures",
    "Patches",
    "PerceptualLoss",
    "Pictures",
    "RecorruptedImages",
    "Target",
    "TorchLoss",
    "TrainingImages",
    "TrainingReader",
    "check_bounds",
    "limits_of",
    "predict_hidden",
    "resolve_loss",
]
