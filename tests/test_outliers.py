import pickle

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    identity_cae,
    small_cae,
    weights,
)

from sklearn_cae import CAEOutlierDetector, CodeDensity, DenoisingCAE
from sklearn_cae._images import normalize_contrast
from sklearn_cae._outliers import COMBINED, SCORES
from sklearn_cae.metrics import structural_similarity

METHODS = [*SCORES, "combined"]
IMAGES = {
    "gray float32": (gray(), {}),
    "colour uint8": (as_uint(colour(), np.uint8), {}),
    "channels first uint16": (
        as_uint(colour().transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1},
    ),
    "rows": (gray().reshape(24, 64), {}),
    "flat code": (gray(), {"latent_dim": 3}),
}


def small_detector(method="reconstruction", *, cae=None, **params):
    """A detector that gives the images to the autoencoder as they are."""
    defaults = {"method": method, "contrast_normalization": False, "random_state": 0}
    return CAEOutlierDetector(small_cae() if cae is None else cae, **defaults | params)


@pytest.fixture(params=IMAGES)
def images(request):
    return IMAGES[request.param][0].copy()


@pytest.fixture
def cae(request, images):
    return small_cae(**IMAGES[request.node.callspec.params["images"]][1])


def as_channels_last(images):
    """Images of ``IMAGES`` as (n, H, W, C)."""
    if images.ndim == 4:
        return np.moveaxis(images, 1, -1) if images.dtype == np.uint16 else images
    return images.reshape(-1, 8, 8, 1)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X.reshape(-1, 8, 8) / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def network_of_zeros(digits):
    """A network that has learned from the first 100 zeros, not to be learned again."""
    X, y = digits
    cae = DenoisingCAE(channels=(8, 16), code_channels=16, batch_size=8, random_state=0)
    return FrozenEstimator(cae.fit(X[y == 0][:100]))


# The checks send rows of any number of features.
@pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
@pytest.mark.parametrize("method", METHODS)
def test_every_check_of_scikit_learn_runs_and_passes(method):
    detector = small_detector(method, contrast_normalization="auto")
    results = check_estimator(detector, on_fail=None, on_skip=None)
    not_passed = {
        result["check_name"]: (result["status"], result["exception"])
        for result in results
        if result["status"] != "passed"
    }
    assert not_passed == {}
    # A wrong tag makes the checks fall silent, not fail.
    assert len(results) >= 45


@pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
@pytest.mark.parametrize(
    "check",
    [
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
        "check_outlier_contamination",
        "check_param_validation",
    ],
)
def test_the_checks_pass_that_check_estimator_leaves_out(check):
    getattr(estimator_checks, check)("CAEOutlierDetector", small_detector())


@pytest.mark.parametrize("method", METHODS)
def test_a_score_does_not_depend_on_the_other_images(cae, images, method):
    detector = small_detector(method, cae=cae).fit(images)
    every = detector.score_samples(images)
    some = [7, 2, 11]
    # Products of matrices may round differently at another place of a batch.
    np.testing.assert_allclose(detector.score_samples(images[some]), every[some], rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_one_float64_for_each_image(cae, images, method):
    scores = small_detector(method, cae=cae).fit(images).score_samples(images)
    assert (scores.shape, scores.dtype) == ((len(images),), np.float64)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("method", METHODS)
def test_zeros_score_higher_than_other_digits(digits, network_of_zeros, method):
    X, y = digits
    detector = small_detector(method, cae=network_of_zeros).fit(X[y == 0][:100])
    unseen = np.r_[np.flatnonzero(y == 0)[100:], np.flatnonzero(y != 0)[:200]]
    # Chance is 0.5.
    assert roc_auc_score(y[unseen] == 0, detector.score_samples(X[unseen])) > 0.9


def test_the_reconstruction_of_an_image_does_not_depend_on_the_others_to_the_last_bit():
    X = gray(80)
    detector = small_detector().fit(X)
    every = detector.score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(X[70:71]), every[70:71])


def test_reconstruction_is_the_score_of_the_autoencoder(cae, images):
    detector = small_detector(cae=cae).fit(images)
    spec = detector.estimator_._spec
    assert (spec.ndim, spec.channel_axis) == (4, 3)
    expected = detector.estimator_.score_samples(as_channels_last(images))
    np.testing.assert_allclose(detector.score_samples(images), expected, rtol=1e-12)


def test_reconstructions_beyond_the_data_range_are_clipped():
    X = gray()
    cae = identity_cae(X)
    torch.nn.init.ones_(cae.net_.module_.decoder.head.bias)
    scores = small_detector(cae=FrozenEstimator(cae)).fit(X).score_samples(X)
    # One more than the image is white everywhere.
    np.testing.assert_allclose(scores, -np.square(1 - X.astype(float)).mean(axis=(1, 2)))


def test_ssim_compares_an_image_with_its_reconstruction():
    X = colour()
    detector = small_detector("ssim").fit(X)
    expected = structural_similarity(
        X, detector.estimator_.predict(X), data_range=1, reduction="none"
    )
    # Predictions are float32.
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-4)


def test_images_below_the_window_of_ssim_are_extended():
    X = gray(height=1, width=2)
    detector = small_detector("ssim").fit(X)
    # Images and predictions (n, 1, 2) become (n, 3, 3).
    denoised = detector.estimator_.predict(X[..., np.newaxis])[..., 0]
    pair = [images[:, [0, 0, 0]][:, :, [0, 1, 1]] for images in (X, denoised)]
    expected = structural_similarity(*pair, data_range=1, reduction="none")
    # Predictions are float32.
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "density",
    [
        GaussianMixture(2),
        KernelDensity(),
        # Codes of length 16 from 19 images have no covariance of full rank.
        make_pipeline(PCA(2), EllipticEnvelope()),
        LocalOutlierFactor(5, novelty=True),
        CodeDensity(),
    ],
    ids=lambda density: type(density).__name__,
)
def test_density_is_that_of_the_code(density):
    X = gray()
    detector = small_detector("density", density=density).fit(X)
    codes = detector.estimator_.transform(X[..., np.newaxis]).astype(float)
    # Products of matrices may round differently at another place of a batch.
    np.testing.assert_allclose(
        detector.score_samples(X), detector.density_.score_samples(codes), rtol=1e-9
    )


def test_nearest_neighbours_of_the_code_are_a_density():
    X = gray()
    detector = small_detector("density", density=NearestNeighbors(n_neighbors=3)).fit(X)
    codes = detector.estimator_.transform(1 - X[..., np.newaxis]).astype(float)
    distances, _ = detector.density_.kneighbors(codes)
    # Codes are float32.
    np.testing.assert_allclose(detector.score_samples(1 - X), -distances.mean(axis=1), rtol=1e-5)


def test_a_mixture_fits_while_array_api_dispatch_is_on():
    detector = small_detector("density", density=GaussianMixture(2))
    with config_context(array_api_dispatch=True):
        assert np.isfinite(detector.fit(gray()).score_samples(gray())).all()


def test_a_density_without_a_seed_gets_that_of_the_detector():
    density = small_detector("density", density=GaussianMixture(2)).fit(gray()).density_
    assert density.random_state == 0


def test_a_density_of_the_user_is_left_unfitted():
    density = GaussianMixture(2)
    small_detector("density", density=density).fit(gray())
    assert not hasattr(density, "means_")


def test_denoising_without_noise_is_reconstruction():
    X, cae = gray(), small_cae(noise="none")
    scores = [
        small_detector(method, cae=cae).fit(X).score_samples(X)
        for method in ("reconstruction", "denoising")
    ]
    # The image goes through float32, as noise is made in it.
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-5)


def test_what_denoises_nothing_scores_minus_the_variance_of_the_noise():
    X = np.full((10, 8, 8), 0.5, dtype=np.float32)
    detector = small_detector("denoising", cae=FrozenEstimator(identity_cae(X)), n_draws=50).fit(X)
    # Noise of std 0.1 on 50 x 64 pixels: the variance is known to 2.5 %.
    np.testing.assert_allclose(detector.score_samples(X[:1]), -(0.1**2), rtol=0.1)


def test_the_second_draw_is_not_the_first_again():
    X = gray()
    one, two = (small_detector("denoising", n_draws=n).fit(X).score_samples(X) for n in (1, 2))
    assert (np.abs(one - two) > 1e-6).all()


def test_the_noise_of_an_image_does_not_depend_on_its_dtype():
    X = as_uint(gray(), np.uint8)
    detector = small_detector("denoising").fit(X)
    as_float = detector.score_samples(X.astype(np.float64))
    np.testing.assert_allclose(detector.score_samples(X), as_float, rtol=1e-9)


def test_combined_is_the_sum_of_the_standardised_scores():
    X, expected = gray(60), 0
    for method in COMBINED:
        detector = small_detector(method).fit(X)
        held_out = detector.calibration_scores_
        expected = expected + (detector.score_samples(X) - held_out.mean()) / held_out.std()
    combined = small_detector("combined").fit(X).score_samples(X)
    np.testing.assert_allclose(combined, expected, rtol=1e-9, atol=1e-9)


def test_the_share_of_outliers_in_fit_is_the_contamination(digits):
    X = digits[0][:200]
    assert (small_detector(contamination=0.1).fit_predict(X) == -1).mean() == pytest.approx(0.1)


def test_auto_calls_one_in_twenty_of_the_held_out_images_an_outlier(digits):
    detector = small_detector().fit(digits[0][:200])
    assert (detector.calibration_scores_ < detector.offset_).mean() == pytest.approx(0.05)


def test_the_decision_is_the_score_above_the_offset():
    X = gray()
    detector = small_detector().fit(X)
    np.testing.assert_array_equal(
        detector.decision_function(X), detector.score_samples(X) - detector.offset_
    )


def test_outliers_are_minus_one_where_the_decision_is_negative():
    X = gray()
    detector = small_detector(contamination=0.3).fit(X)
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.decision_function(X) < 0)


def test_a_p_value_counts_the_held_out_images_that_look_as_unusual():
    X = gray(60)
    detector = small_detector().fit(X)
    held_out = detector.calibration_scores_
    expected = [(1 + sum(held_out <= s)) / (1 + len(held_out)) for s in detector.score_samples(X)]
    np.testing.assert_array_equal(detector.p_values(X), expected)


def test_no_p_value_is_below_one_over_the_held_out_images_plus_one():
    X = gray(50)
    detector = small_detector().fit(X)
    checkerboard = np.indices((1, 8, 8)).sum(axis=0) % 2
    np.testing.assert_array_equal(detector.p_values(checkerboard.astype(np.float32)), 1 / 11)


@pytest.mark.parametrize("method", METHODS)
def test_p_values_of_unseen_normal_images_are_uniform(digits, method):
    X = np.random.default_rng(0).permutation(digits[0])
    detector = small_detector(method, calibration_fraction=0.5).fit(X[:900])
    # Kolmogorov's statistic of 450 held-out and 897 unseen images is larger in 1 % of all draws.
    assert kstest(detector.p_values(X[900:]), "uniform").statistic < 1.63 * np.sqrt(
        1 / 450 + 1 / 897
    )


def test_one_in_twenty_normal_images_has_a_p_value_of_at_most_a_twentieth(digits, network_of_zeros):
    X = digits[0]
    flagged = []
    for seed in range(20):
        drawn = np.random.default_rng(seed).permutation(X)
        detector = small_detector(cae=network_of_zeros, calibration_fraction=0.5, random_state=seed)
        flagged.append((detector.fit(drawn[:900]).p_values(drawn[900:]) <= 0.05).mean())
    # One split has a standard error of 0.013, the mean of twenty one of 0.003.
    assert 0.04 < np.mean(flagged) < 0.06


def test_an_anomaly_map_has_one_value_for_each_pixel(cae, images):
    maps = small_detector(cae=cae).fit(images).anomaly_map(images)
    assert maps.shape == ((24, 64) if images.ndim == 2 else (24, 8, 8))


def test_the_mean_of_an_anomaly_map_is_minus_the_score(cae, images):
    detector = small_detector(cae=cae).fit(images)
    means = detector.anomaly_map(images).reshape(24, -1).mean(axis=1)
    np.testing.assert_allclose(means, -detector.score_samples(images), rtol=1e-12)


def test_an_anomaly_map_shows_where_an_image_was_changed(digits, network_of_zeros):
    X, y = digits
    zeros = X[y == 0][100:].copy()
    detector = small_detector(cae=network_of_zeros).fit(zeros)
    # The corner of a zero is black.
    zeros[:, :2, :2] = 1
    corner, others = np.split(detector.anomaly_map(zeros).reshape(-1, 8, 8), [2], axis=1)
    assert corner[:, :, :2].mean() > 5 * others.mean()


def test_one_seed_gives_one_detector():
    X = gray()
    detector = small_detector("combined", cae=small_cae(random_state=None))
    twin = clone(detector)
    np.testing.assert_array_equal(detector.fit(X).score_samples(X), twin.fit(X).score_samples(X))


def test_a_pickled_detector_gives_identical_scores():
    X = gray()
    detector = small_detector("combined").fit(X)
    loaded = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))


def test_the_global_random_state_is_left_as_it_was():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    small_detector("combined").fit(gray()).predict(gray())
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_given_autoencoder_is_left_unfitted():
    cae = small_cae()
    small_detector(cae=cae).fit(gray())
    assert not hasattr(cae, "net_")


def test_a_frozen_autoencoder_is_not_trained_again():
    cae = small_cae().fit(gray())
    before = weights(cae)
    detector = small_detector(cae=FrozenEstimator(cae)).fit(gray(seed=1))
    assert detector.estimator_.estimator is cae
    np.testing.assert_equal(weights(cae), before)


def test_held_out_images_do_not_train_the_autoencoder():
    X = gray(20)[..., np.newaxis]
    detector = small_detector().fit(X)
    held_out = np.isin(detector.score_samples(X), detector.calibration_scores_)
    assert held_out.sum() == 4
    expected = small_cae(data_range=(0, 1)).fit(X[~held_out])
    assert_same_weights(detector.estimator_, expected)


def test_without_an_autoencoder_one_with_its_defaults_is_trained():
    detector = CAEOutlierDetector(method="reconstruction", random_state=0).fit(gray())
    assert repr(detector.estimator_) == "DenoisingCAE(data_range=(0, 1), random_state=0)"


def test_only_documented_attributes_are_set_in_fit():
    detector = small_detector("combined").fit(gray())
    learned = {name for name in vars(detector) if name.endswith("_")}
    documented = CAEOutlierDetector.__doc__.partition("Attributes\n")[2].partition("See Also\n")[0]
    assert {name for name in learned if f"    {name} :" not in documented} == set()


@pytest.mark.parametrize("contamination", [0, -0.1, 0.51, 1, "some"])
def test_a_contamination_outside_of_0_to_a_half_is_refused(contamination):
    with pytest.raises(ValueError, match=r"'contamination' .* must be .*'auto'.*\(0.0, 0.5\]"):
        small_detector(contamination=contamination).fit(gray())


@pytest.mark.parametrize("density", [KMeans(), LocalOutlierFactor()])
def test_a_density_without_score_samples_is_refused(density):
    with pytest.raises(
        ValueError, match=r"has no score_samples; expected .*\(novelty=True\), or NearestNeighbors"
    ):
        small_detector("density", density=density).fit(gray())


@pytest.mark.parametrize("density", [GaussianMixture(50), NearestNeighbors(n_neighbors=50)])
def test_too_few_images_for_the_density_are_refused(density):
    with pytest.raises(ValueError, match=r"cannot be fitted to 20 codes of length 16.* Give more"):
        small_detector("density", density=density).fit(gray())


def test_one_image_is_refused_because_one_is_held_out():
    with pytest.raises(ValueError, match=r"n_samples=1 .* leaves no image to train on"):
        small_detector().fit(gray(1))


def test_an_autoencoder_of_pairs_has_no_noise_to_draw():
    X = gray()
    cae = FrozenEstimator(small_cae().fit(X + np.float32(0.01), X))
    with pytest.raises(ValueError, match=r"fitted on pairs and has none. Fit it on clean images"):
        small_detector("denoising", cae=cae).fit(X)


def test_images_of_two_values_keep_their_contrast():
    # Normalised ones would be one of two, and no threshold tells one of these from itself.
    images = np.random.default_rng(0).random((20, 1, 2))
    detector = small_detector(contrast_normalization="auto").fit(images)
    assert len(np.unique(detector.score_samples(images))) == 20


def test_a_frozen_autoencoder_of_other_images_is_refused():
    cae = FrozenEstimator(small_cae().fit(gray()))
    with pytest.raises(ValueError, match=r"images of 48 values, but the frozen autoencoder .* 64"):
        small_detector(cae=cae).fit(gray(height=6))


def test_a_frozen_estimator_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected None, a DenoisingCAE, or a fitted one"):
        small_detector(cae=FrozenEstimator(PCA())).fit(gray())


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="Crop or resize"):
        small_detector().fit(gray()).predict(gray(height=12))


def test_a_failing_first_fit_leaves_nothing_behind():
    detector = small_detector("density", density=GaussianMixture(50))
    before = dict(vars(detector))
    with pytest.raises(ValueError, match="cannot be fitted"):
        detector.fit(gray())
    assert vars(detector) == before


def test_a_failing_fit_leaves_the_detector_as_it_was():
    X = gray()
    detector = small_detector("density").fit(X)
    expected = detector.score_samples(X)
    detector.set_params(density=GaussianMixture(50))
    with pytest.raises(ValueError, match="cannot be fitted"):
        detector.fit(colour(30))
    np.testing.assert_array_equal(detector.score_samples(X), expected)


def test_the_autoencoder_is_trained_on_normalised_images():
    X = gray(20)
    detector = small_detector(contrast_normalization=True).fit(X)
    normalized = normalize_contrast(X[..., np.newaxis], (0, 1))
    held_out = np.isin(detector.score_samples(X), detector.calibration_scores_)
    expected = small_cae(data_range=(0, 1)).fit(normalized[~held_out])
    assert_same_weights(detector.estimator_, expected)


def test_brightness_and_contrast_do_not_change_normalised_scores(digits):
    X, new = np.split(digits[0][:200], 2)
    detector = small_detector("density", contrast_normalization=True).fit(X)
    # float32
    np.testing.assert_allclose(
        detector.score_samples(new * 0.5 + 0.3), detector.score_samples(new), rtol=1e-3
    )


def test_brightness_changes_the_scores_of_images_as_they_are(digits):
    X, new = np.split(digits[0][:200], 2)
    detector = small_detector("density").fit(X)
    changed = detector.score_samples(new * 0.5 + 0.3) / detector.score_samples(new)
    assert (np.abs(changed - 1) > 0.1).mean() > 0.5


def test_features_are_compared_after_a_stage_of_the_encoder():
    X = gray()
    cae = small_cae().fit(X)
    maps = [cae.encode_layers(images, "encoder.stages.1") for images in (X, cae.predict(X))]
    detector = small_detector("features", cae=FrozenEstimator(cae)).fit(X)
    # float32
    np.testing.assert_allclose(
        detector.score_samples(X), -np.square(maps[0] - maps[1]).mean(axis=(1, 2, 3)), rtol=1e-4
    )


def test_a_stage_the_encoder_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"feature_stage=3, but the encoder has 2 stage"):
        small_detector("features", feature_stage=3).fit(gray())


def test_a_frozen_autoencoder_gets_the_images_as_they_are():
    X = gray()
    cae = small_cae().fit(X)
    detector = small_detector(cae=FrozenEstimator(cae), contrast_normalization="auto").fit(X)
    np.testing.assert_allclose(detector.score_samples(X), cae.score_samples(X), rtol=1e-12)


def test_images_in_other_units_are_refused():
    detector = CAEOutlierDetector(small_cae(), random_state=0).fit(gray())
    with pytest.raises(ValueError, match="data range"):
        detector.score_samples(gray() * 255)


def test_images_beyond_a_given_data_range_are_refused():
    with pytest.raises(ValueError, match=r"give data_range=\(low, high\)"):
        CAEOutlierDetector(small_cae(data_range=(0, 0.5)), random_state=0).fit(gray())
