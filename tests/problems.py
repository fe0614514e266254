"""Problems with exact answers, for the tests of noise models and metrics."""

from typing import NamedTuple

import numpy as np

from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseModel,
    PoissonGaussianNoise,
    PoissonNoise,
    SaltAndPepperNoise,
    SpeckleNoise,
)

GRAY = 0.4


class ConstantGray(NamedTuple):
    """A noise model, and what it makes of an image that is `GRAY` everywhere."""

    noise: NoiseModel
    mean: float
    mse: float


# From the definition of each noise: mean and mean squared error of x = GRAY.
CONSTANT_GRAY = [
    ConstantGray(GaussianNoise(0.1, clip=False), GRAY, 0.1**2),
    ConstantGray(GaussianNoise(0.5, clip=False), GRAY, 0.5**2),
    ConstantGray(SpeckleNoise(0.3, clip=False), GRAY, (0.3 * GRAY) ** 2),
    ConstantGray(PoissonNoise(20.0, clip=False), GRAY, GRAY / 20),
    ConstantGray(
        PoissonGaussianNoise(0.05, 0.1, 0.2, clip=False), GRAY, 0.05 * (GRAY - 0.1) + 0.2**2
    ),
    ConstantGray(PoissonGaussianNoise(1e-9, 0.1, clip=False), GRAY, 1e-9 * (GRAY - 0.1)),
    ConstantGray(
        SaltAndPepperNoise(0.2, 0.7),
        GRAY + 0.2 * (0.7 * (1 - GRAY) - 0.3 * GRAY),
        0.2 * (0.7 * (1 - GRAY) ** 2 + 0.3 * GRAY**2),
    ),
    ConstantGray(MaskingNoise(0.25), 0.75 * GRAY, 0.25 * GRAY**2),
    ConstantGray(GaussianBlur(1.5), GRAY, 0.0),
]


class KnownQuality(NamedTuple):
    """Two batches of images whose PSNR in dB and SSIM follow from a formula."""

    image_true: np.ndarray
    image_test: np.ndarray
    data_range: float
    psnr: float
    ssim: float


def constant_images(value, shape=(3, 9, 12), dtype=np.float64):
    return np.full(shape, value, dtype=dtype)


def checkerboard(height=8, width=8):
    """Alternating +1 and -1: mean 0 and standard deviation 1 over an even number of pixels."""
    rows, columns = np.indices((height, width))
    return 1.0 - 2 * ((rows + columns) % 2)


def ssim_of_constants(a, b, data_range):
    """SSIM of two constant images: the variances are 0, so the luminance term alone is left."""
    c1 = (0.01 * data_range) ** 2
    return (2 * a * b + c1) / (a**2 + b**2 + c1)


def noise_of_known_std(std):
    """Mid-gray images, and the same with noise whose standard deviation is exactly `std`."""
    clean = constant_images(0.5, (2, 8, 8))
    return clean, clean + std * checkerboard()


KNOWN_QUALITY = [
    KnownQuality(
        constant_images(0.5),
        constant_images(0.6),
        1.0,
        20.0,
        ssim_of_constants(0.5, 0.6, 1.0),
    ),
    KnownQuality(
        constant_images(100, dtype=np.uint8),
        constant_images(151, dtype=np.uint8),
        255,
        -20 * np.log10(51 / 255),
        ssim_of_constants(100, 151, 255),
    ),
    # uint16: the difference is negative, and its square does not fit into 16 bits.
    KnownQuality(
        constant_images(60000, dtype=np.uint16),
        constant_images(10000, dtype=np.uint16),
        65535,
        -20 * np.log10(50000 / 65535),
        ssim_of_constants(60000, 10000, 65535),
    ),
    KnownQuality(constant_images(0.0), constant_images(1.0), 1.0, 0.0, ssim_of_constants(0, 1, 1)),
]
