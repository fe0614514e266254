import os
import pickle
from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from problems import CONSTANT_GRAY, GRAY
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_get_feature_names_out_error,
    check_inplace_ensure_writeable,
    check_param_validation,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseInjector,
    NoiseModel,
    NoisyImages,
    SaltAndPepperNoise,
    _injector,
)
from sklearn_cae.noise._models import NOISE_MODELS

# scikit-learn's checks send rows of any length.
strips = pytest.mark.filterwarnings("ignore:X has .* features, which is not a square:UserWarning")

ALWAYS = {
    **{name: NoiseInjector(name, when="always") for name in NOISE_MODELS},
    "range": NoiseInjector(GaussianNoise((0, 0.2)), when="always"),
    "unclipped": NoiseInjector(GaussianNoise(clip=False), when="always"),
    "chain": NoiseInjector(["blur", "gaussian"], when="always"),
    "none": NoiseInjector("none", when="always"),
}
ONLY_IN_FIT = "when='fit' corrupts in fit_transform and leaves images alone in transform"
EXPECTED_TO_FAIL = {
    "check_transformer_general": ONLY_IN_FIT,
    "check_transformer_data_not_an_array": ONLY_IN_FIT,
}
# 47 with scikit-learn 1.9; a wrong tag would make most of them disappear.
FEWEST_CHECKS = 45

LAYOUTS = {
    "rows": ((7, 36), {}),
    "rows of colour": ((7, 108), {"image_shape": (6, 6, 3)}),
    "rows of colour, channels first": ((7, 108), {"image_shape": (6, 6, 3), "channel_axis": 1}),
    "gray": ((7, 6, 5), {}),
    "one channel": ((7, 6, 5, 1), {}),
    "colour": ((7, 6, 5, 3), {}),
    "colour, channels first": ((7, 3, 6, 5), {"channel_axis": 1}),
    "one pixel": ((7, 1, 1), {}),
}
in_all_layouts = pytest.mark.parametrize("layout", LAYOUTS)
DTYPES = [np.uint8, np.uint16, np.float32, np.float64]


def images_of(layout, dtype=np.float64, seed=0):
    images = np.random.default_rng(seed).random(LAYOUTS[layout][0])
    if np.issubdtype(dtype, np.integer):
        images = np.rint(np.iinfo(dtype).max * images)
    return images.astype(dtype)


def injector_for(layout, noise=None, **options):
    options = {"when": "always", "random_state": 0, **LAYOUTS[layout][1], **options}
    # The chain has both: what depends on the pixels around and what is drawn.
    return NoiseInjector(["blur", "gaussian"] if noise is None else noise, **options)


@pytest.fixture
def images():
    return images_of("gray")


# scikit-learn's own checks


@cache
def results_of_the_checks(name):
    if name == "fit":
        return check_estimator(
            NoiseInjector(),
            expected_failed_checks=EXPECTED_TO_FAIL,
            on_skip=None,
            on_fail=None,
        )
    return check_estimator(ALWAYS[name], on_skip=None, on_fail=None)


def names_with(status, results):
    return {result["check_name"] for result in results if result["status"] == status}


@strips
@pytest.mark.parametrize("name", [*ALWAYS, "fit"])
def test_no_check_of_scikit_learn_fails(name):
    assert names_with("failed", results_of_the_checks(name)) == set()


@strips
@pytest.mark.parametrize("name", [*ALWAYS, "fit"])
def test_scikit_learn_runs_nearly_all_its_checks(name):
    statuses = Counter(result["status"] for result in results_of_the_checks(name))
    assert statuses.total() - statuses["skipped"] >= FEWEST_CHECKS


@strips
@pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") != "1",
    reason="scikit-learn skips checks without SCIPY_ARRAY_API=1, which `make test` sets",
)
@pytest.mark.parametrize("name", [*ALWAYS, "fit"])
def test_scikit_learn_skips_no_check(name):
    assert names_with("skipped", results_of_the_checks(name)) == set()


@strips
@pytest.mark.parametrize("name", ALWAYS)
def test_no_failure_is_expected_of_an_injector_that_always_corrupts(name):
    assert names_with("xfail", results_of_the_checks(name)) == set()


@strips
def test_the_expected_failures_of_the_default_do_occur():
    assert names_with("xfail", results_of_the_checks("fit")) == set(EXPECTED_TO_FAIL)


@strips
def test_the_expected_failures_of_the_default_have_the_one_reason_given():
    reasons = {
        str(result["exception"]).strip().split(" in NoiseInjector")[0].splitlines()[-1]
        for result in results_of_the_checks("fit")
        if result["status"] == "xfail"
    }
    assert reasons == {"fit_transform and transform outcomes not consistent"}


# `set_output` is not among them: an injector has none, see the test on pandas output below.
@strips
@pytest.mark.parametrize("when", ["fit", "always"])
@pytest.mark.parametrize(
    "check",
    [
        check_param_validation,
        check_dataframe_column_names_consistency,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
        check_get_feature_names_out_error,
        check_inplace_ensure_writeable,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_that_scikit_learn_runs_on_its_own_estimators_pass(check, when):
    check("NoiseInjector", NoiseInjector(when=when))


def test_an_injector_has_no_set_output():
    assert not hasattr(NoiseInjector(), "set_output")


def test_pairs_survive_a_global_setting_of_pandas_output():
    rows = pd.DataFrame(images_of("rows"))
    with sklearn.config_context(transform_output="pandas"):
        noisy = NoiseInjector().fit_transform(rows)
    np.testing.assert_array_equal(noisy.clean, rows)


# The same questions with images


@in_all_layouts
def test_the_noisy_images_have_the_shape_of_the_images(layout):
    noisy = injector_for(layout).fit_transform(images_of(layout))
    assert noisy.shape == images_of(layout).shape


@in_all_layouts
def test_the_clean_images_are_the_images(layout):
    noisy = injector_for(layout).fit_transform(images_of(layout))
    np.testing.assert_array_equal(noisy.clean, images_of(layout))


@in_all_layouts
def test_every_image_becomes_noisy(layout):
    noisy = np.asarray(injector_for(layout).fit_transform(images_of(layout)))
    assert (noisy != images_of(layout)).reshape(7, -1).any(axis=1).all()


@in_all_layouts
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_kept(layout, dtype):
    assert injector_for(layout).fit_transform(images_of(layout, dtype)).dtype == dtype


@in_all_layouts
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_noise_gives_the_images_back(layout, dtype):
    images = images_of(layout, dtype)
    noisy = injector_for(layout, "none").fit_transform(images)
    # Noise is drawn in float32, which holds every integer level exactly.
    np.testing.assert_allclose(noisy, images, rtol=0, atol=1e-7)


@in_all_layouts
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["fit_transform", "transform", "corrupt"])
def test_the_images_that_went_in_are_unchanged(layout, dtype, method):
    images = images_of(layout, dtype)
    getattr(injector_for(layout).fit(images), method)(images)
    np.testing.assert_array_equal(images, images_of(layout, dtype))


@in_all_layouts
def test_a_read_only_array_will_do(layout):
    images = images_of(layout)
    images.flags.writeable = False
    injector_for(layout).fit_transform(images)


@in_all_layouts
def test_the_order_in_memory_makes_no_difference(layout):
    images = images_of(layout)
    expected = injector_for(layout).fit_transform(images)
    noisy = injector_for(layout).fit_transform(np.asfortranarray(images))
    np.testing.assert_array_equal(noisy, expected)


@in_all_layouts
def test_the_same_random_state_gives_the_same_noise(layout):
    noisy = [injector_for(layout).fit_transform(images_of(layout)) for _ in range(2)]
    np.testing.assert_array_equal(*noisy)


@in_all_layouts
def test_fit_transform_equals_fit_and_transform_if_it_always_corrupts(layout):
    images = images_of(layout)
    noisy = injector_for(layout).fit(images).transform(images)
    np.testing.assert_array_equal(noisy, injector_for(layout).fit_transform(images))


@in_all_layouts
def test_a_second_fit_changes_nothing(layout):
    images = images_of(layout)
    injector = injector_for(layout).fit(images)
    noisy = injector.transform(images)
    np.testing.assert_array_equal(injector.fit(images).transform(images), noisy)


@in_all_layouts
@pytest.mark.parametrize(
    "rows", [slice(2, 3), slice(3, 6), [6, 0, 3, 3]], ids=["one", "some", "any order"]
)
def test_an_image_gets_the_same_noise_whatever_batch_it_comes_in(layout, rows):
    images = images_of(layout)
    injector = injector_for(layout).fit(images)
    np.testing.assert_array_equal(
        injector.transform(images[rows]), injector.transform(images)[rows]
    )


@in_all_layouts
def test_a_clone_makes_the_same_noise(layout):
    injector = injector_for(layout)
    noisy = [one.fit_transform(images_of(layout)) for one in (injector, clone(injector))]
    np.testing.assert_array_equal(*noisy)


@in_all_layouts
def test_a_pickled_injector_makes_the_same_noise(layout):
    images = images_of(layout)
    injector = injector_for(layout).fit(images)
    loaded = pickle.loads(pickle.dumps(injector))
    np.testing.assert_array_equal(loaded.transform(images), injector.transform(images))


@in_all_layouts
def test_the_number_of_features_is_that_of_the_values_in_an_image(layout):
    images = images_of(layout)
    assert injector_for(layout).fit(images).n_features_in_ == images[0].size


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        ("rows", (6, 6)),
        ("rows of colour", (6, 6, 3)),
        ("rows of colour, channels first", (6, 6, 3)),
        ("gray", (6, 5)),
        ("one channel", (6, 5, 1)),
        ("colour", (6, 5, 3)),
        ("colour, channels first", (6, 5, 3)),
    ],
)
def test_the_shape_of_an_image_is_learned(layout, shape):
    assert injector_for(layout).fit(images_of(layout)).image_shape_ == shape


@pytest.mark.parametrize(
    ("layout", "move"),
    [
        ("colour, channels first", lambda x: np.moveaxis(x, 3, 1)),
        ("gray", lambda x: x[..., 0]),
        ("one channel", lambda x: x[..., :1]),
    ],
)
def test_the_layout_of_an_image_does_not_change_its_noise(layout, move):
    colour = images_of("colour")
    colour = colour if "colour" in layout else colour[..., :1]
    expected = np.asarray(injector_for("colour").fit_transform(colour))
    noisy = injector_for(layout).fit_transform(move(colour))
    np.testing.assert_array_equal(noisy, move(expected))


def test_rows_get_the_noise_of_their_images():
    images = np.random.default_rng(0).random((4, 6, 6, 3))
    expected = np.asarray(injector_for("colour").fit_transform(images)).reshape(4, -1)
    noisy = injector_for("rows of colour").fit_transform(images.reshape(4, -1))
    np.testing.assert_array_equal(noisy, expected)


def test_the_global_random_state_is_left_as_it_was(images):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    NoiseInjector(["gaussian", "poisson", "salt_and_pepper"]).fit_transform(images)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


# What the noise is


@pytest.mark.parametrize("problem", CONSTANT_GRAY, ids=lambda problem: repr(problem.noise))
@pytest.mark.parametrize("data_range", [(0, 1), (-3, 5), (0, 255)])
def test_levels_are_in_units_of_the_data_range(problem, data_range):
    low, high = data_range
    # Fifty images that differ, so that each gets noise of its own, but by less than any tolerance.
    shades = GRAY + 1e-6 * np.arange(50).reshape(-1, 1, 1) * np.ones((1, 30, 30))
    injector = NoiseInjector(problem.noise, data_range=data_range, random_state=0)
    noisy = np.asarray(injector.fit_transform(low + (high - low) * shades))
    error = ((noisy - low) / (high - low) - GRAY) ** 2
    # Five standard errors, and the shades.
    tolerance = 5 * error.std() / error.size**0.5 + 1e-4
    assert abs(error.mean() - problem.mse) < tolerance


def test_no_noise_given_is_gaussian_noise_of_a_tenth(images):
    assert repr(NoiseInjector().fit(images).noise_) == repr(GaussianNoise(0.1))


def test_noisy_integers_are_rounded_to_the_nearest():
    images = np.full((1, 32, 32), 128, dtype=np.uint8)
    noisy = NoiseInjector(GaussianNoise(0.1), random_state=0).fit_transform(images)
    as_floats = NoiseInjector(GaussianNoise(0.1), random_state=0, data_range=(0, 255))
    # An image of floats has other bytes and so other noise: only the distribution is the same.
    expected = np.rint(as_floats.fit_transform(images.astype(float)))
    # 1024 values of standard deviation 25.5: five standard errors of a difference of two means.
    assert abs(noisy.mean() - expected.mean()) < 5 * 25.5 * (2 / 1024) ** 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noisy_integers_reach_both_ends_and_do_not_wrap_around(dtype):
    images = images_of("gray", dtype)
    noisy = NoiseInjector(SaltAndPepperNoise(1), random_state=0).fit_transform(images)
    assert set(np.unique(noisy)) == {0, np.iinfo(dtype).max}


def test_unclipped_noise_leaves_the_data_range(images):
    noisy = NoiseInjector(GaussianNoise(0.5, clip=False), random_state=0).fit_transform(images)
    assert noisy.max() > 1


def test_clipped_noise_stays_in_the_data_range(images):
    noisy = NoiseInjector(GaussianNoise(0.5), random_state=0).fit_transform(images)
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_the_pairs_bring_their_noise_model(images):
    noisy = NoiseInjector(GaussianNoise(0.3)).fit_transform(images)
    assert noisy.noise.std == 0.3


def test_the_level_can_be_set_through_the_injector(images):
    injector = NoiseInjector(GaussianNoise()).set_params(noise__std=0.7)
    assert injector.fit(images).noise_.std == 0.7


def test_setting_the_level_after_fit_changes_nothing_before_the_next_fit(images):
    injector = injector_for("gray", GaussianNoise(0.1)).fit(images)
    noisy = injector.transform(images)
    injector.set_params(noise__std=0.9)
    np.testing.assert_array_equal(injector.transform(images), noisy)


def test_the_repr_shows_the_noise():
    assert repr(NoiseInjector(GaussianNoise(0.2))) == "NoiseInjector(noise=GaussianNoise(std=0.2))"


# When


def test_transform_leaves_images_alone_by_default(images):
    np.testing.assert_array_equal(NoiseInjector().fit(images).transform(images), images)


def test_transform_gives_no_pairs_by_default(images):
    assert not isinstance(NoiseInjector().fit(images).transform(images), NoisyImages)


@pytest.mark.parametrize("dtype", DTYPES)
def test_transform_keeps_the_dtype_by_default(dtype):
    images = images_of("gray", dtype)
    assert NoiseInjector().fit(images).transform(images).dtype == dtype


def test_transform_gives_pairs_if_it_always_corrupts(images):
    noisy = NoiseInjector(when="always").fit(images).transform(images)
    np.testing.assert_array_equal(noisy.clean, images)


@pytest.mark.parametrize("when", ["fit", "always"])
def test_corrupt_makes_the_noise_of_fit_transform(images, when):
    injector = NoiseInjector(when=when, random_state=0)
    noisy = injector.fit_transform(images)
    np.testing.assert_array_equal(injector.corrupt(images), noisy)


@pytest.mark.parametrize("when", ["fit", "always"])
def test_corrupt_needs_no_fit(images, when):
    injector = NoiseInjector(when=when, random_state=0)
    np.testing.assert_array_equal(injector.corrupt(images), clone(injector).fit_transform(images))


def test_corrupt_does_not_fit(images):
    injector = NoiseInjector()
    injector.corrupt(images)
    with pytest.raises(NotFittedError):
        injector.transform(images)


def test_corrupt_uses_the_data_range_of_fit():
    dark = images_of("gray") / 100
    injector = NoiseInjector(random_state=0).fit(255 * images_of("gray"))
    noisy = injector.corrupt(255 * dark)
    # Noise of a tenth of 0 to 255; of the range of the dark images it would be 0.25.
    assert np.abs(noisy - 255 * dark).mean() > 5


def test_transform_before_fit_is_an_error(images):
    with pytest.raises(NotFittedError, match="NoiseInjector instance is not fitted yet"):
        NoiseInjector().transform(images)


# Randomness


@pytest.mark.parametrize("states", [(None, None), (0, 1)])
def test_different_random_states_give_different_noise(images, states):
    one, other = (NoiseInjector(random_state=state).fit_transform(images) for state in states)
    assert (np.asarray(one) != np.asarray(other)).any()


def test_a_random_state_instance_gives_other_noise_at_each_fit(images):
    injector = NoiseInjector(random_state=np.random.RandomState(0))
    one, other = injector.fit_transform(images), injector.fit_transform(images)
    assert (np.asarray(one) != np.asarray(other)).any()


def test_equal_random_state_instances_give_equal_noise(images):
    one, other = (
        NoiseInjector(random_state=np.random.RandomState(0)).fit_transform(images) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_different_images_get_different_noise(images):
    # Two images that differ in one pixel by next to nothing.
    pair = np.repeat(images[:1], 2, axis=0)
    pair[1, 0, 0] += 1e-6
    noisy = np.asarray(NoiseInjector(random_state=0).fit_transform(pair))
    assert np.abs(noisy[0] - noisy[1]).max() > 0.01


# What comes in


@pytest.mark.parametrize(
    "given",
    [
        np.arange(50).reshape(2, 5, 5),
        np.arange(50).reshape(2, 5, 5) % 2 == 0,
        np.arange(50).reshape(2, 5, 5).tolist(),
        (np.arange(50).reshape(2, 5, 5) / 50).astype(np.float16),
    ],
    ids=["int64", "bool", "list", "float16"],
)
def test_other_numbers_become_float64(given):
    noisy = NoiseInjector().fit_transform(given)
    assert noisy.dtype == noisy.clean.dtype == np.float64


def test_other_numbers_keep_their_values():
    given = np.arange(50).reshape(2, 5, 5)
    np.testing.assert_array_equal(NoiseInjector().fit_transform(given).clean, given)


@pytest.mark.parametrize(
    ("images", "data_range"),
    [
        (np.full((2, 4, 4), 7, np.uint8), (0, 255)),
        (np.full((2, 4, 4), 7, np.uint16), (0, 65535)),
        (np.full((2, 4, 4), 0.7), (0, 1)),
        (np.linspace(-2, 3, 32).reshape(2, 4, 4), (-2, 3)),
        (np.full((2, 4, 4), 7.0), (6.5, 7.5)),
    ],
    ids=["uint8", "uint16", "unit floats", "other floats", "constant"],
)
def test_the_data_range_is_learned(images, data_range):
    assert NoiseInjector().fit(images).data_range_ == data_range


def test_a_data_range_may_be_given(images):
    assert NoiseInjector(data_range=(0, 4)).fit(images).data_range_ == (0, 4)


def test_noisy_images_may_be_corrupted_again(images):
    twice = NoiseInjector(random_state=1).fit_transform(
        NoiseInjector(random_state=0).fit_transform(images)
    )
    np.testing.assert_array_equal(twice.clean, NoiseInjector(random_state=0).fit_transform(images))


def test_labels_are_ignored(images):
    noisy = NoiseInjector(random_state=0).fit_transform(images, np.arange(7))
    np.testing.assert_array_equal(noisy, NoiseInjector(random_state=0).fit_transform(images))


def test_images_of_another_size_are_corrupted_too(images):
    injector = NoiseInjector(when="always").fit(images)
    assert injector.transform(images[:, :3]).shape == (7, 3, 5)


class Recorder(NoiseModel):
    """Leaves images alone, and keeps the number of values in each batch."""

    def __init__(self, sizes=(), *, clip=True):
        self.sizes = sizes
        self.clip = clip
        self.seen = []

    def _corrupt(self, images, generator):
        self.seen.append(images.numel())
        return images


@pytest.mark.parametrize(
    ("limit", "expected"), [(90, [90, 90, 30]), (1, [30] * 7), (1000, [210])], ids=str
)
def test_large_batches_are_worked_through_in_chunks(images, monkeypatch, limit, expected):
    monkeypatch.setattr(_injector, "CHUNK_VALUES", limit)
    injector = NoiseInjector(Recorder()).fit(images)
    injector.corrupt(images)
    assert injector.noise_.seen == expected


def test_chunks_change_nothing(images, monkeypatch):
    expected = injector_for("gray").fit_transform(images)
    monkeypatch.setattr(_injector, "CHUNK_VALUES", 60)
    np.testing.assert_array_equal(injector_for("gray").fit_transform(images), expected)


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"when": "never"}, r"'when' parameter of NoiseInjector must be .* Got 'never'"),
        ({"noise": "gauss"}, r"noise='gauss'; allowed are .*'gaussian'"),
        ({"noise": GaussianNoise}, r"'noise' parameter of NoiseInjector must be an instance"),
        ({"noise": 0.1}, r"'noise' parameter of NoiseInjector must be an instance"),
        ({"noise": GaussianNoise(-1)}, r"GaussianNoise\(std=…\) is -1"),
        ({"noise": ["blur", MaskingNoise(3)]}, r"MaskingNoise\(fraction=…\) is 3"),
        ({"random_state": -1}, r"random_state"),
        ({"random_state": "0"}, r"random_state"),
        ({"channel_axis": 2}, r"channel_axis"),
        ({"data_range": (1, 0)}, r"data_range=\(1, 0\); expected"),
        ({"data_range": "full"}, r"data_range"),
        ({"image_shape": (0, 5)}, r"image_shape=\(0, 5\)"),
        ({"image_shape": 5}, r"image_shape"),
        ({"data_range": (0, 0.5)}, r"the data range is 0 to 0.5"),
        ({"data_range": (0, 255), "noise": "blur", "image_shape": (9, 9)}, r"image_shape=\(9, 9"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "fit_transform", "corrupt"])
def test_a_bad_parameter_is_an_error_that_names_it(images, options, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(NoiseInjector(**options), method)(images)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_unclipped_noise_on_integers_is_an_error_with_a_cure(dtype):
    injector = NoiseInjector(GaussianNoise(clip=False))
    with pytest.raises(ValueError, match=r"cannot hold. Convert the images to float first, or use"):
        injector.fit(images_of("gray", dtype))


def test_unclipped_noise_on_integers_after_a_fit_on_floats_is_an_error():
    injector = NoiseInjector(GaussianNoise(clip=False), data_range=(0, 255), when="always")
    injector.fit(255 * images_of("gray"))
    with pytest.raises(ValueError, match="which uint8 images cannot hold"):
        injector.transform(images_of("gray", np.uint8))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full((2, 4, 4), np.nan), "NaN"),
        (np.full((2, 4, 4), np.inf), "infinity"),
        (np.empty((0, 4, 4)), "minimum of 1 is required"),
        (np.ones(5), "Expected 2D array"),
        (np.ones((1, 2, 3, 4, 5)), "has shape"),
        ([[["a"]]], "string"),
        ([np.ones((2, 2)), np.ones((3, 3))], "different shapes"),
    ],
    ids=["nan", "infinity", "empty", "one dimension", "five dimensions", "strings", "ragged"],
)
@pytest.mark.parametrize("method", ["fit", "fit_transform", "corrupt"])
def test_what_is_no_batch_of_images_is_an_error(given, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(NoiseInjector(), method)(given)


@pytest.mark.parametrize("when", ["fit", "always"])
def test_rows_of_another_length_are_an_error(when):
    injector = NoiseInjector(when=when).fit(images_of("rows"))
    with pytest.raises(ValueError, match="X has 25 features, but NoiseInjector is expecting 36"):
        injector.transform(np.ones((2, 25)))


@pytest.mark.parametrize("method", ["transform", "corrupt"])
def test_another_number_of_channels_is_an_error(method):
    injector = NoiseInjector(when="always").fit(images_of("colour"))
    with pytest.raises(ValueError, match=r"has 2 channel\(s\), but the model was fitted on images"):
        getattr(injector, method)(np.ones((2, 6, 5, 2)))


@pytest.mark.parametrize("method", ["transform", "corrupt"])
def test_images_in_other_units_are_an_error(images, method):
    injector = NoiseInjector(when="always").fit(images)
    with pytest.raises(ValueError, match="but the data range is 0 to 1"):
        getattr(injector, method)(images_of("gray", np.uint8))


def test_a_failed_fit_leaves_the_injector_as_it_was(images):
    injector = injector_for("gray").fit(images)
    noisy = injector.transform(images)
    with pytest.raises(ValueError, match="NaN"):
        injector.fit(np.full((2, 4, 4), np.nan))
    np.testing.assert_array_equal(injector.transform(images), noisy)


@pytest.mark.parametrize(
    "options",
    [{"data_range": (0, 0.1)}, {"noise": "unknown"}, {"random_state": -1}, {"image_shape": (9, 9)}],
    ids=str,
)
def test_a_failed_fit_sets_no_attribute(images, options):
    injector = injector_for("gray").fit(images)
    before = {name: value for name, value in vars(injector).items() if name.endswith("_")}
    with pytest.raises(ValueError):  # noqa: PT011 - the messages have a test of their own
        injector.set_params(**options).fit(images_of("colour"))
    after = {name: value for name, value in vars(injector).items() if name.endswith("_")}
    assert after == before


def test_blur_alone_depends_on_no_random_state(images):
    noisy = [NoiseInjector(GaussianBlur()).fit_transform(images) for _ in range(2)]
    np.testing.assert_array_equal(*noisy)
