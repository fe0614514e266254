"""Normal numbers from a table."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2, norm

from sklearn_cae.noise._quantiles import N_QUANTILES, _quantiles, _random_places, draw_quantiles


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_distribution_is_normal_to_what_the_docstring_says():
    quantiles = _quantiles().double().numpy()
    assert quantiles.mean() == pytest.approx(0, abs=1e-7)
    assert quantiles.std() == pytest.approx(1, abs=1e-7)
    below = np.arange(N_QUANTILES + 1) / N_QUANTILES
    for steps in (below[:-1], below[1:]):
        assert np.abs(norm.cdf(quantiles) - steps).max() < 2e-5
    assert quantiles.max() == -quantiles.min() == pytest.approx(4.3, abs=0.05)


def test_all_places_are_equally_probable():
    n = 2**22
    counts = np.bincount(_random_places(n, seeded()).numpy(), minlength=N_QUANTILES)
    assert len(counts) == N_QUANTILES
    expected = n / N_QUANTILES
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-3 < chi2(N_QUANTILES - 1).sf(statistic) < 1 - 1e-3


def test_neighbours_are_independent():
    numbers = draw_quantiles(torch.empty(1, 3, 300, 300), seeded()).double()[0]
    for axis in range(3):
        n = numbers.shape[axis] - 1
        pair = numbers.narrow(axis, 0, n), numbers.narrow(axis, 1, n)
        left, right = (part.flatten().numpy() for part in pair)
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.01
        assert abs(np.corrcoef(left**2, right**2)[0, 1]) < 0.01


@pytest.mark.parametrize("shape", [(3, 1, 5, 5), (3, 3, 8, 6)])
def test_each_image_has_its_own_numbers(shape):
    images = torch.empty(shape)
    together = draw_quantiles(images, [seeded(seed) for seed in range(3)])
    assert together.shape == shape
    assert together.is_contiguous(memory_format=torch.channels_last)
    for seed in range(3):
        alone = draw_quantiles(images[seed : seed + 1], seeded(seed))
        assert torch.equal(together[seed], alone[0])


def test_the_default_device_does_not_matter():
    images = torch.empty(1, 1, 8, 8)
    expected = draw_quantiles(images, seeded())
    _quantiles.cache_clear()
    with torch.device("meta"):
        found = draw_quantiles(images, torch.Generator("cpu").manual_seed(0))
    assert torch.equal(found, expected)
