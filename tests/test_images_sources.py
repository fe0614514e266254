"""Values of images, measured once, block by block."""

import numpy as np
import pytest

from sklearn_cae.images import ImageSource, chunks
from sklearn_cae.images import _sources as sources


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_smallest_and_the_largest_value_are_found(dtype):
    images = np.full((3, 40, 50), 7, dtype)
    images[0, 3, 4], images[2, 30, 1] = 1, 99
    measures = ImageSource(images).measures
    assert (measures.low, measures.high) == (1, 99)


def test_the_bulk_leaves_out_half_a_per_cent_at_each_end():
    values = np.random.default_rng(0).permutation(np.arange(10_000.0)).reshape(4, 50, 50)
    assert ImageSource(values).measures.bulk == (50, 9949)


def test_the_core_leaves_out_a_thousandth_at_each_end():
    values = np.random.default_rng(0).permutation(np.arange(10_000.0)).reshape(4, 50, 50)
    assert ImageSource(values).measures.core == (10, 9989)


def test_a_hot_pixel_is_not_of_the_core():
    images = np.tile([0.0, 1.0], (2, 3, 3))
    images[1, 1, 1] = 1e6
    assert ImageSource(images).measures.core == (0, 1)


@pytest.mark.parametrize("values", [[3.0], [3.0, 8.0]], ids=str)
def test_of_one_or_two_values_none_is_left_out(values):
    measures = ImageSource(np.array([[values]])).measures
    assert measures.core == measures.bulk == (values[0], values[-1])


@pytest.mark.parametrize(
    ("values", "whole"), [([0, 7], True), ([0.0, 7.0], True), ([0.0, 0.5], False)], ids=str
)
def test_whole_numbers_are_told_from_fractions(values, whole):
    assert ImageSource(np.array([[values]])).measures.whole is whole


def test_many_values_are_measured_by_a_sample(monkeypatch):
    values = np.random.default_rng(0).random((50, 20, 20))
    exact = ImageSource(values).measures
    monkeypatch.setattr(sources, "SAMPLE_VALUES", 2000)
    sampled = ImageSource(values).measures
    assert (sampled.low, sampled.high) == (exact.low, exact.high)
    # 2000 uniform values: the 0.5 % quantile has a standard error of 0.0016; three of them.
    np.testing.assert_allclose(sampled.bulk, exact.bulk, rtol=0, atol=0.005)


def test_blocks_change_no_measure(monkeypatch):
    values = np.random.default_rng(0).random((7, 5, 5))
    whole = ImageSource(values).measures
    monkeypatch.setattr(sources, "CHUNK_VALUES", 50)
    assert ImageSource(values).measures == whole


@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "contains NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_what_is_not_finite_is_an_error_in_any_block(monkeypatch, block, value, message):
    monkeypatch.setattr(sources, "CHUNK_VALUES", 25)
    values = np.ones((2, 5, 5))
    values[block, 2, 2] = value
    with pytest.raises(ValueError, match=rf"y cannot be read as images: Input y .*{message}"):
        ImageSource(values, "y")


@pytest.mark.parametrize(
    ("limit", "sizes"), [(50, [2, 2, 2, 1]), (1, [1] * 7), (1000, [7])], ids=str
)
def test_chunks_hold_so_many_values_or_one_image(monkeypatch, limit, sizes):
    monkeypatch.setattr(sources, "CHUNK_VALUES", limit)
    images = np.ones((7, 5, 5))
    assert [len(images[rows]) for rows in chunks(images)] == sizes
