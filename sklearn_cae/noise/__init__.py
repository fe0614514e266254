"""Noise models, and the transformer that makes noisy/clean pairs with them.

Levels are in units of the data range: a standard deviation of 0.1 on images from 0 to 1, or 25.5
on images from 0 to 255, is a PSNR of 20 dB. Blur is in pixels.
"""

from ._injector import NoiseInjector
from ._models import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseChain,
    NoiseModel,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
    resolve_noise,
)
from ._pairs import NoisyImages, load_pairs, save_pairs

__all__ = [
    "GaussianBlur",
    "GaussianNoise",
    "MaskingNoise",
    "NoiseChain",
    "NoiseInjector",
    "NoiseModel",
    "NoisyImages",
    "PoissonNoise",
    "SaltAndPepperNoise",
    "SpeckleNoise",
    "load_pairs",
    "resolve_noise",
    "save_pairs",
]
