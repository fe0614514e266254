"""Denoising convolutional autoencoders with the interface of scikit-learn."""

from ._comparison import DenoiserComparison, compare_denoisers
from ._denoising_cae import DenoisingCAE
from ._density import CodeDensity
from ._outliers import CAEOutlierDetector
from ._sampling import LatentSampler
from .classical import ClassicalDenoiser
from .noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseChain,
    NoiseInjector,
    NoiseModel,
    NoisyImages,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    load_pairs,
    save_pairs,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "CAEOutlierDetector",
    "ClassicalDenoiser",
    "CodeDensity",
    "DenoiserComparison",
    "DenoisingCAE",
    "GaussianBlur",
    "GaussianNoise",
    "LatentSampler",
    "MaskingNoise",
    "NoiseChain",
    "NoiseInjector",
    "NoiseModel",
    "NoisyImages",
    "PoissonNoise",
    "SaltAndPepperNoise",
    "SpeckleNoise",
    "compare_denoisers",
    "load_pairs",
    "save_pairs",
]
