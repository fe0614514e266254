import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from sklearn_cae.noise._flat import clipped_moments, fit_line, measure_blocks


@pytest.mark.parametrize("limits", [(0.0, 1.0), (-np.inf, 1.0), (0.0, np.inf)], ids=str)
@pytest.mark.parametrize("mean", [-0.1, 0.0, 0.3, 0.95])
def test_the_moments_after_clipping_are_those_of_numbers_that_are_clipped(mean, limits):
    # Quantiles in the middle of a million equal parts stand for the normal distribution.
    numbers = stats.norm(mean, 0.2).ppf((np.arange(1_000_000) + 0.5) / 1_000_000).clip(*limits)
    found, left = clipped_moments(np.array([mean]), np.array([0.2]), limits)
    assert found[0] == pytest.approx(numbers.mean(), abs=1e-5)
    assert left[0] == pytest.approx(numbers.var() / 0.2**2, abs=1e-4)


def test_without_limits_nothing_is_clipped():
    mean, left = clipped_moments(np.array([0.3]), np.array([0.2]), (-np.inf, np.inf))
    assert (mean[0], left[0]) == (pytest.approx(0.3), pytest.approx(1.0))


@pytest.mark.parametrize("measure", ["texture", "variance", "coarse"])
def test_every_measure_of_white_noise_is_its_variance(measure):
    images = np.random.default_rng(0).normal(0.5, 0.1, (4, 256, 256, 3))
    values = getattr(measure_blocks(images, 0), measure)
    # 49,152 independent squares at least: five standard errors of a variance are 3.2 % of it.
    assert values.mean() == pytest.approx(0.01, rel=0.032)


def test_a_ramp_has_texture_and_no_variance():
    ramp = np.linspace(0, 1, 64)[None, :, None, None] * np.ones((1, 1, 64, 1))
    blocks = measure_blocks(ramp, 0)
    assert (blocks.texture > 0).all()
    # Rounding of float64.
    assert np.abs(blocks.variance).max() < 1e-30


def test_blocks_are_numbered_by_their_image():
    images = np.random.default_rng(0).random((3, 16, 16, 2))
    assert measure_blocks(images, 5).image.tolist() == [5] * 8 + [6] * 8 + [7] * 8


def test_blocks_without_any_difference_are_left_out():
    images = np.random.default_rng(0).random((1, 16, 16, 1))
    images[:, :8, :8] = 0.3
    assert len(measure_blocks(images, 0).mean) == 3


def line_of(images):
    return fit_line(measure_blocks(images, 0), (-np.inf, np.inf), sloped=False)


def test_half_of_the_blocks_of_white_noise_are_flat():
    line = line_of(np.random.default_rng(0).normal(0.5, 0.1, (1, 256, 256, 1)))
    # The texture of a block is a mean of 32 squares: its median is 2 % below its mean.
    assert line.flat_share == pytest.approx(0.52, abs=0.05)
    assert line.white


def test_no_block_of_blurred_noise_is_flat():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 256, 256, 1))
    line = line_of(gaussian_filter(noise, (0, 0.6, 0.6, 0)))
    assert line.flat_share < 0.02
    assert not line.white
