"""Units of images: what the range is, what is refused, and the way to tensors and back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small import as_uint, colour, gray

from sklearn_cae.images import (
    ImageSpec,
    check_median,
    check_units,
    check_within_range,
    from_array,
    from_unit,
    learn_spec,
    normalize_contrast,
    read_images,
    result_limits,
    to_array,
    to_unit,
)

X = colour()


def spec_of(dtype, data_range, *, fixed=True):
    return ImageSpec(1, 1, 1, 3, 3, np.dtype(dtype).name, data_range, fixed)


def images_of(values, dtype=float):
    return read_images(np.array([[values]], dtype))


def sensor(dtype=np.uint16):
    """Counts from 100 to 900, as a sensor of 16 bits gives them."""
    return np.linspace(100, 900, 2 * 20 * 20).round().reshape(2, 20, 20).astype(dtype)


# The range


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (images_of([0, 255], np.uint8), (0, 255)),
        (images_of([0, 1]), (0, 1)),
        (images_of([0.2, 0.3]), (0, 1)),
    ],
    ids=["uint8", "floats from 0 to 1", "floats within 0 and 1"],
)
def test_the_range_of_uint8_and_of_unit_floats_is_fixed(images, expected):
    spec = learn_spec(images)
    assert (spec.data_range, spec.fixed, spec.unit_limits) == (expected, True, (0, 1))


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        # 5 % of headroom at each end.
        (images_of([0, 2]), (-0.1, 2.1)),
        (images_of([-3, -2]), (-3.05, -1.95)),
        # Unsigned integers have nothing below 0.
        (images_of([0, 100], np.uint16), (0, 105)),
        (images_of([-1000, 1000], np.int16), (-1100, 1100)),
        (images_of([2, 2]), (1.5, 2.5)),
        (images_of([7, 7], np.uint16), (6.5, 7.5)),
    ],
)
def test_other_ranges_are_learned(images, expected):
    spec = learn_spec(images)
    np.testing.assert_allclose(spec.data_range, expected, rtol=1e-12)
    assert not spec.fixed


def test_a_hot_pixel_does_not_move_the_range_of_a_sensor():
    images = sensor()
    calm = learn_spec(read_images(images)).data_range
    images[0, 0, 0] = 65535
    low, high = learn_spec(read_images(images)).data_range
    # What lies beyond the core by more than its width does not count.
    assert low <= calm[0]
    assert high < 3 * calm[1]


def test_a_range_that_is_given_is_fixed():
    spec = learn_spec(images_of([0.2, 0.3]), data_range=(0, 0.5))
    assert (spec.data_range, spec.fixed) == ((0, 0.5), True)


@pytest.mark.parametrize(
    ("data_range", "message"),
    [
        ((1, 0), r"expected \(low, high\), two finite numbers"),
        ((0, 0), "with low < high"),
        ((0, np.nan), "finite"),
        ((0, 1, 2), "two finite numbers"),
        ("full", "expected 'auto' or"),
        (None, "expected 'auto' or"),
        ((0, 5e-324), "float32 cannot hold. Rescale"),
        ((-1e308, 1e308), "float32 cannot hold. Rescale"),
        ((0, 0.5), "X has values from 0 to 1, but the data range is 0 to 0.5"),
    ],
    ids=repr,
)
def test_a_bad_range_is_an_error_that_says_what_is_allowed(data_range, message):
    with pytest.raises(ValueError, match=message):
        learn_spec(images_of([0, 1]), data_range=data_range)


@pytest.mark.parametrize("values", [[-1e308, 1e308], [0, 1e300], [-1e-310, 1e-310]], ids=str)
def test_values_whose_range_float32_cannot_hold_are_an_error(values):
    with pytest.raises(ValueError, match=r"a range that float32 cannot hold. Rescale the images"):
        learn_spec(images_of(values))


def test_images_that_hardly_fill_a_fixed_range_give_a_warning_with_the_cure():
    with pytest.warns(UserWarning, match=r"fill 1.2% of .* Give data_range=\(101, 899"):
        learn_spec(read_images(sensor()), data_range=(0, 65535))


# What is refused


@pytest.mark.parametrize(
    ("data_range", "values"), [((0, 1), [-5, 5]), ((0, 1), [-0.5, 1.5]), ((0, 255), [-400, 2000])]
)
def test_noise_may_leave_the_range(data_range, values):
    check_units(images_of(values), spec_of(float, data_range))


@pytest.mark.parametrize(
    ("spec", "images"),
    [
        (spec_of(np.float32, (0, 1)), as_uint(gray(), np.uint8)),
        (spec_of(np.uint8, (0, 255)), gray()),
        (spec_of(np.uint16, (0, 65535)), as_uint(gray(), np.uint8)),
        (spec_of(np.float64, (0, 1)), 65535.0 * gray()),
        (spec_of(np.float64, (0, 1)), gray() - 1000),
    ],
    ids=["bytes", "fractions", "other bytes", "counts", "offset"],
)
def test_images_in_other_units_are_an_error(spec, images):
    with pytest.raises(ValueError, match=r"but those of fit are .* Convert X to these units first"):
        check_units(read_images(images), spec, reference="those of fit")


@pytest.mark.parametrize(("factor", "side"), [(4.0, "above"), (-1.0, "below"), (8, "above")])
def test_images_half_of_which_would_be_cut_off_are_an_error(factor, side):
    images = as_uint(gray(), np.uint8).astype(type(factor)) * factor
    message = rf"Half of the values of X lie {side} -?\d.*, but the data range is 0 to 255"
    with pytest.raises(ValueError, match=message):
        check_median(read_images(images), (0, 255))


@pytest.mark.parametrize(("brightness", "size"), [(0, 64), (1, 64), (0, 8)])
def test_strong_noise_on_black_or_white_images_is_no_other_unit(brightness, size):
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(brightness, 0.5, (1, size, size))
        check_median(read_images(noise), (0, 1))


@pytest.mark.parametrize("images", [np.zeros((2, 8, 8)), np.zeros((2, 8, 8), np.uint8)])
@pytest.mark.parametrize("data_range", [(0, 1), (0, 255)])
def test_black_images_may_have_any_unit_of_their_kind(images, data_range):
    check_units(read_images(images), spec_of(images.dtype, data_range))


def test_a_hot_pixel_is_no_other_unit():
    images = gray().astype(float)
    images[0, 0, 0] = 1e6
    check_units(read_images(images), spec_of(float, (0, 1)))


def test_noisy_images_may_leave_a_range_that_is_given():
    spec = learn_spec(images_of([-0.2, 1.3]), data_range=(0, 1), noisy=True)
    assert (spec.data_range, spec.fixed) == ((0.0, 1.0), True)


def test_clean_images_may_not_leave_the_range():
    with pytest.raises(
        ValueError, match=r"y has values from 0 to 1.1, but the data range is 0 to 1"
    ):
        check_within_range(read_images(np.array([[[0, 1.1]]]), name="y"), (0, 1))


def test_rounding_does_not_leave_the_range():
    check_within_range(images_of([-1e-7, 1 + 1e-7]), (0, 1))


# To the network and back


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_black_is_zero_and_white_is_one(dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    images = np.array([0, white], dtype).reshape(1, 1, 2, 1)
    assert to_unit(images, (0, white)).flatten().tolist() == [0, 1]


def test_batches_are_channels_first_float32():
    batch = to_unit(as_uint(X, np.uint8), (0, 255))
    assert batch.shape == (24, 3, 8, 8)
    assert batch.dtype == torch.float32
    np.testing.assert_allclose(batch.permute(0, 2, 3, 1).numpy(), X, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("dtype", "data_range"),
    [(np.uint8, (0, 1)), (np.int16, (-1, 1)), (np.float32, (0, 1)), (np.float64, (0, 2))],
)
def test_images_share_no_memory_with_the_batch(dtype, data_range):
    images = np.ones((2, 3, 3, 1), dtype)
    to_unit(images, data_range).zero_()
    assert (images == 1).all()


STORED = {
    "read-only": lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    "mirrored twice": lambda x: x[:, :, ::-1].copy()[:, :, ::-1],
    "column by column": np.asfortranarray,
}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_images_make_the_same_batch_however_they_lie_in_memory(stored, dtype):
    images = as_uint(X, np.uint8).astype(dtype)
    expected = to_unit(images.copy(), (0, 255))
    assert torch.equal(to_unit(stored(images), (0, 255)), expected)


def test_an_axis_of_length_one_may_have_a_negative_stride():
    assert torch.equal(to_unit(X[:1][::-1], (0, 1)), to_unit(X[:1], (0, 1)))


finite = st.floats(-1e6, 1e6, width=32)


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.just(1)),
        elements=finite,
    )
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_image_leaves_the_unit_range_of_its_own_values(images):
    low, high = float(images.min()), float(images.max())
    # Binary cross-entropy refuses a target of 1.0000001.
    batch = to_unit(images, (low, high if low < high else low + 1))
    assert 0 <= batch.min() <= batch.max() <= 1


WHOLE = {
    "uint8": (np.uint8, (0, 255)),
    "uint8, half levels": (np.uint8, (-0.5, 255.5)),
    "uint16": (np.uint16, (0, 65535)),
    "int16": (np.int16, (-32768, 32767)),
    "int16, half levels": (np.int16, (-32768.5, 32767.5)),
}


@pytest.mark.parametrize(("dtype", "data_range"), WHOLE.values(), ids=WHOLE)
def test_every_level_of_integers_comes_back(dtype, data_range):
    limits = np.iinfo(dtype)
    levels = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(1, 16, -1, 1)
    spec = spec_of(dtype, data_range)
    np.testing.assert_array_equal(from_unit(to_unit(levels, data_range), spec, dtype), levels)
    np.testing.assert_array_equal(from_array(to_array(levels, data_range), spec, dtype), levels)


@pytest.mark.parametrize("offset", [0, 1e3, 1e9])
def test_float64_images_far_from_zero_keep_their_detail(offset):
    images = X.astype(np.float64) + offset
    data_range = (offset, offset + 1.0)
    back = from_unit(to_unit(images, data_range), spec_of(float, data_range), np.float64)
    # Rounding to float32 within [0, 1], and of float64 at the offset.
    np.testing.assert_allclose(back, images, rtol=0, atol=1e-7 + 1e-15 * offset)


def results(units, dtype, spec):
    batch = torch.tensor(units, dtype=torch.float32).reshape(1, 1, 1, -1)
    return from_unit(batch, spec, dtype).ravel().tolist()


def test_integers_are_rounded_to_the_nearest_level():
    units = [0.0, 0.4 / 255, 0.6 / 255, 254.4 / 255]
    assert results(units, np.uint8, spec_of(np.uint8, (0, 255))) == [0, 0, 1, 254]


@pytest.mark.parametrize(
    ("dtype", "spec", "expected"),
    [
        (np.uint8, spec_of(np.uint8, (0, 255)), [0, 255]),
        (np.uint8, spec_of(np.uint8, (0.5, 9.5)), [1, 9]),
        (np.float32, spec_of(np.float32, (-1, 3)), [-1, 3]),
        # A range that was learned limits nothing but what the dtype cannot hold.
        (np.float32, spec_of(np.float32, (-1, 3), fixed=False), [-3, 5]),
        (np.uint16, spec_of(np.uint16, (0, 100), fixed=False), [0, 150]),
        (np.int16, spec_of(np.int16, (0, 30000), fixed=False), [-15000, 32767]),
        (np.uint8, spec_of(np.float32, (0, 200), fixed=False), [0, 255]),
    ],
    ids=str,
)
def test_results_are_limited_by_a_fixed_range_and_by_the_dtype(dtype, spec, expected):
    assert results([-0.5, 1.5], dtype, spec) == expected


@pytest.mark.parametrize("dtype", [np.uint64, np.int64])
def test_the_largest_integers_do_not_wrap_around(dtype):
    largest = float(np.iinfo(dtype).max)
    (result,) = results([2.0], dtype, spec_of(dtype, (0, largest)))
    assert result == result_limits(spec_of(dtype, (0, largest)), dtype)[1] > 0.999 * largest


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_normalised_images_have_a_mean_of_a_half_and_a_std_of_a_sixth(dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    # Nothing of uniform noise is beyond three standard deviations, where it would be clipped.
    images = (np.random.default_rng(0).uniform(0.2, 0.5, (5, 8, 8, 3)) * white).astype(dtype)
    normalized = normalize_contrast(images, (0, white))
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized.mean(axis=(1, 2, 3)), 0.5, atol=1e-5)
    np.testing.assert_allclose(normalized.std(axis=(1, 2, 3)), 1 / 6, rtol=1e-4)


def test_normalised_images_are_clipped_at_three_standard_deviations():
    images = np.zeros((1, 8, 8, 1), np.float32)
    images[0, 0, 0] = 1
    # 63 zeros and a one: the one is nearly 8 standard deviations above the mean.
    assert normalize_contrast(images, (0, 1)).max() == 1


def test_the_contrast_of_flat_images_is_not_amplified():
    images = np.full((1, 8, 8, 1), 0.3, np.float32)
    images[0, 0, 0] += 0.001
    assert np.ptp(normalize_contrast(images, (0, 1))) == pytest.approx(0.001 / 0.06, rel=1e-3)


def test_normalising_leaves_the_images_alone():
    images = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)
    before = images.copy()
    normalize_contrast(images, (0, 1))
    np.testing.assert_array_equal(images, before)
