"""Any array for any estimator: a right result, or an error that names the argument."""

import os
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hostile import SHAPES, arrays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import (
    CAEOutlierDetector,
    ClassicalDenoiser,
    CodeDensity,
    LatentSampler,
    NoiseInjector,
)

# FUZZ is the number of tries of each test: more of them, in the night.
N_TRIES = int(os.environ.get("FUZZ", 12))
hostile = settings(
    max_examples=N_TRIES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
# Arguments, and what scikit-learn calls images.
NAMED = re.compile(r"\b(array|X|y|codes|images|features|samples?|n_samples|data_range|loss)\b")


def tried(function, *args):
    """What a function gives, or None where it refuses its arguments in the way it should."""
    with warnings.catch_warnings():
        # Of what is odd but can be. That numbers overflow is an error.
        warnings.simplefilter("ignore", UserWarning)
        try:
            return function(*args)
        except (ValueError, TypeError) as error:
            if not NAMED.search(str(error)):
                raise AssertionError("no argument is named") from error
            return None


ESTIMATORS = {
    "autoencoder": small_cae(small_autoencoder()),
    "flat code": small_cae(small_autoencoder(latent_dim=2), random_state=None),
    "U-Net": small_cae(small_unet(normalization=None)),
    "channels first": small_cae(channel_axis=1),
    "masked": small_cae(target="masked"),
    "injector": NoiseInjector(when="always"),
    "detector": CAEOutlierDetector(small_cae()),
    "sampler": LatentSampler(small_cae(), GaussianMixture(1), n_components=2),
    "filter": ClassicalDenoiser("total_variation"),
    "density": CodeDensity(),
}
METHODS = ("predict", "transform", "score_samples", "anomaly_map", "feature_maps", "score")


def assert_right(estimator, given, result, method):
    """As many results as images, of numbers; images as they were given."""
    values = (
        np.concatenate([np.ravel(part) for part in result]) if isinstance(result, list) else result
    )
    values = np.asarray(values)
    assert values.dtype.kind in "uif"
    if method != "score":
        assert len(result) == len(given)
    if method in ("predict", "transform", "score_samples", "feature_maps"):
        assert np.isfinite(values.astype(np.float64)).all()


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
@hostile
@given(images=arrays())
def test_any_array_is_fitted_or_refused(estimator, images):
    estimator = clone(estimator)
    y = images if isinstance(estimator, ClassicalDenoiser) else None
    fitted = tried(estimator.fit, images, y)
    if fitted is None:
        assert not [name for name in vars(estimator) if name.endswith("_")]
        return
    for method in METHODS:
        if hasattr(fitted, method) and not (method == "predict" and hasattr(fitted, "offset_")):
            result = tried(getattr(fitted, method), images)
            if result is not None:
                assert_right(fitted, images, result, method)


@pytest.fixture(scope="module")
def fitted():
    gray_images = as_uint(gray(n=20, height=6, width=6), np.uint8)
    frozen = FrozenEstimator(small_cae().fit(gray_images))
    return [
        frozen.estimator,
        small_cae(small_unet()).fit(gray(n=20, height=6, width=6) * 90),
        small_cae(small_autoencoder(latent_dim=2)).fit(colour(height=6, width=6)),
        small_cae().fit(gray(height=6, width=6).reshape(-1, 36)),
        CAEOutlierDetector(frozen, random_state=0).fit(gray_images),
        LatentSampler(frozen, GaussianMixture(1), n_components=2).fit(gray_images),
        NoiseInjector(when="always").fit(gray_images),
        ClassicalDenoiser().fit(gray_images, gray_images),
    ]


@hostile
@given(images=arrays(), which=st.integers(0, 7), method=st.sampled_from(METHODS))
def test_any_array_is_taken_or_refused_by_what_is_fitted(fitted, images, which, method):
    estimator = fitted[which]
    if hasattr(estimator, method):
        result = tried(getattr(estimator, method), images)
        if result is not None:
            assert_right(estimator, images, result, method)


def test_a_masked_array_is_refused_if_anything_is_masked():
    images = np.ma.masked_array(gray(), mask=gray() < 0.1)
    with pytest.raises(ValueError, match=r"X cannot be read .* with \d+ masked value.*ma.filled"):
        small_cae().fit(images)
    np.testing.assert_array_equal(
        NoiseInjector().fit(X := np.ma.masked_array(gray())).transform(X), gray()
    )


def test_an_image_of_a_list_is_refused_if_anything_of_it_is_masked():
    images = [np.ma.masked_array(image, mask=image > image.mean()) for image in gray()]
    for some in (images, [*gray(20), images[20]], [images[0], gray(1, 9)[0]]):
        with pytest.raises(ValueError, match=r"X\[\d+\] .* with \d+ masked value.*ma.filled"):
            small_cae(small_unet()).fit(some)


def test_a_frame_without_columns_is_refused():
    with pytest.raises(ValueError, match=r"X cannot be read as images.*0 feature\(s\)"):
        small_cae().fit(pd.DataFrame(index=range(3)))


@pytest.mark.parametrize("far", [1e30, -1e154, 1.7e308])
def test_a_value_that_float32_cannot_work_with_is_refused(far):
    images = gray().astype(np.float64)
    images[3, 2, 1] = far
    with pytest.raises(ValueError, match=r"X has values from .* float32 cannot hold .*Clip them"):
        small_cae().fit(images)
    with pytest.raises(ValueError, match=r"X has values from .* float32 cannot hold"):
        small_cae().fit(gray()).predict(images)


def test_a_sampler_of_one_image_is_refused():
    with pytest.raises(ValueError, match=r"n_samples=1: a density needs the codes of two images"):
        LatentSampler(small_cae(), n_components=2).fit(gray(1))


@hostile
@given(codes=arrays([*SHAPES, (3, 16), (3, 2)]))
def test_any_codes_are_decoded_or_refused(fitted, codes):
    for estimator in fitted[:4]:
        if estimator.network_.decodes:
            images = tried(estimator.inverse_transform, codes)
            assert images is None or len(images) == len(codes)


@hostile
@given(noisy=arrays(), clean=arrays())
def test_any_pairs_are_learned_from_or_refused(noisy, clean):
    for estimator in (small_cae(small_unet()), ClassicalDenoiser("median")):
        fitted = tried(estimator.fit, noisy, clean)
        if fitted is not None:
            assert_right(fitted, noisy, fitted.predict(noisy), "predict")
