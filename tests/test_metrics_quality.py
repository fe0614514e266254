import tracemalloc

import numpy as np
import pytest
import skimage.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import KNOWN_QUALITY, checkerboard, noise_of_known_std

from sklearn_cae.images import _sources
from sklearn_cae.metrics import (
    PSNR_CAP,
    SSIM_MIN_SIZE,
    capped_psnr,
    peak_signal_noise_ratio,
    ssim_or_nan,
    structural_similarity,
)

METRICS = {"psnr": peak_signal_noise_ratio, "ssim": structural_similarity}
WIDTHS = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}
# Shape of a batch and the axis of the channels in one image.
LAYOUTS = {
    "gray": (lambda h, w: (4, h, w), None),
    "one channel": (lambda h, w: (4, h, w, 1), -1),
    "colour": (lambda h, w: (4, h, w, 3), -1),
    "channels first": (lambda h, w: (4, 3, h, w), 0),
}
any_batches = {
    "size": st.tuples(st.integers(3, 20), st.integers(3, 20)),
    "dtype": st.sampled_from(sorted(WIDTHS)),
    "layout": st.sampled_from(sorted(LAYOUTS)),
}


def two_batches(layout, size, dtype):
    """Images and noisier and noisier versions of them, in the units of the dtype."""
    rng = np.random.default_rng(0)
    shape = LAYOUTS[layout][0](*size)
    true = rng.random(shape)
    std = np.array([0.02, 0.1, 0.5, 2]).reshape(4, *[1] * (len(shape) - 1))
    test = np.clip(true + std * rng.standard_normal(shape), 0, 1)
    width = WIDTHS[dtype]
    both = ((width * x).round() if width > 1 else x for x in (true, test))
    return tuple(x.astype(dtype) for x in both)


@pytest.fixture
def clean():
    """A dozen smooth 8 x 8 images in [0, 1]."""
    rows, columns = np.indices((8, 8)) / 7
    weights = np.random.default_rng(0).random((12, 2, 1, 1))
    return (weights[:, 0] * rows + weights[:, 1] * columns) / 2


# Equality with scikit-image


@settings(max_examples=30, derandomize=True, deadline=None)
@given(**any_batches)
def test_psnr_equals_that_of_scikit_image(layout, size, dtype):
    true, test = two_batches(layout, size, dtype)
    width = WIDTHS[dtype]
    expected = [
        skimage.metrics.peak_signal_noise_ratio(a, b, data_range=width)
        for a, b in zip(true, test, strict=True)
    ]
    psnr = peak_signal_noise_ratio(true, test, data_range=width, reduction="none")
    # The accuracy that the project promises.
    np.testing.assert_allclose(psnr, expected, rtol=0, atol=1e-6)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(**any_batches, win_size=st.sampled_from([None, 3, 5, 9]))
def test_ssim_equals_that_of_scikit_image(layout, size, dtype, win_size):
    true, test = two_batches(layout, size, dtype)
    width, axis = WIDTHS[dtype], LAYOUTS[layout][1]
    if win_size is not None and win_size > min(size):
        win_size = None
    # scikit-image takes no window of its own choice for a small image.
    window = win_size or min(7, min(size) - 1 + min(size) % 2)
    expected = [
        skimage.metrics.structural_similarity(
            # It computes in float32 where ours is float64 throughout.
            *(x.astype(np.float64) if dtype == "float32" else x for x in (a, b)),
            data_range=width,
            channel_axis=axis,
            win_size=window,
        )
        for a, b in zip(true, test, strict=True)
    ]
    options = {"channel_axis": 1} if axis == 0 else {}
    ssim = structural_similarity(
        true, test, data_range=width, win_size=win_size, reduction="none", **options
    )
    # The accuracy that the project promises.
    np.testing.assert_allclose(ssim, expected, rtol=0, atol=1e-6)


# Exact answers


@pytest.mark.parametrize("problem", KNOWN_QUALITY, ids=lambda p: f"{p.psnr:.1f} dB")
def test_psnr_is_what_the_formula_says(problem):
    psnr = peak_signal_noise_ratio(
        problem.image_true, problem.image_test, data_range=problem.data_range
    )
    # float64 rounds at 1e-16 of some hundred dB.
    assert psnr == pytest.approx(problem.psnr, abs=1e-10)


@pytest.mark.parametrize("problem", KNOWN_QUALITY, ids=lambda p: f"{p.psnr:.1f} dB")
def test_ssim_is_what_the_formula_says(problem):
    ssim = structural_similarity(
        problem.image_true, problem.image_test, data_range=problem.data_range
    )
    # Variances of constant images are differences of equal numbers, of up to 4e9 for uint16.
    assert ssim == pytest.approx(problem.ssim, abs=1e-6)


@pytest.mark.parametrize("std", [0.5, 0.1, 25 / 255, 1e-3])
def test_noise_of_a_known_standard_deviation_has_a_known_psnr(std):
    psnr = peak_signal_noise_ratio(*noise_of_known_std(std), data_range=1)
    # float64 rounds 0.5 + std at 1e-16, of a std of 1e-3.
    assert psnr == pytest.approx(-20 * np.log10(std), abs=1e-9)


def test_psnr_of_equal_images_is_infinite(clean):
    assert peak_signal_noise_ratio(clean, clean, data_range=1) == np.inf


def test_ssim_of_equal_images_is_one(clean):
    np.testing.assert_array_equal(
        structural_similarity(clean, clean, data_range=1, reduction="none"), 1
    )


def test_ssim_of_an_image_and_its_negative_is_negative():
    board = checkerboard()[None]
    assert structural_similarity(0.5 + board / 2, 0.5 - board / 2, data_range=1) < 0


def test_one_equal_image_leaves_the_others_finite(clean):
    test = clean.copy()
    test[1:] += 0.1
    psnr = peak_signal_noise_ratio(clean, test, data_range=1, reduction="none")
    np.testing.assert_array_equal(np.isinf(psnr), [True] + 11 * [False])


# What both metrics promise


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_mean_is_that_of_the_images(metric):
    batches = two_batches("colour", (8, 8), "float64")
    each = metric(*batches, data_range=1, reduction="none")
    # The sums may differ in their order.
    assert metric(*batches, data_range=1) == pytest.approx(each.mean(), rel=1e-15)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_mean_is_a_float(metric, clean):
    assert type(metric(clean, 1 - clean, data_range=1)) is float


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("dtype", WIDTHS)
def test_there_is_one_float64_for_each_image(metric, dtype):
    true, test = two_batches("gray", (8, 8), dtype)
    values = metric(true, test, data_range=WIDTHS[dtype], reduction="none")
    assert (values.shape, values.dtype) == ((4,), np.float64)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_units_make_no_difference(metric):
    true, test = two_batches("colour", (9, 8), "float64")
    in_units = metric(true, test, data_range=1)
    # Rounding of float64.
    assert metric(7 * true, 7 * test, data_range=7) == pytest.approx(in_units, rel=1e-9)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_two_images_may_have_different_dtypes(metric, clean):
    as_uint8 = np.rint(255 * clean).astype(np.uint8)
    as_float = as_uint8.astype(np.float64) * 0.9
    values = metric(as_uint8, as_float, data_range=255)
    assert values == metric(as_uint8.astype(np.float64), as_float, data_range=255)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_images_are_unchanged(metric, clean):
    true, test = clean.copy(), 1 - clean
    metric(true, test, data_range=1)
    np.testing.assert_array_equal([true, test], [clean, 1 - clean])


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_lists_will_do(metric, clean):
    expected = metric(clean, 1 - clean, data_range=1)
    assert metric(clean.tolist(), (1 - clean).tolist(), data_range=1) == expected


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_chunks_change_nothing(metric, clean, monkeypatch):
    expected = metric(clean, 1 - clean, data_range=1, reduction="none")
    monkeypatch.setattr(_sources, "CHUNK_VALUES", 5 * 64)
    np.testing.assert_array_equal(
        metric(clean, 1 - clean, data_range=1, reduction="none"), expected
    )


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_memory_does_not_grow_with_the_batch(metric, monkeypatch):
    monkeypatch.setattr(_sources, "CHUNK_VALUES", 2**14)
    images = np.zeros((4096, 16, 16), dtype=np.uint8)
    tracemalloc.start()
    metric(images, images, data_range=255)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Some thirty arrays of float64 of a chunk; all images at once would be 8 MiB each.
    assert peak < 30 * 8 * 2**14


def test_psnr_takes_rows(clean):
    rows = clean.reshape(12, 64)
    expected = peak_signal_noise_ratio(clean, 1 - clean, data_range=1)
    assert peak_signal_noise_ratio(rows, 1 - rows, data_range=1) == expected


# Errors of the metrics


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_data_range_has_to_be_given(metric, clean):
    with pytest.raises(TypeError, match="data_range"):
        metric(clean, clean)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("data_range", [0, -1, np.nan, np.inf, "auto", None, (0, 1), 1j], ids=repr)
def test_a_bad_data_range_is_an_error_that_says_what_it_is(metric, clean, data_range):
    with pytest.raises(ValueError, match=r"data_range=.*; expected a positive number, white minus"):
        metric(clean, clean, data_range=data_range)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_different_shapes_are_an_error(metric, clean):
    with pytest.raises(ValueError, match=r"\(12, 8, 8\) and image_test \(12, 8, 7\); both batches"):
        metric(clean, clean[:, :, 1:], data_range=1)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_an_unknown_reduction_is_an_error(metric, clean):
    with pytest.raises(ValueError, match="reduction='sum'; allowed are 'mean' and 'none'"):
        metric(clean, clean, data_range=1, reduction="sum")


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("name", ["image_true", "image_test"])
def test_values_that_are_no_numbers_are_an_error_that_names_the_images(metric, clean, name):
    batches = {"image_true": clean, "image_test": clean, name: np.full_like(clean, np.nan)}
    with pytest.raises(ValueError, match=f"{name}.*NaN"):
        metric(**batches, data_range=1)


@pytest.mark.parametrize("win_size", [2, 4, 1, 9, -3, 7.0, "7"])
def test_a_window_that_does_not_fit_is_an_error(clean, win_size):
    with pytest.raises(ValueError, match=r"on images of 8 x 8; win_size must be odd, at least 3"):
        structural_similarity(clean, clean, data_range=1, win_size=win_size)


@pytest.mark.parametrize("size", [(2, 8), (8, 1)], ids=str)
def test_an_image_that_is_too_small_for_any_window_is_an_error(size):
    images = np.zeros((3, *size))
    with pytest.raises(ValueError, match="win_size must be odd, at least 3 and fit into the image"):
        structural_similarity(images, images, data_range=1)


def test_ssim_of_rows_is_an_error_with_a_cure(clean):
    rows = clean.reshape(12, 64)
    with pytest.raises(ValueError, match=r"shape \(12, 64\); SSIM needs .* Reshape rows to images"):
        structural_similarity(rows, rows, data_range=1)


def test_ssim_with_another_channel_axis_is_an_error():
    images = np.zeros((2, 8, 8, 3))
    with pytest.raises(ValueError, match="channel_axis=2; allowed are -1"):
        structural_similarity(images, images, data_range=1, channel_axis=2)


# Far units


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1e-100, 1e100, 1e300])
def test_any_unit_of_float64_gives_the_same_quality(metric, unit):
    # Whole numbers are exact in every unit, even the smallest.
    true = np.arange(64.0).reshape(1, 8, 8) % 7
    test = 7 - true
    in_units = metric(true, test, data_range=7)
    # Rounding of float64.
    measured = metric(unit * true, unit * test, data_range=7 * unit)
    assert measured == pytest.approx(in_units, rel=1e-9)


@pytest.mark.parametrize("data_range", [1e-300, 1e-170, 1e170, 1e300])
def test_psnr_of_a_data_range_far_from_the_images_is_what_the_formula_says(data_range, clean):
    psnr = peak_signal_noise_ratio(clean, clean + 0.1, data_range=data_range)
    # float64 rounds at 1e-16 of 6000 dB.
    assert psnr == pytest.approx(20 * np.log10(data_range) + 20, abs=1e-9)


@pytest.mark.parametrize(
    ("metric", "data_range"),
    [(peak_signal_noise_ratio, 5e-324), (structural_similarity, 1e-300)],
    ids=METRICS,
)
def test_a_data_range_too_far_below_the_images_is_an_error_that_says_so(metric, data_range, clean):
    with pytest.raises(ValueError, match=f"data_range={data_range} is too small for these images"):
        metric(clean, 1 - clean, data_range=data_range)


def test_images_that_differ_by_less_than_a_square_can_hold_are_not_equal():
    # 20 log10(1 / 1e-200) for one of 64 pixels, which adds 10 log10(64).
    true = np.zeros((1, 8, 8))
    test = true.copy()
    test[0, 0, 0] = 1e-200
    psnr = peak_signal_noise_ratio(true, test, data_range=1)
    # float64 rounds at 1e-16 of 4000 dB.
    assert psnr == pytest.approx(4000 + 10 * np.log10(64), abs=1e-9)


# The two limits


def test_an_image_counts_with_at_most_the_cap(clean):
    test = clean.copy()
    test[6:] += 0.1
    psnr = capped_psnr(clean, test, data_range=1, reduction="none")
    # float64 rounds clean + 0.1 at 1e-16.
    np.testing.assert_allclose(psnr, 6 * [PSNR_CAP] + 6 * [20], rtol=0, atol=1e-9)


def test_the_mean_of_the_capped_psnr_is_finite(clean):
    assert capped_psnr(clean, clean, data_range=1) == PSNR_CAP == 100


def test_ssim_begins_at_its_smallest_size():
    images = np.zeros((2, SSIM_MIN_SIZE, SSIM_MIN_SIZE))
    assert structural_similarity(images, images, data_range=1) == 1


@pytest.mark.parametrize("shape", [(3, 2, 8), (3, 8, 2, 1)])
def test_tables_have_no_ssim_of_smaller_images(shape):
    images = np.zeros(shape)
    ssim = ssim_or_nan(images, images, data_range=1, reduction="none")
    np.testing.assert_array_equal(ssim, 3 * [np.nan])


def test_tables_have_the_ssim_of_all_other_images(clean):
    assert ssim_or_nan(clean, 1 - clean, data_range=1) == structural_similarity(
        clean, 1 - clean, data_range=1
    )
