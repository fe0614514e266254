import numpy as np
import pytest
import skimage.metrics
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import ParameterGrid
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from small import as_uint, colour, gray, identity_cae, small_autoencoder, small_cae, small_unet
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_cae import (
    CAEOutlierDetector,
    CodeDensity,
    CombinedScore,
    DenoisingScore,
    DensityScore,
    FeatureScore,
    OutlierScore,
    ReconstructionScore,
    TorchNetwork,
    metrics,
)
from sklearn_cae.noise import GaussianNoise
from sklearn_cae.outliers import SCORES, resolve_score


@pytest.fixture(scope="module")
def cae():
    """A network fitted once, for all scores of gray images."""
    return small_cae().fit(gray())


def detector_of(cae, score, X=None, **params):
    """A detector that gives the images as they are to a network that is fitted already."""
    params = {"calibration": 0.2, "random_state": 0} | params
    detector = CAEOutlierDetector(FrozenEstimator(cae), outlier_score=score, **params)
    return detector.fit(gray() if X is None else X)


def test_reconstruction_is_the_score_of_the_autoencoder(cae):
    X = gray(seed=1)
    scores = detector_of(cae, "reconstruction").score_samples(X)
    # The order of the sums may differ.
    np.testing.assert_allclose(scores, cae.score_samples(X), rtol=1e-12)


def test_reconstructions_beyond_the_data_range_are_clipped():
    X = gray()
    cae = identity_cae(X)
    torch.nn.init.ones_(cae.net_.module_.decoder.head.bias)
    # One more than the image is white everywhere.
    expected = -np.square(1 - X.astype(float)).mean(axis=(1, 2))
    scores = detector_of(cae, "reconstruction", X).score_samples(X)
    np.testing.assert_allclose(scores, expected)


def ssim_of_all_pixels(image, reconstruction):
    """Mean of scikit-image's map, edges included."""
    window = min(7, min(image.shape[:2]) - 1 + min(image.shape[:2]) % 2)
    _, full = skimage.metrics.structural_similarity(
        image.astype(float),
        reconstruction.astype(float),
        data_range=1,
        win_size=window,
        channel_axis=-1,
        full=True,
    )
    return full.mean()


def test_ssim_compares_an_image_with_its_reconstruction():
    X = colour()
    cae = small_cae().fit(X)
    expected = [ssim_of_all_pixels(*pair) - 1 for pair in zip(X, cae.predict(X), strict=True)]
    # Predictions are float32.
    np.testing.assert_allclose(detector_of(cae, "ssim", X).score_samples(X), expected, rtol=1e-4)


def test_images_below_the_window_of_ssim_are_extended():
    X = gray(height=1, width=2)
    cae = small_cae().fit(X)
    # Images and predictions (n, 1, 2) become (n, 3, 3); the score is of their first row.
    pairs = [images[:, [0, 0, 0]][:, :, [0, 1, 1], None] for images in (X, cae.predict(X))]
    maps = metrics.ssim_maps(*(images.astype(float) for images in pairs))
    expected = maps[:, :1, :2].mean(axis=(1, 2)) - 1
    # Predictions are float32.
    np.testing.assert_allclose(detector_of(cae, "ssim", X).score_samples(X), expected, atol=1e-5)


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
def test_density_is_that_of_the_code(cae, density):
    X = gray()
    detector = detector_of(cae, DensityScore(density=density))
    expected = detector.outlier_score_.density_.score_samples(cae.transform(X).astype(float))
    # Products of matrices may round differently at another place of a batch.
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-9)


def test_nearest_neighbours_of_the_code_are_a_density(cae):
    new = gray(seed=1)
    detector = detector_of(cae, DensityScore(density=NearestNeighbors(n_neighbors=3)))
    codes = cae.transform(new).astype(float)
    distances, _ = detector.outlier_score_.density_.kneighbors(codes)
    # Codes are float32.
    np.testing.assert_allclose(detector.score_samples(new), -distances.mean(axis=1), rtol=1e-5)


def test_a_mixture_fits_while_array_api_dispatch_is_on(cae):
    pytest.importorskip("scipy", minversion="1.14", reason="scikit-learn dispatches from 1.14 on")
    with config_context(array_api_dispatch=True):
        detector = detector_of(cae, DensityScore(density=GaussianMixture(2)))
        assert np.isfinite(detector.score_samples(gray())).all()


def test_a_density_without_a_seed_gets_that_of_the_detector(cae):
    detector = detector_of(cae, DensityScore(density=GaussianMixture(2)))
    assert detector.outlier_score_.density_.random_state == 0


@pytest.mark.parametrize("density", [KMeans(), LocalOutlierFactor()])
def test_a_density_without_score_samples_is_refused(cae, density):
    with pytest.raises(ValueError, match=r"has no score_samples; expected .* or NearestNeighbors"):
        detector_of(cae, DensityScore(density=density))


@pytest.mark.parametrize("density", [GaussianMixture(50), NearestNeighbors(n_neighbors=50)])
def test_too_few_images_for_the_density_are_refused(cae, density):
    with pytest.raises(ValueError, match=r"cannot be fitted to 20 codes of length 16.* Give more"):
        detector_of(cae, DensityScore(density=density))


def test_a_network_without_a_code_has_no_density():
    convolution = {"in_channels": 1, "out_channels": 1, "kernel_size": 1}
    cae = small_cae(TorchNetwork(torch.nn.Conv2d, convolution)).fit(gray())
    with pytest.raises(ValueError, match=r"(?s)needs a network with a code.* take an Autoenc"):
        detector_of(cae, "density")


def test_denoising_without_noise_is_reconstruction():
    X = gray()
    cae = small_cae(noise="none").fit(X)
    expected, scores = (
        detector_of(cae, score).score_samples(X) for score in ("reconstruction", "denoising")
    )
    # Made in two passes of the network.
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_what_denoises_nothing_scores_minus_the_variance_of_the_noise():
    X = np.full((10, 8, 8), 0.5, dtype=np.float32)
    detector = detector_of(identity_cae(X), DenoisingScore(n_draws=50), X)
    # Noise of std 0.1 on 50 x 64 pixels: the variance is known to 2.5 %.
    np.testing.assert_allclose(detector.score_samples(X[:1]), -(0.1**2), rtol=0.1)


def test_images_are_corrupted_in_the_levels_of_their_dtype():
    X = np.full((10, 8, 8), 128, dtype=np.uint8)
    # Less than half a level: what is rounded is as it was.
    cae = identity_cae(X, noise=GaussianNoise(0.0001))
    np.testing.assert_array_equal(detector_of(cae, "denoising", X).score_samples(X), 0)


def test_the_second_draw_is_not_the_first_again(cae):
    one, two = (detector_of(cae, DenoisingScore(n_draws=n)).score_samples(gray()) for n in (1, 2))
    assert (np.abs(one - two) > 1e-6).all()


def test_an_image_gets_the_same_noise_in_any_batch_and_dtype():
    X = as_uint(gray(), np.uint8)
    detector = detector_of(small_cae().fit(X), "denoising", X)
    some = detector.score_samples(X[5:8].astype(np.float64))
    # float32 networks round by the size of a batch.
    np.testing.assert_allclose(some, detector.score_samples(X)[5:8], rtol=1e-5)


def test_an_autoencoder_of_pairs_has_no_noise_to_draw():
    X = gray()
    cae = small_cae().fit(X + np.float32(0.01), X)
    with pytest.raises(ValueError, match=r"learned from pairs or from noisy images, and has none"):
        detector_of(cae, "denoising")


def test_features_are_compared_after_a_stage_of_the_encoder(cae):
    X = gray()
    maps = [cae.feature_maps(images, "encoder.stages.1") for images in (X, cae.predict(X))]
    expected = -np.square(maps[0] - maps[1]).mean(axis=(1, 2, 3))
    # float32
    np.testing.assert_allclose(detector_of(cae, "features").score_samples(X), expected, rtol=1e-4)


def test_a_stage_the_encoder_does_not_have_is_refused(cae):
    with pytest.raises(ValueError, match=r"stage=3, but the encoder has 2 stage"):
        detector_of(cae, FeatureScore(3))


def test_combined_is_the_sum_of_the_standardised_scores(cae):
    X, expected = gray(60), 0
    for name in ("density", "reconstruction", "ssim", "denoising"):
        detector = detector_of(cae, name, X)
        held_out = detector.calibration_scores_
        expected = expected + (detector.score_samples(X) - held_out.mean()) / held_out.std()
    scores = detector_of(cae, "combined", X).score_samples(X)
    # A network makes codes alone and codes of a reconstruction by the same steps.
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (["local_density", ReconstructionScore(worst=0.01)], False),
        (["local_density", "density"], True),
        (None, True),
    ],
)
def test_a_sum_of_scores_by_the_worst_places_leaves_the_contrast(scores, expected):
    detector = CAEOutlierDetector(small_cae(), outlier_score=CombinedScore(scores), random_state=0)
    assert detector.fit(gray()).normalizes_contrast_ is expected


def test_names_and_objects_are_combined(cae):
    detector = detector_of(cae, CombinedScore(["ssim", DenoisingScore(n_draws=2)]))
    assert len(detector.outlier_score_.scores_[1].seeds_) == 2


@pytest.mark.parametrize(
    ("scores", "message"),
    [([], "nothing to sum"), (["ssim", "combined"], "list all scores in one"), (["mse"], "'mse'")],
)
def test_what_cannot_be_combined_is_refused(cae, scores, message):
    with pytest.raises(ValueError, match=message):
        detector_of(cae, CombinedScore(scores))


class PassCounter:
    """Counts the passes of the two halves of a network."""

    def __init__(self, cae):
        self.encoder = self.decoder = 0
        module = cae.net_.module_
        module.encoder.register_forward_hook(self._count("encoder"))
        module.decoder.register_forward_hook(self._count("decoder"))

    def _count(self, half):
        def count(*args):
            setattr(self, half, getattr(self, half) + 1)

        return count

    def since(self, function):
        self.encoder = self.decoder = 0
        function()
        return self.encoder, self.decoder


# For one batch: passes of encoder and decoder for scores alone, and with maps and p-values.
@pytest.mark.parametrize(
    ("network", "score", "for_scores", "for_all"),
    [
        ("autoencoder", "density", (1, 0), (1, 0)),
        ("autoencoder", "reconstruction", (1, 1), (1, 1)),
        ("autoencoder", CombinedScore(), (1 + 4, 1 + 4), (1 + 4, 1 + 4)),
        # Its reconstruction is more than its code tells: the encoder runs for either.
        ("unet", CombinedScore(), (2 + 4, 1 + 4), (2 + 4, 1 + 4)),
    ],
)
def test_scores_share_one_pass(network, score, for_scores, for_all):
    X = gray()
    cae = small_cae(small_unet() if network == "unet" else small_autoencoder()).fit(X)
    detector = detector_of(cae, score)
    counter = PassCounter(cae)
    assert counter.since(lambda: detector.score_samples(X)) == for_scores
    assert counter.since(lambda: detector.assess(X)) == for_all


# Passes of encoder and decoder: one over the images to train on for a density, and those over the
# held-out ones, which "combined" needs again for maps in units of what it has seen.
@pytest.mark.parametrize(
    ("score", "passes"),
    [("reconstruction", (1, 1)), ("density", (2, 0)), ("combined", (1 + 2 * 5, 2 * 5))],
)
def test_passes_of_a_fit(score, passes):
    cae = small_cae().fit(gray())
    counter = PassCounter(cae)
    assert counter.since(lambda: detector_of(cae, score)) == passes


class WithoutFloat64(TorchDispatchMode):
    """A device that, as Apple's, has no float64."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            raise TypeError(f"{func} makes float64 on the device")
        return result


def test_a_device_without_float64_refuses_it():
    with WithoutFloat64(), pytest.raises(TypeError, match="float64"):
        torch.zeros(1).double()


@pytest.mark.parametrize("score", [name for name in SCORES if name != "combined"])
def test_no_score_needs_float64_on_the_device(cae, score):
    with WithoutFloat64():
        assert detector_of(cae, score).assess(gray()).scores.dtype == np.float64


def test_a_score_is_searched_by_its_parameters():
    grid = {"outlier_score": [DenoisingScore()], "outlier_score__n_draws": [1, 8]}
    draws = [
        CAEOutlierDetector().set_params(**clone_params).outlier_score.n_draws
        for clone_params in map(_cloned, ParameterGrid(grid))
    ]
    assert draws == [1, 8]


def _cloned(params):
    return {name: clone(value, safe=False) for name, value in params.items()}


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (DensityScore(density=KernelDensity()), "DensityScore(density=KernelDensity())"),
        (ReconstructionScore(), "ReconstructionScore()"),
        (DenoisingScore(n_draws=8), "DenoisingScore(n_draws=8)"),
        (FeatureScore(3), "FeatureScore(stage=3)"),
        (CombinedScore(["ssim"]), "CombinedScore(scores=['ssim'])"),
    ],
)
def test_a_clone_of_a_score_reads_as_it_was_written(score, text):
    assert repr(clone(score)) == text


@pytest.mark.parametrize("score", [DensityScore(density=GaussianMixture(2)), CombinedScore()])
def test_the_score_of_the_user_is_left_unfitted(cae, score):
    before = dict(vars(score))
    detector_of(cae, score)
    assert vars(score) == before


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (DenoisingScore(n_draws=0), "'n_draws' parameter of DenoisingScore"),
        (FeatureScore(0.5), "'stage' parameter of FeatureScore"),
        (CombinedScore([DenoisingScore(n_draws=0)]), "'n_draws' parameter of DenoisingScore"),
        (CombinedScore("ssim"), "'scores' parameter of CombinedScore"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_owner(cae, score, message):
    with pytest.raises(ValueError, match=message):
        detector_of(cae, score)


def test_an_unknown_score_is_refused_with_the_names_that_there_are():
    with pytest.raises(
        ValueError, match=r"'mse' is not a score; allowed are the names \['combined'"
    ):
        resolve_score("mse")


class LargestErrorScore(OutlierScore):
    def score(self, batch):
        return -batch.squared_error.max(axis=(1, 2))


def test_a_score_of_the_user_scores(cae):
    X = gray()
    detector = detector_of(cae, LargestErrorScore())
    np.testing.assert_array_equal(
        detector.score_samples(X), -detector.anomaly_map(X).max(axis=(1, 2))
    )
