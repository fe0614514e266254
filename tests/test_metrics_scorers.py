import pickle
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from denoisers import Identity, Shrinkage
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_cae.images import ImageSource, NoisyImages
from sklearn_cae.metrics import (
    DenoisingScorer,
    denoise_pairs,
    denoiser_of,
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
    SaltAndPepperNoise,
)

METRICS = {"psnr": peak_signal_noise_ratio, "ssim": structural_similarity}
WIDTHS = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}
both_scorers = pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer], ids=repr)


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


@pytest.fixture
def clean():
    """A dozen smooth 8 x 8 images in [0, 1]."""
    rows, columns = np.indices((8, 8)) / 7
    weights = np.random.default_rng(0).random((12, 2, 1, 1))
    return (weights[:, 0] * rows + weights[:, 1] * columns) / 2


@pytest.fixture
def fitted(clean):
    return Shrinkage().fit(clean)


# What is scored


@pytest.mark.parametrize("std", [0.05, 0.2])
def test_the_score_of_the_identity_is_the_psnr_of_the_noise(std):
    images = np.random.default_rng(0).random((20, 32, 32))
    scorer = DenoisingScorer(noise=GaussianNoise(std, clip=False))
    # 20480 values: five standard errors of 10 log10 of a variance are 0.22 dB.
    assert scorer(Identity(), images) == pytest.approx(-20 * np.log10(std), abs=0.22)


@both_scorers
def test_with_y_the_images_are_noisy_already(clean, spy, scorer):
    scorer(spy, clean + 0.1, clean)
    np.testing.assert_array_equal(spy.log[0], clean + 0.1)


def test_with_y_the_score_is_that_of_the_pairs(clean):
    assert psnr_scorer(Identity(), clean + 0.1, clean) == pytest.approx(20)


def test_pairs_in_one_array_are_scored_as_pairs(clean):
    assert psnr_scorer(Identity(), NoisyImages(clean + 0.1, clean)) == pytest.approx(20)


@pytest.mark.parametrize(
    "labels",
    [np.arange(12), list("abcdefghijkl"), np.eye(12)],
    ids=["numbers", "words", "one-hot"],
)
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


@both_scorers
def test_equal_images_get_the_best_score(clean, scorer):
    assert scorer(Identity(), clean, clean) == (100 if scorer is psnr_scorer else 1)


def test_an_image_counts_with_at_most_a_hundred_decibel(clean):
    noisy = clean.copy()
    noisy[6:] += 0.1
    assert psnr_scorer(Identity(), noisy, clean) == pytest.approx((6 * 100 + 6 * 20) / 12)


def test_each_array_is_validated_once(clean, monkeypatch):
    measured = Counter()
    init = ImageSource.__init__

    def watched(self, pixels, name="X"):
        measured[name] += 1
        init(self, pixels, name)

    monkeypatch.setattr(ImageSource, "__init__", watched)
    psnr_scorer(Identity(), clean + 0.1, clean)
    assert measured == {"X": 1, "y": 1, "What Identity.predict gave": 1}


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


@both_scorers
def test_the_score_is_a_float(clean, scorer):
    assert type(scorer(Identity(), clean + 0.1, clean)) is float


@both_scorers
def test_scoring_leaves_the_images_unchanged(clean, fitted, scorer):
    before = clean.copy()
    scorer(fitted, clean)
    np.testing.assert_array_equal(clean, before)


# The noise


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


def test_blur_is_a_noise_to_score_on(clean, spy):
    DenoisingScorer(noise=GaussianBlur(2.0))(spy, clean)
    assert spy.log[0].var() < clean.var()


def test_unclipped_noise_is_scored_on_integers(clean, spy):
    images = np.rint(255 * clean).astype(np.uint8)
    DenoisingScorer(noise=GaussianNoise(0.5, clip=False))(spy, images)
    seen = spy.log[0]
    assert (seen.dtype, seen.min() < 0, seen.max() > 255) == (np.float32, True, True)


def test_clipped_noise_keeps_the_dtype(clean, spy):
    images = np.rint(255 * clean).astype(np.uint8)
    DenoisingScorer(noise=GaussianNoise(0.5))(spy, images)
    assert spy.log[0].dtype == np.uint8


@both_scorers
def test_a_score_is_always_the_same(clean, fitted, scorer):
    assert scorer(fitted, clean) == scorer(fitted, clean)


def test_another_random_state_gives_another_score(clean, fitted):
    assert DenoisingScorer(random_state=1)(fitted, clean) != psnr_scorer(fitted, clean)


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


# Layout and units


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
    denoiser = Shrinkage(**options).fit(images)
    noisy = NoiseInjector(random_state=0, **options).fit_transform(images)
    denoised = denoiser.predict(noisy)
    if len(shape) == 2:
        size = options.get("image_shape", (8, 8))
        if "channel_axis" in options:
            size = (size[2], size[0], size[1])
        images, denoised = images.reshape(12, *size), denoised.reshape(12, *size)
    axis = {"channel_axis": options.get("channel_axis", -1)} if metric == "ssim" else {}
    expected = METRICS[metric](images, denoised, data_range=1, **axis)
    # The sums may differ in their order.
    assert DenoisingScorer(metric)(denoiser, noisy.clean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("change", [{"channel_axis": 1}, {"image_shape": (3, 8, 8)}], ids=str)
def test_a_parameter_changed_after_fit_changes_no_score(change):
    images = np.random.default_rng(0).random((6, 8, 8, 3))
    denoiser = Shrinkage().fit(images)
    expected = psnr_scorer(denoiser, images)
    assert psnr_scorer(denoiser.set_params(**change), images) == expected


@pytest.mark.parametrize("dtype", WIDTHS)
def test_the_score_does_not_depend_on_the_units(clean, dtype):
    width = WIDTHS[dtype]
    noisy, images = (width * x for x in (0.5 + 0 * clean, clean))
    if width > 1:
        noisy, images = noisy.round(), images.round()
    denoiser = Shrinkage(data_range=(0, width)).fit(images.astype(dtype))
    score = psnr_scorer(denoiser, noisy.astype(dtype), images.astype(dtype))
    expected = psnr_scorer(Shrinkage().fit(clean), 0.5 + 0 * clean, clean)
    # Rounding to 8 bits moves a pixel by 1/512 at most.
    assert score == pytest.approx(expected, abs=0.1)


def test_the_data_range_is_that_of_the_fit(clean):
    denoiser = Shrinkage(0.0, data_range=(0, 10)).fit(clean)
    assert psnr_scorer(denoiser, clean + 1, clean) == pytest.approx(20)


def test_a_denoiser_that_knows_its_data_range_alone_is_scored_in_it(clean):
    estimator = Identity()
    estimator.data_range_ = (0.0, 10.0)
    assert psnr_scorer(estimator, clean + 1, clean) == pytest.approx(20)


def test_of_a_denoiser_without_a_data_range_it_is_learned(clean):
    images = np.rint(200 * clean).astype(np.uint8)
    # A difference of 51 of 255 is a fifth of the range.
    score = psnr_scorer(Identity(), images + np.uint8(51), images)
    assert score == pytest.approx(-20 * np.log10(0.2))


def test_images_beyond_a_range_that_was_learned_are_scored(clean):
    standardised = 4 * clean - 2
    denoiser = Shrinkage().fit(standardised)
    assert np.isfinite(psnr_scorer(denoiser, 1.2 * standardised))


def test_hot_pixels_that_decide_a_score_are_told(clean):
    standardised = 4 * clean - 2
    noisy = standardised.copy()
    noisy[0, 0, 0] = 1000
    denoiser = Shrinkage(0.0).fit(standardised)
    with pytest.warns(UserWarning, match=r"In 1 of \d+ image\(s\) .*hot pixels come back as they"):
        psnr_scorer(denoiser, noisy, standardised)


def test_errors_within_the_range_and_results_of_a_fixed_range_are_no_hot_pixels(clean):
    standardised = 4 * clean - 2
    psnr_scorer(Shrinkage(0.0).fit(standardised), standardised + 3, standardised)
    psnr_scorer(Shrinkage(0.0, data_range=(0, 1)).fit(clean), clean + 3, clean)


def test_strips_are_scored_without_another_warning():
    rows = np.random.default_rng(0).random((12, 10))
    with pytest.warns(UserWarning, match="not a square number"):
        denoiser = Shrinkage().fit(rows)
    assert np.isfinite(psnr_scorer(denoiser, rows))


# Data frames: a warning about feature names would be an error


def as_frame(rows, kind):
    names = [f"pixel{i}" for i in range(rows.shape[1])]
    if kind == "pandas":
        return pd.DataFrame(rows, columns=names, index=np.arange(len(rows))[::-1])
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("clip", [True, False])
def test_a_data_frame_is_handed_on_as_one(clean, kind, clip):
    rows = np.rint(255 * clean).astype(np.uint8).reshape(12, 64)
    noise = GaussianNoise(0.1, clip=clip)
    frame = as_frame(rows, kind)
    expected = psnr_scorer(Shrinkage(noise=noise).fit(rows), rows)
    score = psnr_scorer(Shrinkage(noise=noise).fit(frame), frame)
    # float32 means of 64 values, in the order of the memory of the frame
    assert score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_of_pairs_are_scored_as_pairs(clean, kind):
    rows = clean.reshape(12, 64)
    frame, noisy = as_frame(rows, kind), as_frame(rows + 0.1, kind)
    assert psnr_scorer(Shrinkage(0.0).fit(frame), noisy, frame) == pytest.approx(20)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_search_takes_frames(clean, kind):
    frame = as_frame(clean.reshape(12, 64), kind)
    search = GridSearchCV(Shrinkage(), {"share": [0.1, 0.9]}, scoring=psnr_scorer, cv=2)
    assert np.isfinite(search.fit(frame).score(frame))


# Pipelines and searches


def search_over(estimator):
    return GridSearchCV(estimator, {}, cv=2, scoring=psnr_scorer)


# Each makes a fitted estimator of a denoiser and images.
WRAPPED = {
    "pipeline": lambda inner, X: make_pipeline(FunctionTransformer(), inner).fit(X),
    "pipeline in a pipeline": lambda inner, X: make_pipeline(make_pipeline(inner)).fit(X),
    "search": lambda inner, X: search_over(inner).fit(X),
    "search over a pipeline": lambda inner, X: search_over(make_pipeline(inner)).fit(X),
    "frozen": lambda inner, X: FrozenEstimator(inner.fit(X)),
    "frozen search at the end of a pipeline": lambda inner, X: make_pipeline(
        FrozenEstimator(search_over(inner).fit(X))
    ).fit(X),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_the_denoiser_is_found_in_what_wraps_it(clean, name):
    denoiser = denoiser_of(WRAPPED[name](Shrinkage(0.3), clean))
    assert (type(denoiser), denoiser.share) == (Shrinkage, 0.3)
    assert denoiser.image_spec_.image_shape == (8, 8)


@pytest.mark.parametrize("name", WRAPPED)
def test_what_wraps_a_denoiser_is_scored_like_it(clean, name):
    noise = GaussianNoise(0.3)
    expected = psnr_scorer(Shrinkage(noise=noise).fit(clean), clean)
    assert psnr_scorer(WRAPPED[name](Shrinkage(noise=noise), clean), clean) == expected


def test_the_denoiser_of_a_denoiser_is_itself(fitted):
    assert denoiser_of(fitted) is fitted


def test_the_noise_of_the_pairs_of_a_pipeline_is_that_of_the_score(clean):
    pipeline = make_pipeline(NoiseInjector(GaussianNoise(0.3)), Shrinkage()).fit(clean)
    scorer = DenoisingScorer(noise=GaussianNoise(0.3))
    assert psnr_scorer(pipeline, clean) == scorer(pipeline, clean)


def test_the_search_prefers_the_better_candidate(clean):
    scorer = DenoisingScorer(noise=GaussianNoise(0.05))
    search = GridSearchCV(Identity(), {"gain": [0.5, 1.0]}, scoring=scorer, cv=2).fit(clean)
    assert search.best_params_ == {"gain": 1.0}


def test_cross_validation_takes_both_scorers_at_once(clean):
    scoring = {"psnr": psnr_scorer, "ssim": ssim_scorer}
    scores = cross_validate(Shrinkage(), clean, scoring=scoring, cv=2, error_score="raise")
    assert {"test_psnr", "test_ssim"} <= set(scores)


def test_cross_validation_of_floats_in_other_units_takes_the_scorer(clean):
    scores = cross_val_score(
        Shrinkage(), 4 * clean - 2, scoring=psnr_scorer, cv=3, error_score="raise"
    )
    assert np.isfinite(scores).all()


def test_a_search_over_the_noise_of_a_pipeline_takes_the_scorer():
    images = np.random.default_rng(0).random((8, 6, 6, 3))
    pipeline = Pipeline([("noise", NoiseInjector(GaussianNoise())), ("cae", Shrinkage())])
    search = GridSearchCV(
        pipeline,
        {"noise__noise__std": [0.1, 0.2], "cae__share": [0.2, 0.5]},
        scoring=ssim_scorer,
        cv=2,
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


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "mse"}, "'metric' parameter of DenoisingScorer must be .*'psnr'.* Got 'mse'"),
        ({"metric": None}, "'metric' parameter of DenoisingScorer must be"),
        ({"noise": "gauss"}, "noise='gauss'; allowed are"),
        ({"noise": 0.1}, "'noise' parameter of DenoisingScorer must be .* Got 0.1"),
        ({"random_state": -1}, "random_state"),
    ],
    ids=str,
)
def test_a_bad_parameter_is_an_error_when_the_scorer_is_used(clean, options, message):
    with pytest.raises(ValueError, match=message):
        DenoisingScorer(**{"noise": "blur", **options})(Identity(), clean)


def test_an_estimator_without_noise_is_an_error_with_two_cures(clean):
    with pytest.raises(ValueError, match=r"Identity has no noise .* clean images as y, or a noise"):
        psnr_scorer(Identity(), clean)


def test_an_estimator_fitted_on_pairs_is_an_error_that_says_so(clean):
    denoiser = Shrinkage().fit(clean + 0.1, clean)
    with pytest.raises(ValueError, match="was fitted without one, on noisy images"):
        psnr_scorer(denoiser, clean)


@pytest.mark.parametrize("y", [np.zeros((12, 8, 7)), np.zeros((11, 8, 8))], ids=np.shape)
def test_targets_of_another_shape_are_an_error(clean, fitted, y):
    with pytest.raises(ValueError, match=r"y has shape"):
        psnr_scorer(fitted, clean, y)


def test_a_predictor_of_something_else_is_an_error(clean):
    classifier = DummyClassifier().fit(clean.reshape(12, 64), np.arange(12) % 2)
    with pytest.raises(ValueError, match=r"DummyClassifier.predict gave shape \(12,\) for images"):
        DenoisingScorer(noise="gaussian")(classifier, clean)


def test_a_denoiser_that_gives_nan_is_an_error_that_names_it(clean):
    with pytest.raises(ValueError, match=r"What Identity.predict gave .* contains NaN"):
        psnr_scorer(Identity(np.nan), clean, clean)


def test_rows_of_another_length_than_in_fit_are_an_error(clean):
    denoiser = Shrinkage().fit(clean.reshape(12, 64))
    with pytest.raises(ValueError, match="X has 49 features, but Shrinkage is expecting 64"):
        psnr_scorer(denoiser, clean[:, 1:, 1:].reshape(12, 49))


def test_targets_that_are_no_images_are_an_error(clean, fitted):
    with pytest.raises(ValueError, match="different shapes"):
        psnr_scorer(fitted, clean, [np.zeros((8, 8)), np.zeros((8, 7))])


def test_ssim_of_strips_is_an_error_that_shows_their_size():
    rows = np.random.default_rng(0).random((12, 10))
    with pytest.warns(UserWarning, match="not a square number"):
        denoiser = Shrinkage().fit(rows)
    with pytest.raises(ValueError, match="on images of 1 x 10; win_size must be odd"):
        ssim_scorer(denoiser, rows)


@pytest.mark.parametrize("factor", [1.5, 255])
def test_clean_images_that_leave_a_fixed_range_are_refused(factor, clean, fitted):
    with pytest.raises(ValueError, match="data range is 0 to 1"):
        psnr_scorer(fitted, clean * factor / clean.max())


# The images themselves


def test_all_images_are_given_with_channels_last():
    images = np.random.default_rng(0).random((5, 3, 6, 7))
    denoiser = Shrinkage(channel_axis=1).fit(images)
    clean, noisy, denoised, data_range = denoise_pairs(denoiser, images)
    np.testing.assert_array_equal(clean, np.moveaxis(images, 1, 3))
    assert noisy.shape == denoised.shape == (5, 6, 7, 3)
    assert data_range == (0, 1)
