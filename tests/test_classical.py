import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from skimage import data
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from small import gray

from sklearn_cae import classical
from sklearn_cae.classical import FILTERS, ClassicalDenoiser, available_filters
from sklearn_cae.images import NoisyImages
from sklearn_cae.metrics import PSNR_CAP, peak_signal_noise_ratio, psnr_scorer
from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseInjector,
    PoissonNoise,
    SaltAndPepperNoise,
)

# BM3D takes seconds for an image.
QUICK = [name for name in available_filters() if not FILTERS[name].slow]


class OnItself(ClassicalDenoiser):
    """For the checks of scikit-learn, which have no pairs: X is its own clean version."""

    def fit(self, X, y=None):
        return super().fit(X, X)

    def score(self, X, y=None):
        return super().score(X, X)


# Two features are no square image, which is warned about.
@pytest.mark.filterwarnings("ignore:.*not a square number:UserWarning")
@parametrize_with_checks([OnItself("median")])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def patches():
    """Sixteen 32 x 32 colour patches of one photograph, uint8."""
    cat = data.chelsea()
    return np.stack(
        [cat[y : y + 32, x : x + 32] for y in range(60, 188, 32) for x in range(100, 228, 32)]
    )


def pairs_of(images, noise):
    return NoiseInjector(noise, random_state=0).fit_transform(images)


@pytest.fixture(scope="module")
def pairs(patches):
    return pairs_of(patches[:4], GaussianNoise(0.1))


def state(estimator):
    return pickle.dumps(vars(estimator))


# What the filters do


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("median", SaltAndPepperNoise(0.1)),
        ("total_variation", GaussianNoise(0.1)),
        ("nl_means", GaussianNoise(0.1)),
        ("wavelet", GaussianNoise(0.1)),
        ("unsharp_mask", GaussianBlur(1.5)),
        ("wiener", GaussianBlur(1.5)),
    ],
)
def test_each_filter_improves_the_noise_it_is_made_for(patches, name, noise):
    pairs = pairs_of(patches[:6], noise)
    before = peak_signal_noise_ratio(pairs.clean, pairs, data_range=255)
    after = ClassicalDenoiser(name).fit(pairs).score(pairs)
    assert after > before + 0.5


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("shape", [(3, 12, 12), (3, 12, 10, 3), (3, 2, 5, 2), (3, 1, 1)])
def test_output_has_the_shape_and_dtype_of_the_input(name, shape):
    clean = np.random.default_rng(0).random(shape).astype(np.float32)
    pairs = pairs_of(clean, GaussianNoise(0.1))
    denoised = ClassicalDenoiser(name).fit(pairs).predict(pairs)
    assert (denoised.shape, denoised.dtype) == (shape, np.float32)


@pytest.mark.parametrize("name", QUICK)
def test_a_constant_image_stays_constant(name):
    clean = np.full((2, 16, 16), 0.5)
    denoised = ClassicalDenoiser(name).fit(clean, clean).predict(clean)
    # float32 arithmetic of values below 1
    np.testing.assert_allclose(denoised, clean, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("total_variation", denoise_tv_chambolle),
        (
            "nl_means",
            lambda image, sigma, patch_size, channel_axis: denoise_nl_means(
                image,
                h=sigma,
                sigma=sigma,
                patch_size=patch_size,
                patch_distance=5,
                channel_axis=channel_axis,
            ),
        ),
    ],
)
def test_the_filter_is_that_of_scikit_image(pairs, name, function):
    denoiser = ClassicalDenoiser(name).fit(pairs)
    image = np.asarray(pairs)[0].astype(np.float32) / 255
    expected = function(image, channel_axis=-1, **denoiser.params_)
    # half a gray level of rounding
    np.testing.assert_allclose(denoiser.predict(pairs)[0], 255 * expected.clip(0, 1), atol=0.51)


def test_wavelets_do_better_than_the_settings_that_scikit_image_recommends(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    recommended = [
        denoise_wavelet(image / 255, convert2ycbcr=True, rescale_sigma=True, channel_axis=-1)
        for image in np.asarray(pairs)
    ]
    theirs = peak_signal_noise_ratio(pairs.clean / 255, np.clip(recommended, 0, 1), data_range=1)
    assert ClassicalDenoiser("wavelet").fit(pairs).score(pairs) > theirs


@pytest.mark.parametrize("std", [0.02, 0.1, 0.4])
def test_the_levels_reach_from_weak_to_strong_noise(patches, std):
    total_variation = ClassicalDenoiser("total_variation")
    total_variation.fit(pairs_of(patches[:4], GaussianNoise(std)))
    lowest, *_, highest = FILTERS["total_variation"].grid["weight"]
    assert lowest < total_variation.params_["weight"] < highest


# Tuning


def test_fit_chooses_the_setting_with_the_highest_psnr(patches):
    pairs = pairs_of(patches, SaltAndPepperNoise(0.1))
    median = ClassicalDenoiser("median").fit(pairs)
    function, grid = FILTERS["median"].function, FILTERS["median"].grid
    unit = np.asarray(pairs) / 255
    psnr = [
        peak_signal_noise_ratio(pairs.clean / 255, function(unit, size=size), data_range=1)
        for size in grid["size"]
    ]
    assert median.params_ == {"size": grid["size"][int(np.argmax(psnr))]}
    # float32 in the filter against float64 here
    assert median.psnr_ == pytest.approx(max(psnr), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("total_variation", PoissonNoise(10.0)),
        ("nl_means", PoissonNoise(10.0)),
        ("wavelet", PoissonNoise(10.0)),
        ("median", MaskingNoise(0.5)),
    ],
)
def test_a_black_image_has_no_say_in_the_choice(patches, name, noise):
    images = patches[:4]
    with_black = np.concatenate([images, np.zeros_like(images[:1])])
    chosen = ClassicalDenoiser(name).fit(pairs_of(images, noise)).params_
    assert chosen != {key: values[0] for key, values in FILTERS[name].grid.items()}
    assert ClassicalDenoiser(name).fit(pairs_of(with_black, noise)).params_ == chosen


@pytest.mark.parametrize("name", QUICK)
def test_no_setting_changes_a_black_image(name):
    black = np.zeros((1, 16, 16))
    assert ClassicalDenoiser(name).fit(black, black).psnr_ == PSNR_CAP
    grid = FILTERS[name].grid
    for values in (min, max):
        setting = {key: values(grid[key]) for key in grid}
        filtered = FILTERS[name].function(np.zeros((1, 16, 16, 1), np.float32), **setting)
        # -20 log10 of it is above the cap.
        assert np.abs(filtered).max() < 1e-5


# BM3D, which need not be installed


@pytest.fixture
def calls_of_bm3d(monkeypatch):
    """The shapes and levels that a stand-in for BM3D is called with; it gives the level."""
    calls = []

    def bm3d(image, sigma):
        calls.append((image.shape, sigma))
        return image * 0 + sigma

    fake = SimpleNamespace(bm3d=bm3d, bm3d_rgb=bm3d, __spec__="found")
    monkeypatch.setitem(sys.modules, "bm3d", fake)
    return calls


def test_bm3d_is_tuned_on_few_images_and_levels(calls_of_bm3d):
    clean = np.full((12, 16, 16), 0.5)
    denoiser = ClassicalDenoiser("bm3d").fit(clean + 0.1, clean)
    # Four images, and the four levels next to 0.1; the stand-in errs least with the largest.
    assert [sigma for _, sigma in calls_of_bm3d] == list(np.repeat([0.075, 0.1, 0.13, 0.17], 4))
    assert denoiser.params_ == {"sigma": 0.17}


def test_bm3d_is_not_tuned_on_images_without_noise(calls_of_bm3d):
    clean = np.full((12, 16, 16), 0.5)
    noisy = clean.copy()
    noisy[5] += 0.1
    ClassicalDenoiser("bm3d").fit(noisy, clean)
    assert len(calls_of_bm3d) == 4


@pytest.mark.parametrize("shape", [(1, 8, 20), (1, 3, 3, 3)])
def test_bm3d_is_given_at_least_16_pixels(calls_of_bm3d, shape):
    images = np.zeros(shape)
    denoised = ClassicalDenoiser("bm3d").fit(images, images).predict(images)
    assert denoised.shape == shape
    assert {min(size[:2]) for size, _ in calls_of_bm3d} == {16}


@pytest.mark.parametrize("shape", [(1, 20, 17, 1), (1, 8, 8, 3)])
def test_bm3d_itself_removes_noise(shape):
    pytest.importorskip("bm3d")
    clean = np.linspace(0, 1, shape[1]).reshape(1, -1, 1, 1) * np.ones(shape)
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(shape)
    filtered = FILTERS["bm3d"].function(noisy.astype(np.float32), sigma=0.1)
    # 20 dB is the noise.
    assert peak_signal_noise_ratio(clean, filtered, data_range=1) > 23


@pytest.mark.parametrize(("name", "package"), [("bm3d", "bm3d"), ("wavelet", "pywt")])
def test_a_filter_without_its_package_is_not_offered(monkeypatch, name, package):
    monkeypatch.setattr(classical, "find_spec", lambda wanted: None if wanted == package else "")
    assert set(FILTERS) - set(available_filters()) == {name}


def test_a_filter_without_its_package_says_how_to_install_it(monkeypatch, pairs):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(ImportError, match="BM3D needs the optional package bm3d"):
        ClassicalDenoiser("bm3d").fit(pairs)


# The estimator


def test_channels_first_images_and_rows_give_what_channels_last_images_give(pairs):
    noisy, clean = np.asarray(pairs), pairs.clean
    expected = ClassicalDenoiser("median").fit(noisy, clean).predict(noisy)
    first = ClassicalDenoiser("median", channel_axis=1)
    first.fit(np.moveaxis(noisy, 3, 1), np.moveaxis(clean, 3, 1))
    rows = ClassicalDenoiser("median", image_shape=(32, 32, 3))
    rows.fit(noisy.reshape(4, -1), clean.reshape(4, -1))
    np.testing.assert_array_equal(
        first.predict(np.moveaxis(noisy, 3, 1)), np.moveaxis(expected, 3, 1)
    )
    np.testing.assert_array_equal(rows.predict(noisy.reshape(4, -1)), expected.reshape(4, -1))


def test_results_of_a_range_that_was_learned_are_not_clipped_to_it():
    clean = 40 * gray(6, 12, 12) - 20
    denoiser = ClassicalDenoiser("median").fit(clean, clean)
    assert denoiser.predict(2 * clean).max() > denoiser.data_range_[1]


def test_data_frames_are_taken_without_a_warning():
    rows = pd.DataFrame(gray(6).reshape(6, 64), columns=[f"pixel{i}" for i in range(64)])
    denoiser = ClassicalDenoiser("median").fit(rows, rows)
    assert denoiser.predict(rows).shape == (6, 64)
    assert list(denoiser.feature_names_in_) == list(rows.columns)


def test_it_is_scored_like_any_denoiser(pairs):
    median = ClassicalDenoiser("median").fit(pairs)
    assert psnr_scorer(median, pairs, pairs.clean) == median.score(pairs)


def test_it_is_scored_on_clean_images_with_the_noise_of_its_pairs(pairs):
    median = ClassicalDenoiser("median").fit(pairs)
    # The injector of the pairs had the seed of the scorer.
    assert median.score(pairs.clean) == median.score(pairs)


def test_a_search_finds_the_filter_for_the_noise():
    pipeline = make_pipeline(NoiseInjector("salt_and_pepper", random_state=0), ClassicalDenoiser())
    grid = {"classicaldenoiser__filter": ["median", "total_variation"]}
    search = GridSearchCV(pipeline, grid, scoring=psnr_scorer, cv=2, error_score="raise")
    assert search.fit(gray(8, 12, 12)).best_params_ == {"classicaldenoiser__filter": "median"}


def test_clone_gives_an_unfitted_copy(pairs):
    copy = clone(ClassicalDenoiser("wavelet").fit(pairs))
    assert copy.filter == "wavelet"
    assert not hasattr(copy, "params_")


def test_the_tags_say_that_it_needs_clean_images():
    assert ClassicalDenoiser().__sklearn_tags__().target_tags.required


# Fitted is fitted


@pytest.mark.parametrize(
    "change", [{"filter": "wiener"}, {"channel_axis": 1}, {"data_range": (0, 9)}], ids=str
)
def test_a_parameter_changed_after_fit_changes_no_result(pairs, change):
    denoiser = ClassicalDenoiser("median").fit(pairs)
    expected = denoiser.predict(pairs), denoiser.score(pairs)
    denoiser.set_params(**change)
    np.testing.assert_array_equal(denoiser.predict(pairs), expected[0])
    assert denoiser.score(pairs) == expected[1]


FAULTS = {
    "other units": lambda pairs: (pairs * 1000.0, pairs.clean * 2.0),
    "clean images alone": lambda pairs: (pairs.clean, None),
    "another shape": lambda pairs: (np.asarray(pairs)[:, :16], pairs.clean),
    "not a number": lambda pairs: (np.asarray(pairs), np.full(pairs.shape, np.nan)),
}


@pytest.mark.parametrize("fitted_before", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fit_that_fails_changes_nothing(pairs, fault, fitted_before):
    denoiser = ClassicalDenoiser("median")
    if fitted_before:
        denoiser.fit(pairs)
    before = state(denoiser)
    with pytest.raises(ValueError, match=r"\w"):
        denoiser.fit(*FAULTS[fault](pairs))
    assert state(denoiser) == before


@pytest.mark.parametrize("fitted_before", [True, False])
def test_a_fit_that_is_interrupted_changes_nothing(pairs, fitted_before, monkeypatch):
    def interrupted(images, size):
        raise KeyboardInterrupt

    denoiser = ClassicalDenoiser("median")
    if fitted_before:
        denoiser.fit(pairs)
    before = state(denoiser)
    monkeypatch.setitem(FILTERS, "median", FILTERS["median"]._replace(function=interrupted))
    other = pairs_of(gray(4), GaussianNoise(0.3))
    with pytest.raises(KeyboardInterrupt):
        denoiser.fit(other)
    assert state(denoiser) == before


# Errors


def test_clean_images_alone_are_refused(patches):
    with pytest.raises(ValueError, match=r"requires y to be passed.* tuned on pairs"):
        ClassicalDenoiser().fit(patches)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": "bm4d"}, "'filter' parameter of ClassicalDenoiser .*'median'.* Got 'bm4d'"),
        ({"channel_axis": 2}, "'channel_axis' parameter of ClassicalDenoiser"),
        ({"data_range": "0-1"}, "'data_range' parameter of ClassicalDenoiser"),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_with_what_is_allowed(pairs, options, message):
    with pytest.raises(ValueError, match=message):
        ClassicalDenoiser(**options).fit(pairs)


def test_images_in_other_units_are_refused(pairs):
    with pytest.raises(ValueError, match="Convert X to these units"):
        ClassicalDenoiser("median").fit(pairs).predict(pairs.clean / 255)


def test_pairs_that_lost_their_clean_images_are_refused(pairs):
    with pytest.raises(ValueError, match="lost its clean images"):
        ClassicalDenoiser("median").fit(NoisyImages(pairs, pairs.clean)[..., :1])
