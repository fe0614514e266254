import warnings
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from problems import checkerboard
from scipy.ndimage import convolve, gaussian_filter
from skimage import data
from sklearn.base import clone

from sklearn_cae import (
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    PoissonGaussianNoise,
    estimate_noise,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.noise import resolve_noise, std_of_clean, warn_if_correlated

COLOUR = load_natural_patches(64, n_patches=60).images
GRAY = load_natural_patches(64, n_patches=200, color=False).images
FULL = 65535


def noisy(noise, clean=GRAY, *, seed=0, **options):
    return np.asarray(NoiseInjector(noise, random_state=seed, **options).corrupt(clean))


def floats(images):
    return (images / 255).astype(np.float32)


def flat_fields(n=200, size=64):
    """Images of one brightness each, from 0.2 to 0.8: nothing varies in them but noise."""
    return np.linspace(0.2, 0.8, n)[:, None, None] * np.ones((1, size, size))


# Levels


@pytest.mark.parametrize("images", [GRAY, COLOUR], ids=["gray", "colour"])
@pytest.mark.parametrize(
    ("level", "tolerance"),
    # The texture of photographs; `benchmarks/noise_level.py` measures it.
    [(5, 0.15), (15, 0.05), (25, 0.05), (50, 0.05)],
)
def test_the_level_of_photographs_is_found(images, level, tolerance):
    noise = estimate_noise(noisy(GaussianNoise(level / 255), images))
    assert isinstance(noise, GaussianNoise)
    assert noise.std == pytest.approx(level / 255, rel=tolerance)


@pytest.mark.parametrize("level", [5, 50])
def test_the_level_of_unclipped_photographs_is_found(level):
    noise = estimate_noise(
        noisy(GaussianNoise(level / 255, clip=False), floats(GRAY)), data_range=(0, 1)
    )
    assert noise.std == pytest.approx(level / 255, rel=0.05)


def test_the_level_of_flat_fields_is_that_of_their_noise():
    images = flat_fields() + np.random.default_rng(0).normal(0, 0.02, (200, 64, 64))
    # 12,800 blocks of 16 details, half of them flat: the error of a standard deviation is 0.2 %.
    assert estimate_noise(images).std == pytest.approx(0.02, rel=0.01)


@pytest.mark.parametrize("black", [0.0, 0.02])
def test_clipping_at_black_is_undone(black):
    images = black + np.random.default_rng(0).normal(0, 0.1, (200, 64, 64))
    assert estimate_noise(images.clip(0, 1)).std == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("limits", [(0, 200), (60, 255), (60, 200)], ids=str)
def test_clipping_within_the_data_range_is_undone(limits):
    images = 1.3 * GRAY + np.random.default_rng(0).normal(0, 25, GRAY.shape)
    noise = estimate_noise(np.uint8(np.rint(images).clip(*limits)))
    assert isinstance(noise, GaussianNoise)
    assert noise.std * 255 == pytest.approx(25, rel=0.05)


def test_the_rounding_to_levels_is_subtracted():
    images = 255 * flat_fields() + np.random.default_rng(0).normal(0, 0.6, (200, 64, 64))
    # Without it the level would be 11 % too large.
    assert estimate_noise(np.uint8(np.rint(images))).std == pytest.approx(0.6 / 255, rel=0.02)


def test_saturated_places_tell_nothing_of_noise():
    images = flat_fields() + np.random.default_rng(0).normal(0, 0.05, (200, 64, 64))
    images[:, :32] = 1.0
    assert estimate_noise(images).std == pytest.approx(0.05, rel=0.02)


def test_texture_is_not_taken_for_noise():
    images = flat_fields() + np.random.default_rng(0).normal(0, 0.02, (200, 64, 64))
    stripes = np.random.default_rng(1).normal(0, 0.1, (200, 64, 32))
    images[:, :, 32:] += gaussian_filter(stripes, (0, 1, 1))
    assert estimate_noise(images).std == pytest.approx(0.02, rel=0.03)


# Noise that grows with brightness


@pytest.mark.parametrize(
    ("gain", "offset", "read_std"), [(100, 500, 100), (50, 0, 300), (20, 500, 30)]
)
def test_the_gain_of_a_sensor_is_found(gain, offset, read_std):
    scene = (offset + 200 * GRAY.astype(float)).astype(np.uint16)
    sensor = PoissonGaussianNoise(gain / FULL, offset / FULL, read_std / FULL)
    draws = [noisy(sensor, scene, seed=seed, data_range=(0, FULL)) for seed in range(4)]
    found = [estimate_noise(images, data_range=(0, FULL)) for images in draws]
    for noise in found:
        assert noise.gain * FULL == pytest.approx(gain, rel=0.1)
    # What denoising depends on: the standard deviation at a middle brightness, which one draw
    # tells to half a percent.
    middle = torch.full((1, 1, 1, 1), 20000 / FULL)
    stds = [float(noise.std_at(middle)) for noise in found]
    assert np.mean(stds) == pytest.approx(float(sensor.std_at(middle)), rel=0.03)


def test_the_gain_of_a_sensor_that_saturates_below_white_is_found():
    pedestal, saturation, white = 200, 15000, 2**14 - 1
    exposure = 80.0 * GRAY
    errors = np.random.default_rng(0).normal(0, np.sqrt(12 * exposure + 30**2))
    counts = np.rint(pedestal + exposure + errors).clip(pedestal, saturation).astype(np.uint16)
    noise = estimate_noise(counts, data_range=(0, white))
    assert noise.gain * white == pytest.approx(12, rel=0.1)


def test_a_sensor_of_read_noise_alone_is_gaussian():
    noise = estimate_noise(noisy(PoissonGaussianNoise(0, read_std=0.1)))
    assert noise.std == pytest.approx(0.1, rel=0.03)


def test_the_clipped_ends_do_not_make_gaussian_noise_depend_on_brightness():
    assert isinstance(estimate_noise(noisy(GaussianNoise(0.2))), GaussianNoise)


# Levels that differ


def test_levels_that_differ_are_a_range():
    low, high = estimate_noise(noisy(GaussianNoise((0.05, 0.2)))).std
    # Nine of ten images of a uniform draw are from 0.0575 to 0.1925; one image is known to 5 %.
    assert low == pytest.approx(0.0575, rel=0.2)
    assert high == pytest.approx(0.1925, rel=0.1)


def test_gains_that_differ_are_a_range():
    images = flat_fields() * np.linspace(0.4, 1.2, 64)
    images = noisy(PoissonGaussianNoise((0.002, 0.03), clip=False), images, data_range=(0, 1))
    gain = estimate_noise(images, data_range=(0, 1)).gain
    assert gain[0] < 0.005
    assert gain[1] > 0.02


# Clip and use


@pytest.mark.parametrize(
    ("images", "options", "clips"),
    [
        (noisy(GaussianNoise(0.1)), {}, True),
        (noisy(GaussianNoise(0.1), floats(GRAY)), {}, True),
        (noisy(GaussianNoise(0.1, clip=False), floats(GRAY)), {"data_range": (0, 1)}, False),
        (noisy(GaussianNoise(0.1, clip=False), floats(GRAY)), {}, False),
        (4 * noisy(GaussianNoise(0.1), floats(GRAY)) - 2, {}, True),
        (200 * noisy(GaussianNoise(0.1)).astype(np.uint16), {}, True),
    ],
    ids=["uint8", "unit", "leaves a range", "leaves the unit", "piles up", "uint16"],
)
def test_the_noise_clips_unless_floats_leave_their_range(images, options, clips):
    assert estimate_noise(images, **options).clip is clips


def test_the_estimate_is_a_noise_model_for_estimators():
    noise = estimate_noise(noisy(GaussianNoise(0.1)))
    assert NoiseInjector(noise).corrupt(GRAY).shape == GRAY.shape
    assert repr(clone(DenoisingCAE(noise=noise)).noise) == repr(noise)


def test_levels_are_in_units_of_the_data_range():
    images = noisy(GaussianNoise(0.1, clip=False), floats(GRAY))
    narrow, wide = (estimate_noise(images, data_range=(0, high)).std for high in (1, 4))
    # Four digits.
    assert wide == pytest.approx(narrow / 4, rel=1e-3)


# Layouts


def test_every_layout_gives_the_same_noise():
    images = noisy(GaussianNoise(0.1), COLOUR)
    n = len(images)
    first = images.transpose(0, 3, 1, 2)
    noises = [
        estimate_noise(images),
        estimate_noise(first, channel_axis=1),
        estimate_noise(images.reshape(n, -1), image_shape=(64, 64, 3)),
        estimate_noise(list(images)),
    ]
    assert len({repr(noise) for noise in noises}) == 1


def test_a_list_may_hold_images_of_different_sizes():
    images = noisy(GaussianNoise(0.1), COLOUR)
    ragged = [image[: 40 + i % 3] for i, image in enumerate(images)]
    channels_first = [image.transpose(2, 0, 1) for image in ragged]
    cropped = repr(estimate_noise(images[:, :40]))
    assert repr(estimate_noise(ragged)) == cropped
    assert repr(estimate_noise(channels_first, channel_axis=1)) == cropped


def test_gray_and_colour_images_are_not_in_one_list():
    with pytest.raises(ValueError, match="2 dimensions and 3 dimensions"):
        estimate_noise([*COLOUR, COLOUR[0, :, :, 0]])


def test_images_of_two_dtypes_are_not_in_one_list():
    with pytest.raises(ValueError, match="float64 and uint8"):
        estimate_noise([np.zeros((8, 8)), np.zeros((9, 8), np.uint8)])


def test_the_images_are_left_as_they_were():
    images = noisy(GaussianNoise(0.1), floats(GRAY))
    before = images.copy()
    estimate_noise(images)
    np.testing.assert_array_equal(images, before)


# Correlated noise


def blur(images):
    return gaussian_filter(images, (0, 0.6, 0.6))


def enlarge(images):
    between = (images + np.roll(images, -1, 2)) / 2
    return np.stack([images, between], axis=3).reshape(len(images), images.shape[1], -1)


@pytest.mark.parametrize("process", [blur, enlarge])
def test_correlated_noise_warns_with_the_cure(process):
    images = flat_fields() + np.random.default_rng(0).normal(0, 0.05, (200, 64, 64))
    with pytest.warns(UserWarning, match=r"X is not white.* averages of 2 x 2 pixels.* pairs"):
        estimate_noise(process(images))


def crops_of_each_photograph(size):
    """Sets of 16 gray crops of one photograph each, from 0 to 1."""
    found = load_natural_patches(size, n_patches=12 * 16, subset="all", color=False)
    return [found.images[found.sources == name] / 255 for name in sorted(set(found.sources))]


def count_alarms(process, std, size=32, n_draws=2):
    """Of how many sets of crops with noise it is said that the noise is not white, and of all."""
    rng = np.random.default_rng(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sets = crops_of_each_photograph(size) * n_draws
        for crops in sets:
            noisy = process(crops + rng.normal(0, std, crops.shape)).clip(0, 1)
            warn_if_correlated(noisy[..., np.newaxis], learn_spec(ImageSource(crops)))
    return len(caught), len(sets)


# Mostly grass and gravel, where no place is flat.
@pytest.mark.parametrize(("level", "share"), [(5, 0.25), (15, 0.17), (25, 0.09), (50, 0.05)])
def test_white_noise_on_photographs_seldom_raises_an_alarm(level, share):
    n_alarms, n_sets = count_alarms(lambda noisy: noisy, level / 255)
    assert n_sets == 24
    assert n_alarms <= share * n_sets


def test_the_alarm_is_not_lost_by_that():
    n_alarms, n_sets = count_alarms(lambda noisy: gaussian_filter(noisy, (0, 0.6, 0.6)), 15 / 255)
    assert n_alarms >= 0.95 * n_sets


def test_the_alarm_is_not_lost_in_overexposed_images():
    n_alarms, n_sets = count_alarms(
        lambda noisy: gaussian_filter(1.6 * noisy, (0, 0.6, 0.6)), 15 / 255, size=64
    )
    assert n_alarms >= 0.95 * n_sets


def test_averages_of_2_x_2_pixels_are_white_again_after_a_slight_blur():
    images = gaussian_filter(
        flat_fields() + np.random.default_rng(0).normal(0, 0.05, (200, 64, 64)), (0, 0.45, 0.45)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate_noise(images.reshape(200, 32, 2, 32, 2).mean((2, 4)))


# Errors


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.random.default_rng(0).random((40, 7, 28)), "0 blocks of 8 x 8 .* of 7 x 28 pixels; 20"),
        (
            np.random.default_rng(0).random((19, 8, 8)),
            "19 blocks .* 19 image.* Give more or larger",
        ),
        (np.full((40, 28, 28), 7, np.uint8), "0 blocks .* not all equal.* set noise='none'"),
    ],
    ids=["small", "few", "constant"],
)
def test_images_that_cannot_be_measured_are_an_error_with_the_cure(images, message):
    with pytest.raises(ValueError, match=message):
        estimate_noise(images)


def test_images_without_noise_are_an_error_with_the_cure():
    vertical = np.tile(checkerboard(64, 64)[0], (64, 1)) * np.ones((20, 1, 1))
    with pytest.raises(ValueError, match=r"no noise to measure.* set noise='none'"):
        estimate_noise(np.uint8(128 + 20 * vertical))


def test_numbers_that_are_none_are_an_error():
    images = flat_fields(20)
    images[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        estimate_noise(images)


def test_a_list_of_what_is_no_image_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="X holds images of 1 dimensions and 2 dimensions"):
        estimate_noise([np.zeros((8, 8)), np.zeros(8)])


def test_a_range_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="expected 'auto' or"):
        estimate_noise(GRAY, data_range="full")


# Clean images that are not


def found_in_clean(images, noise="gaussian"):
    """The noise that images (n, H, W) or (n, H, W, C) hold, though taken for clean."""
    images = images if images.ndim == 4 else images[..., np.newaxis]
    noise = None if noise is None else resolve_noise(noise)
    return std_of_clean(images, learn_spec(ImageSource(images)), noise)


@pytest.mark.parametrize("images", [GRAY, COLOUR, floats(GRAY)], ids=["gray", "colour", "floats"])
@pytest.mark.parametrize("level", [15, 25, 50])
def test_noise_is_found_in_images_that_should_be_clean(images, level):
    clean_range = {"data_range": (0, 255 if images.dtype == np.uint8 else 1)}
    std = found_in_clean(noisy(GaussianNoise(level / 255), images, **clean_range))
    assert std == pytest.approx(level / 255, rel=0.05)


def test_noise_is_found_in_overexposed_images_that_should_be_clean():
    images = 1.6 * floats(GRAY) + np.random.default_rng(0).normal(0, 0.1, GRAY.shape)
    assert found_in_clean(images.clip(0, 1)) == pytest.approx(0.1, rel=0.05)


def squares(n=50, size=32):
    """Black and white squares: no photograph, and no noise."""
    places = np.random.default_rng(0).random((n, size // 4, size // 4)) > 0.5
    return places.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)


CLEAN = {
    "gray photographs": GRAY,
    "colour photographs": COLOUR,
    "small photographs": load_natural_patches(16, n_patches=300).images,
    "squares": squares(),
    "dots": (np.random.default_rng(0).random((40, 32, 32)) < 0.01).astype(np.float32),
    "flat": flat_fields(20),
    "digits of 8 x 8 pixels": np.random.default_rng(0).integers(0, 17, (8, 8, 8)) / 16,
}


@pytest.mark.parametrize("noise", ["gaussian", None])
@pytest.mark.parametrize("images", CLEAN.values(), ids=CLEAN)
def test_no_noise_is_found_in_clean_images(images, noise):
    assert found_in_clean(images, noise) is None


@pytest.mark.parametrize("noise", ["gaussian", None])
def test_no_noise_is_found_in_crops_of_any_photograph(noise):
    # Grass and gravel, too, where no place is flat.
    assert [found_in_clean(crops, noise) for crops in crops_of_each_photograph(32)] == [None] * 12


@pytest.mark.parametrize(
    ("noise", "found"),
    [
        ("poisson", True),
        (None, True),
        (["blur", GaussianNoise(0.2)], True),
        ("none", False),
        ("blur", False),
        ("cut_out", False),
    ],
    ids=str,
)
def test_it_is_looked_for_where_noise_is_to_be_taken_off(noise, found):
    assert (found_in_clean(noisy(GaussianNoise(0.1)), noise) is not None) is found


def developed(photograph, std, seed):
    """What a camera makes of a colour photograph: a mosaic of noisy colours, filled in, as JPEG."""
    height, width = (side // 2 * 2 for side in photograph.shape[:2])
    seen = np.zeros((height, width, 3))
    seen[::2, ::2, 0] = seen[::2, 1::2, 1] = seen[1::2, ::2, 1] = seen[1::2, 1::2, 2] = 1
    noise = np.random.default_rng(seed).normal(0, std, seen.shape)
    mosaic = seen * (photograph[:height, :width] + noise)
    cross, square = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]), np.outer([1, 2, 1], [1, 2, 1])
    colours = [convolve(mosaic[..., i], (square, cross, square)[i] / 4) for i in range(3)]
    file = BytesIO()
    full = np.rint(np.stack(colours, axis=2)).clip(0, 255).astype(np.uint8)
    Image.fromarray(full).save(file, "JPEG", quality=90)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("photograph", [data.astronaut, data.coffee, data.chelsea])
@pytest.mark.parametrize("std", [5, 20])
def test_noise_of_a_developed_photograph_is_told(photograph, std):
    image = developed(photograph(), std, seed=0)
    source = ImageSource(image[np.newaxis])
    with pytest.warns(UserWarning, match=r"The noise of X is not white.*train on pairs"):
        warn_if_correlated(source.pixels, learn_spec(source))
