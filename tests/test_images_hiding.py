"""Pixels hidden on a grid, and what stands in their place."""

import pytest
import torch

from sklearn_cae.images import N_GRIDS, hide

SIZES = [(8, 8), (5, 7), (2, 2), (1, 2), (1, 9), (9, 1)]


def images(size):
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_pixel_is_hidden_once(size):
    masks = [hide(images(size), grid)[1] for grid in range(N_GRIDS)]
    assert (torch.stack(masks).sum(0) == 1).all()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_stands_for_a_hidden_pixel_holds_nothing_of_it(size):
    given = images(size)
    for grid in range(N_GRIDS):
        hidden, mask = hide(given, grid)
        other, _ = hide(torch.where(mask, given + 1, given), grid)
        assert torch.equal(hidden, other)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_not_hidden_stays(size):
    hidden, mask = hide(images(size), 0)
    assert torch.equal(hidden[..., ~mask], images(size)[..., ~mask])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_flat_image_stays_flat(size):
    hidden, _ = hide(torch.full((1, 1, *size), 0.25), 0)
    # Weights that add up to one but for the rounding of float32.
    torch.testing.assert_close(hidden, torch.full((1, 1, *size), 0.25))


def test_the_mean_is_that_of_eight_neighbours_those_beside_it_twice():
    given = images((3, 3))
    # The grid of number 5 begins at the second row and column.
    hidden, _ = hide(given, 5)
    square = given.flatten(2)
    expected = (square[..., ::2].sum(2) - square[..., 4] + 2 * square[..., 1::2].sum(2)) / 12
    torch.testing.assert_close(hidden[..., 1, 1], expected)


def test_in_a_row_it_is_that_of_two():
    given = images((1, 9))
    hidden, _ = hide(given, 1)
    torch.testing.assert_close(hidden[..., 0, 5], (given[..., 0, 4] + given[..., 0, 6]) / 2)


def test_a_single_pixel_has_no_neighbours():
    with pytest.raises(ValueError, match=r"found from those around it, .* Give images of two pix"):
        hide(images((1, 1)), 0)
