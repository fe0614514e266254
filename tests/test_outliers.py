import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kstest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback
from small import (
    NoStep,
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_unet,
    weights,
)

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    CombinedScore,
    ConvEncoder,
    DenoisingCAE,
    DensityScore,
    FeatureScore,
    GaussianNoise,
    LocalDensityScore,
    NoiseInjector,
    Patches,
    ReconstructionScore,
)
from sklearn_cae.images import _sources, normalize_contrast
from sklearn_cae.outliers import SCORES

# Images, parameters of the autoencoder, and its network.
IMAGES = {
    "gray float32": (gray(), {}, small_autoencoder()),
    "colour uint8": (as_uint(colour(), np.uint8), {}, small_unet()),
    "channels first uint16": (
        as_uint(colour().transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1},
        small_autoencoder(),
    ),
    "rows": (gray().reshape(24, 64), {}, small_autoencoder(latent_dim=3)),
}


def small_detector(score="reconstruction", *, cae=None, **params):
    """A detector that gives the images to the autoencoder as they are."""
    defaults = {
        "outlier_score": score,
        "contrast_normalization": False,
        "calibration": 0.2,
        "random_state": 0,
    }
    return CAEOutlierDetector(small_cae() if cae is None else cae, **defaults | params)


@pytest.fixture(params=IMAGES)
def images(request):
    return IMAGES[request.param][0].copy()


@pytest.fixture
def cae(request, images):
    _, params, network = IMAGES[request.node.callspec.params["images"]]
    return small_cae(network, **params)


@pytest.fixture(scope="module")
def frozen():
    """A network of gray images, not to be learned again."""
    return FrozenEstimator(small_cae().fit(gray()))


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X.reshape(-1, 8, 8) / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def network_of_zeros(digits):
    """A network that has learned from the first 100 zeros, not to be learned again."""
    X, y = digits
    network = Autoencoder(ConvEncoder((8, 16), code_channels=16))
    cae = DenoisingCAE(network, batch_size=8, max_epochs=10, random_state=0, for_codes=True)
    return FrozenEstimator(cae.fit(X[y == 0][:100]))


# The checks send rows of any number of features.
@pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
@parametrize_with_checks(
    [
        small_detector(contrast_normalization="auto"),
        small_detector("combined", contrast_normalization="auto"),
    ]
)
def test_scikit_learn(estimator, check):
    check(estimator)


def test_no_check_of_scikit_learn_falls_silent():
    checks = list(estimator_checks.estimator_checks_generator(small_detector()))
    # A wrong tag makes the checks fall silent, not fail.
    assert len(checks) >= 45


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


def test_all_is_told_of_images_of_any_layout(cae, images):
    detector = small_detector("combined", cae=cae).fit(images)
    scores, p_values, maps, masks = detector.assess(images)
    assert (scores.shape, scores.dtype) == ((24,), np.float64)
    assert (p_values.shape, p_values.dtype) == ((24,), np.float64)
    assert maps.shape == masks.shape == ((24, 64) if images.ndim == 2 else (24, 8, 8))
    assert masks.dtype == bool
    assert np.isfinite(scores).all()


def test_one_pass_tells_what_each_method_does(frozen):
    X = gray(seed=1)
    detector = small_detector("combined", cae=frozen).fit(gray())
    scores, p_values, maps, masks = detector.assess(X)
    np.testing.assert_array_equal(scores, detector.score_samples(X))
    np.testing.assert_array_equal(p_values, detector.p_values(X))
    np.testing.assert_array_equal(maps, detector.anomaly_map(X))
    np.testing.assert_array_equal(masks, detector.anomaly_mask(X))


@pytest.mark.parametrize("score", SCORES)
def test_a_score_does_not_depend_on_the_other_images(frozen, score):
    X = gray(80)
    detector = small_detector(score, cae=frozen).fit(X)
    some = [70, 2, 11, *range(30, 50)]
    # Networks round float32 by the size of a batch, and the scores of a combination add up.
    np.testing.assert_allclose(
        detector.score_samples(X[some]), detector.score_samples(X)[some], rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("score", SCORES)
def test_zeros_score_higher_than_other_digits(digits, network_of_zeros, score):
    X, y = digits
    detector = small_detector(score, cae=network_of_zeros).fit(X[y == 0][:100])
    unseen = np.r_[np.flatnonzero(y == 0)[100:], np.flatnonzero(y != 0)[:200]]
    # Chance is 0.5.
    assert roc_auc_score(y[unseen] == 0, detector.score_samples(X[unseen])) > 0.9


def test_the_share_of_outliers_in_fit_is_the_contamination(digits, frozen):
    X = digits[0][:200]
    is_inlier = small_detector(cae=frozen, contamination=0.1).fit_predict(X)
    assert (is_inlier == -1).mean() == pytest.approx(0.1)


def test_the_decision_is_the_score_above_the_offset(frozen):
    X = gray()
    detector = small_detector(cae=frozen).fit(X)
    expected = detector.score_samples(X) - detector.offset_
    np.testing.assert_array_equal(detector.decision_function(X), expected)


def test_a_wrong_score_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr(DenoisingCAE, "fit", lambda cae, X: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match="'worst' parameter of ReconstructionScore"):
        small_detector(ReconstructionScore(worst=2)).fit(gray())


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (DensityScore(["encoder.cod"]), "layer='encoder.cod'; expected one of"),
        (LocalDensityScore(["encoder.cod"]), "layer='encoder.cod'; expected one of"),
        (FeatureScore(3), r"stage=3, but the encoder has 2 stage\(s\)"),
        (CombinedScore(["density", FeatureScore(3)]), "stage=3, but the encoder has 2"),
    ],
)
@pytest.mark.parametrize("normalize", [True, False])
def test_what_the_network_does_not_offer_is_told_before_the_training(score, message, normalize):
    cae = small_cae(callbacks=[NoStep()])
    with pytest.raises(ValueError, match=message):
        small_detector(score, cae=cae, contrast_normalization=normalize).fit(gray())


def test_the_callbacks_of_the_autoencoder_are_those_of_the_user():
    given = Callback()
    detector = small_detector(cae=small_cae(callbacks=[given])).fit(gray())
    assert [type(callback) for callback in detector.estimator_.callbacks] == [Callback]
    with pytest.raises(ValueError, match="'callbacks' parameter of DenoisingCAE"):
        small_detector(cae=small_cae(callbacks=3)).fit(gray())


def test_outliers_are_minus_one_where_the_decision_is_negative(frozen):
    X = gray()
    detector = small_detector(cae=frozen, contamination=0.3).fit(X)
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.decision_function(X) < 0)


def test_a_p_value_counts_the_held_out_images_that_look_as_unusual(frozen):
    X = gray(60)
    detector = small_detector(cae=frozen).fit(X)
    held_out = detector.calibration_scores_
    expected = [(1 + sum(held_out <= s)) / (1 + len(held_out)) for s in detector.score_samples(X)]
    np.testing.assert_array_equal(detector.p_values(X), expected)


def test_no_p_value_is_below_one_over_the_held_out_images_plus_one(digits, network_of_zeros):
    X, y = digits
    detector = small_detector(cae=network_of_zeros).fit(X[y == 0][:50])
    checkerboard = np.indices((1, 8, 8)).sum(axis=0) % 2
    np.testing.assert_array_equal(detector.p_values(checkerboard.astype(np.float32)), 1 / 11)


@pytest.mark.parametrize("score", ["density", "combined"])
def test_p_values_of_unseen_normal_images_are_uniform(digits, network_of_zeros, score):
    X = np.random.default_rng(0).permutation(digits[0])
    detector = small_detector(score, cae=network_of_zeros, calibration=0.5).fit(X[:900])
    # Kolmogorov's statistic of 450 held-out and 897 unseen images is larger in 1 % of all draws.
    assert kstest(detector.p_values(X[900:]), "uniform").statistic < 1.63 * np.sqrt(
        1 / 450 + 1 / 897
    )


def test_one_in_twenty_normal_images_has_a_p_value_of_at_most_a_twentieth(digits, network_of_zeros):
    X = digits[0]
    flagged = []
    for seed in range(12):
        drawn = np.random.default_rng(seed).permutation(X)
        detector = small_detector(cae=network_of_zeros, calibration=0.5, random_state=seed)
        flagged.append((detector.fit(drawn[:900]).p_values(drawn[900:]) <= 0.05).mean())
    # One split has a standard error of 0.013, the mean of twelve one of 0.004.
    assert 0.04 < np.mean(flagged) < 0.06


def test_the_mean_of_an_anomaly_map_is_minus_the_score(frozen):
    X = gray()
    detector = small_detector(cae=frozen).fit(X)
    means = detector.anomaly_map(X).mean(axis=(1, 2))
    np.testing.assert_allclose(means, -detector.score_samples(X), rtol=1e-12)


def test_an_anomaly_map_shows_where_an_image_was_changed(digits, network_of_zeros):
    X, y = digits
    zeros = X[y == 0][100:].copy()
    detector = small_detector(cae=network_of_zeros).fit(zeros)
    # The corner of a zero is black.
    zeros[:, :2, :2] = 1
    corner, others = np.split(detector.anomaly_map(zeros), [2], axis=1)
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


def test_a_frozen_autoencoder_is_not_trained_again(frozen):
    before = weights(frozen.estimator)
    detector = small_detector(cae=frozen).fit(gray(seed=1))
    assert detector.estimator_ is frozen
    np.testing.assert_equal(weights(frozen.estimator), before)


def test_a_frozen_autoencoder_is_what_was_fitted_whatever_its_parameters():
    X = gray()
    cae = small_cae().fit(X)
    expected = small_detector(cae=FrozenEstimator(cae)).fit(X).score_samples(X)
    cae.set_params(network="unet", data_range=(0, 9), channel_axis=1, noise="none")
    scores = small_detector(cae=FrozenEstimator(cae)).fit(X).score_samples(X)
    np.testing.assert_array_equal(scores, expected)


def test_parameters_set_after_fit_change_no_result(frozen):
    X = gray()
    detector = small_detector("denoising", cae=frozen).fit(X)
    expected = detector.score_samples(X)
    detector.set_params(outlier_score="ssim", contrast_normalization=True)
    np.testing.assert_array_equal(detector.score_samples(X), expected)


@pytest.mark.filterwarnings("ignore:Scoring failed")
def test_the_autoencoder_of_a_frozen_search_is_taken():
    X = gray()
    search = GridSearchCV(small_cae(), {"lr": [0.01]}, cv=2).fit(X)
    detector = small_detector(cae=FrozenEstimator(search)).fit(X)
    expected = search.best_estimator_.score_samples(X)
    # The order of the sums may differ.
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-12)


def test_held_out_images_do_not_train_the_autoencoder():
    X = gray(20)[..., np.newaxis]
    detector = small_detector().fit(X)
    held_out = np.isin(detector.score_samples(X), detector.calibration_scores_)
    assert held_out.sum() == 4
    assert_same_weights(detector.estimator_, small_cae().fit(X[~held_out]))


def test_without_an_autoencoder_one_with_its_defaults_is_trained(monkeypatch):
    trained = []
    monkeypatch.setattr(DenoisingCAE, "fit", lambda cae, X: trained.append(cae) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        CAEOutlierDetector(random_state=0).fit(gray())
    expected = "DenoisingCAE(data_range=(0.0, 1.0), for_codes=True, random_state=0)"
    assert repr(trained[0]) == expected


def test_only_documented_attributes_are_set_in_fit():
    detector = small_detector("combined").fit(gray())
    learned = {name for name in vars(detector) if name.endswith("_")}
    documented = CAEOutlierDetector.__doc__.partition("Attributes\n")[2].partition("See Also\n")[0]
    assert {name for name in learned if f"    {name} :" not in documented} == set()


def test_values_are_measured_once(monkeypatch):
    measured = []
    measure = _sources.measure
    monkeypatch.setattr(_sources, "measure", lambda *args: measured.append(args) or measure(*args))
    detector = small_detector("density").fit(gray())
    assert len(measured) == 1
    detector.assess(gray())
    assert len(measured) == 2


def test_the_autoencoder_learns_the_units_of_all_images():
    X = as_uint(gray(), np.uint16)
    detector = small_detector().fit(X)
    assert detector.estimator_.data_range_ == detector.image_spec_.data_range
    assert not detector.estimator_.image_spec_.fixed


def test_frames_give_no_warning_about_their_columns():
    X = pd.DataFrame(gray().reshape(24, 64)).add_prefix("pixel")
    # Warnings are errors.
    detector = small_detector("combined").fit(X)
    assert len(detector.assess(X).scores) == 24
    np.testing.assert_array_equal(detector.feature_names_in_, X.columns)


def test_the_noise_of_an_injector_becomes_that_of_the_training():
    X = gray()
    pipeline = make_pipeline(NoiseInjector(GaussianNoise(0.3)), small_detector())
    detector = pipeline.fit(X)[-1]
    assert detector.estimator_.noise_.std == 0.3
    expected = small_detector(cae=small_cae(noise=GaussianNoise(0.3))).fit(X)
    assert_same_weights(detector.estimator_, expected.estimator_)


@pytest.mark.parametrize("contamination", [0, -0.1, 0.51, 1, "some"])
def test_a_contamination_outside_of_0_to_a_half_is_refused(contamination):
    with pytest.raises(ValueError, match=r"'contamination' .* must be .*'auto'.*\(0.0, 0.5\]"):
        small_detector(contamination=contamination).fit(gray())


def test_images_of_two_values_keep_their_contrast():
    # Normalised ones would be one of two, and no threshold tells one of these from itself.
    images = np.random.default_rng(0).random((20, 1, 2))
    detector = small_detector(contrast_normalization="auto").fit(images)
    assert len(np.unique(detector.score_samples(images))) == 20


def test_a_frozen_autoencoder_with_a_flat_code_takes_images_of_its_size():
    cae = FrozenEstimator(small_cae(small_autoencoder(latent_dim=3)).fit(gray()))
    with pytest.raises(ValueError, match=r"6 x 8 pixels, but those in fit had 8 x 8"):
        small_detector(cae=cae).fit(gray(height=6))


def test_a_frozen_autoencoder_may_score_images_of_another_size(frozen):
    X = gray(height=12)
    detector = small_detector(cae=frozen).fit(X)
    expected = frozen.estimator.score_samples(X)
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-12)


def test_a_frozen_autoencoder_of_other_units_is_refused():
    cae = FrozenEstimator(small_cae().fit(as_uint(gray(), np.uint8)))
    with pytest.raises(ValueError, match="the images of the frozen autoencoder are uint8"):
        small_detector(cae=cae).fit(gray())


def test_a_frozen_estimator_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected None, a DenoisingCAE, or a fitted one"):
        small_detector(cae=FrozenEstimator(PCA())).fit(gray())


def test_a_frozen_autoencoder_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        small_detector(cae=FrozenEstimator(small_cae())).fit(gray())


@pytest.mark.parametrize("method", ["predict", "anomaly_map"])
def test_images_of_another_size_are_refused_where_the_code_has_one(frozen, method):
    detector = small_detector("density", cae=frozen).fit(gray())
    with pytest.raises(ValueError, match=r"12 x 8 .* held-out images of fit, .* Crop or resize"):
        getattr(detector, method)(gray(height=12))


class Interrupt(Callback):
    """Ctrl-C in the first epoch."""

    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("changes", "X", "error"),
    [
        ({"outlier_score": DensityScore(density=GaussianMixture(50))}, colour(30), ValueError),
        ({"estimator__callbacks": [Interrupt()]}, colour(30), KeyboardInterrupt),
    ],
    ids=["failing", "interrupted"],
)
@pytest.mark.parametrize("fitted_before", [True, False])
def test_a_fit_that_does_not_end_leaves_the_detector_as_it_was(changes, X, error, fitted_before):
    detector = small_detector("density")
    if fitted_before:
        detector.fit(gray())
    detector.set_params(**changes)
    before = dict(vars(detector))
    with pytest.raises(error):
        detector.fit(X)
    assert vars(detector).keys() == before.keys()
    assert all(vars(detector)[name] is value for name, value in before.items())


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


def test_brightness_changes_the_scores_of_images_as_they_are(digits, network_of_zeros):
    X, new = np.split(digits[0][:200], 2)
    detector = small_detector("density", cae=network_of_zeros).fit(X)
    changed = detector.score_samples(new * 0.5 + 0.3) / detector.score_samples(new)
    assert (np.abs(changed - 1) > 0.1).mean() > 0.5


def test_a_frozen_autoencoder_gets_the_images_as_they_are(frozen):
    X = gray()
    detector = small_detector(cae=frozen, contrast_normalization="auto").fit(X)
    assert not detector.normalizes_contrast_


def test_a_frozen_network_of_uint8_sees_normalised_images_as_one_of_floats_does():
    X = as_uint(gray(40), np.uint8)
    uint8, floats = (FrozenEstimator(small_cae().fit(images)) for images in (X, X / 255))
    floats.estimator.net_.module_.load_state_dict(uint8.estimator.net_.module_.state_dict())
    maps = [
        small_detector(cae=cae, contrast_normalization=True).fit(images).anomaly_map(images)
        for cae, images in ((uint8, X), (floats, X / 255))
    ]
    # float32 images are scaled in another order.
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-6)


def test_a_frozen_network_of_uint8_tells_digits_apart_by_normalised_images(digits):
    X, y = digits
    X = as_uint(X, np.uint8)
    network = Autoencoder(ConvEncoder((8, 16), code_channels=16))
    cae = DenoisingCAE(network, batch_size=8, max_epochs=10, random_state=0, for_codes=True)
    cae = FrozenEstimator(cae.fit(X[y == 0][:100]))
    detector = small_detector(cae=cae, contrast_normalization=True).fit(X[y == 0][:100])
    unseen = np.r_[np.flatnonzero(y == 0)[100:], np.flatnonzero(y != 0)[:200]]
    # 0.955 where it saw black.
    assert roc_auc_score(y[unseen] == 0, detector.score_samples(X[unseen])) > 0.97


def test_images_in_other_units_are_refused(frozen):
    with pytest.raises(ValueError, match="data range"):
        small_detector(cae=frozen).fit(gray()).score_samples(gray() * 255)


def test_images_beyond_a_given_data_range_are_refused():
    with pytest.raises(ValueError, match=r"give data_range=\(low, high\)"):
        small_detector(cae=small_cae(data_range=(0, 0.5))).fit(gray())


def test_errors_are_those_of_the_prediction_where_pixels_are_hidden():
    X = gray(24)
    detector = small_detector(cae=small_cae(target="masked")).fit(X)
    expected = np.square(detector.estimator_.predict(X) - X)
    # float32 rounds the prediction.
    np.testing.assert_allclose(detector.anomaly_map(X), expected, atol=1e-6)


def test_a_flat_code_of_patches_tells_nothing_of_whole_images():
    cae = small_cae(small_autoencoder(latent_dim=3), patches=Patches(4))
    with pytest.raises(ValueError, match=r"of 8 x 8 pixels, but the autoencoder .* of 4 x 4 only"):
        small_detector(cae=cae).fit(gray())
