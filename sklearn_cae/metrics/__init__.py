"""PSNR and SSIM over batches of images, and the scorers made of them.

Two limits hold wherever the library shows or averages them. A PSNR counts with at most
``PSNR_CAP`` dB, since that of equal images is infinite. Images of fewer than ``SSIM_MIN_SIZE``
pixels in a direction have no SSIM: :func:`structural_similarity` and ``ssim_scorer`` refuse them,
tables and figures show the PSNR alone.
"""

from ._evaluation import batches_of_one_shape, denoise_pairs, denoiser_of, noisy_batch
from ._masked import masked_scorer
from ._quality import (
    PSNR_CAP,
    SSIM_MIN_SIZE,
    capped_psnr,
    peak_signal_noise_ratio,
    ssim_maps,
    ssim_or_nan,
    structural_similarity,
)
from ._scorers import DenoisingScorer, psnr_scorer, ssim_scorer

__all__ = [
    "PSNR_CAP",
    "SSIM_MIN_SIZE",
    "DenoisingScorer",
    "batches_of_one_shape",
    "capped_psnr",
    "denoise_pairs",
    "denoiser_of",
    "masked_scorer",
    "noisy_batch",
    "peak_signal_noise_ratio",
    "psnr_scorer",
    "ssim_maps",
    "ssim_or_nan",
    "ssim_scorer",
    "structural_similarity",
]
