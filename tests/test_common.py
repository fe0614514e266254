"""scikit-learn's checks of an estimator, and the same questions asked with images."""

import copy
import os
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator
from small import as_uint, assert_same_weights, colour, gray, small_cae

from sklearn_cae import DenoisingCAE

# The checks send rows of any number of features.
pytestmark = pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")

ESTIMATORS = {
    "defaults": DenoisingCAE(),
    "flat code": small_cae(latent_dim=3),
    "strides, transposed, no normalization": small_cae(
        downsampling="stride", upsampling="transpose", normalization=None
    ),
    "skip connections and residual": small_cae(skip_connections=True, residual=True),
    "plain autoencoder": small_cae(noise="none", loss="bce"),
}

# Only what the contract says otherwise.
EXPECTED_FAILURES = {
    "skip connections and residual": {
        "check_array_api_input": "inverse_transform is refused: such codes do not decode."
    },
}

# `check_estimator` leaves these out.
FURTHER_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


def test_the_array_api_of_scipy_is_on():
    assert os.environ.get("SCIPY_ARRAY_API") == "1", (
        "Set SCIPY_ARRAY_API=1 in the environment before Python starts, as `make test` does: "
        "scikit-learn skips its array API checks without it."
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_check_of_scikit_learn_runs_and_passes(name):
    expected = EXPECTED_FAILURES.get(name, {})
    results = check_estimator(
        ESTIMATORS[name], expected_failed_checks=expected, on_fail=None, on_skip=None
    )
    not_passed = {
        result["check_name"]: (result["status"], result["exception"])
        for result in results
        if result["status"] != "passed"
    }
    # Older versions of scikit-learn lack some of the checks.
    assert not_passed.keys() <= expected.keys(), not_passed
    # A wrong tag makes the checks fall silent, not fail.
    assert len(results) >= 45


@pytest.mark.parametrize("check", FURTHER_CHECKS)
def test_the_checks_pass_that_check_estimator_leaves_out(check):
    getattr(estimator_checks, check)("DenoisingCAE", small_cae())


# They mix arrays and data frames in fit and transform.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize(
    "check", ["check_global_output_transform_pandas", "check_set_output_transform_pandas"]
)
def test_the_checks_of_pandas_output_pass(check):
    getattr(estimator_checks, check)("DenoisingCAE", small_cae())


IMAGES = {
    "gray float32": (gray(), {}),
    "gray uint8": (as_uint(gray(), np.uint8), {}),
    "gray float64 of any range": (gray().astype(np.float64) * 4 - 2, {}),
    "colour float32": (colour(), {}),
    "colour uint8": (as_uint(colour(), np.uint8), {}),
    "channels first uint16": (
        as_uint(colour().transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1},
    ),
    "one channel axis": (colour(n_channels=1), {}),
    "flat code": (colour(), {"latent_dim": 5}),
    "skip connections": (colour(), {"skip_connections": True, "residual": True}),
}
METHODS = ["predict", "transform", "score_samples"]


@pytest.fixture(params=IMAGES)
def images(request):
    return IMAGES[request.param][0].copy()


@pytest.fixture
def cae(request, images):
    return small_cae(**IMAGES[request.node.callspec.params["images"]][1])


@pytest.fixture
def fitted(cae, images):
    return cae.fit(images)


def test_fit_returns_the_estimator(cae, images):
    assert cae.fit(images) is cae


def test_two_fits_with_one_seed_learn_the_same_weights(cae, images):
    assert_same_weights(clone(cae).fit(images), clone(cae).fit(images))


def test_a_second_fit_forgets_the_first(cae, images):
    once = clone(cae).fit(images)
    assert_same_weights(cae.fit(images[::2]).fit(images), once)


def test_the_array_is_left_as_it_was(cae, images):
    before = images.copy()
    cae.fit(images)
    for method in [*METHODS, "score", "partial_fit", "fit_transform"]:
        getattr(cae, method)(images)
    np.testing.assert_array_equal(images, before)


def test_parameters_are_left_as_they_were(cae, images):
    before = {name: repr(value) for name, value in cae.get_params().items()}
    cae.fit(images).predict(images)
    assert {name: repr(value) for name, value in cae.get_params().items()} == before


def test_only_documented_attributes_are_set_in_fit(cae, images):
    cae.fit(images)
    learned = {name for name in vars(cae) if name.endswith("_")}
    documented = DenoisingCAE.__doc__.partition("Attributes\n")[2].partition("See Also\n")[0]
    assert {name for name in learned if f"    {name} :" not in documented} == set()


@pytest.mark.parametrize("method", METHODS)
def test_a_result_does_not_depend_on_the_other_images(fitted, images, method):
    every = getattr(fitted, method)(images)
    some = [7, 2, 11]
    np.testing.assert_array_equal(getattr(fitted, method)(images[some]), every[some])


@pytest.mark.parametrize("method", METHODS)
def test_an_image_alone_gives_the_same_result(fitted, images, method):
    every = getattr(fitted, method)(images)
    np.testing.assert_array_equal(getattr(fitted, method)(images[5:6]), every[5:6])


@pytest.mark.parametrize("method", METHODS)
def test_a_call_does_not_change_the_next_one(fitted, images, method):
    first = getattr(fitted, method)(images)
    np.testing.assert_array_equal(getattr(fitted, method)(images), first)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_gives_identical_results(fitted, images, method, twin):
    expected = getattr(fitted, method)(images)
    np.testing.assert_array_equal(getattr(twin(fitted), method)(images), expected)


def test_joblib_gives_identical_predictions(fitted, images, tmp_path):
    joblib.dump(fitted, tmp_path / "cae.joblib")
    loaded = joblib.load(tmp_path / "cae.joblib")
    np.testing.assert_array_equal(loaded.predict(images), fitted.predict(images))


def test_a_clone_is_unfitted_and_learns_the_same(fitted, images):
    cloned = clone(fitted)
    assert not hasattr(cloned, "net_")
    assert_same_weights(cloned.fit(images), fitted)


def test_predictions_look_like_the_images(fitted, images):
    denoised = fitted.predict(images)
    assert (denoised.shape, denoised.dtype) == (images.shape, images.dtype)


def test_codes_are_finite_float32_rows(fitted, images):
    codes = fitted.transform(images)
    assert codes.shape == (len(images), len(fitted.get_feature_names_out()))
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all()


def test_fit_transform_is_fit_then_transform(cae, images):
    np.testing.assert_array_equal(
        clone(cae).fit_transform(images), clone(cae).fit(images).transform(images)
    )


def test_scores_of_samples_are_float64_and_not_positive(fitted, images):
    scores = fitted.score_samples(images)
    assert scores.shape == (len(images),)
    assert scores.dtype == np.float64
    assert (scores <= 0).all()


def test_n_features_in_counts_the_values_of_an_image(fitted, images):
    assert fitted.n_features_in_ == images[0].size


def test_one_image_fits(cae, images):
    assert cae.fit(images[:1]).predict(images[:1]).shape == images[:1].shape


def test_lists_of_images_are_images(cae, images):
    assert_same_weights(clone(cae).fit(list(images)), cae.fit(images))


def test_the_memory_layout_of_the_array_does_not_matter(fitted, images):
    expected = fitted.predict(images)
    np.testing.assert_array_equal(fitted.predict(np.asfortranarray(images)), expected)
