"""Denoising convolutional autoencoders with the interface of scikit-learn."""

from . import callbacks, classical, datasets, display, explain, metrics, networks, noise
from ._comparison import DenoiserComparison, compare_denoisers
from ._coreset import CoresetNeighbors
from ._denoising_cae import DenoisingCAE
from ._density import CodeDensity
from ._layer_features import LayerFeatures
from ._loading import load
from ._sampling import LatentSampler
from ._version import __version__
from .classical import ClassicalDenoiser
from .images import NoisyImages, load_pairs, save_pairs
from .learning import LossSpec, Patches, PerceptualLoss
from .metrics import DenoisingScorer, masked_scorer, psnr_scorer, ssim_scorer
from .networks import (
    Autoencoder,
    ConvEncoder,
    EncoderSpec,
    NetworkSpec,
    ResUNet,
    TorchNetwork,
    UNet,
    VGG16Encoder,
)
from .noise import (
    CutOut,
    EraseColor,
    Flip,
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseChain,
    NoiseInjector,
    NoiseModel,
    PoissonGaussianNoise,
    PoissonNoise,
    QuarterTurns,
    SaltAndPepperNoise,
    SpeckleNoise,
    estimate_noise,
)
from .outliers import (
    CAEOutlierDetector,
    CombinedScore,
    DenoisingScore,
    DensityScore,
    FeatureScore,
    LocalDensityScore,
    OutlierScore,
    ReconstructionScore,
    RestorationScore,
    SSIMScore,
)

__all__ = [
    "Autoencoder",
    "CAEOutlierDetector",
    "ClassicalDenoiser",
    "CodeDensity",
    "CombinedScore",
    "ConvEncoder",
    "CoresetNeighbors",
    "CutOut",
    "DenoiserComparison",
    "DenoisingCAE",
    "DenoisingScore",
    "DenoisingScorer",
    "DensityScore",
    "EncoderSpec",
    "EraseColor",
    "FeatureScore",
    "Flip",
    "GaussianBlur",
    "GaussianNoise",
    "LatentSampler",
    "LayerFeatures",
    "LocalDensityScore",
    "LossSpec",
    "MaskingNoise",
    "NetworkSpec",
    "NoiseChain",
    "NoiseInjector",
    "NoiseModel",
    "NoisyImages",
    "OutlierScore",
    "Patches",
    "PerceptualLoss",
    "PoissonGaussianNoise",
    "PoissonNoise",
    "QuarterTurns",
    "ReconstructionScore",
    "ResUNet",
    "RestorationScore",
    "SSIMScore",
    "SaltAndPepperNoise",
    "SpeckleNoise",
    "TorchNetwork",
    "UNet",
    "VGG16Encoder",
    "__version__",
    "callbacks",
    "classical",
    "compare_denoisers",
    "datasets",
    "display",
    "estimate_noise",
    "explain",
    "load",
    "load_pairs",
    "masked_scorer",
    "metrics",
    "networks",
    "noise",
    "psnr_scorer",
    "save_pairs",
    "ssim_scorer",
]
