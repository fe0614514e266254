"""Pictures of denoisers and codes, by the Display convention of scikit-learn."""

from ._anomalies import AnomalyMapDisplay
from ._codes import CodesDisplay
from ._denoising import DenoisingDisplay
from ._drawing import check_channels
from ._errors import ReconstructionErrorDisplay
from ._feature_maps import FeatureMapsDisplay
from ._interpolation import InterpolationDisplay
from ._learning_curves import LearningCurvesDisplay
from ._robustness import NoiseRobustnessDisplay
from ._samples import SamplesDisplay

__all__ = [
    "AnomalyMapDisplay",
    "CodesDisplay",
    "DenoisingDisplay",
    "FeatureMapsDisplay",
    "InterpolationDisplay",
    "LearningCurvesDisplay",
    "NoiseRobustnessDisplay",
    "ReconstructionErrorDisplay",
    "SamplesDisplay",
    "check_channels",
]
