"""Layout of batches: what is learned of it, views of it, and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import as_uint, colour, gray

from sklearn_cae.images import (
    from_array,
    from_channels_last,
    from_unit,
    learn_spec,
    read_images,
    to_array,
    to_channels_last,
    to_unit,
    view_of_size,
)

X = colour()
one_example = settings(max_examples=60, deadline=None, derandomize=True)


def learn(images, **params):
    return learn_spec(read_images(images), **params)


def filled(shape):
    """Images that fill the range from 0 to 1, so that no warning tells of another one."""
    return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)


# What is learned


def test_a_spec_says_what_the_images_are():
    spec = learn(as_uint(colour(height=5, width=7), np.uint8))
    assert (spec.height, spec.width, spec.n_channels) == (5, 7, 3)
    assert (spec.channel_axis, spec.ndim, spec.dtype) == (3, 4, "uint8")
    assert spec.image_shape == (5, 7, 3)


@pytest.mark.parametrize(
    ("shape", "params", "image_shape"),
    [
        ((2, 16), {}, (4, 4)),
        ((2, 24), {"image_shape": (6, 4)}, (6, 4)),
        ((2, 24), {"image_shape": (4, 2, 3)}, (4, 2, 3)),
        ((2, 5, 7), {}, (5, 7)),
        ((2, 5, 7, 1), {}, (5, 7, 1)),
        ((2, 1, 5, 7), {"channel_axis": 1}, (5, 7, 1)),
    ],
)
def test_the_shape_of_an_image_is_learned(shape, params, image_shape):
    assert learn(filled(shape), **params).image_shape == image_shape


@pytest.mark.parametrize(
    ("shape", "params", "read_as"),
    [
        ((9, 3, 12, 12), {}, "read as 9 images with 12 channels. Images .* need channel_axis=1"),
        ((2, 9, 9, 3), {"channel_axis": 1}, "read as 2 images with 9 channels. .*channel_axis=-1"),
        ((2, 15), {}, "15 features, which is not a square number"),
        ((9, 9), {}, "read as 9 rows, each an image of 3 x 3 pixels"),
    ],
)
def test_axes_that_look_wrong_give_a_warning_with_the_cure(shape, params, read_as):
    with pytest.warns(UserWarning, match=read_as):
        learn(filled(shape), **params)


@pytest.mark.parametrize(
    ("shape", "params"),
    [
        ((9, 9, 9), {}),
        ((2, 4, 4, 4), {}),
        ((2, 9, 9, 5), {}),
        ((2, 3, 9, 9), {"channel_axis": 1}),
        ((2, 16), {}),
        ((2, 1), {}),
    ],
)
def test_axes_that_look_right_give_no_warning(shape, params):
    learn(filled(shape), **params)


@pytest.mark.parametrize(
    ("shape", "params", "message"),
    [
        ((9, 9, 3), {}, r"looks like a single colour image, which is a batch as X\[np.newaxis\]"),
        ((2, 24), {"image_shape": (5, 5)}, "means 25 features, but X has 24"),
        ((2, 5, 7), {"image_shape": (7, 5)}, r"the images of X have shape \(5, 7, 1\)"),
        ((2, 24), {"image_shape": (0, 5)}, "expected .* positive integers"),
        ((2, 24), {"image_shape": 24}, "image_shape=24"),
        ((2, 5, 7), {"channel_axis": 2}, "allowed are -1 for images"),
    ],
)
def test_a_layout_that_does_not_fit_is_an_error(shape, params, message):
    with pytest.raises(ValueError, match=message):
        learn(filled(shape), **params)


# Views


def in_layout(images, layout):
    """Images (n, H, W, C) in one of the layouts that users have."""
    if layout in ("channels first", "rows, channels first"):
        images = np.moveaxis(images, 3, 1).copy()
    return images.reshape(len(images), -1) if layout.startswith("rows") else images


def params_of(layout, images):
    params = {"channel_axis": 1 if "channels first" in layout else -1}
    return params | ({"image_shape": images.shape[1:]} if layout.startswith("rows") else {})


LAYOUTS = ["channels last", "channels first", "rows", "rows, channels first"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_views_and_come_back(layout):
    batch = in_layout(X, layout)
    source = read_images(batch)
    spec = learn_spec(source, **params_of(layout, X))
    view = to_channels_last(source, spec)
    assert np.shares_memory(view, batch)
    np.testing.assert_array_equal(view, X)
    np.testing.assert_array_equal(from_channels_last(view, batch.ndim, spec), batch)


def test_gray_images_are_viewed_with_one_channel():
    source = read_images(gray())
    spec = learn_spec(source)
    view = to_channels_last(source, spec)
    assert view.shape == (24, 8, 8, 1)
    assert np.shares_memory(view, source.pixels)
    np.testing.assert_array_equal(from_channels_last(view, 3, spec), source.pixels)


def test_columns_of_a_data_frame_are_viewed():
    # Data frames hold their values column by column.
    source = read_images(np.asfortranarray(X.reshape(24, -1)))
    spec = learn_spec(source, image_shape=(8, 8, 3))
    assert np.shares_memory(to_channels_last(source, spec), source.pixels)


def test_images_of_another_size_are_viewed_too():
    other = read_images(colour(height=5, width=11))
    assert to_channels_last(other, learn(X)).shape == (24, 5, 11, 3)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (X[..., :2], r"has 2 channel\(s\), but the learned images have 3"),
        (X[0], r"1 channel\(s\).* A single image X is a batch as X\[np.newaxis\]"),
        (X.reshape(24, -1), r"had 4 dimensions.*rows are X.reshape\(-1, 8, 8, 3\)"),
    ],
    ids=["channels", "single", "rows"],
)
def test_images_of_another_layout_are_an_error_with_the_cure(other, message):
    with pytest.raises(ValueError, match=message):
        to_channels_last(read_images(other), learn(X))


def test_rows_of_another_length_are_an_error():
    with pytest.raises(ValueError, match=r"X has 9 features, but .* is expecting 16 features"):
        to_channels_last(read_images(filled((2, 9))), learn(filled((2, 16))))


def test_images_of_another_size_are_an_error_where_the_size_matters():
    with pytest.raises(ValueError, match="has images of 5 x 11 pixels, but those in fit had 8 x 8"):
        view_of_size(read_images(colour(height=5, width=11)), learn(X))


# All layouts, dtypes and ranges: there and back

DTYPES = [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64]


@st.composite
def batches(draw):
    """Images (n, H, W, C), a layout for them, and the data range to work in."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(*[st.integers(2, 4)] * 3, st.integers(1, 3)))
    low = draw(st.floats(-1000, 1000, width=32))
    width = draw(st.floats(1, 1000, width=32))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low = float(np.clip(round(low), limits.min, limits.max - 10))
        # Half levels are ranges too.
        high = min(low + round(width), limits.max) + draw(st.sampled_from([0.0, 0.5]))
    else:
        high = low + width
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    images = low + (high - low) * rng.random(shape)
    images = np.floor(images) if dtype.kind in "iu" else images
    images.flat[:2] = low, np.floor(high) if dtype.kind in "iu" else high
    return images.astype(dtype), draw(st.sampled_from(LAYOUTS)), (low, high)


@given(batches())
@one_example
def test_images_come_back_from_a_tensor_in_their_layout_dtype_and_range(case):
    images, layout, data_range = case
    batch = in_layout(images, layout)
    source = read_images(batch)
    params = params_of(layout, images)
    spec = learn_spec(source, data_range=data_range, **params)
    tensor = to_unit(to_channels_last(source, spec), spec.data_range)
    back = from_channels_last(from_unit(tensor, spec, batch.dtype), batch.ndim, spec)
    # float32 rounds at 6e-8 of what it holds, twice: units, and values with their offset.
    atol = 0 if batch.dtype.kind in "iu" else 4e-7 * (data_range[1] - data_range[0] + 1000)
    np.testing.assert_allclose(back, batch, rtol=0, atol=atol)
    assert back.dtype == batch.dtype


@given(batches())
@one_example
def test_images_come_back_from_an_array_of_floats(case):
    images, _, data_range = case
    spec = learn(images, data_range=data_range)
    unit = to_array(images, data_range)
    assert unit.dtype == np.float32
    np.testing.assert_array_equal(to_unit(images, data_range).permute(0, 2, 3, 1), unit)
    back = from_array(unit, spec, images.dtype)
    np.testing.assert_array_equal(
        back, from_unit(to_unit(images, data_range), spec, images.dtype), strict=True
    )
