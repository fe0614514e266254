import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from problems import CONSTANT_GRAY, GRAY
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_get_feature_names_out_error,
    check_inplace_ensure_writeable,
    check_param_validation,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from sklearn_cae.noise import (
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseInjector,
    NoiseModel,
    NoisyImages,
    SaltAndPepperNoise,
)

# scikit-learn's checks send rows of any length.
strips = pytest.mark.filterwarnings("ignore:X has .* features, which is not a square:UserWarning")

ONLY_IN_FIT = "when='fit' corrupts in fit_transform and leaves images alone in transform"
EXPECTED_TO_FAIL = {
    "check_transformer_general": ONLY_IN_FIT,
    "check_transformer_data_not_an_array": ONLY_IN_FIT,
}

LAYOUTS = {
    "rows": ((7, 36), {}),
    "rows of colour, channels first": ((7, 108), {"image_shape": (6, 6, 3), "channel_axis": 1}),
    "gray": ((7, 6, 5), {}),
    "colour": ((7, 6, 5, 3), {}),
    "colour, channels first": ((7, 3, 6, 5), {"channel_axis": 1}),
    "one pixel": ((7, 1, 1), {}),
}
in_all_layouts = pytest.mark.parametrize("layout", LAYOUTS)
# Pairwise: each layout and each dtype at least once.
in_all_layouts_and_dtypes = pytest.mark.parametrize(
    ("layout", "dtype"),
    [
        ("rows", np.uint8),
        ("rows of colour, channels first", np.float32),
        ("gray", np.int16),
        ("gray", np.float64),
        ("colour", np.uint16),
        ("colour, channels first", np.uint8),
        ("one pixel", np.float32),
    ],
)


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


@strips
@parametrize_with_checks(
    [
        NoiseInjector(),
        NoiseInjector(["blur", GaussianNoise((0, 0.2))], when="always"),
    ],
    expected_failed_checks=lambda est: EXPECTED_TO_FAIL if est.when == "fit" else {},
)
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


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


# Frames as output


def rows_in_a_frame():
    return pd.DataFrame(images_of("rows")).rename(columns=str)


@pytest.mark.parametrize("kind", ["default", "pandas"])
def test_pairs_survive_a_global_setting_of_the_output(kind):
    rows = rows_in_a_frame()
    with sklearn.config_context(transform_output=kind):
        noisy = NoiseInjector().fit_transform(rows)
    np.testing.assert_array_equal(noisy.clean, rows)


@pytest.mark.parametrize("kind", ["default", "pandas"])
def test_pairs_survive_set_output_of_a_pipeline(kind):
    pipeline = Pipeline([("noise", NoiseInjector())]).set_output(transform=kind)
    rows = rows_in_a_frame()
    np.testing.assert_array_equal(pipeline.fit_transform(rows).clean, rows)


def test_set_output_of_a_column_transformer_gives_a_frame():
    columns = ColumnTransformer([("noise", NoiseInjector(), [str(i) for i in range(36)])])
    frame = columns.set_output(transform="pandas").fit_transform(rows_in_a_frame())
    assert list(frame.columns) == [f"noise__{i}" for i in range(36)]


def test_columns_beside_the_images_lose_the_clean_ones():
    columns = ColumnTransformer(
        [("noise", NoiseInjector(), [str(i) for i in range(25)])], remainder="passthrough"
    )
    result = columns.fit_transform(rows_in_a_frame())
    assert isinstance(result, NoisyImages)
    assert result.clean is None


# The same questions with images


@in_all_layouts_and_dtypes
def test_pairs_have_the_shape_and_dtype_of_the_images(layout, dtype):
    images = images_of(layout, dtype)
    noisy = injector_for(layout).fit_transform(images)
    assert (noisy.shape, noisy.dtype) == (images.shape, dtype)
    np.testing.assert_array_equal(noisy.clean, images)


@in_all_layouts
def test_every_image_becomes_noisy(layout):
    noisy = np.asarray(injector_for(layout).fit_transform(images_of(layout)))
    assert (noisy != images_of(layout)).reshape(7, -1).any(axis=1).all()


@in_all_layouts_and_dtypes
def test_no_noise_gives_the_images_back(layout, dtype):
    images = images_of(layout, dtype)
    noisy = injector_for(layout, "none").fit_transform(images)
    # Noise is drawn in float32, which holds every level of 16 bits exactly.
    np.testing.assert_allclose(noisy, images, rtol=0, atol=1e-7)


@in_all_layouts_and_dtypes
def test_the_images_that_went_in_are_unchanged(layout, dtype):
    images = images_of(layout, dtype)
    injector = injector_for(layout)
    injector.fit_transform(images)
    injector.transform(images)
    np.testing.assert_array_equal(images, images_of(layout, dtype))


MEMORY = {
    "read-only": lambda x: joblib.load(joblib.dump(x, "x")[0], mmap_mode="r"),
    "column by column": np.asfortranarray,
    "from the last to the first": lambda x: x[::-1].copy()[::-1],
    "mirrored twice": lambda x: x[:, :, ::-1].copy()[:, :, ::-1],
    "every second": lambda x: np.repeat(x, 2, axis=0)[::2],
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "tensor": torch.from_numpy,
    "tensor with gradients": lambda x: torch.from_numpy(x).requires_grad_(),
}


@pytest.mark.parametrize("stored", MEMORY.values(), ids=MEMORY)
def test_the_order_in_memory_makes_no_difference(images, stored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = injector_for("gray").fit_transform(images)
    noisy = injector_for("gray").fit_transform(stored(images))
    np.testing.assert_array_equal(noisy, expected)


def test_an_axis_of_length_one_may_have_a_negative_stride(images):
    expected = injector_for("gray").fit_transform(images[:1].copy())
    np.testing.assert_array_equal(injector_for("gray").fit_transform(images[:1][::-1]), expected)


@in_all_layouts
def test_fit_transform_equals_fit_and_transform_if_it_always_corrupts(layout):
    images = images_of(layout)
    noisy = injector_for(layout).fit(images).transform(images)
    np.testing.assert_array_equal(noisy, injector_for(layout).fit_transform(images))


def test_a_second_fit_changes_nothing(images):
    injector = injector_for("gray").fit(images)
    noisy = injector.transform(images)
    np.testing.assert_array_equal(injector.fit(images).transform(images), noisy)


@in_all_layouts
@pytest.mark.parametrize("rows", [slice(2, 3), [6, 0, 3, 3]], ids=["one", "any order"])
def test_an_image_gets_the_same_noise_whatever_batch_it_comes_in(layout, rows):
    images = images_of(layout)
    injector = injector_for(layout).fit(images)
    np.testing.assert_array_equal(
        injector.transform(images[rows]), injector.transform(images)[rows]
    )


def test_a_clone_makes_the_same_noise(images):
    injector = injector_for("gray")
    noisy = [one.fit_transform(images) for one in (injector, clone(injector))]
    np.testing.assert_array_equal(*noisy)


def test_a_pickled_injector_makes_the_same_noise(images):
    injector = injector_for("gray").fit(images)
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
        ("rows of colour, channels first", (6, 6, 3)),
        ("gray", (6, 5)),
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
    noisy = injector_for("gray", image_shape=(6, 6, 3)).fit_transform(images.reshape(4, -1))
    np.testing.assert_array_equal(noisy, expected)


def test_the_global_random_state_is_left_as_it_was(images):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    NoiseInjector(["gaussian", "poisson", "salt_and_pepper"]).fit_transform(images)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_the_default_dtype_of_torch_changes_nothing(images):
    expected = injector_for("gray").fit_transform(images)
    torch.set_default_dtype(torch.float64)
    try:
        noisy = injector_for("gray").fit_transform(images)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(noisy, expected)


# What the noise is


# A constant fills no range.
@pytest.mark.filterwarnings("ignore:X has values from .* which fill:UserWarning")
@pytest.mark.parametrize("problem", CONSTANT_GRAY, ids=lambda problem: repr(problem.noise))
@pytest.mark.parametrize("data_range", [(-3, 5), (0, 15)])
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
    injector = NoiseInjector(SaltAndPepperNoise(1), data_range=(0, np.iinfo(dtype).max))
    noisy = injector.fit_transform(images)
    assert set(np.unique(noisy)) == {0, np.iinfo(dtype).max}


def test_unclipped_noise_leaves_the_data_range(images):
    noisy = NoiseInjector(GaussianNoise(0.5, clip=False), random_state=0).fit_transform(images)
    assert noisy.max() > 1


def test_clipped_noise_stays_in_the_data_range(images):
    noisy = NoiseInjector(GaussianNoise(0.5), random_state=0).fit_transform(images)
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_noise_leaves_a_range_that_was_learned(images):
    noisy = NoiseInjector(GaussianNoise(0.5), random_state=0).fit_transform(3 * images)
    assert noisy.min() < 0 < 3 < noisy.max()


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


@in_all_layouts_and_dtypes
def test_transform_keeps_shape_and_dtype_by_default(layout, dtype):
    images = images_of(layout, dtype)
    same = injector_for(layout, when="fit").fit(images).transform(images)
    assert (same.shape, same.dtype) == (images.shape, dtype)


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
    dark = images_of("gray") / 10
    injector = NoiseInjector(random_state=0).fit(255 * images_of("gray"))
    noisy = injector.corrupt(255 * dark)
    # Noise of a tenth of 0 to 255; of the range of the dark images it would be 2.5.
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
    ("given", "dtype"),
    [
        (np.arange(50).reshape(2, 5, 5), np.int64),
        (np.arange(50).reshape(2, 5, 5).tolist(), np.int64),
        (np.arange(50).reshape(2, 5, 5) % 2 == 0, np.float64),
        ((np.arange(50).reshape(2, 5, 5) / 50).astype(np.float16), np.float64),
    ],
    ids=["int64", "list", "bool", "float16"],
)
def test_other_numbers_are_kept_or_become_float64(given, dtype):
    noisy = NoiseInjector().fit_transform(given)
    assert noisy.dtype == noisy.clean.dtype == dtype
    np.testing.assert_array_equal(noisy.clean, given)


@pytest.mark.parametrize(
    ("images", "data_range"),
    [
        (np.arange(32, dtype=np.uint8).reshape(2, 4, 4), (0, 255)),
        (np.linspace(0, 0.7, 32).reshape(2, 4, 4), (0, 1)),
        (np.full((2, 4, 4), 7.0), (6.5, 7.5)),
    ],
    ids=["uint8", "unit floats", "constant"],
)
def test_the_data_range_is_learned(images, data_range):
    injector = NoiseInjector().fit(images)
    assert injector.data_range_ == injector.image_spec_.data_range == data_range


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


@pytest.mark.parametrize(("limit", "expected"), [(90, [90, 90, 30]), (1, [30] * 7)], ids=str)
def test_large_batches_are_worked_through_in_chunks(images, monkeypatch, limit, expected):
    monkeypatch.setattr("sklearn_cae.images._sources.CHUNK_VALUES", limit)
    injector = NoiseInjector(Recorder()).fit(images)
    injector.corrupt(images)
    assert injector.noise_.seen == expected


def test_chunks_change_nothing(images, monkeypatch):
    expected = injector_for("gray").fit_transform(images)
    monkeypatch.setattr("sklearn_cae.images._sources.CHUNK_VALUES", 60)
    np.testing.assert_array_equal(injector_for("gray").fit_transform(images), expected)


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"when": "never"}, r"'when' parameter of NoiseInjector must be .* Got 'never'"),
        ({"noise": "gauss"}, r"noise='gauss'; allowed are .*'gaussian'"),
        ({"noise": GaussianNoise}, r"noise=GaussianNoise is a class. Call it: GaussianNoise\(\)"),
        ({"noise": 0.1}, r"noise=0.1 is a level without its noise: write GaussianNoise\(0.1\)"),
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
def test_a_bad_parameter_is_an_error_that_names_it(images, options, message):
    for method in ("fit_transform", "corrupt"):
        with pytest.raises(ValueError, match=message):
            getattr(NoiseInjector(**options), method)(images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
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
def test_what_is_no_batch_of_images_is_an_error(given, message):
    with pytest.raises(ValueError, match=message):
        NoiseInjector().fit_transform(given)


@pytest.mark.parametrize(
    ("data_range", "largest"),
    [((0, 5e-324), 0), ((-1e308, 1e308), 1), ("auto", 1e308)],
    ids=["tiny", "huge", "huge values"],
)
def test_a_range_that_float32_cannot_hold_is_an_error(data_range, largest):
    with pytest.raises(
        ValueError, match=r"float32 cannot hold. Rescale the images, and give their"
    ):
        NoiseInjector(data_range=data_range).fit(np.array([[[-largest, largest]]], float))


@pytest.mark.parametrize(
    "value", [2.0**60, 2**63 - 1, -5e-324], ids=["large float", "largest integer", "tiny"]
)
def test_extreme_constants_become_no_nan(value):
    assert np.isfinite(NoiseInjector().fit_transform(np.full((2, 3, 3), value))).all()


@pytest.mark.parametrize("when", ["fit", "always"])
def test_rows_of_another_length_are_an_error(when):
    injector = NoiseInjector(when=when).fit(images_of("rows"))
    with pytest.raises(ValueError, match="X has 25 features, but NoiseInjector is expecting 36"):
        injector.transform(np.ones((2, 25)))


@pytest.mark.parametrize("method", ["transform", "corrupt"])
def test_another_number_of_channels_is_an_error(method):
    injector = NoiseInjector(when="always").fit(images_of("colour"))
    with pytest.raises(ValueError, match=r"has 2 channel\(s\), but the learned images have 3"):
        getattr(injector, method)(np.ones((2, 6, 5, 2)))


@pytest.mark.parametrize("method", ["transform", "corrupt"])
def test_images_in_other_units_are_an_error(images, method):
    injector = NoiseInjector(when="always").fit(images)
    with pytest.raises(ValueError, match=r"Convert X to these units first"):
        getattr(injector, method)(images_of("gray", np.uint8))


def fails(images):
    raise MemoryError


def is_interrupted(images):
    raise KeyboardInterrupt


class Breaks(NoiseModel):
    """Raises what it is told to, in the midst of corrupting."""

    def __init__(self, how=fails, *, clip=True):
        self.how = how
        self.clip = clip

    def _corrupt(self, images, generator):
        self.how(images)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"data_range": (0, 0.1)}, ValueError),
        ({"noise": "unknown"}, ValueError),
        ({"random_state": -1}, ValueError),
        ({"image_shape": (9, 9)}, ValueError),
        ({"noise": Breaks(fails)}, MemoryError),
        ({"noise": Breaks(is_interrupted)}, KeyboardInterrupt),
    ],
    ids=["range", "noise", "seed", "shape", "failing", "interrupted"],
)
def test_a_failed_or_interrupted_fit_leaves_the_injector_as_it_was(images, options, error):
    injector = injector_for("gray").fit(images)
    injector.set_params(**options)
    before = dict(vars(injector))
    with pytest.raises(error):
        injector.fit_transform(images_of("colour"))
    assert vars(injector) == before


def test_a_fit_without_names_forgets_those_of_the_columns():
    injector = NoiseInjector().fit(rows_in_a_frame())
    assert injector.feature_names_in_[-1] == "35"
    assert not hasattr(injector.fit(images_of("rows")), "feature_names_in_")


def test_blur_alone_depends_on_no_random_state(images):
    noisy = [NoiseInjector(GaussianBlur()).fit_transform(images) for _ in range(2)]
    np.testing.assert_array_equal(*noisy)
