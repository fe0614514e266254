"""Flips and quarter turns."""

import numpy as np
import pytest
import torch

from sklearn_cae._turns import TURNS

IMAGE = np.arange(6.0).reshape(2, 3)


def turned(turn):
    return turn.apply(torch.from_numpy(IMAGE)[None, None])[0, 0].numpy()


def test_the_first_turn_is_none():
    np.testing.assert_array_equal(turned(TURNS[0]), IMAGE)


def test_turns_are_all_quarter_turns_of_an_image_and_of_its_mirror_image():
    expected = [np.rot90(image, k) for image in (IMAGE, IMAGE[:, ::-1]) for k in range(4)]
    assert len(TURNS) == 8
    assert {str(turned(turn)) for turn in TURNS} == {str(image) for image in expected}


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_what_is_turned_turns_back(turn):
    batch = torch.rand(2, 3, 4, 5)
    assert torch.equal(turn.undo(turn.apply(batch)), batch)
