import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, NearestNeighbors
from small import gray, small_autoencoder, small_cae
from torch.nn import functional as F

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    CodeDensity,
    ConvEncoder,
    DensityScore,
    LocalDensityScore,
    Patches,
    ReconstructionScore,
    VGG16Encoder,
)
from sklearn_cae.outliers._density_score import _explained_places
from sklearn_cae.outliers._features import (
    _to_grid,
    at_each_pixel,
    average,
    features_of_places,
)

LAYERS = ["encoder.stages.0", "encoder.stages.1"]


def textures(n=30, side=32, seed=0):
    """Gray images of noise with a grain of some pixels."""
    rng = np.random.default_rng(seed)
    rows = rng.random((n, side + 2, side + 2)).astype(np.float32)
    return sum(rows[:, i : i + side, j : j + side] for i in range(3) for j in range(3)) / 9


def scratched(images):
    """The images with a bright line of two pixels."""
    odd = images.copy()
    odd[:, 14:16, 8:24] = 1
    return odd


@pytest.fixture(scope="module")
def frozen():
    network = Autoencoder(ConvEncoder((8, 16), code_channels=4))
    cae = small_cae(network, max_epochs=5, patches=Patches(16, per_image=4)).fit(textures())
    return FrozenEstimator(cae)


def detector_of(frozen, score, X=None, **params):
    defaults = {"calibration": 0.2, "random_state": 0}
    detector = CAEOutlierDetector(frozen, outlier_score=score, **defaults | params)
    return detector.fit(textures() if X is None else X)


@pytest.mark.parametrize("density", [None, LedoitWolf(), NearestNeighbors(n_neighbors=2)])
def test_a_scratch_is_found_and_shown(frozen, density):
    detector = detector_of(frozen, LocalDensityScore(density=density))
    good, odd = textures(20, seed=1), scratched(textures(20, seed=1))
    scores = detector.score_samples(np.concatenate([good, odd]))
    # Chance is 0.5.
    assert roc_auc_score([1] * 20 + [0] * 20, scores) > 0.95
    maps = detector.anomaly_map(odd)
    on = np.zeros((32, 32), bool)
    on[14:16, 8:24] = True
    assert maps[:, on].mean() > 1.5 * maps[:, ~on].mean()


def test_an_image_scores_by_the_worst_pixels_of_its_map(frozen):
    X = scratched(textures(5))
    detector = detector_of(frozen, LocalDensityScore(worst=0.05))
    # A twentieth of 1024 pixels.
    worst = np.sort(detector.anomaly_map(X).reshape(5, -1), axis=1)[:, -51:]
    np.testing.assert_allclose(detector.score_samples(X), -worst.mean(axis=1), rtol=1e-12)


def test_one_pixel_counts_at_least(frozen):
    X = textures(5)
    detector = detector_of(frozen, ReconstructionScore(worst=1e-9))
    np.testing.assert_array_equal(
        detector.score_samples(X), -detector.anomaly_map(X).max(axis=(1, 2))
    )


def test_larger_images_are_scored_by_their_places(frozen):
    detector = detector_of(frozen, "local_density")
    large = textures(2, side=64, seed=2)
    odd = scratched(large)
    assert detector.anomaly_map(odd).shape == (2, 64, 64)
    assert (detector.score_samples(odd) < detector.score_samples(large)).all()


def test_a_density_for_each_position_learns_where_things_are(frozen):
    X = textures(60)
    X[:, :16] = X[:, :16] * 0.2  # dark above, bright below
    detector = detector_of(frozen, LocalDensityScore(density=LedoitWolf(), per_position=True), X)
    assert len(detector.outlier_score_.densities_) == 64  # one every four pixels
    upside_down = X[:10, ::-1].copy()
    assert detector.score_samples(upside_down).max() < detector.score_samples(X[:10]).min()


def test_a_density_for_each_position_takes_one_size(frozen):
    score = LocalDensityScore(density=LedoitWolf(), per_position=True)
    detector = detector_of(frozen, score)
    with pytest.raises(ValueError, match="64 x 64 pixels"):
        detector.score_samples(textures(2, side=64))


def test_a_place_is_described_by_direction_and_length():
    maps = torch.rand(2, 5, 8, 8) + 0.1
    features = features_of_places([maps], (32, 32))
    brighter = features_of_places([maps * 10], (32, 32))
    assert features.shape == (2, 8, 8, 6)
    torch.testing.assert_close(brighter[..., :5], features[..., :5])
    torch.testing.assert_close(brighter[..., 5], features[..., 5] + np.log(10))


def test_values_of_places_are_linear_between_their_centres():
    values = np.array([[[0.0, 4.0]]])
    # Centres lie at 2 and 6 of 8 pixels, whose own are at 0.5, 1.5, ...
    expected = [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]
    np.testing.assert_allclose(at_each_pixel(values, (1, 8))[0, 0], expected)


@pytest.mark.parametrize(("n_places", "length", "part"), [(9, 65, 8), (6, 81, 16), (4, 28, 8)])
def test_places_lie_where_a_network_that_halves_and_rounds_up_saw_them(n_places, length, part):
    values = np.zeros((1, n_places, n_places))
    values[0, 2, 1] = 1
    shown = at_each_pixel(values, (length, length))[0]
    rows, columns = (shown.sum(axis=axis) @ np.arange(length) / shown.sum() for axis in (1, 0))
    assert rows == pytest.approx(2.5 * part - 0.5)
    assert columns == pytest.approx(1.5 * part - 0.5)


@pytest.mark.parametrize("side", [64, 57, 70])
@pytest.mark.parametrize("pixels", [2, 4, 8])
def test_maps_of_all_scales_are_brought_to_the_same_places(side, pixels):
    ramp = torch.arange(side).float().expand(1, 1, side, side)
    maps = F.avg_pool2d(ramp, pixels, ceil_mode=True)
    grid = [-(-side // 4)] * 2
    # At the edges there is nothing to interpolate with.
    found = _to_grid(maps, grid)[0, 0, :, 1:-3]
    expected = 4 * torch.arange(grid[0]).float()[1:-3] + 1.5
    torch.testing.assert_close(found, expected.expand_as(found))


def test_each_part_of_a_map_weighs_what_it_adds_to_the_score():
    maps = np.random.default_rng(0).random((2, 3, 5, 4))  # 3 x 5 places in 2 x 2 parts
    averages = average(maps, 2)
    reference, slope = np.zeros_like(averages), np.ones_like(averages)
    explained = _explained_places(maps, reference, slope)
    assert explained.mean(axis=(1, 2)) == pytest.approx(averages.sum(axis=(1, 2, 3)))
    assert explained[:, :2, :3].sum(axis=(1, 2)) / 15 == pytest.approx(
        averages[:, 0, 0].sum(axis=1)
    )


@pytest.mark.parametrize("unit_length", [True, False])
@pytest.mark.parametrize("pooling", [1, 2, 3])
@pytest.mark.parametrize("density", [None, CodeDensity(), LedoitWolf()])
def test_the_mean_of_a_map_is_minus_the_score_of_the_density(frozen, pooling, density, unit_length):
    X = textures(12, seed=3)
    score = DensityScore(LAYERS, pooling=pooling, density=density, unit_length=unit_length)
    detector = detector_of(frozen, score)
    means = detector.anomaly_map(X).mean(axis=(1, 2))
    np.testing.assert_allclose(means, -detector.score_samples(X), rtol=1e-9)


@pytest.mark.parametrize("method", ["score_samples", "anomaly_map"])
def test_images_of_fewer_places_than_parts_are_refused(frozen, method):
    detector = detector_of(frozen, DensityScore(LAYERS, pooling=4))
    detector.score_samples(textures(2, side=48))
    with pytest.raises(ValueError, match=r"images of 4 x 4 pixels over another number of parts"):
        getattr(detector, method)(textures(2, side=4))


@pytest.mark.parametrize("unit_length", [True, False])
def test_the_parts_of_a_mahalanobis_distance_need_no_correction(frozen, unit_length):
    X = textures(6, seed=3)
    detector = detector_of(frozen, DensityScore(LAYERS[:1], unit_length=unit_length))
    density = detector.outlier_score_.density_
    maps = frozen.estimator.feature_maps(X, LAYERS[0]).astype(float)
    means = maps.mean(axis=(1, 2))
    lengths = np.linalg.norm(means, axis=1)[:, None] if unit_length else np.ones((6, 1))
    difference = means / lengths - density.location_
    slope = difference @ density.get_precision()
    expected = ((maps / lengths[:, None, None] - density.location_) * slope[:, None, None]).sum(3)
    np.testing.assert_allclose(detector.anomaly_map(X), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(detector.score_samples(X), -density.mahalanobis(means / lengths))


@pytest.mark.parametrize(
    "score", ["density", DensityScore(LAYERS), DensityScore(LAYERS, pooling=4)]
)
def test_the_map_of_a_density_shows_what_is_odd(frozen, score):
    X = textures(10, seed=4)
    odd = X.copy()
    odd[:, :8, :8] = 1
    maps = detector_of(frozen, score).anomaly_map(odd)
    # A third of the mean of a map at the least lies in a sixteenth of the image.
    assert (maps[:, :8, :8].mean(axis=(1, 2)) > 2 * maps.mean(axis=(1, 2))).mean() > 0.8


@pytest.mark.parametrize("density", [GaussianMixture(), KernelDensity()])
def test_a_density_that_does_not_tell_where_says_what_does(frozen, density):
    detector = detector_of(frozen, DensityScore(LAYERS, density=density))
    assert np.isfinite(detector.p_values(textures(3))).all()
    with pytest.raises(ValueError, match=r"does not tell where .* LocalDensityScore"):
        detector.anomaly_map(textures(3))


def test_a_flat_code_does_not_tell_where():
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(gray())
    detector = detector_of(FrozenEstimator(cae), "density", gray())
    with pytest.raises(ValueError, match="code of this network is flat"):
        detector.anomaly_map(gray())


@pytest.mark.parametrize("score", [DensityScore, LocalDensityScore])
def test_unknown_layers_are_refused(frozen, score):
    with pytest.raises(ValueError, match=r"layer='encoder.stage'; expected one of"):
        detector_of(frozen, score(["encoder.stage"]))
    with pytest.raises(ValueError, match="has no layer"):
        detector_of(frozen, score([]))


@pytest.mark.parametrize(
    "score",
    [
        DensityScore(pooling=0),
        DensityScore(unit_length=2),
        LocalDensityScore(smoothing=-1),
        LocalDensityScore(worst=0),
    ],
)
def test_a_wrong_parameter_is_refused(frozen, score):
    with pytest.raises(ValueError, match=f"parameter of {type(score).__name__} must be"):
        detector_of(frozen, score)


def test_a_network_that_is_not_trained_gives_features(frozen):
    X = textures()
    cae = small_cae(max_epochs=0).fit(X)
    assert cae.history_["train_loss"].shape == (0,)
    assert cae.transform(X).shape == (30, 4 * 8 * 8)


@pytest.mark.parametrize(
    ("blocks", "objects", "places"),
    [
        (1, ["features.3"], ["features.3"]),
        (3, ["features.8", "features.15"], ["features.8", "features.15"]),
        (5, ["features.15", "features.22"], ["features.8", "features.15"]),
    ],
)
def test_layers_of_vgg16(blocks, objects, places):
    module = Autoencoder(VGG16Encoder(blocks, weights=None)).build(
        (32, 32), 1, torch.Generator().manual_seed(0)
    )
    assert module.object_layers == [f"encoder.{name}" for name in objects]
    assert module.place_layers == [f"encoder.{name}" for name in places]


def test_layers_that_a_score_takes_by_itself(frozen):
    # The code of a network that was trained on these images; the first two stages for places.
    assert detector_of(frozen, "density").outlier_score_.layers_ == []
    assert detector_of(frozen, "local_density").outlier_score_.layers_ == LAYERS


def test_a_pretrained_encoder_scores_by_averages_of_its_maps():
    X = textures(12)
    network = Autoencoder(VGG16Encoder(2, weights=None))
    cae = FrozenEstimator(small_cae(network, max_epochs=0).fit(X))
    detector = detector_of(cae, "density", X)
    assert isinstance(detector.outlier_score_.density_, LedoitWolf)
    assert np.isfinite(detector.assess(textures(2, side=40)).maps).all()
