"""Whole batches in a fresh order, none of a single image."""

import numpy as np
import pytest
import torch
from small import colour

from sklearn_cae import GaussianNoise
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import CorruptedImages, Pictures
from sklearn_cae.training import BatchIterator, count_batches, fitting_batch_size

X = colour(20)


def iterate(images=X, batch_size=8, *, order_seed=None, noise_seed=0):
    data = CorruptedImages(Pictures((images,)), learn_spec(ImageSource(images)), GaussianNoise(0.1))
    seeds = order_seed, noise_seed
    return list(BatchIterator(data, batch_size, device="cpu", seeds=lambda: seeds))


def targets(batches):
    """Clean images (n, H, W, C) of all batches."""
    return np.concatenate([batch.target.images.numpy().transpose(0, 2, 3, 1) for batch in batches])


def test_batches_are_about_equally_large():
    assert [len(batch.target.images) for batch in iterate()] == [7, 7, 6]


def test_batches_hold_every_image_once():
    seen = targets(iterate(order_seed=1))
    assert sorted(image.tobytes() for image in seen) == sorted(image.tobytes() for image in X)


def test_the_order_is_that_of_its_seed():
    first, again, other = (targets(iterate(order_seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_seed_the_order_is_kept():
    np.testing.assert_array_equal(targets(iterate()), X)


def test_the_noise_is_that_of_its_seed():
    first, again, other = (iterate(noise_seed=seed)[0].input for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_image_comes_twice_so_that_it_can_be_normalised():
    (batch,) = iterate(X[1:2])
    assert len(batch.target.images) == 2


@pytest.mark.parametrize(
    ("n", "batch_size"), [(3, 2), (5, 2), (7, 2), (9, 8), (17, 16), (3, 1), (20, 1)]
)
def test_no_batch_holds_a_single_image(n, batch_size):
    # Batch normalisation of a code of one pixel needs two.
    sizes = [len(batch.target.images) for batch in iterate(X[:n], batch_size)]
    assert min(sizes) >= 2
    assert len(sizes) == count_batches(n, batch_size)


@pytest.mark.parametrize(
    ("n", "fitting"), [(1000, 32), (128, 32), (100, 25), (40, 10), (32, 8), (10, 8), (1, 8)]
)
def test_few_images_make_four_batches_of_eight_images_or_more(n, fitting):
    assert fitting_batch_size(32, n) == fitting


def test_a_smaller_batch_that_was_asked_for_stays():
    assert fitting_batch_size(2, 1000) == 2
