"""Validation, layout, units and dtype of arrays of images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn_cae._images import (
    check_pixels,
    check_targets,
    check_units,
    check_within_range,
    from_channels_last,
    from_unit,
    learn_spec,
    normalize_contrast,
    to_channels_last,
    to_unit,
)
from small import as_uint, colour, gray

from sklearn_cae import _images

X = colour()

# --- validation


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2), (4, 3, 2, 1)])
def test_images_of_the_four_dtypes_are_not_copied(dtype, shape):
    images = np.ones(shape, dtype)
    assert np.shares_memory(check_pixels(images), images)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float16, bool, object])
def test_other_numbers_become_float64(dtype):
    assert check_pixels(np.ones((2, 3, 3), dtype)).dtype == np.float64


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", ">f4", "<f8", ">f8"])
def test_images_are_in_the_byte_order_of_the_machine(dtype):
    checked = check_pixels(np.arange(18).reshape(2, 3, 3).astype(dtype))
    assert checked.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(checked.ravel(), np.arange(18))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lists_of_images_keep_their_dtype(dtype):
    assert check_pixels([np.ones((3, 3), dtype)] * 2).dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tensors_of_images_keep_their_dtype(dtype):
    assert check_pixels(torch.from_numpy(np.ones((2, 3, 3), dtype))).dtype == dtype


def test_an_error_names_the_array():
    with pytest.raises(ValueError, match="clean images cannot be read as images: Input clean"):
        check_pixels(np.full((2, 2), np.nan), name="clean images")


@pytest.mark.parametrize("labels", [None, [1, 2], ["a", "b"], np.arange(3), [None, None]], ids=str)
def test_labels_are_no_targets(labels):
    assert check_targets(labels) is None


@pytest.mark.parametrize("targets", [np.ones((2, 3)), [[1, 2], [3, 4]], X], ids=["2", "list", "4"])
def test_images_are_targets(targets):
    np.testing.assert_array_equal(check_targets(targets), targets)


class WithoutNumpyFunctions:
    """An array-like whose shape numpy may not ask for before it is converted."""

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)

    def __array_function__(self, *args):
        raise TypeError("not an array yet")


def test_targets_are_converted_before_their_shape_is_read():
    assert check_targets(WithoutNumpyFunctions()) is None


# --- what is learned


def test_a_spec_says_what_the_images_are():
    spec = learn_spec(as_uint(colour(height=5, width=7), np.uint8))
    assert (spec.height, spec.width, spec.n_channels) == (5, 7, 3)
    assert (spec.channel_axis, spec.ndim, spec.dtype) == (3, 4, "uint8")
    assert spec.data_range == (0, 255)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], (0, 1)),
        ([0.2, 0.3], (0, 1)),
        ([0, 1.5], (0, 1.5)),
        ([-0.5, 0.5], (-0.5, 0.5)),
        ([-3, -2], (-3, -2)),
        ([2, 2], (1.5, 2.5)),
        ([0, 0], (0, 1)),
    ],
)
def test_the_range_of_floats_is_learned(values, expected):
    assert learn_spec(np.array([[values]], float)).data_range == expected


@pytest.mark.parametrize(
    ("shape", "params", "read_as"),
    [
        ((9, 9, 3), {}, "9 images with 1 channel"),
        ((9, 9, 4), {}, "9 images with 1 channel"),
        ((2, 3, 9, 9), {}, "2 images with 9 channel"),
        ((2, 1, 9, 9), {}, "2 images with 9 channel"),
        ((2, 9, 9, 3), {"channel_axis": 1}, "2 images with 9 channel"),
    ],
)
def test_axes_that_look_wrong_give_a_warning(shape, params, read_as):
    with pytest.warns(UserWarning, match=read_as):
        learn_spec(np.ones(shape), **params)


@pytest.mark.parametrize(
    ("shape", "params"),
    [
        ((9, 9, 9), {}),
        ((4, 4, 4), {}),
        ((2, 9, 9, 3), {}),
        ((2, 9, 9, 5), {}),
        ((2, 3, 3, 3), {}),
        ((2, 3, 9, 9), {"channel_axis": 1}),
        ((2, 16), {}),
        ((2, 1), {}),
    ],
)
def test_axes_that_look_right_give_no_warning(shape, params):
    learn_spec(np.ones(shape), **params)


# --- units


@pytest.mark.parametrize(
    ("data_range", "values"), [((0, 1), [-5, 5]), ((0, 1), [-0.5, 1.5]), ((0, 255), [-400, 2000])]
)
def test_noise_may_leave_the_range(data_range, values):
    spec = learn_spec(np.array([[[0.0, 1.0]]]), data_range=data_range)
    check_units(np.array([[values]], float), spec)


def test_clean_images_may_not_leave_the_range():
    with pytest.raises(
        ValueError, match=r"y has values from 0 to 1.1, but the data range is 0 to 1"
    ):
        check_within_range(np.array([0, 1.1]), (0, 1), name="y")


def test_rounding_does_not_leave_the_range():
    check_within_range(np.array([-1e-7, 1 + 1e-7]), (0, 1))


def test_black_images_may_have_any_unit():
    spec = learn_spec(as_uint(gray(), np.uint8))
    check_units(np.zeros((2, 8, 8)), spec)


# --- layout


@pytest.mark.parametrize("channel_axis", [-1, 1])
@pytest.mark.parametrize("ndim", [2, 4])
def test_layouts_are_views_and_come_back(channel_axis, ndim):
    images = X if channel_axis == -1 else np.ascontiguousarray(np.moveaxis(X, 3, 1))
    batch = images.reshape(24, -1) if ndim == 2 else images
    shape = (8, 8, 3) if ndim == 2 else None
    spec = learn_spec(batch, image_shape=shape, channel_axis=channel_axis)
    view = to_channels_last(batch, spec)
    assert np.shares_memory(view, batch)
    np.testing.assert_array_equal(view, X)
    np.testing.assert_array_equal(from_channels_last(view, ndim, spec), batch)


def test_gray_images_are_viewed_with_one_channel():
    images = gray()
    view = to_channels_last(images, learn_spec(images))
    assert view.shape == (24, 8, 8, 1)
    assert np.shares_memory(view, images)


def test_columns_of_a_data_frame_are_viewed():
    # Data frames hold their values column by column.
    rows = np.asfortranarray(X.reshape(24, -1))
    spec = learn_spec(rows, image_shape=(8, 8, 3))
    assert np.shares_memory(to_channels_last(rows, spec), rows)


# --- to the network and back


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


@pytest.mark.parametrize("data_range", [(0, 1), (0, 2), (-1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_images_share_no_memory_with_the_batch(dtype, data_range):
    images = np.ones((2, 3, 3, 1), dtype)
    to_unit(images, data_range).zero_()
    assert (images == 1).all()


def test_images_that_cannot_be_written_make_a_batch():
    images = X.copy()
    images.flags.writeable = False
    assert to_unit(images, (0, 1)).shape == (24, 3, 8, 8)


finite = st.floats(-1e6, 1e6, width=32)


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.just(1)),
        elements=finite,
    )
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_image_leaves_the_unit_range_of_its_own_values(images):
    # Binary cross-entropy refuses a target of 1.0000001.
    batch = to_unit(images, _images.learn_range(images, "auto"))
    assert 0 <= batch.min() <= batch.max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_of_integers_comes_back(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(1, 16, -1, 1)
    data_range = (0.0, float(np.iinfo(dtype).max))
    np.testing.assert_array_equal(from_unit(to_unit(levels, data_range), data_range, dtype), levels)


@pytest.mark.parametrize("offset", [0, 1e3, 1e9])
def test_float64_images_far_from_zero_keep_their_detail(offset):
    images = X.astype(np.float64) + offset
    data_range = (offset, offset + 1.0)
    back = from_unit(to_unit(images, data_range), data_range, np.float64)
    # Rounding to float32 within [0, 1], and of float64 at the offset.
    np.testing.assert_allclose(back, images, rtol=0, atol=1e-7 + 1e-15 * offset)


def test_integers_are_rounded_to_the_nearest_level():
    batch = torch.tensor([0.0, 0.4, 0.6, 254.4]).reshape(1, 1, 2, 2) / 255
    assert from_unit(batch, (0, 255), np.uint8).ravel().tolist() == [0, 0, 1, 254]


def test_integers_are_clipped_to_what_they_can_hold():
    batch = torch.tensor([-0.5, 1.5]).reshape(1, 1, 1, 2)
    assert from_unit(batch, (0, 255), np.uint8).ravel().tolist() == [0, 255]


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
