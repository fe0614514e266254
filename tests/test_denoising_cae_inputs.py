"""Layouts, sizes, dtypes and units: what comes out looks like what went in."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pytest
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    identity_cae,
    small_autoencoder,
    small_cae,
    small_encoder,
    small_unet,
)

from sklearn_cae import Autoencoder, GaussianNoise

# --- layouts


def first(images):
    """Channels first, (n, C, H, W)."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def rows(images):
    return images.reshape(len(images), -1)


LAYOUTS = {
    "(n, H, W, C)": (colour(), {}),
    "(n, H, W, 1)": (colour(n_channels=1), {}),
    "(n, H, W)": (gray(), {}),
    "(n, H, W), not square": (gray(height=6, width=9), {}),
    "(n, C, H, W)": (first(colour()), {"channel_axis": 1}),
    "square rows": (rows(gray()), {}),
    "rows of gray images": (rows(gray(height=6, width=9)), {"image_shape": (6, 9)}),
    "rows of colour images": (rows(colour()), {"image_shape": (8, 8, 3)}),
    "rows with the channels first": (
        rows(first(colour())),
        {"image_shape": (8, 8, 3), "channel_axis": 1},
    ),
}


@pytest.mark.parametrize(("X", "params"), LAYOUTS.values(), ids=LAYOUTS)
def test_predictions_have_the_layout_of_the_images(X, params):
    cae = identity_cae(X, **params)
    # An image of rounding errors: to [0, 1] and back in float32.
    np.testing.assert_allclose(cae.predict(X), X, atol=1e-6)


@pytest.mark.parametrize(
    "layout",
    ["(n, C, H, W)", "rows of colour images", "rows with the channels first"],
)
def test_one_network_is_learned_from_every_layout_of_the_same_images(layout):
    X, params = LAYOUTS[layout]
    assert_same_weights(small_cae(**params).fit(X), small_cae().fit(colour()))


def test_gray_images_are_learned_alike_with_and_without_a_channel_axis():
    X = gray()
    assert_same_weights(small_cae().fit(X), small_cae().fit(X[..., np.newaxis]))


def test_a_network_fitted_on_rows_reads_images():
    X = colour()
    cae = small_cae(image_shape=(8, 8, 3)).fit(rows(X))
    np.testing.assert_array_equal(rows(cae.predict(X)), cae.predict(rows(X)))


def test_negative_and_positive_numbers_of_the_last_axis_are_the_same():
    X = colour()
    assert_same_weights(small_cae(channel_axis=3).fit(X), small_cae(channel_axis=-1).fit(X))


@pytest.mark.parametrize(
    ("X", "params", "shape"),
    [
        (gray(height=6, width=9), {}, (6, 9)),
        (colour(height=6, width=9), {}, (6, 9, 3)),
        (first(colour(height=6, width=9)), {"channel_axis": 1}, (6, 9, 3)),
        (colour(n_channels=1), {}, (8, 8, 1)),
        (rows(gray()), {}, (8, 8)),
        (rows(gray()), {"image_shape": (8, 8, 1)}, (8, 8)),
        (rows(gray()), {"image_shape": [4, 16]}, (4, 16)),
        (rows(colour()), {"image_shape": (8, 8, 3)}, (8, 8, 3)),
    ],
)
def test_image_shape_is_learned(X, params, shape):
    assert small_cae(**params).fit(X).image_shape_ == shape


def test_image_shape_may_repeat_what_the_images_say():
    assert small_cae(image_shape=(8, 8, 3)).fit(colour()).image_shape_ == (8, 8, 3)


def test_rows_that_are_not_a_square_are_a_strip_with_a_warning():
    X = rows(gray(height=6, width=9))
    message = r"54 features, which is not a square.*1 x 54 pixels. Give image_shape=\(H, W\)"
    with pytest.warns(UserWarning, match=message):
        cae = small_cae().fit(X)
    assert cae.image_shape_ == (1, 54)


def test_the_warning_points_at_the_line_that_called_fit():
    with pytest.warns(UserWarning, match="not a square number") as record:
        small_cae().fit_transform(rows(gray(height=6, width=9)))
    assert record[0].filename == __file__


def test_a_strip_warns_in_fit_alone():
    X = rows(gray(height=6, width=9))
    with pytest.warns(UserWarning, match="not a square number"):
        cae = small_cae().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cae.predict(X)
        cae.transform(X)
        cae.score_samples(X)
        cae.score(X)


def test_images_with_the_channels_last_need_their_axis():
    message = r"with 8 channels. Images \(n, H, W, C\) need channel_axis=-1"
    with pytest.warns(UserWarning, match=message):
        small_cae(channel_axis=1).fit(colour())


def test_data_frames_keep_their_names():
    X = pd.DataFrame(rows(gray()), columns=[f"pixel{i}" for i in range(64)])
    assert list(small_cae().fit(X).feature_names_in_) == list(X.columns)


def test_images_after_data_frames_forget_the_names():
    X = pd.DataFrame(rows(gray()), columns=[f"pixel{i}" for i in range(64)])
    assert not hasattr(small_cae().fit(X).fit(gray()), "feature_names_in_")


# --- sizes

NETWORKS = {
    "autoencoder": small_autoencoder(),
    "strides": Autoencoder(small_encoder(downsampling="stride"), upsampling="transpose"),
    "U-Net": small_unet(),
    "flat code": small_autoencoder(latent_dim=2),
    "five stages": Autoencoder((2, 3, 4, 5, 6)),
}
# Each size and each network twice.
SIZES_AND_NETWORKS = [
    ((1, 1), "five stages"),
    ((1, 5), "strides"),
    ((5, 1), "U-Net"),
    ((2, 3), "autoencoder"),
    ((3, 3), "flat code"),
    ((1, 1), "U-Net"),
    ((7, 10), "strides"),
    ((7, 10), "flat code"),
    ((9, 9), "autoencoder"),
    ((9, 9), "five stages"),
]


@pytest.mark.parametrize(("size", "network"), SIZES_AND_NETWORKS)
def test_images_of_any_size_fit(size, network):
    X = gray(6, *size)
    denoised = small_cae(NETWORKS[network]).fit(X).predict(X)
    assert denoised.shape == X.shape
    assert np.isfinite(denoised).all()


@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (2, 1), (3, 2), (9, 2), (9, 8)])
def test_codes_of_one_pixel_are_learned_in_batches_of_any_size(n, batch_size):
    X = gray(n, 4, 4, seed=1)
    assert small_cae(batch_size=batch_size).fit(X).predict(X).shape == X.shape


@pytest.fixture(scope="module", params=["autoencoder", "U-Net"])
def fitted(request):
    return small_cae(NETWORKS[request.param]).fit(gray())


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (7, 10)])
def test_images_of_another_size_than_in_fit_are_denoised(fitted, size):
    X = gray(6, *size)
    assert fitted.predict(X).shape == X.shape


def test_images_of_another_size_than_in_fit_are_scored():
    X = gray(6, 9, 12)
    cae = small_cae().fit(gray())
    assert np.isfinite(cae.score(X))
    assert cae.score_samples(X).shape == (6,)


def test_a_gray_image_of_another_size_is_denoised_as_it_was_in_fit():
    X = gray()
    wide = np.concatenate([X, X], axis=2)
    np.testing.assert_allclose(identity_cae(X).predict(wide), wide, atol=1e-6)


@pytest.mark.parametrize("method", ["predict", "transform", "score_samples"])
def test_a_flat_code_refuses_images_of_another_size(method):
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(gray())
    message = r"X has images of 9 x 10 pixels, but those in fit had 8 x 8.*Crop or resize"
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(gray(4, 9, 10))


def test_codes_are_refused_to_images_of_another_size():
    cae = small_cae().fit(gray())
    with pytest.raises(ValueError, match=r"9 x 10 pixels, but those in fit had 8 x 8"):
        cae.transform(gray(4, 9, 10))


# --- dtypes and units

UNIT = gray()
UNITS = {
    "uint8": (as_uint(UNIT, np.uint8), {}, (0, 255)),
    "float32 in [0, 1]": (UNIT, {}, (0, 1)),
    "float64 in [0, 1]": (UNIT.astype(float), {}, (0, 1)),
    "float32 of any range": (UNIT * 300 - 100, {}, None),
    "float64 of any range": (UNIT.astype(float) * 300 - 100, {}, None),
    "float64 far from zero": (UNIT.astype(float) + 1e9, {}, None),
    "uint16": (as_uint(UNIT, np.uint16) // 8 + 500, {}, None),
    "int16": ((UNIT * 2000 - 1000).astype(np.int16), {}, None),
    "int32": ((UNIT * 200000 - 100000).astype(np.int32), {}, None),
    "uint8 of an explicit range": (as_uint(UNIT, np.uint8) // 4, {"data_range": (0, 63)}, (0, 63)),
    "uint16 of 12 bits": (as_uint(UNIT, np.uint16) // 16, {"data_range": (0, 4095)}, (0, 4095)),
    "float64 of an explicit range": (UNIT.astype(float), {"data_range": [-1, 2]}, (-1, 2)),
}


@pytest.mark.parametrize(("X", "params", "data_range"), UNITS.values(), ids=UNITS)
def test_predictions_have_the_dtype_and_the_units_of_the_images(X, params, data_range):
    denoised = identity_cae(X, **params).predict(X)
    assert denoised.dtype == X.dtype
    # Integers come back exactly; floats with the rounding of float32 in units of the range.
    tolerance = 0 if X.dtype.kind in "ui" else 1e-6 * float(np.ptp(X))
    np.testing.assert_allclose(denoised.astype(float), X.astype(float), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("X", "params", "data_range"), UNITS.values(), ids=UNITS)
def test_the_data_range_is_given_or_holds_the_images_with_some_headroom(X, params, data_range):
    low, high = small_cae(**params).fit(X).data_range_
    if data_range is not None:
        assert (low, high) == data_range
    else:
        assert low <= X.min() < X.max() <= high
        # 5 % at each end; equal numbers of 1e9 have some of their own.
        assert high - low <= 1.1 * float(np.ptp(X)) * (1 + 1e-6)


def test_one_network_is_learned_from_integers_and_floats():
    X = as_uint(UNIT, np.uint8)
    floats = X / 255
    # Clipped noise is rounded to whole levels for integers alone.
    noise = GaussianNoise(0.1, clip=False)
    integer, unit = small_cae(noise=noise).fit(X), small_cae(noise=noise).fit(floats)
    # Rounding of the predictions to whole levels.
    np.testing.assert_allclose(
        integer.predict(X) / 255, unit.predict(floats), atol=0.51 / 255 + 1e-6
    )


def test_counts_in_a_corner_of_uint16_are_learned_as_what_they_are():
    counts = (100 + 600 * UNIT).astype(np.uint16)
    low, high = small_cae().fit(counts).data_range_
    assert 0 <= low < 100
    assert 700 < high < 800


def test_a_hot_pixel_does_not_move_a_range_that_is_learned():
    X = UNIT * 600 + 100
    hot = X.copy()
    hot[3, 2, 1] = 65535
    expected, (low, high) = small_cae().fit(X).data_range_, small_cae().fit(hot).data_range_
    # The core of the values is widened by its width at each end, and that by a headroom of 5 %.
    assert expected[0] - 1.1 * 600 <= low
    assert high <= expected[1] + 1.1 * 600


def test_a_hot_pixel_in_fit_leaves_the_denoised_images_good():
    X = UNIT * 600 + 100
    hot = X.copy()
    hot[3, 2, 1] = 65535
    cae = small_cae(small_unet(), max_epochs=10).fit(hot)
    noisy = X + np.random.default_rng(0).normal(0, 60, X.shape)
    before, after = (np.square(images - X).mean() for images in (noisy, cae.predict(noisy)))
    # Scaled to 65535 the noise is lost, and so is the image: 25 times the error.
    assert after < before


def test_values_beyond_a_learned_range_are_not_cut_off():
    scan = (UNIT * 2000 - 1000).astype(np.int16)
    cae = identity_cae(scan)
    metal = scan.copy()
    metal[0, 0, 0] = 3071
    np.testing.assert_array_equal(cae.predict(metal), metal)


def test_images_in_a_corner_of_a_fixed_range_are_told():
    message = r"fill .*% of the data range 0 to 255. Noise levels.*Give data_range=\(0, 9\) if"
    with pytest.warns(UserWarning, match=message):
        small_cae().fit((UNIT * 10).astype(np.uint8))


def test_floats_in_the_units_of_uint8_are_denoised_as_floats():
    X = as_uint(UNIT, np.uint8)
    cae = identity_cae(X)
    denoised = cae.predict(X + 0.25)
    assert denoised.dtype == np.float64
    # Rounding of float32 at 255.
    np.testing.assert_allclose(denoised, np.minimum(X + 0.25, 255), atol=3e-5)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, bool, object])
def test_integers_stay_and_other_numbers_become_float64(dtype):
    X = (UNIT > 0.5).astype(dtype)
    expected = dtype if dtype is np.int64 else np.float64
    assert small_cae().fit(X).predict(X).dtype == expected


@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8"])
def test_the_byte_order_does_not_matter(dtype):
    X = as_uint(UNIT, np.uint16) if dtype == ">u2" else UNIT.astype(dtype[1:])
    swapped = X.astype(dtype)
    cae = small_cae().fit(swapped)
    assert_same_weights(cae, small_cae().fit(X))
    assert cae.predict(swapped).dtype == X.dtype


# What makes a frame of numpy's rows.
FRAMES = {
    "pandas": pd.DataFrame,
    "pandas, nullable": lambda rows: pd.DataFrame(rows).astype("UInt8"),
    "pandas on pyarrow": lambda rows: pd.DataFrame(rows).astype("uint8[pyarrow]"),
    "pyarrow": lambda rows: pyarrow.table({str(i): column for i, column in enumerate(rows.T)}),
    "polars": pl.DataFrame,
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_uint8_in_a_frame_is_uint8(make):
    levels = rows(as_uint(UNIT, np.uint8))
    cae = small_cae().fit(make(levels))
    assert cae.data_range_ == (0, 255)
    assert cae.predict(make(levels)).dtype == np.uint8


def test_a_list_of_uint8_images_is_uint8():
    X = as_uint(UNIT, np.uint8)
    assert small_cae().fit(list(X)).data_range_ == (0, 255)


def test_predictions_stay_within_the_data_range():
    cae = identity_cae(UNIT)
    np.testing.assert_array_equal(cae.predict(UNIT * 3 - 1), np.clip(UNIT * 3 - 1, 0, 1))


def test_images_of_one_value_have_a_range():
    cae = small_cae().fit(np.full((6, 8, 8), 7.0))
    assert cae.data_range_ == (6.5, 7.5)
    assert np.isfinite(cae.predict(np.full((6, 8, 8), 7.0))).all()


def test_black_images_fit():
    assert small_cae().fit(np.zeros((6, 8, 8), np.uint8)).data_range_ == (0, 255)


def test_noise_may_leave_the_range_of_the_images():
    cae = small_cae().fit(UNIT)
    noisy = UNIT + np.random.default_rng(0).normal(0, 1, UNIT.shape)
    assert np.isfinite(cae.predict(noisy)).all()


def test_hot_pixels_leave_their_surroundings_alone():
    cae = small_cae(small_unet(), max_epochs=10).fit(UNIT)
    noisy = UNIT + np.random.default_rng(0).normal(0, 0.1, UNIT.shape)
    hot = noisy.copy()
    hot[:, 4, 4] = 10
    # The network of clipped noise sees white there, not ten times white.
    np.testing.assert_array_equal(cae.predict(hot), cae.predict(hot.clip(0, 1)))


# --- the user's arrays


def test_arrays_that_cannot_be_written_are_read():
    X = UNIT.copy()
    X.flags.writeable = False
    assert_same_weights(small_cae().fit(X), small_cae().fit(UNIT))


def test_arrays_that_are_not_contiguous_are_read():
    X = np.repeat(colour(), 2, axis=2)[:, :, ::2]
    assert not X.flags.c_contiguous
    assert_same_weights(small_cae().fit(X), small_cae().fit(colour()))


def test_memory_mapped_arrays_are_read(tmp_path):
    np.save(tmp_path / "images.npy", as_uint(colour(), np.uint8))
    X = np.load(tmp_path / "images.npy", mmap_mode="r")
    cae = small_cae().fit(X)
    np.testing.assert_array_equal(cae.predict(X), cae.predict(np.array(X)))


@pytest.mark.parametrize("data_range", ["auto", (-1, 3)])
def test_float32_images_are_not_scaled_in_place(data_range):
    X = UNIT * 2
    before = X.copy()
    cae = small_cae(data_range=data_range).fit(X)
    cae.predict(X)
    cae.score(X)
    np.testing.assert_array_equal(X, before)
