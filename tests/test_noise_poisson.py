"""Counts of photons: those of torch, drawn faster."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, poisson

from sklearn_cae.noise._poisson import (
    ADDED_RATE,
    COLUMN_BITS,
    LARGEST_RATE,
    N_COUNTS,
    N_ROWS,
    ROW_BITS,
    _alias_table,
    _count_of,
    _draw_many,
    _row_of,
    draw_poisson,
)

N_DRAWS = 400_000


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def counts_of(rate):
    return (
        draw_poisson(torch.full((1, 1, N_DRAWS, 1), rate), seeded()).flatten().numpy().astype(int)
    )


@pytest.mark.parametrize(
    "rate", [0.01, 0.12, 1.0, 1.1, 9.99, 60.3, 62.0, 125.99, 126.0, 127.0, 1e4]
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


def probabilities_of_rows():
    """Probability of each count in each row of the table, exactly."""
    cells = _alias_table().numpy().reshape(N_ROWS + 1, N_COUNTS)
    own, other = cells & 255, cells >> 8 & 255
    share = (cells >> 16) / 2**16 + 0.5
    found = np.zeros((N_ROWS + 1, 256))
    rows = np.arange(N_ROWS + 1)[:, None]
    np.add.at(found, (rows, own), share / N_COUNTS)
    np.add.at(found, (rows, other), (1 - share) / N_COUNTS)
    return found


def rates_of_rows():
    octave, place = np.divmod(np.arange(N_ROWS + 1), 256)
    return ADDED_RATE * 2.0**octave * (1 + place / 256) - ADDED_RATE


def test_rows_are_leading_bits_of_rates():
    rates = torch.from_numpy(rates_of_rows()).float()
    assert rates[0] == 0
    assert rates[-1] == LARGEST_RATE
    for bits in (0, 2**ROW_BITS - 1):
        rows = _row_of(rates, torch.full((N_ROWS + 1,), bits << COLUMN_BITS, dtype=torch.int32))
        assert torch.equal(rows, torch.arange(N_ROWS + 1, dtype=torch.int32))


def test_rows_have_the_probability_of_each_count():
    found = probabilities_of_rows()
    expected = poisson.pmf(np.arange(256), rates_of_rows()[:, None])
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6)
    # What is improbable is never drawn, rather than once in 2**23 draws.
    assert (found[expected < 1e-12] == 0).all()


@pytest.mark.parametrize("highest_bits", [-(2**15), -(2**15) + 1, 0, 2**15 - 1])
@pytest.mark.parametrize("lower_bits", [0, 2**16 - N_COUNTS])
def test_no_random_bits_draw_an_impossible_count(highest_bits, lower_bits):
    cells = _alias_table().clone().reshape(N_ROWS + 1, N_COUNTS)
    bits = (highest_bits << 16) + lower_bits + torch.arange(N_COUNTS)
    counts = _count_of(cells, bits.int().expand_as(cells)).numpy()
    assert poisson.pmf(counts, rates_of_rows()[:, None]).min() > 1e-12


@pytest.mark.parametrize(
    "rate", [1e-6, 1e-4, 0.004, 0.01, 0.3, 1.64, 2.012, 9.99, 33.3, 62.126, 77.7, 125.99]
)
def test_rates_between_rows_are_right_to_what_the_docstring_says(rate):
    n = 2**ROW_BITS
    rates = torch.full((n,), rate)
    rows = _row_of(rates, torch.arange(n, dtype=torch.int32) << COLUMN_BITS).numpy()
    counts = np.arange(256)
    found = probabilities_of_rows()[rows].mean(axis=0)
    exact = rates[0].item()
    assert np.abs(found - poisson.pmf(counts, exact)).sum() < 1.3e-4
    assert abs(found @ counts - exact) < max(1e-4 * np.sqrt(exact), 2e-6)


@pytest.mark.parametrize("rate", [126.01, 300.0, 1e4])
def test_large_rates_are_right_to_what_the_docstring_says(rate):
    bits = torch.arange(-(2**23), 2**23, dtype=torch.int32) << 8  # all that there are
    rates = torch.full((1,), rate)
    drawn = _draw_many(rates, bits).long()
    exact = rates.item()
    found = np.bincount(drawn) / len(bits)
    expected = poisson.pmf(np.arange(len(found)), exact)
    # With what lies beyond all that is drawn.
    assert np.abs(found - expected).sum() + 1 - expected.sum() < 1.3e-4
    assert abs(drawn.double().mean() - exact) < 1e-4 * np.sqrt(exact)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_rates_of_other_precisions_are_drawn_too(dtype):
    rates = torch.full((2, 3, 8, 8), 4.5, dtype=dtype)
    counts = draw_poisson(rates, seeded())
    assert counts.dtype == dtype
    assert torch.equal(counts.float(), draw_poisson(rates.float(), seeded()))


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
        assert torch.equal(draw_poisson(rate[None], seeded(seed))[0], counts)
    assert together.dtype == rates.dtype
    assert torch.equal(together, together.round())


def test_the_default_device_does_not_matter():
    rates = torch.full((1, 1, 8, 8), 5.0)
    expected = draw_poisson(rates, seeded())
    _alias_table.cache_clear()
    with torch.device("meta"):
        found = draw_poisson(rates, torch.Generator("cpu").manual_seed(0))
    assert torch.equal(found, expected)
