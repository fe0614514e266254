import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from small import colour, gray, identity_cae, small_autoencoder, small_cae, small_unet

from sklearn_cae import CAEOutlierDetector, CombinedScore, DenoisingScore, RestorationScore
from sklearn_cae.noise import CutOut, EraseColor, Flip, GaussianNoise, NoiseModel, QuarterTurns
from sklearn_cae.outliers import ImageBatch


def detector_of(cae, score, X, **params):
    """A detector that gives the images as they are to a network that is fitted already."""
    params = {"random_state": 0} | params
    return CAEOutlierDetector(FrozenEstimator(cae), outlier_score=score, **params).fit(X)


def absolute_error(images, others):
    return np.abs(images.astype(float) - others).mean(axis=tuple(range(1, images.ndim)))


def score_of(errors, changes, detector):
    """The score of images (n,) with these errors and changes (n_draws, n)."""
    error, change = np.mean(errors, axis=0), np.mean(changes, axis=0)
    # One for each part that is held out.
    scores = [-error / (change + 0.1 * each.change_) for each in detector.outlier_scores_]
    return np.mean(scores, axis=0)


def test_what_restores_nothing_errs_by_the_mean_change_over_all_turns():
    X = gray()
    detector = detector_of(identity_cae(X, noise="quarter_turns"), "restoration", X)
    changes = [absolute_error(np.rot90(X, turn, axes=(1, 2)), X) for turn in range(4)]
    expected = score_of(changes, changes, detector)
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-6)


def test_the_usual_change_is_that_of_the_training_images():
    X = gray()
    cae = identity_cae(X, noise="quarter_turns")
    score = RestorationScore()
    detector = CAEOutlierDetector(FrozenEstimator(cae), outlier_score=score, calibration=0.5)
    detector.set_params(random_state=0).fit(X)
    changes = np.mean([absolute_error(np.rot90(X, k, axes=(1, 2)), X) for k in range(4)], axis=0)
    change = detector.outlier_score_.change_
    assert changes.min() < change < changes.max()


def test_an_image_of_half_the_contrast_scores_nearly_the_same():
    X = np.random.default_rng(0).uniform(size=(20, 8, 8)).astype(np.float32)
    detector = detector_of(identity_cae(X, noise="quarter_turns"), "restoration", X)
    full, half = detector.score_samples(X), detector.score_samples(0.5 * X)
    # c / (c + 0.1 c) and 0.5 c / (0.5 c + 0.1 c), where an error would be half of the other.
    assert full.mean() == pytest.approx(-1 / 1.1, rel=0.01)
    assert half.mean() == pytest.approx(-0.5 / 0.6, rel=0.01)


def test_even_images_have_a_finite_score():
    X, even = gray(), np.full((10, 8, 8), 0.5, dtype=np.float32)
    detector = detector_of(identity_cae(X, noise="quarter_turns"), "restoration", X)
    np.testing.assert_array_equal(detector.score_samples(even), np.zeros(10))


def test_a_chain_is_restored_from_each_combination():
    X = colour()
    noise = [EraseColor(), QuarterTurns((0, 2)), Flip()]
    detector = detector_of(identity_cae(X, noise=noise), "restoration", X)
    grays = X.mean(axis=3, keepdims=True)
    turned = [grays, grays[:, ::-1, ::-1]]
    changes = [absolute_error(X, seen) for one in turned for seen in (one, one[:, :, ::-1])]
    # float32 rounds the mean of the channels.
    expected = score_of(changes, changes, detector)
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-5)


def test_what_a_network_restores_is_compared_with_the_image_before():
    X = gray()
    cae = small_cae(noise=Flip(1)).fit(X)
    detector = detector_of(cae, "restoration", X)
    mirrored = X[:, :, ::-1]
    errors, changes = absolute_error(X, cae.predict(mirrored)), absolute_error(X, mirrored)
    expected = score_of([errors], [changes], detector)
    # Predictions are float32.
    np.testing.assert_allclose(detector.score_samples(X), expected, rtol=1e-4)


def test_a_network_that_turns_images_back_finds_those_it_cannot():
    rng = np.random.default_rng(0)
    bright_below = np.linspace(-1, 1, 8)[:, np.newaxis] * np.ones(8)
    normal, odd = (
        0.5 + rng.uniform(0.3, 0.5, (n, 1, 1)) * pattern
        for n, pattern in ((200, bright_below), (20, -bright_below))
    )
    cae = small_cae(
        small_autoencoder(latent_dim=4), noise="quarter_turns", max_epochs=20, batch_size=16
    )
    detector = CAEOutlierDetector(cae, outlier_score=RestorationScore(), random_state=0)
    scores = detector.fit(normal[:180]).score_samples
    assert scores(normal[180:]).min() > scores(odd).max()


# A corruption that is drawn from many


class Shade(NoiseModel):
    """Adds one of two shades, whose texts are alike: only their middles differ."""

    def __init__(self, shade=None, *, clip=False):
        self.shade = shade
        self.clip = clip

    def variants(self):
        shades = np.zeros((2, 2000))
        shades[1, 1000] = 0.5
        return [Shade(shade) for shade in shades]

    def _corrupt(self, images, generator):
        shade = 0.25 if self.shade is None else float(self.shade.max())
        return images + shade


def test_variants_that_read_alike_are_told_apart():
    X = gray()
    batch = ImageBatch(X[..., np.newaxis], (0, 1), small_cae().fit(X).runner_, Shade())
    none, some = (batch.corrupted(0, variant) for variant in batch.variants)
    np.testing.assert_allclose(none, X[..., np.newaxis])
    np.testing.assert_allclose(some, X[..., np.newaxis] + 0.5, rtol=1e-6)


def test_noise_without_variants_is_drawn_as_often_as_asked_for():
    X = np.full((10, 8, 8), 0.5, dtype=np.float32)
    cae = identity_cae(X, noise=GaussianNoise(0.1))
    detector = detector_of(cae, RestorationScore(n_draws=50), X)
    # The mean of an absolute normal deviate, of 10 x 50 x 64 values, is known to 0.5 %.
    assert detector.outlier_score_.change_ == pytest.approx(0.1 * (2 / np.pi) ** 0.5, rel=0.03)
    # All of the noise is left.
    np.testing.assert_allclose(detector.score_samples(X[:1]), -1 / 1.1, rtol=0.01)


def test_the_seed_of_the_detector_is_that_of_the_draws():
    X = gray()
    cae = identity_cae(X, noise=CutOut())
    one, same, other = (
        detector_of(cae, "restoration", X, random_state=seed).score_samples(X) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("noise", ["quarter_turns", ["cut_out", "gaussian"]], ids=str)
def test_a_score_does_not_depend_on_the_other_images(noise):
    X = gray()
    detector = detector_of(small_cae(noise=noise).fit(X), "restoration", X)
    every = detector.score_samples(X)
    # 20 and 24 images share a size of batch.
    some = np.r_[7, 2, 11, 4:21]
    np.testing.assert_array_equal(detector.score_samples(X[some]), every[some])


def test_scores_that_ask_for_the_same_draws_share_their_passes():
    X = gray()
    cae = small_cae(small_unet(), noise="cut_out").fit(X)
    detector = detector_of(cae, CombinedScore([DenoisingScore(), RestorationScore()]), X)
    passes = []
    cae.net_.module_.register_forward_hook(lambda *args: passes.append(1))
    detector.score_samples(X)
    assert len(passes) == 4


# What is refused


def test_an_autoencoder_of_pairs_has_nothing_to_restore():
    X = gray()
    cae = small_cae().fit(X + np.float32(0.01), X)
    with pytest.raises(
        ValueError, match=r"learned from pairs or from noisy images, and has no noi"
    ):
        detector_of(cae, "restoration", X)


@pytest.mark.parametrize("noise", ["none", Flip(0), QuarterTurns((0,))])
def test_what_leaves_images_as_they_are_has_nothing_to_restore(noise):
    X = gray()
    with pytest.raises(ValueError, match="RestorationScore has nothing to restore: the corruption"):
        detector_of(identity_cae(X, noise=noise), "restoration", X)


def test_draws_are_counted():
    with pytest.raises(ValueError, match="'n_draws' parameter of RestorationScore"):
        detector_of(small_cae().fit(gray()), RestorationScore(n_draws=0), gray())


def test_a_clone_reads_as_it_was_written():
    assert repr(clone(RestorationScore(n_draws=8))) == "RestorationScore(n_draws=8)"


def test_the_global_random_state_is_left_as_it_was():
    X = gray()
    detector = detector_of(identity_cae(X, noise="cut_out"), "restoration", X)
    before = torch.get_rng_state()
    detector.score_samples(X)
    assert torch.equal(torch.get_rng_state(), before)
