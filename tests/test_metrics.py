import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import skimage.metrics
from problems import KNOWN_QUALITY, checkerboard, noise_of_known_std
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small import small_cae

from sklearn_cae.metrics import (
    DenoisingScorer,
    peak_signal_noise_ratio,
    psnr_scorer,
    ssim_scorer,
    structural_similarity,
)
from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseInjector,
    NoisyImages,
    SaltAndPepperNoise,
    _injector,
)

METRICS = {"psnr": peak_signal_noise_ratio, "ssim": structural_similarity}
SIZES = [(8, 8), (28, 28), (7, 9), (5, 5), (3, 4), (64, 48)]
WIDTHS = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}
# Shape of a batch and the axis of the channels in one image.
LAYOUTS = {
    "gray": (lambda h, w: (4, h, w), None),
    "one channel": (lambda h, w: (4, h, w, 1), -1),
    "colour": (lambda h, w: (4, h, w, 3), -1),
    "channels first": (lambda h, w: (4, 3, h, w), 0),
}
in_all_forms = [
    pytest.mark.parametrize("size", SIZES, ids=str),
    pytest.mark.parametrize("dtype", WIDTHS),
    pytest.mark.parametrize("layout", LAYOUTS),
]


def all_forms(test):
    for parametrize in in_all_forms:
        test = parametrize(test)
    return test


def two_batches(layout, size, dtype):
    """Images and noisier and noisier versions of them, in the units of the dtype."""
    rng = np.random.default_rng(0)
    shape = LAYOUTS[layout][0](*size)
    true = rng.random(shape)
    std = np.array([0.02, 0.1, 0.5, 2]).reshape(4, *[1] * (len(shape) - 1))
    test = np.clip(true + std * rng.standard_normal(shape), 0, 1)
    width = WIDTHS[dtype]
    return tuple((width * x).round() if width > 1 else x for x in (true, test))


@pytest.fixture
def clean():
    """A dozen smooth 8 x 8 images in [0, 1]."""
    rows, columns = np.indices((8, 8)) / 7
    weights = np.random.default_rng(0).random((12, 2, 1, 1))
    return (weights[:, 0] * rows + weights[:, 1] * columns) / 2


# Equality with scikit-image


@all_forms
def test_psnr_equals_that_of_scikit_image(layout, size, dtype):
    true, test = (x.astype(dtype) for x in two_batches(layout, size, dtype))
    width = WIDTHS[dtype]
    expected = [
        skimage.metrics.peak_signal_noise_ratio(a, b, data_range=width)
        for a, b in zip(true, test, strict=True)
    ]
    psnr = peak_signal_noise_ratio(true, test, data_range=width, reduction="none")
    # The accuracy that the project promises.
    np.testing.assert_allclose(psnr, expected, rtol=0, atol=1e-6)


@all_forms
def test_ssim_equals_that_of_scikit_image(layout, size, dtype):
    true, test = (x.astype(dtype) for x in two_batches(layout, size, dtype))
    width, axis = WIDTHS[dtype], LAYOUTS[layout][1]
    # scikit-image takes no window of its own choice for a small image.
    window = min(7, min(size) - 1 + min(size) % 2)
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
    ssim = structural_similarity(true, test, data_range=width, reduction="none", **options)
    # The accuracy that the project promises.
    np.testing.assert_allclose(ssim, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("win_size", [3, 5, 9, 11])
def test_ssim_with_another_window_equals_that_of_scikit_image(win_size):
    true, test = two_batches("colour", (28, 28), "float64")
    expected = [
        skimage.metrics.structural_similarity(
            a, b, data_range=1, channel_axis=-1, win_size=win_size
        )
        for a, b in zip(true, test, strict=True)
    ]
    ssim = structural_similarity(true, test, data_range=1, win_size=win_size, reduction="none")
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
    true, test = (x.astype(dtype) for x in two_batches("gray", (8, 8), dtype))
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
    monkeypatch.setattr(_injector, "CHUNK_VALUES", 5 * 64)
    np.testing.assert_array_equal(
        metric(clean, 1 - clean, data_range=1, reduction="none"), expected
    )


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_memory_does_not_grow_with_the_batch(metric, monkeypatch):
    monkeypatch.setattr(_injector, "CHUNK_VALUES", 2**14)
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


# Scorers


class Identity(BaseEstimator):
    """A denoiser that gives back what it gets, and keeps it."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        self.seen = X
        return self.gain * np.asarray(X)


class Spy(Identity):
    """Shows what all of its clones and copies were given."""

    log: list = []

    def predict(self, X):
        self.log.append(np.asarray(X))
        return super().predict(X)


@pytest.fixture
def spy(monkeypatch):
    monkeypatch.setattr(Spy, "log", [])
    return Spy()


@pytest.fixture(scope="module")
def fitted():
    rows, columns = np.indices((8, 8)) / 7
    weights = np.random.default_rng(1).random((12, 2, 1, 1))
    return small_cae().fit((weights[:, 0] * rows + weights[:, 1] * columns) / 2)


@pytest.mark.parametrize("std", [0.05, 0.2])
def test_the_score_of_the_identity_is_the_psnr_of_the_noise(std):
    gray = 0.5 + 1e-6 * np.arange(20).reshape(-1, 1, 1) * np.ones((1, 32, 32))
    scorer = DenoisingScorer(noise=GaussianNoise(std, clip=False))
    # 20480 values: five standard errors of 10 log10 of a variance are 0.22 dB.
    assert scorer(Identity(), gray) == pytest.approx(-20 * np.log10(std), abs=0.22)


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_with_y_the_images_are_noisy_already(clean, spy, scorer):
    scorer(spy, clean + 0.1, clean)
    np.testing.assert_array_equal(spy.log[0], clean + 0.1)


def test_with_y_the_score_is_that_of_the_pairs(clean):
    assert psnr_scorer(Identity(), clean + 0.1, clean) == pytest.approx(20)


def test_pairs_in_one_array_are_scored_as_pairs(clean):
    assert psnr_scorer(Identity(), NoisyImages(clean + 0.1, clean)) == pytest.approx(20)


@pytest.mark.parametrize("labels", [np.arange(12), list("abcdefghijkl")], ids=["numbers", "words"])
def test_labels_are_ignored(clean, labels):
    scorer = DenoisingScorer(noise="gaussian")
    assert scorer(Identity(), clean, labels) == scorer(Identity(), clean)


@pytest.mark.parametrize("metric", METRICS)
def test_the_score_is_the_metric_of_clean_and_denoised_images(clean, fitted, metric):
    scorer = DenoisingScorer(metric, noise=GaussianNoise(0.2), random_state=3)
    noisy = NoiseInjector(GaussianNoise(0.2), random_state=3).fit_transform(clean)
    expected = METRICS[metric](clean, fitted.predict(noisy), data_range=1)
    # The sums may differ in their order.
    assert scorer(fitted, clean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_equal_images_get_the_best_score(clean, scorer):
    assert scorer(Identity(), clean, clean) == (100 if scorer is psnr_scorer else 1)


def test_an_image_counts_with_at_most_a_hundred_decibel(clean):
    noisy = clean.copy()
    noisy[6:] += 0.1
    assert psnr_scorer(Identity(), noisy, clean) == pytest.approx((6 * 100 + 6 * 20) / 12)


def test_the_noise_of_the_estimator_is_the_default(clean):
    estimator = Identity()
    estimator.noise_ = MaskingNoise(1)
    psnr_scorer(estimator, clean)
    assert (estimator.seen == 0).all()


def test_the_noise_of_the_scorer_goes_before_that_of_the_estimator(clean):
    estimator = Identity()
    estimator.noise_ = MaskingNoise(1)
    DenoisingScorer(noise=SaltAndPepperNoise(1, 1))(estimator, clean)
    assert (estimator.seen == 1).all()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda noise: make_pipeline(NoiseInjector(noise), small_cae()),
        lambda noise: make_pipeline(make_pipeline(NoiseInjector(noise), small_cae())),
        lambda noise: make_pipeline(FunctionTransformer(), small_cae(noise=noise)),
        lambda noise: GridSearchCV(small_cae(noise=noise), {"lr": [0.01]}, cv=2),
        lambda noise: GridSearchCV(make_pipeline(NoiseInjector(noise), small_cae()), {}, cv=2),
    ],
    ids=["pipeline", "pipeline in a pipeline", "function", "search", "search over a pipeline"],
)
def test_the_noise_of_a_wrapped_estimator_is_found(clean, wrap):
    estimator = wrap(GaussianNoise(0.3)).fit(clean)
    scorer = DenoisingScorer(noise=GaussianNoise(0.3))
    assert psnr_scorer(estimator, clean) == scorer(estimator, clean)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((12, 64), {}),
        ((12, 108), {"image_shape": (6, 6, 3)}),
        ((12, 108), {"image_shape": (6, 6, 3), "channel_axis": 1}),
        ((12, 6, 6), {}),
        ((12, 6, 6, 3), {}),
        ((12, 3, 6, 6), {"channel_axis": 1}),
    ],
    ids=str,
)
@pytest.mark.parametrize("metric", METRICS)
def test_all_layouts_are_scored(shape, options, metric):
    images = np.random.default_rng(0).random(shape)
    cae = small_cae(**options).fit(images)
    noisy = NoiseInjector(random_state=0, **options).fit_transform(images)
    denoised = cae.predict(noisy)
    if len(shape) == 2:
        size = options.get("image_shape", (8, 8))
        if "channel_axis" in options:
            size = (size[2], size[0], size[1])
        images, denoised = images.reshape(12, *size), denoised.reshape(12, *size)
    axis = {"channel_axis": options.get("channel_axis", -1)} if metric == "ssim" else {}
    expected = METRICS[metric](images, denoised, data_range=1, **axis)
    # The sums may differ in their order.
    assert DenoisingScorer(metric)(cae, noisy.clean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", WIDTHS)
def test_the_score_does_not_depend_on_the_units(clean, dtype):
    noisy, images = (WIDTHS[dtype] * x for x in (0.5 + 0 * clean, clean))
    if WIDTHS[dtype] > 1:
        noisy, images = noisy.round(), images.round()
    score = psnr_scorer(Identity(), noisy.astype(dtype), images.astype(dtype))
    # Rounding to 8 bits moves a pixel by 1/512 at most.
    assert score == pytest.approx(psnr_scorer(Identity(), 0.5 + 0 * clean, clean), abs=0.1)


def test_the_data_range_is_that_of_the_estimator(clean):
    estimator = Identity()
    estimator.data_range_ = (0.0, 10.0)
    assert psnr_scorer(estimator, clean + 1, clean) == pytest.approx(20)


def test_images_beyond_the_range_of_the_training_images_are_scored(clean):
    # Floats of other units: the range is that of the training images, which others may leave.
    standardised = 4 * clean - 2
    cae = small_cae().fit(standardised)
    assert np.isfinite(psnr_scorer(cae, 1.2 * standardised))


def test_unclipped_noise_is_scored_on_integers(clean, spy):
    images = np.rint(255 * clean).astype(np.uint8)
    DenoisingScorer(noise=GaussianNoise(0.5, clip=False))(spy, images)
    assert (spy.log[0].min() < 0, spy.log[0].max() > 255) == (True, True)


def test_clipped_noise_keeps_the_dtype(clean, spy):
    images = np.rint(255 * clean).astype(np.uint8)
    DenoisingScorer(noise=GaussianNoise(0.5))(spy, images)
    assert spy.log[0].dtype == np.uint8


def test_a_data_frame_is_handed_on_as_one(clean):
    rows = pd.DataFrame(clean.reshape(12, 64), columns=[f"pixel{i}" for i in range(64)])
    cae = small_cae().fit(rows)
    # A warning about feature names would be an error.
    assert psnr_scorer(cae, rows) == psnr_scorer(small_cae().fit(rows.to_numpy()), rows.to_numpy())


def test_strips_are_scored_without_another_warning():
    rows = np.random.default_rng(0).random((12, 10))
    with pytest.warns(UserWarning, match="not a square number"):
        cae = small_cae().fit(rows)
    assert np.isfinite(psnr_scorer(cae, rows))


def test_a_callable_metric_is_called_with_channels_last(clean):
    def negative_error(clean, denoised, *, data_range):
        assert clean.shape == denoised.shape == (12, 8, 8, 1)
        return -np.abs(clean - denoised).mean() / data_range

    score = DenoisingScorer(negative_error)(Identity(), clean + 0.25, clean)
    assert score == pytest.approx(-0.25)


def test_a_callable_metric_is_given_the_width_of_the_data_range(clean):
    images = np.rint(255 * clean).astype(np.uint8)
    scorer = DenoisingScorer(lambda clean, denoised, data_range: data_range)
    assert scorer(Identity(), images, images) == 255


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_the_score_is_a_float(clean, scorer):
    assert type(scorer(Identity(), clean + 0.1, clean)) is float


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_scoring_leaves_the_images_unchanged(clean, fitted, scorer):
    before = clean.copy()
    scorer(fitted, clean)
    np.testing.assert_array_equal(clean, before)


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_a_score_is_always_the_same(clean, fitted, scorer):
    assert scorer(fitted, clean) == scorer(fitted, clean)


def test_another_random_state_gives_another_score(clean, fitted):
    assert DenoisingScorer(random_state=1)(fitted, clean) != psnr_scorer(fitted, clean)


# The same noise for all


def noise_of_each_image(spy, clean):
    """All versions of each clean image that the spy was given; noise is far below distances."""
    versions = [set() for _ in clean]
    for batch in spy.log:
        for noisy in batch:
            which = np.abs(clean - noisy).sum(axis=(1, 2)).argmin()
            versions[which].add(noisy.tobytes())
    return versions


def test_an_image_gets_the_same_noise_for_every_candidate_and_in_every_fold(clean, spy):
    scorer = DenoisingScorer(noise=GaussianNoise(1e-6))
    for n_splits in (2, 3):
        folds = KFold(n_splits, shuffle=True, random_state=n_splits)
        GridSearchCV(spy, {"gain": [0.5, 1.0]}, scoring=scorer, cv=folds).fit(clean)
    assert [len(versions) for versions in noise_of_each_image(spy, clean)] == [1] * 12


def test_the_search_prefers_the_better_candidate(clean):
    scorer = DenoisingScorer(noise=GaussianNoise(0.05))
    search = GridSearchCV(Identity(), {"gain": [0.5, 1.0]}, scoring=scorer, cv=2).fit(clean)
    assert search.best_params_ == {"gain": 1.0}


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_cross_validation_takes_the_scorer(clean, scorer):
    scores = cross_val_score(small_cae(), clean, scoring=scorer, cv=3, error_score="raise")
    assert np.isfinite(scores).all()


def test_cross_validation_takes_both_scorers_at_once(clean):
    scoring = {"psnr": psnr_scorer, "ssim": ssim_scorer}
    scores = cross_validate(small_cae(), clean, scoring=scoring, cv=2, error_score="raise")
    assert {"test_psnr", "test_ssim"} <= set(scores)


def test_cross_validation_of_a_search_takes_the_scorer(clean):
    search = GridSearchCV(small_cae(), {"lr": [0.01, 0.02]}, scoring=psnr_scorer, cv=2)
    scores = cross_val_score(search, clean, scoring=psnr_scorer, cv=2, error_score="raise")
    assert np.isfinite(scores).all()


def test_cross_validation_of_floats_in_other_units_takes_the_scorer(clean):
    standardised = 4 * clean - 2
    scores = cross_val_score(
        small_cae(), standardised, scoring=psnr_scorer, cv=3, error_score="raise"
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)
def test_a_search_over_a_pipeline_in_two_processes_takes_the_scorer(scorer):
    images = np.random.default_rng(0).random((8, 6, 6, 3))
    pipeline = Pipeline([("noise", NoiseInjector(GaussianNoise())), ("cae", small_cae())])
    search = GridSearchCV(
        pipeline,
        {"noise__noise__std": [0.1, 0.2], "cae__channels": [(4,), (2, 4)]},
        scoring=scorer,
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    assert np.isfinite(search.fit(images).cv_results_["mean_test_score"]).all()


# Scorers as objects


def test_the_scorers_are_denoising_scorers():
    assert [repr(psnr_scorer), repr(ssim_scorer)] == [
        "DenoisingScorer()",
        "DenoisingScorer(metric='ssim')",
    ]


@pytest.mark.parametrize(
    "twin", [clone, lambda x: pickle.loads(pickle.dumps(x))], ids=["clone", "pickle"]
)
def test_a_copy_of_a_scorer_gives_the_same_score(clean, twin):
    scorer = DenoisingScorer("ssim", noise=["blur", GaussianNoise(0.2)], random_state=5)
    assert twin(scorer)(Identity(), clean) == scorer(Identity(), clean)


def test_the_noise_of_a_scorer_can_be_set():
    scorer = DenoisingScorer(noise=GaussianNoise())
    assert scorer.set_params(noise__std=0.4).noise.std == 0.4


# Errors of the scorers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "mse"}, r"metric='mse'; allowed are \['psnr', 'ssim'\] and a function metric"),
        ({"metric": None}, "metric=None; allowed are"),
        ({"noise": "gauss"}, "noise='gauss'; allowed are"),
        ({"noise": GaussianNoise(-1)}, r"GaussianNoise\(std=…\) is -1"),
        ({"random_state": -1}, "random_state=-1; allowed are"),
    ],
    ids=str,
)
def test_a_bad_parameter_is_an_error_when_the_scorer_is_used(clean, options, message):
    with pytest.raises(ValueError, match=message):
        DenoisingScorer(**{"noise": "blur", **options})(Identity(), clean)


def test_an_estimator_without_noise_is_an_error_with_two_cures(clean):
    with pytest.raises(ValueError, match=r"Identity has no noise .* clean images as y, or a noise"):
        psnr_scorer(Identity(), clean)


def test_an_estimator_fitted_on_pairs_is_an_error_with_two_cures(clean):
    cae = small_cae().fit(clean + 0.1, clean)
    with pytest.raises(ValueError, match=r"it was fitted with pairs. Give the clean images as y"):
        psnr_scorer(cae, clean)


@pytest.mark.parametrize("y", [np.zeros((12, 8, 7)), np.zeros((12, 1)), np.zeros((11, 8, 8))])
def test_targets_of_another_shape_are_an_error(clean, fitted, y):
    with pytest.raises(ValueError, match=r"y has shape"):
        psnr_scorer(fitted, clean, y)


def test_a_predictor_of_something_else_is_an_error(clean):
    classifier = DummyClassifier().fit(clean.reshape(12, 64), np.arange(12) % 2)
    with pytest.raises(ValueError, match=r"DummyClassifier.predict gave shape \(12,\) for images"):
        DenoisingScorer(noise="gaussian")(classifier, clean)


def test_targets_that_are_no_images_are_an_error(clean, fitted):
    with pytest.raises(ValueError, match="different shapes"):
        psnr_scorer(fitted, clean, [np.zeros((8, 8)), np.zeros((8, 7))])


def test_ssim_of_strips_is_an_error_that_shows_their_size():
    rows = np.random.default_rng(0).random((12, 10))
    with pytest.warns(UserWarning, match="not a square number"):
        cae = small_cae().fit(rows)
    with pytest.raises(ValueError, match="on images of 1 x 10; win_size must be odd"):
        ssim_scorer(cae, rows)


def test_blur_is_a_noise_to_score_on(clean, spy):
    DenoisingScorer(noise=GaussianBlur(2.0))(spy, clean)
    assert spy.log[0].var() < clean.var()


def test_a_scorer_refuses_images_in_other_units_than_those_of_the_fit():
    X = np.random.default_rng(0).random((8, 8, 8))
    with pytest.raises(ValueError, match="data range is 0 to 1"):
        psnr_scorer(small_cae().fit(X), X * 255)
