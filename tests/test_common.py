"""scikit-learn's checks of the estimator, and the same questions asked with images."""

import copy
import os
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_encoder,
    small_unet,
)

from sklearn_cae import Autoencoder, DenoisingCAE, ResUNet

# The checks send rows of any number of features, as many rows as features, few values.
pytestmark = [
    pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number"),
    pytest.mark.filterwarnings("ignore:X of shape .* is read as .* rows"),
]

ESTIMATORS = [
    DenoisingCAE(Autoencoder(), max_epochs=1, for_codes=True),
    small_cae(small_autoencoder(latent_dim=3)),
    small_cae(small_unet()),
    small_cae(ResUNet((4,), blocks=1)),
    small_cae(
        Autoencoder(
            small_encoder(downsampling="stride"), upsampling="transpose", normalization=None
        )
    ),
]


def expected_failures(estimator):
    """Only what the contract says otherwise."""
    if hasattr(estimator.network, "latent_dim"):
        return {}
    return {"check_array_api_input": "inverse_transform is refused: such codes do not decode."}


# scikit-learn keeps these for its own tests.
FURTHER_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


def test_the_array_api_of_scipy_is_on():
    assert os.environ.get("SCIPY_ARRAY_API") == "1", (
        "Set SCIPY_ARRAY_API=1 in the environment before Python starts, as `make test` does: "
        "scikit-learn skips its array API checks without it."
    )


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def test_the_checks_of_scikit_learn_are_many():
    # A wrong tag makes the checks fall silent, not fail.
    checks = estimator_checks.estimator_checks_generator(ESTIMATORS[0], mark=None)
    assert len(list(checks)) >= 45


@pytest.mark.parametrize("check", FURTHER_CHECKS)
def test_the_checks_pass_that_scikit_learn_keeps_for_itself(check):
    getattr(estimator_checks, check)("DenoisingCAE", small_cae())


# They mix arrays and data frames in fit and transform.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize(
    "check",
    [
        "check_global_output_transform_pandas",
        "check_global_set_output_transform_polars",
        "check_set_output_transform_pandas",
        "check_set_output_transform_polars",
    ],
)
def test_the_checks_of_frames_as_output_pass(check):
    getattr(estimator_checks, check)("DenoisingCAE", small_cae())


# --- with images, in pairs of layout and network

IMAGES = {
    "gray float32, spatial code": (gray(), {}),
    "colour uint8, flat code": (
        as_uint(colour(), np.uint8),
        {"network": small_autoencoder(latent_dim=5)},
    ),
    "channels first uint16, U-Net": (
        as_uint(colour().transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1, "network": small_unet()},
    ),
    "gray float64, residual U-Net, hidden pixels": (
        gray().astype(np.float64),
        {"network": ResUNet((4, 8), blocks=1), "target": "masked"},
    ),
    "rows of float64 of any range": (gray().reshape(24, 64).astype(np.float64) * 4 - 2, {}),
}
METHODS = ["predict", "transform", "score_samples"]


@pytest.fixture(params=IMAGES, scope="module")
def case(request):
    """Images, an estimator for them, and the same fitted."""
    images, params = IMAGES[request.param]
    cae = small_cae(**params)
    return images, cae, clone(cae).fit(images)


def test_fit_returns_the_estimator(case):
    images, cae, _ = case
    cae = clone(cae)
    assert cae.fit(images) is cae


def test_two_fits_with_one_seed_learn_the_same_weights(case):
    images, cae, fitted = case
    assert_same_weights(clone(cae).fit(images), fitted)


def test_a_second_fit_forgets_the_first(case):
    images, cae, fitted = case
    assert_same_weights(clone(cae).fit(images[::2]).fit(images), fitted)


def test_parameters_are_left_as_they_were(case):
    images, cae, _ = case
    cae = clone(cae)
    before = {name: repr(value) for name, value in cae.get_params().items()}
    cae.fit(images).predict(images)
    assert {name: repr(value) for name, value in cae.get_params().items()} == before


def test_only_documented_attributes_are_set_in_fit(case):
    learned = {name for name in vars(case[2]) if name.endswith("_")}
    documented = DenoisingCAE.__doc__.partition("Attributes\n")[2].partition("Warns\n")[0]
    assert {name for name in learned if name not in documented} == set()


@pytest.mark.parametrize("name", ["history_", "image_shape_", "data_range_", "layer_names_"])
def test_what_is_documented_can_be_read(case, name):
    assert f"    {name} :" in DenoisingCAE.__doc__
    assert getattr(case[2], name)


@pytest.mark.parametrize("method", METHODS)
def test_a_result_does_not_depend_on_the_other_images(case, method):
    images, _, fitted = case
    every = getattr(fitted, method)(images)
    # 20 and 24 images share a size of batch.
    some = np.r_[7, 2, 11, 4:21]
    np.testing.assert_array_equal(getattr(fitted, method)(images[some]), every[some])


def test_an_image_alone_gives_the_same_result(case):
    images, _, fitted = case
    # Another size of batch, another rounding: what the docs promise, and one level of integers.
    width = np.ptp(fitted.data_range_)
    atol = 1 if images.dtype.kind == "u" else 1e-6 * width
    alone = fitted.predict(images[5:6]).astype(float)
    np.testing.assert_allclose(alone, fitted.predict(images)[5:6].astype(float), rtol=0, atol=atol)


@pytest.mark.parametrize("twin", [copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("method", ["predict", "transform"])
def test_a_copy_gives_identical_results(case, method, twin):
    images, _, fitted = case
    expected = getattr(fitted, method)(images)
    np.testing.assert_array_equal(getattr(twin(fitted), method)(images), expected)


def test_joblib_gives_identical_predictions(case, tmp_path):
    images, _, fitted = case
    joblib.dump(fitted, tmp_path / "cae.joblib")
    loaded = joblib.load(tmp_path / "cae.joblib")
    np.testing.assert_array_equal(loaded.predict(images), fitted.predict(images))


def test_a_clone_is_unfitted(case):
    assert not hasattr(clone(case[2]), "net_")


def test_predictions_look_like_the_images(case):
    images, _, fitted = case
    denoised = fitted.predict(images)
    assert (denoised.shape, denoised.dtype) == (images.shape, images.dtype)


def test_codes_are_finite_float32_rows(case):
    images, _, fitted = case
    codes = fitted.transform(images)
    assert codes.shape == (len(images), len(fitted.get_feature_names_out()))
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all()


def test_fit_transform_is_fit_then_transform(case):
    images, cae, fitted = case
    np.testing.assert_array_equal(clone(cae).fit_transform(images), fitted.transform(images))


def test_scores_of_samples_are_float64_and_not_positive(case):
    images, _, fitted = case
    scores = fitted.score_samples(images)
    assert scores.shape == (len(images),)
    assert scores.dtype == np.float64
    assert (scores <= 0).all()


def test_n_features_in_counts_the_values_of_an_image(case):
    images, _, fitted = case
    assert fitted.n_features_in_ == images[0].size


def test_one_image_fits(case):
    images, cae, _ = case
    assert clone(cae).fit(images[1:2]).predict(images[1:2]).shape == images[:1].shape


def test_lists_of_images_are_images(case):
    images, cae, fitted = case
    assert_same_weights(clone(cae).fit(list(images)), fitted)


def test_the_memory_layout_of_the_array_does_not_matter(case):
    images, _, fitted = case
    expected = fitted.predict(images)
    np.testing.assert_array_equal(fitted.predict(np.asfortranarray(images)), expected)
