"""Noise models, their estimate, and the transformer that makes noisy/clean pairs with them.

Levels are in units of the data range: a standard deviation of 0.1 on images from 0 to 1, or 25.5
on images from 0 to 255, is a PSNR of 20 dB. Blur is in pixels.
"""

from ..images import NoisyImages, load_pairs, save_pairs
from ._base import NoiseModel, draw_level, draw_normal, draw_uniform
from ._corruption import corrupt_batch, corrupt_images
from ._estimation import (
    estimate_noise,
    noise_of,
    std_of_clean,
    warn_if_correlated,
    warn_if_unlike,
)
from ._injector import NoiseInjector
from ._models import (
    NOISE_MODELS,
    CutOut,
    EraseColor,
    Flip,
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseChain,
    PoissonGaussianNoise,
    PoissonNoise,
    QuarterTurns,
    SaltAndPepperNoise,
    SpeckleNoise,
    resolve_noise,
)

__all__ = [
    "NOISE_MODELS",
    "CutOut",
    "EraseColor",
    "Flip",
    "GaussianBlur",
    "GaussianNoise",
    "MaskingNoise",
    "NoiseChain",
    "NoiseInjector",
    "NoiseModel",
    "NoisyImages",
    "PoissonGaussianNoise",
    "PoissonNoise",
    "QuarterTurns",
    "SaltAndPepperNoise",
    "SpeckleNoise",
    "corrupt_batch",
    "corrupt_images",
    "draw_level",
    "draw_normal",
    "draw_uniform",
    "estimate_noise",
    "load_pairs",
    "noise_of",
    "resolve_noise",
    "save_pairs",
    "std_of_clean",
    "warn_if_correlated",
    "warn_if_unlike",
]
