import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet, weights

from sklearn_cae import (
    Autoencoder,
    DenoisingCAE,
    GaussianNoise,
    LatentSampler,
    NoiseInjector,
    TorchNetwork,
)
from sklearn_cae.images import _sources

# Images, parameters of the autoencoder, and its network.
IMAGES = {
    "gray float64 of any range": (gray().astype(np.float64) * 4 - 2, {}, small_autoencoder()),
    "colour uint8": (as_uint(colour(), np.uint8), {}, small_autoencoder(latent_dim=3)),
    "channels first uint16": (
        as_uint(colour().transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1},
        small_autoencoder(),
    ),
    "rows": (gray().reshape(24, 64), {}, small_autoencoder()),
}


def flat_cae(**params):
    return small_cae(small_autoencoder(latent_dim=3), **params)


def small_sampler(density=None, *, cae=None, **params):
    """A sampler from two Gaussians: few images do."""
    return LatentSampler(
        flat_cae() if cae is None else cae,
        GaussianMixture(2) if density is None else density,
        **{"random_state": 0} | params,
    )


@pytest.fixture(params=IMAGES)
def images(request):
    return IMAGES[request.param][0].copy()


@pytest.fixture
def sampler(request, images):
    _, params, network = IMAGES[request.node.callspec.params["images"]]
    return small_sampler(cae=small_cae(network, **params)).fit(images)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X.reshape(-1, 8, 8) / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def sampler_of_zeros(digits):
    X, y = digits
    cae = DenoisingCAE(Autoencoder((8, 16), latent_dim=8), batch_size=8, max_epochs=30)
    return LatentSampler(cae, random_state=0).fit(X[y == 0])


# The checks send rows of any number of features.
@pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
@parametrize_with_checks([small_sampler()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_no_check_of_scikit_learn_falls_silent():
    checks = list(estimator_checks.estimator_checks_generator(small_sampler()))
    # A wrong tag makes the checks fall silent, not fail.
    assert len(checks) >= 40


@pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
def test_invalid_parameters_are_refused_as_by_scikit_learn():
    estimator_checks.check_param_validation("LatentSampler", small_sampler())


def test_samples_look_like_the_images_of_fit(sampler, images):
    samples = sampler.sample(5, random_state=0)
    assert (samples.shape, samples.dtype) == ((5, *images.shape[1:]), images.dtype)


def test_samples_are_in_the_units_of_the_images(sampler, images):
    samples, low, high = sampler.sample(50, random_state=0), *sampler.estimator_.data_range_
    assert samples.min() >= low
    assert samples.max() <= high
    # Ramps from any level to any other: their mean is well inside of the range.
    assert low + (high - low) / 4 < samples.mean() < high - (high - low) / 4


def test_samples_of_zeros_are_recognised_as_zeros(digits, sampler_of_zeros):
    X, y = digits
    classifier = LogisticRegression(max_iter=1000).fit(X.reshape(-1, 64), y)
    samples = sampler_of_zeros.sample(100, random_state=0).reshape(-1, 64)
    # A tenth, if samples were any digit.
    assert (classifier.predict(samples) == 0).mean() > 0.9


def test_samples_differ_from_each_other_as_zeros_do(digits, sampler_of_zeros):
    X, y = digits
    samples = sampler_of_zeros.sample(100, random_state=0)
    # Always the mean image would have a spread of 0.
    assert samples.std(axis=0).mean() > 0.5 * X[y == 0].std(axis=0).mean()


every_density = pytest.mark.parametrize(
    "density",
    [GaussianMixture(2), BayesianGaussianMixture(n_components=2), KernelDensity(bandwidth=0.5)],
    ids=lambda density: type(density).__name__,
)


@every_density
def test_one_seed_draws_the_same_images(density):
    sampler = small_sampler(density).fit(gray())
    one, two = (sampler.sample(9, random_state=7) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@every_density
def test_two_seeds_draw_other_images(density):
    sampler = small_sampler(density).fit(gray())
    one, two = (sampler.sample(9, random_state=seed) for seed in (7, 8))
    assert (one != two).any()


@every_density
def test_without_a_seed_each_draw_is_another(density):
    sampler = small_sampler(density).fit(gray())
    assert (sampler.sample(9) != sampler.sample(9)).any()


@every_density
def test_drawing_leaves_the_density_as_it_was(density):
    sampler = small_sampler(density).fit(gray())
    before = sampler.density_.get_params()
    sampler.sample(9, random_state=7)
    assert sampler.density_.get_params() == before


def test_images_of_a_mixture_come_in_any_order():
    X = np.repeat([0.0, 1.0], 50).reshape(100, 1, 1) * np.ones((8, 8))
    X += np.random.default_rng(0).normal(0, 0.02, X.shape)
    sampler = small_sampler(cae=flat_cae(max_epochs=5)).fit(X.clip(0, 1))
    bright = sampler.sample(40, random_state=0).mean(axis=(1, 2)) > 0.5
    # Once, if black and white images came one kind after the other.
    assert np.count_nonzero(np.diff(bright)) > 5


def test_log_density_is_that_of_the_code():
    X = gray()
    sampler = small_sampler().fit(X)
    expected = sampler.density_.score_samples(sampler.estimator_.transform(X).astype(np.float64))
    np.testing.assert_array_equal(sampler.score_samples(X), expected)


def test_log_density_of_a_long_code_is_that_of_its_projection():
    X = gray()
    sampler = small_sampler(cae=small_cae(), n_components=4).fit(X)
    projected = PCA(4, random_state=0).fit_transform(sampler.estimator_.transform(X).astype(float))
    expected = sampler.density_.score_samples(projected)
    # Two projections may round differently.
    np.testing.assert_allclose(sampler.score_samples(X), expected, rtol=1e-6)


def test_zeros_have_a_higher_density_than_other_digits(digits, sampler_of_zeros):
    X, y = digits
    zeros, others = (np.median(sampler_of_zeros.score_samples(X[rows])) for rows in (y == 0, y > 0))
    assert zeros > others


def test_codes_of_n_components_are_not_projected():
    assert small_sampler(n_components=3).fit(gray()).pca_ is None


def test_longer_codes_are_projected_on_n_components():
    sampler = small_sampler(cae=small_cae(), n_components=4).fit(gray())
    assert sampler.density_.means_.shape == (2, 4)


def test_few_images_have_as_many_components():
    sampler = small_sampler(cae=small_cae(), n_components=15).fit(gray(12))
    assert sampler.density_.means_.shape == (2, 12)


def test_without_n_components_the_density_takes_the_whole_code():
    sampler = small_sampler(cae=small_cae(), n_components=None).fit(gray())
    assert sampler.density_.means_.shape == (2, 16)


@pytest.mark.parametrize(("n_images", "expected"), [(24, 10), (1350, 13), (11_000, 100)])
def test_the_default_density_has_a_gaussian_for_each_hundred_images(n_images, expected):
    X = np.random.default_rng(0).uniform(size=(n_images, 8, 8)).astype(np.float32)
    sampler = LatentSampler(FrozenEstimator(flat_cae().fit(X[:20])), random_state=0).fit(X)
    assert repr(sampler.density_) == f"GaussianMixture(n_components={expected}, random_state=0)"


def test_a_walk_has_n_steps_images_of_the_layout_of_fit(sampler, images):
    walks = sampler.interpolate(images[:3], images[3:6], n_steps=5)
    assert (walks.shape, walks.dtype) == ((3, 5, *images.shape[1:]), images.dtype)


def test_a_walk_leads_from_one_reconstruction_to_the_other(sampler, images):
    walks = sampler.interpolate(images[:3], images[3:6])
    ends = sampler.estimator_.predict(images[:6])
    np.testing.assert_array_equal(walks[:, 0], ends[:3])
    np.testing.assert_array_equal(walks[:, -1], ends[3:])


def test_halfway_is_the_image_of_the_mean_code():
    X = gray()
    sampler = small_sampler().fit(X)
    codes = sampler.estimator_.transform(X[:2])
    halfway = sampler.estimator_.inverse_transform(codes.mean(axis=0, keepdims=True))
    walk = sampler.interpolate(X[:1], X[1:2], n_steps=3)
    # The mean of float32 codes is rounded.
    np.testing.assert_allclose(walk[0, 1], halfway[0], atol=1e-6)


def test_one_seed_gives_one_sampler():
    X = gray()
    sampler = small_sampler(cae=small_cae(random_state=None))
    one, two = (clone(sampler).fit(X).sample(5, random_state=0) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_pickled_sampler_draws_identical_images():
    sampler = small_sampler(cae=small_cae(), n_components=4).fit(gray())
    loaded = pickle.loads(pickle.dumps(sampler))
    np.testing.assert_array_equal(
        loaded.sample(5, random_state=0), sampler.sample(5, random_state=0)
    )


def test_the_given_parts_are_left_unfitted():
    cae, density = flat_cae(), GaussianMixture(2)
    small_sampler(density, cae=cae).fit(gray())
    assert not hasattr(cae, "net_")
    assert not hasattr(density, "means_")


def test_a_frozen_autoencoder_is_not_trained_again():
    cae = small_cae().fit(gray())
    before = weights(cae)
    sampler = small_sampler(cae=FrozenEstimator(cae)).fit(gray(seed=1))
    assert sampler.estimator_.estimator is cae
    np.testing.assert_equal(weights(cae), before)


def test_the_columns_of_a_data_frame_are_remembered():
    X = pd.DataFrame(gray().reshape(24, 64)).add_prefix("pixel")
    sampler = small_sampler().fit(X)
    np.testing.assert_array_equal(sampler.feature_names_in_, X.columns)


def test_frames_give_no_warning_about_their_columns():
    X = pd.DataFrame(gray().reshape(24, 64)).add_prefix("pixel")
    # Warnings are errors.
    sampler = small_sampler().fit(X)
    assert sampler.interpolate(X[:2], X[2:4]).shape == (2, 8, 64)
    assert np.isfinite(sampler.score_samples(X)).all()


def test_values_are_measured_once(monkeypatch):
    measured = []
    measure = _sources.measure
    monkeypatch.setattr(_sources, "measure", lambda *args: measured.append(args) or measure(*args))
    small_sampler().fit(gray())
    assert len(measured) == 1


def test_the_noise_of_an_injector_becomes_that_of_the_training():
    pipeline = make_pipeline(NoiseInjector(GaussianNoise(0.3)), small_sampler())
    assert pipeline.fit(gray())[-1].estimator_.noise_.std == 0.3


UNDECODABLE = r"(?s)The code of .* alone does not make an image. Take an Autoencoder"


def test_a_network_whose_code_does_not_decode_is_refused_before_it_is_trained(monkeypatch):
    monkeypatch.setattr(DenoisingCAE, "fit", lambda *args: pytest.fail("was trained"))
    with pytest.raises(ValueError, match=UNDECODABLE):
        small_sampler(cae=small_cae(small_unet())).fit(gray())


def test_a_network_of_the_user_without_decode_is_refused():
    convolution = {"in_channels": 1, "out_channels": 1, "kernel_size": 1}
    cae = small_cae(TorchNetwork(torch.nn.Conv2d, convolution))
    with pytest.raises(ValueError, match=UNDECODABLE):
        small_sampler(cae=cae).fit(gray())


def test_a_frozen_network_is_judged_as_it_was_fitted():
    unet, autoencoder = small_cae(small_unet()).fit(gray()), small_cae().fit(gray())
    unet.set_params(network=None)
    autoencoder.set_params(network="unet")
    assert len(small_sampler(cae=FrozenEstimator(autoencoder)).fit(gray()).sample(2)) == 2
    with pytest.raises(ValueError, match=UNDECODABLE):
        small_sampler(cae=FrozenEstimator(unet)).fit(gray())


def test_a_frozen_estimator_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected a DenoisingCAE, or a fitted one"):
        small_sampler(cae=FrozenEstimator(PCA())).fit(gray())


@pytest.mark.parametrize(
    ("density", "missing"),
    [
        (EllipticEnvelope(), "no sample;"),
        (PCA(), "no sample;"),
        (LogisticRegression(), "no score_"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_density_that_cannot_score_or_sample_is_refused(density, missing):
    with pytest.raises(ValueError, match=f"has {missing}.* such as GaussianMixture"):
        small_sampler(density).fit(gray())


def test_too_few_images_for_the_density_are_refused():
    with pytest.raises(ValueError, match=r"cannot be fitted to 9 codes of length 3.* Give more"):
        LatentSampler(flat_cae()).fit(gray(9))


@pytest.mark.parametrize("n_samples", [0, -1, 2.0, True, "many"])
def test_a_number_of_samples_that_is_not_positive_is_refused(n_samples):
    with pytest.raises(ValueError, match=r"n_samples=.*; expected an integer, 1 or more"):
        small_sampler().fit(gray()).sample(n_samples)


def test_a_walk_of_one_step_is_refused():
    X = gray()
    with pytest.raises(ValueError, match=r"n_steps=1; expected an integer, 2 or more"):
        small_sampler().fit(X).interpolate(X, X, n_steps=1)


def test_walks_from_and_to_different_numbers_of_images_are_refused():
    X = gray()
    with pytest.raises(ValueError, match=r"X1 has 3 image\(s\) and X2 2; .* Give as many"):
        small_sampler().fit(X).interpolate(X[:3], X[:2])


class Interrupt(Callback):
    """Ctrl-C in the first epoch."""

    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"density": GaussianMixture(50)}, ValueError),
        ({"estimator__callbacks": [Interrupt()]}, KeyboardInterrupt),
    ],
    ids=["failing", "interrupted"],
)
def test_a_fit_that_does_not_end_leaves_the_sampler_as_it_was(changes, error):
    sampler = small_sampler().fit(gray()).set_params(**changes)
    before = dict(vars(sampler))
    with pytest.raises(error):
        sampler.fit(colour(30))
    assert vars(sampler).keys() == before.keys()
    assert all(vars(sampler)[name] is value for name, value in before.items())
