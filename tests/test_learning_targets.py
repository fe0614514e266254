"""What a network learns from: the images, their split, and the batches made of them."""

import numpy as np
import pytest
import torch
from small import as_uint, colour

from sklearn_cae import GaussianNoise, MaskingNoise
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import CorruptedImages, ImagePairs, Pictures, limits_of

X = colour(20)
LEVELS = as_uint(X, np.uint8)
ROWS = np.array([4, 2])


def spec_of(images, **options):
    return learn_spec(ImageSource(images), **options)


def corrupted(images=X, noise=None, **options):
    return CorruptedImages(
        Pictures((images,)), spec_of(images, **options), noise or GaussianNoise(0.1)
    )


def pairs(clean=X, noisy=None, limits=None):
    noisy = 1 - clean if noisy is None else noisy
    return ImagePairs(Pictures((noisy, clean)), spec_of(clean), limits)


def batch(images, rows=ROWS, seed=0):
    return images.batch(rows, torch.Generator().manual_seed(seed), "cpu")


# --- batches


def test_a_target_is_scaled_to_the_unit_range():
    target = batch(corrupted(LEVELS)).target.images
    assert (target.shape, target.dtype) == ((2, 3, 8, 8), torch.float32)
    # Rounding of float32.
    np.testing.assert_allclose(target[0].numpy(), LEVELS[4].transpose(2, 0, 1) / 255, atol=1e-6)


def test_the_input_is_the_target_with_noise():
    made = batch(corrupted(noise=MaskingNoise(1.0)))
    assert (made.input == 0).all()
    np.testing.assert_array_equal(made.target.images[1].numpy(), X[2].transpose(2, 0, 1))


def test_the_noise_is_that_of_the_generator():
    first, again, other = (batch(corrupted(), seed=seed).input for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pairs_are_used_as_they_are():
    made = batch(pairs())
    # 1 - x and x add up to 1, in float32.
    np.testing.assert_allclose((made.input + made.target.images).numpy(), 1, atol=1e-6)


@pytest.mark.parametrize("make", [corrupted, pairs])
def test_a_batch_is_a_copy(make):
    images = X.copy()
    made = batch(make(images))
    made.target.images.zero_()
    made.input.zero_()
    np.testing.assert_array_equal(images, X)


@pytest.mark.parametrize("make", [corrupted, pairs])
def test_batches_are_in_the_channels_last_format(make):
    made = batch(make())
    for images in (made.input, made.target.images):
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_clean_images_a_rounding_above_white_are_white():
    clean = np.full((4, 8, 8, 1), 1 + 1e-7)
    assert batch(corrupted(clean, data_range=(0, 1)), np.arange(4)).target.images.max() == 1


def test_noisy_integer_images_hold_whole_levels():
    levels = 255 * batch(corrupted(LEVELS)).input
    # float32 of a value up to 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)


# --- limits


def test_clipped_noise_keeps_the_inputs_within_the_range():
    images = corrupted(noise=GaussianNoise(0.5))
    assert images.limits == (0, 1)
    assert 0 <= batch(images).input.min() <= batch(images).input.max() <= 1


def test_unclipped_noise_has_no_limits():
    images = corrupted(noise=GaussianNoise(0.5, clip=False))
    assert images.limits is None
    assert batch(images).input.max() > 1


@pytest.mark.parametrize(("noisy", "limits"), [(1 - X, (0, 1)), (X * 3 - 1, None)])
def test_pairs_have_limits_where_the_noisy_images_keep_to_the_range(noisy, limits):
    assert limits_of(spec_of(X), ImageSource(noisy)) == limits


def test_hot_pixels_of_pairs_are_cut_off_where_the_range_was_learned():
    clean = X * 100
    noisy = clean.copy()
    noisy[4, 0, 0, 0] = 1e5
    spec = spec_of(clean)
    images = pairs(clean, noisy, limits_of(spec, ImageSource(noisy)))
    # One width of the range beyond it.
    assert batch(images).input.max() == images.limits[1] == 2


# --- splits


@pytest.mark.parametrize("fraction", [0.1, 0.5])
@pytest.mark.parametrize("make", [corrupted, pairs])
def test_a_split_gives_every_image_to_one_side(make, fraction):
    train_images, valid_images = make().split(fraction, seed=0)
    assert len(valid_images) == int(20 * fraction)
    assert sorted([*train_images.rows, *valid_images.rows]) == list(range(20))


def test_a_split_is_random_and_repeatable():
    splits = [tuple(corrupted().split(0.5, seed)[1].rows) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_a_split_shares_the_images():
    for part in corrupted(LEVELS).split(0.5, seed=0):
        assert part.pictures.stacks[0] is LEVELS


def test_a_split_keeps_noise_and_limits():
    for part in corrupted(noise=MaskingNoise()).split(0.5, seed=0):
        assert isinstance(part.noise, MaskingNoise)
    for part in pairs(limits=(0, 1)).split(0.5, seed=0):
        assert part.limits == (0, 1)


@pytest.mark.parametrize(("n", "fraction"), [(20, 0), (3, 0.1)])
def test_nothing_is_held_out_on_request_or_of_three_images(n, fraction):
    assert corrupted(X[:n]).split(fraction, seed=0)[1] is None


def test_images_are_not_asked_for_one_by_one():
    with pytest.raises(NotImplementedError):
        corrupted()[0]
