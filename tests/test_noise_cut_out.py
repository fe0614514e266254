"""Squares cut out of images."""

import numpy as np
import pytest
import torch

from sklearn_cae.noise import CutOut


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def cut(model, n=400, size=(16, 24), seed=0):
    """Which pixels of white images are black, (n, H, W)."""
    white = torch.ones(n, 3, *size)
    return (model.set_params(value=0).corrupt(white, seeded(seed)) == 0).all(dim=1)


def box(covered):
    """First and last row and column of what is covered."""
    rows, columns = np.nonzero(covered.numpy())
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("side", [0.25, 0.3, 0.5, 1])
def test_a_square_has_the_side_that_is_asked_for_and_ends_at_the_border(side):
    pixels = round(side * 16)
    for covered in cut(CutOut(side), n=100):
        top, bottom, left, right = box(covered)
        assert covered[top : bottom + 1, left : right + 1].all()
        height, width = bottom - top + 1, right - left + 1
        assert height == pixels or (height < pixels and (top == 0 or bottom == 15))
        assert width == pixels or (width < pixels and (left == 0 or right == 23))


def test_every_pixel_is_the_centre_as_often_as_any_other():
    # Of one pixel's side, squares are their centres.
    counts = cut(CutOut(1 / 4), n=8000, size=(4, 5)).sum(dim=0)
    # Five standard errors of a count with probability 1 / 20.
    assert (counts - 400).abs().max() < 5 * (8000 / 20 * 19 / 20) ** 0.5


def test_all_channels_of_a_pixel_get_the_same_gray():
    images = torch.rand(5, 3, 8, 8, generator=seeded())
    changed = CutOut(0.5, value=0.5).corrupt(images, seeded()) != images
    assert torch.equal(changed, changed[:, :1].expand_as(changed))


def test_what_is_not_covered_stays_as_it_was():
    images = torch.rand(5, 3, 8, 8, generator=seeded())
    corrupted = CutOut(0.5, value=0.75).corrupt(images, seeded())
    assert torch.equal(corrupted[corrupted != 0.75], images[corrupted != 0.75])


def test_more_squares_cover_more():
    one, nine = (cut(CutOut(0.25, count)).float().mean() for count in (1, 9))
    assert nine > 4 * one


def test_a_square_may_lie_anywhere_in_each_image():
    assert not torch.equal(*cut(CutOut(), n=2))


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None, (1, 2)], ids=repr)
def test_squares_are_counted(count):
    with pytest.raises(ValueError, match=r"CutOut\(count=…\) is .*; expected a number of squares"):
        CutOut(count=count).corrupt(torch.ones(1, 1, 8, 8), seeded())
