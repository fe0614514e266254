"""Inside of scikit-learn's tools: pipelines, searches, cross-validation, workers."""

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_unet,
)

from sklearn_cae import (
    CAEOutlierDetector,
    ClassicalDenoiser,
    GaussianNoise,
    LatentSampler,
    LayerFeatures,
    NoiseInjector,
)
from sklearn_cae.metrics import DenoisingScorer, psnr_scorer, ssim_scorer

X = colour()
LABELS = np.arange(24) % 2


def denoiser(noise=None, **params):
    injector = NoiseInjector(noise, random_state=0)
    return Pipeline([("noise", injector), ("cae", small_cae(**params))])


@pytest.mark.parametrize(
    ("images", "noise"),
    [(X, None), (as_uint(X, np.uint8), GaussianNoise(0.2)), (gray(), ["blur", "gaussian"])],
    ids=["rgb", "uint8", "gray"],
)
def test_a_pipeline_with_an_injector_denoises(images, noise):
    pipe = denoiser(noise).fit(images)
    denoised = pipe.predict(images)
    assert (denoised.shape, denoised.dtype) == (images.shape, images.dtype)


def test_a_pipeline_gives_codes_and_scores():
    pipe = denoiser().fit(X)
    assert pipe.transform(X).shape == (24, 16)
    assert pipe.score_samples(X).shape == (24,)
    assert np.isfinite(pipe.score(X))


def test_a_fitted_pipeline_adds_no_noise():
    pipe = denoiser().fit(X)
    np.testing.assert_array_equal(pipe.predict(X), pipe["cae"].predict(X))


def test_a_pipeline_is_scored_as_its_denoiser():
    pipe = denoiser().fit(X)
    assert pipe.score(X) == pipe["cae"].score(X)
    assert psnr_scorer(pipe, X) == pipe.score(X)


def test_a_pipeline_caches_its_noisy_images(tmp_path):
    pipe = denoiser().set_params(memory=str(tmp_path)).fit(X)
    again = denoiser().set_params(memory=str(tmp_path)).fit(X)
    assert_same_weights(pipe["cae"], again["cae"])
    assert_same_weights(pipe["cae"], denoiser().fit(X)["cae"])


def test_a_cached_pipeline_fits_with_the_injector_before_the_network(tmp_path):
    steps = [("noise", NoiseInjector(random_state=0)), ("cae", small_cae())]
    steps.append(("classify", LogisticRegression()))
    cached = clone(Pipeline(steps, memory=str(tmp_path))).fit(X, LABELS)
    again = clone(Pipeline(steps, memory=str(tmp_path))).fit(X, LABELS)
    expected = Pipeline(steps).fit(X, LABELS).predict_proba(X)
    for pipe in (cached, again):
        np.testing.assert_array_equal(pipe.predict_proba(X), expected)


def test_a_pipeline_with_an_injector_gives_frames_if_so_set():
    pipe = denoiser().set_output(transform="pandas").fit(X)
    assert list(pipe.transform(X).columns) == list(pipe["cae"].get_feature_names_out())
    assert type(pipe.predict(X)) is np.ndarray


@pytest.mark.parametrize(
    "y", [X[:, 0, :2, 0], np.eye(24)[:, :10]], ids=["several outputs", "one-hot"]
)
def test_targets_of_the_next_step_are_ignored(y):
    pipe = make_pipeline(small_cae(), Ridge()).fit(X, y)
    assert pipe.predict(X).shape == y.shape
    assert_same_weights(pipe[0], small_cae().fit(X))


def test_codes_feed_a_classifier():
    images = np.where(LABELS[:, np.newaxis, np.newaxis] == 1, 0.9, 0.1) * np.ones((24, 8, 8))
    pipe = Pipeline([("cae", small_cae()), ("classify", LogisticRegression())])
    assert pipe.fit(images, LABELS).score(images, LABELS) == 1


def test_codes_feed_a_classifier_as_data_frames():
    pipe = make_pipeline(small_cae(), LogisticRegression()).set_output(transform="pandas")
    pipe.fit(X, LABELS)
    assert list(pipe[-1].feature_names_in_) == list(pipe[0].get_feature_names_out())


def test_data_frames_pass_through_a_pipeline():
    rows = pd.DataFrame(gray().reshape(24, 64), columns=[f"pixel{i}" for i in range(64)])
    pipe = denoiser().fit(rows)
    assert np.isfinite(pipe.score(rows))


def test_a_search_goes_over_noise_and_network_with_both_scorers_on_two_workers():
    grid = {
        "noise__noise__std": [0.05, 0.2],
        "cae__network__encoder__channels": [(4,), (4, 8)],
        "cae__lr": [1e-2],
    }
    search = GridSearchCV(
        denoiser(GaussianNoise()),
        grid,
        scoring={"psnr": psnr_scorer, "ssim": ssim_scorer},
        refit="ssim",
        cv=2,
        n_jobs=2,
    ).fit(X)
    for score in ("psnr", "ssim"):
        assert np.isfinite(search.cv_results_[f"mean_test_{score}"]).all()
    assert search.best_estimator_["cae"].noise_.std == search.best_params_["noise__noise__std"]
    assert search.predict(X).shape == X.shape


@pytest.mark.parametrize("scoring", [None, psnr_scorer, ssim_scorer])
def test_a_search_over_the_rate_finds_the_one_that_learns(scoring):
    search = GridSearchCV(
        small_cae(max_epochs=10, noise="none"), {"lr": [1e-9, 1e-2]}, scoring=scoring, cv=2
    ).fit(gray(60))
    assert search.best_params_ == {"lr": 1e-2}


def test_a_search_compares_networks():
    networks = [small_autoencoder(), small_autoencoder(latent_dim=3), small_unet(), "unet"]
    search = GridSearchCV(small_cae(), {"network": networks}, cv=2, error_score="raise").fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_search_over_the_noise_of_the_estimator():
    search = GridSearchCV(
        small_cae(noise=GaussianNoise()),
        {"noise__std": [0.05, 0.2]},
        scoring=DenoisingScorer("psnr", noise=GaussianNoise(0.1)),
        cv=2,
    ).fit(X)
    assert search.best_estimator_.noise_.std == search.best_params_["noise__std"]


def test_cross_validation_with_clean_images():
    scores = cross_val_score(small_cae(), X, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_cross_validation_with_pairs():
    noisy = np.clip(X + np.random.default_rng(0).normal(0, 0.1, X.shape), 0, 1)
    assert np.isfinite(cross_val_score(small_cae(), noisy, X, cv=3)).all()


def test_cross_validation_with_noisy_images():
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    assert np.isfinite(cross_val_score(small_cae(), noisy, cv=3, scoring=ssim_scorer)).all()


def test_cross_validated_predictions_are_images():
    assert cross_val_predict(small_cae(), X, cv=2).shape == X.shape


def test_workers_predict_the_same():
    cae = small_cae().fit(X)
    halves = Parallel(n_jobs=2)(delayed(cae.predict)(half) for half in (X[:12], X[12:]))
    np.testing.assert_array_equal(np.concatenate(halves), cae.predict(X))


# --- layout and units, which only the injector is told

FIRST = X.transpose(0, 3, 1, 2)
TOLD_ONCE = {
    "rows of colour": ({"image_shape": (8, 8, 3)}, X.reshape(24, -1)),
    "rows of channels": ({"image_shape": (8, 8, 3), "channel_axis": 1}, FIRST.reshape(24, -1)),
    "channels first": ({"channel_axis": 1}, FIRST),
    "units": ({"data_range": (0, 2)}, X),
}
NEXT_STEPS = {
    "network": small_cae(),
    "filter": ClassicalDenoiser("median"),
    "detector": CAEOutlierDetector(small_cae(), outlier_score="reconstruction", random_state=0),
    "sampler": LatentSampler(small_cae(), n_components=4, random_state=0),
    "features": LayerFeatures(small_cae(), "encoder.code"),
}


@pytest.mark.parametrize(("layout", "images"), TOLD_ONCE.values(), ids=TOLD_ONCE)
@pytest.mark.parametrize("step", NEXT_STEPS.values(), ids=NEXT_STEPS)
def test_the_layout_of_an_injector_is_that_of_the_next_step(layout, images, step):
    injector = NoiseInjector(random_state=0, **layout)
    fitted = make_pipeline(injector, clone(step)).fit(images)
    assert fitted[-1].image_spec_ == fitted[0].image_spec_


def test_what_the_next_step_is_told_itself_goes_before_the_layout_of_the_injector():
    pipe = make_pipeline(NoiseInjector(data_range=(0, 2)), small_cae(data_range=(0, 4))).fit(X)
    assert pipe[-1].data_range_ == (0, 4)


def test_a_range_that_was_learned_is_learned_of_the_images_that_are_selected():
    counts = X * 1000
    noisy = NoiseInjector(random_state=0).fit_transform(counts)
    assert small_cae().fit(noisy[:5]).data_range_ == small_cae().fit(counts[:5]).data_range_
