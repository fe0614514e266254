"""Counts of photons: those of torch, drawn faster."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, poisson

from sklearn_cae.noise._poisson import LARGEST_RATE, N_COUNTS, _alias_table, draw_poisson

N_DRAWS = 400_000


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def counts_of(rate):
    return draw_poisson(torch.full((N_DRAWS,), rate), seeded()).numpy().astype(int)


@pytest.mark.parametrize(
    "rate", [0.01, 0.12, 0.125, 1.0, 1.1, 9.99, 60.3, 64.0, 127.99, 128.0, 129.0, 1e4]
)
def test_counts_have_the_probabilities_of_poisson(rate):
    counts = counts_of(rate)
    values = np.arange(counts.min(), counts.max() + 1)
    expected = N_DRAWS * poisson.pmf(values, np.float32(rate))
    often = expected > 10
    # The rare values are one class.
    seen = np.bincount(counts)[values]
    seen = np.append(seen[often], seen[~often].sum())
    expected = np.append(expected[often], N_DRAWS - expected[often].sum())
    assert chisquare(seen, expected, sum_check=False).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.0, 0.125, 3.0, 33.375, 100.0, LARGEST_RATE])
def test_table_has_the_probability_of_each_count(rate):
    cells = slice(int(8 * rate) * N_COUNTS, (int(8 * rate) + 1) * N_COUNTS)
    own, share, other = (table[cells].double().numpy() for table in _alias_table())
    found = np.bincount(own.astype(int), share / N_COUNTS, minlength=300)
    found += np.bincount(other.astype(int), (1 - share) / N_COUNTS, minlength=300)
    np.testing.assert_allclose(found, poisson.pmf(np.arange(300), rate), rtol=0, atol=3e-6)
    # What is improbable is never drawn, rather than once in 2**24 draws.
    assert (found[poisson.pmf(np.arange(300), rate) < 1e-12] == 0).all()


def test_no_light_is_no_photon():
    assert (counts_of(0.0) == 0).all()


def test_neighbours_are_independent():
    rates = torch.full((1, 1, 400, 400), 20.3)
    counts = draw_poisson(rates, seeded()).double()[0, 0]
    for pair in ((counts[1:], counts[:-1]), (counts[:, 1:], counts[:, :-1])):
        left, right = (part.flatten().numpy() for part in pair)
        assert abs(np.corrcoef(left, right)[0, 1]) < 0.01


@pytest.mark.parametrize("brightest", [50.0, 500.0])
def test_each_image_has_its_own_numbers(brightest):
    rates = (
        torch.rand((3, 1, 8, 8), generator=seeded())
        * torch.tensor([5.0, brightest, 20.0])[:, None, None, None]
    )
    together = draw_poisson(rates, [seeded(seed) for seed in range(3)])
    for seed, (rate, counts) in enumerate(zip(rates, together, strict=True)):
        assert torch.equal(draw_poisson(rate, seeded(seed)), counts)
    assert together.dtype == rates.dtype
    assert torch.equal(together, together.round())
