"""Images corrupted as `predict` will meet them."""

import numpy as np
import pytest
import torch

from sklearn_cae.images import from_unit, learn_spec, read_images, to_unit
from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    NoiseChain,
    SpeckleNoise,
    corrupt_batch,
    corrupt_images,
    resolve_noise,
)

NOISE = NoiseChain([GaussianBlur(), GaussianNoise(0.4)])
# Dtype and data range by name; uint16 and int16 learn a range, of which results may leave the ends.
RANGES = {
    "uint8": (np.uint8, "auto"),
    "uint8, given": (np.uint8, (-0.5, 255.5)),
    "uint16, given": (np.uint16, (0, 65535)),
    "float32": (np.float32, "auto"),
    "uint16": (np.uint16, "auto"),
    "int16": (np.int16, "auto"),
    "float64": (np.float64, (-3, 2)),
}
in_all_ranges = pytest.mark.parametrize("name", RANGES)


def images_and_spec(name):
    dtype, data_range = RANGES[name]
    images = np.random.default_rng(0).random((6, 9, 8, 2))
    if np.issubdtype(dtype, np.integer):
        images = np.rint(images * np.iinfo(dtype).max)
    images = images.astype(dtype)
    return images, learn_spec(read_images(images), data_range=data_range)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def corrupted(name, noise=NOISE):
    images, spec = images_and_spec(name)
    batch = to_unit(images, spec.data_range)
    return corrupt_batch(batch, noise, seeded(), spec), batch, spec


@in_all_ranges
def test_a_batch_holds_what_the_images_of_its_dtype_will_hold(name):
    noisy, _, spec = corrupted(name)
    written = from_unit(noisy, spec, spec.dtype)
    # float64 images lose nothing but the rounding to float32.
    torch.testing.assert_close(to_unit(written, spec.data_range), noisy, rtol=0, atol=1e-7)


@in_all_ranges
def test_batches_and_arrays_agree(name):
    noisy, batch, spec = corrupted(name)
    unrounded = NOISE.corrupt(batch, seeded(), spec.unit_limits)
    np.testing.assert_array_equal(
        from_unit(noisy, spec, spec.dtype), from_unit(unrounded, spec, spec.dtype)
    )


@pytest.mark.parametrize("name", ["uint8", "uint8, given", "uint16", "int16"])
def test_integers_hold_whole_levels_in_their_own_units(name):
    noisy, _, spec = corrupted(name)
    low, high = spec.data_range
    levels = noisy.double() * (high - low) + low
    # float32 rounds at 6e-8 of 65536 levels.
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=0.01)


def test_no_noise_leaves_every_level_of_a_batch_as_it_is():
    noisy, batch, _ = corrupted("uint8, given", resolve_noise("none"))
    assert torch.equal(noisy, batch)


@pytest.mark.parametrize("name", ["uint8", "uint8, given", "float32"])
def test_noise_that_clips_stays_within_a_fixed_range(name):
    noisy, _, _ = corrupted(name)
    assert 0 <= noisy.min() <= noisy.max() <= 1


def test_noise_leaves_a_range_that_was_learned_but_not_the_dtype():
    images, spec = images_and_spec("int16")
    noisy = corrupt_images(images, GaussianNoise(0.4), 0, spec)
    low, high = spec.data_range
    assert noisy.min() < low < 0
    assert noisy.max() == high == np.iinfo(np.int16).max


@in_all_ranges
def test_corrupting_leaves_images_and_batch_unchanged(name):
    images, spec = images_and_spec(name)
    batch = to_unit(images, spec.data_range)
    corrupt_batch(batch, NOISE, seeded(), spec)
    corrupt_images(images, NOISE, 0, spec)
    assert torch.equal(batch, to_unit(images, spec.data_range))
    np.testing.assert_array_equal(images, images_and_spec(name)[0])


@in_all_ranges
def test_corrupted_arrays_keep_their_dtype(name):
    images, spec = images_and_spec(name)
    assert corrupt_images(images, NOISE, 0, spec).dtype == images.dtype


def test_noise_that_leaves_the_range_of_integers_makes_floats():
    images, spec = images_and_spec("uint8")
    noisy = corrupt_images(images, GaussianNoise(0.4, clip=False), 0, spec)
    assert noisy.dtype == np.float32
    assert noisy.min() < 0 < 255 < noisy.max()


def test_models_within_a_chain_clip_to_the_range_even_if_the_last_does_not():
    chain = NoiseChain([GaussianNoise(1.0), SpeckleNoise(0, clip=False)])
    images, spec = images_and_spec("float32")
    noisy = corrupt_images(images, chain, 0, spec)
    assert (noisy.min(), noisy.max()) == (0, 1)


@in_all_ranges
def test_an_image_gets_the_same_noise_in_any_batch(name):
    images, spec = images_and_spec(name)
    together = corrupt_images(images, NOISE, 7, spec)
    np.testing.assert_array_equal(together[[4, 1]], corrupt_images(images[[4, 1]], NOISE, 7, spec))


def test_another_seed_gives_other_noise():
    images, spec = images_and_spec("uint8")
    one, other = (corrupt_images(images, NOISE, seed, spec) for seed in (0, 1))
    assert (one != other).any()
