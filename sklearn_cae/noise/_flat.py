"""The variance of noise in the flat places of noisy images, as a line over their brightness.

Squares of 2 x 2 pixels have three Haar details, which are independent under white noise: the
horizontal and the vertical one say where an image is flat, and the diagonal one measures the
variance there. So the choice of the flat places makes no variance too small.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import chi2

# Squares along each side of a block, and pixels. Smaller blocks tell texture and noise less apart,
# larger ones find fewer flat places.
BLOCK_SQUARES = 4
BLOCK_PIXELS = 2 * BLOCK_SQUARES
N_DETAILS = BLOCK_SQUARES**2
# The flattest blocks that are used in any case.
MIN_BLOCKS = 20
# Share of the flattest blocks, in each of so many parts by brightness, of a first guess.
FIRST_SHARE, N_PARTS = 0.1, 8
# An image with so many flat blocks tells its own level to 5 %.
MIN_FLAT = 16
# Variance of sums of 2 x 2 pixels over that of white noise: 1.1 and rarely above 1.4 on photographs
# with white noise of 5 of 255, 1.7 and more with a blur of half a pixel, 3 after demosaicing.
MAX_COARSE = 1.5
# Share of the blocks that are flat from which on noise is white whatever its sums seem to be. Noise
# that is correlated has more horizontal and vertical details than diagonal ones, so no block seems
# flat: 0 after demosaicing, resizing and JPEG, up to 5 % with a blur of half a pixel. White noise
# leaves 10 % and more of photographs that have flat places.
MIN_FLAT_SHARE = 0.1
# Shares of its variance that clipping has to leave a block. Few photons are not normal, so what is
# clipped much is used only if less than a tenth of the flat blocks is not. Pixels that are black
# under the noise keep a third.
LITTLE_CLIPPED, MUCH_CLIPPED, MIN_LITTLE_CLIPPED = 0.9, 0.25, 0.1
# Standard errors from which on a block counts less, as in Huber's regression.
OUTLYING = 3.0
# Until choice and line agree: 60 rounds change the levels of photographs by less than 0.1 %.
N_ROUNDS = 12
# Share of its mean below which the line is not taken to fall where it is extrapolated.
LOWEST_OF_LINE = 0.05
MEDIAN_OF_COARSE = chi2.median(N_DETAILS // 4) / (N_DETAILS // 4)
# In units of the data range squared: float32 images have no less.
SMALLEST_VARIANCE = 1e-14


class Blocks(NamedTuple):
    """Measures of blocks of pixels, arrays of shape (n_blocks,).

    Attributes
    ----------
    mean : ndarray
        Brightness.
    texture : ndarray
        Mean square of the horizontal and vertical details; that of the noise where it is flat.
    variance : ndarray
        Mean square of the diagonal details.
    coarse : ndarray
        Mean square of the diagonal details of squares of 4 x 4 pixels: the same as ``variance``
        where noise is white.
    image : ndarray of int
        Number of the image.
    """

    mean: np.ndarray
    texture: np.ndarray
    variance: np.ndarray
    coarse: np.ndarray
    image: np.ndarray

    def select(self, chosen):
        """The blocks of a mask or of indices."""
        return Blocks(*(values[chosen] for values in self))


class NoiseLine(NamedTuple):
    """Variance of the noise, ``slope * brightness + constant``, in units of the data range.

    Attributes
    ----------
    slope, constant : float
        The line.
    slope_error : float
        Standard error of the slope; infinite if it was not fitted.
    dark, bright : float
        Brightness below and above which a twentieth of the flat blocks lies.
    coarse : float
        Variance of sums of 2 x 2 pixels relative to that of white noise, typical of flat places.
    flat_share : float
        Share of the blocks that have no more texture than the noise.
    """

    slope: float
    constant: float
    slope_error: float
    dark: float
    bright: float
    coarse: float
    flat_share: float

    @property
    def white(self):
        """Whether neighbouring pixels are independent, as far as flat places tell."""
        return self.coarse <= MAX_COARSE or self.flat_share >= MIN_FLAT_SHARE

    def variance(self, brightness):
        """The variance at a brightness."""
        return self.slope * brightness + self.constant


def measure_blocks(images, first_image):
    """Measure the blocks of float images (n, H, W, C), numbered from ``first_image`` on.

    Each channel has its own blocks. A block without any difference, saturated or a border that was
    filled, tells nothing of noise and is left out.
    """
    height, width = (side // BLOCK_PIXELS * BLOCK_PIXELS for side in images.shape[1:3])
    sums, horizontal, vertical, diagonal = _haar(images[:, :height, :width])
    texture = (_block_means(horizontal**2) + _block_means(vertical**2)) / 2
    numbers = np.arange(first_image, first_image + len(images)).reshape(-1, 1, 1, 1)
    blocks = Blocks(
        mean=_block_means(sums / 2),
        texture=texture,
        variance=_block_means(diagonal**2),
        coarse=_block_means(_haar(sums)[3] ** 2, BLOCK_SQUARES // 2),
        image=np.broadcast_to(numbers, texture.shape),
    )
    return blocks.select((blocks.texture > 0) | (blocks.variance > 0))


def _haar(images):
    """Sums and the three details of squares of 2 x 2 pixels, each of the variance of a pixel."""
    top, bottom = images[:, ::2], images[:, 1::2]
    total, change = top + bottom, top - bottom
    left, right = np.s_[:, :, ::2], np.s_[:, :, 1::2]
    return (
        (total[left] + total[right]) / 2,
        (total[left] - total[right]) / 2,
        (change[left] + change[right]) / 2,
        (change[left] - change[right]) / 2,
    )


def _block_means(details, size=BLOCK_SQUARES):
    n, height, width, n_channels = details.shape
    return details.reshape(n, height // size, size, width // size, size, n_channels).mean((2, 4))


def fit_line(blocks, limits, *, sloped):
    """Fit the variance of the noise in flat places.

    Flat are the blocks whose texture is no more than the noise explains. Choice, line and the
    brightness before clipping are found in turns.

    Parameters
    ----------
    blocks : Blocks
        Blocks of all images.
    limits : tuple of float
        Where pixels were clipped, in units of the data range; infinities if they were not.
    sloped : bool
        Whether the variance depends on the brightness.

    Returns
    -------
    line : NoiseLine
        The line, and what it says of the noise.
    """
    flat = _flattest(blocks.texture, _parts(blocks.mean))
    brightness = blocks.mean
    slope, constant, slope_error = 0.0, float(blocks.variance[flat].mean()), np.inf
    level = max(constant, SMALLEST_VARIANCE)
    for _ in range(N_ROUNDS):
        line = np.maximum(slope * brightness + constant, LOWEST_OF_LINE * level)
        brightness, expected, flat = _choose(blocks, brightness, line, limits)
        ratios = blocks.variance[flat] / expected[flat]
        slope, constant, slope_error = _regress(brightness[flat], ratios, line[flat], sloped)
        level = max(float(np.mean(slope * brightness[flat] + constant)), SMALLEST_VARIANCE)
    dark, bright = np.quantile(brightness[flat], (0.05, 0.95))
    coarse = np.median(blocks.coarse[flat] / expected[flat]) / MEDIAN_OF_COARSE
    flat_share = np.mean(blocks.texture <= expected)
    numbers = (dark, bright, coarse, flat_share)
    return NoiseLine(slope, constant, slope_error, *map(float, numbers))


def fit_scales(blocks, limits, line):
    """Fit the variance of each image that has flat places, relative to a line.

    Texture all over an image seems noise; it differs from noise by more variance of the sums of
    2 x 2 pixels, so images with more than that of white noise are left out.

    Returns
    -------
    scales : ndarray of shape (n_measured,)
        Variances relative to the line.
    """
    flat = _flattest(blocks.texture, blocks.image)
    level = line.variance(line.bright)
    scales = _means(blocks.variance[flat] / level, blocks.image[flat])
    brightness = blocks.mean
    for _ in range(N_ROUNDS):
        variance = np.maximum(line.variance(brightness), LOWEST_OF_LINE * level)
        variance *= scales[blocks.image]
        brightness, expected, flat = _choose(blocks, brightness, variance, limits)
        image = blocks.image[flat]
        own = _means(blocks.variance[flat] / expected[flat], image, len(scales))
        scales = np.where(np.isnan(own), scales, scales * own)
    coarse = _means(blocks.coarse[flat] / expected[flat], image, len(scales))
    measured = np.bincount(image, minlength=len(scales)) >= MIN_FLAT
    return scales[measured & (coarse < MAX_COARSE)]


def _choose(blocks, brightness, variance, limits):
    """Brightness before clipping, variance after it, and which blocks are flat."""
    variance = np.maximum(variance, SMALLEST_VARIANCE)
    mean, left = clipped_moments(brightness, np.sqrt(variance), limits)
    expected = variance * np.maximum(left, MUCH_CLIPPED)
    return brightness + blocks.mean - mean, expected, _flat(blocks.texture / expected, left)


def clipped_moments(mean, std, limits):
    """Mean of a normal variable after clipping, and the share of its variance that is left."""
    low, high = (np.clip((limit - mean) / std, -40, 40) for limit in limits)
    below, above = ndtr(low), ndtr(-high)
    density_low, density_high = _normal_density(low), _normal_density(high)
    first = low * below + high * above + density_low - density_high
    second = low**2 * below + high**2 * above + (1 - below - above)
    second += low * density_low - high * density_high
    return mean + std * first, second - first**2


def _normal_density(values):
    return np.exp(-(values**2) / 2) / np.sqrt(2 * np.pi)


def _parts(brightness):
    """Number of the part of each block, of parts of equal size from dark to bright."""
    ends = np.quantile(brightness, np.linspace(0, 1, N_PARTS + 1)[1:-1])
    return np.searchsorted(ends, brightness)


def _flattest(texture, group):
    """Indices of the flattest blocks of each group, one at least."""
    order = np.lexsort((texture, group))
    sizes = np.bincount(group)
    ranks = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[ranks <= FIRST_SHARE * np.repeat(sizes, sizes)]


def _flat(ratios, left):
    """Indices of blocks with no more texture than noise has, or of the flattest, little clipped."""
    ratios = np.where(left > MUCH_CLIPPED, ratios, np.inf)
    last = min(MIN_BLOCKS, len(ratios)) - 1
    flat = np.flatnonzero(ratios <= max(1.0, np.partition(ratios, last)[last]))
    little = flat[left[flat] > LITTLE_CLIPPED]
    return little if len(little) > max(MIN_BLOCKS, MIN_LITTLE_CLIPPED * len(flat)) else flat


def _regress(brightness, ratios, line, sloped):
    """Slope and constant of variances, which are ``ratios * line``, and the error of the slope."""
    outlying = np.abs(ratios - 1) / np.sqrt(2 / N_DETAILS)
    # By the expected variance: the measured one would favour what is small by chance.
    weights = np.minimum(1, OUTLYING / np.maximum(outlying, OUTLYING)) / line**2
    variance = np.average(ratios * line, weights=weights)
    deviation = brightness - np.average(brightness, weights=weights)
    information = np.sum(weights * deviation**2)
    if not sloped or information == 0:
        return 0.0, float(variance), np.inf
    slope = np.sum(weights * deviation * ratios * line) / information
    constant = variance - slope * (brightness - deviation)[0]
    return float(slope), float(constant), float(np.sqrt(2 / N_DETAILS / information))


def _means(values, group, n_groups=0):
    """Mean of the values of each group, NaN for a group without values."""
    sums = np.bincount(group, weights=values, minlength=n_groups)
    counts = np.bincount(group, minlength=n_groups)
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
