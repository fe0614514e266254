"""What is learned from: clean images, pairs, images with noise of their own; and the scores."""

import re
import warnings
from collections import UserList

import numpy as np
import pytest
from lazy import Slices
from sklearn.pipeline import Pipeline
from small import (
    STILL,
    BatchRecorder,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_unet,
)

from sklearn_cae import GaussianNoise, MaskingNoise, NoiseInjector, NoisyImages, Patches
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio

X = gray()
NOISY = np.clip(X + np.random.default_rng(0).normal(0, 0.2, X.shape), 0, 1).astype(np.float32)


def record_fit(*targets, noisy=None, **params):
    """Fit for two epochs, and give back the noisy and the clean training images of each."""
    recorder = BatchRecorder()
    cae = small_cae(callbacks=[recorder], max_epochs=2, validation_fraction=0, **params)
    if noisy is None:
        cae.fit(*targets)
    else:
        Pipeline([("noise", noisy), ("cae", cae)]).fit(*targets)
    half = len(recorder.train) // 2
    epochs = recorder.train[:half], recorder.train[half:]
    return cae, [tuple(map(np.concatenate, zip(*epoch, strict=True))) for epoch in epochs]


def in_order(images):
    """Images (n, 1, H, W) as (n, H, W), sorted: training shuffles them."""
    images = images[:, 0]
    return images[np.lexsort(images.reshape(len(images), -1).T)]


def residuals(batch):
    """The noise of each image, sorted by the clean image."""
    noisy, clean = batch
    order = np.lexsort(clean.reshape(len(clean), -1).T)
    return (noisy - clean)[order]


# --- fit(X)


def test_clean_images_are_the_targets():
    _, epochs = record_fit(X)
    np.testing.assert_array_equal(in_order(epochs[0][1]), in_order(X[:, np.newaxis]))


def test_clean_images_are_corrupted_with_the_default_noise():
    cae, epochs = record_fit(X * 0.4 + 0.3)
    noisy, clean = epochs[0]
    assert isinstance(cae.noise_, GaussianNoise)
    # 1536 draws of standard deviation 0.1, clipped only beyond three of them: 4 % are 2 sigma.
    assert np.std(noisy - clean) == pytest.approx(0.1, rel=0.04)


def test_the_noise_of_the_parameter_is_used():
    _, epochs = record_fit(X + 0.1, noise=MaskingNoise(1.0), data_range=(0, 1.1))
    assert (epochs[0][0] == 0).all()


def test_the_noise_is_new_in_each_epoch():
    _, (first, second) = record_fit(X)
    assert not np.isclose(residuals(first), residuals(second)).all(axis=(1, 2, 3)).any()


def test_no_noise_makes_a_plain_autoencoder():
    _, epochs = record_fit(X, noise="none")
    np.testing.assert_array_equal(epochs[0][0], epochs[0][1])


def test_a_chain_of_noises_is_learned_from():
    _, epochs = record_fit(X, noise=["blur", GaussianNoise(0.2)])
    assert not np.array_equal(epochs[0][0], epochs[0][1])


LABELS = {
    "numbers": np.arange(24),
    "words": list("ab" * 12),
    "nothing": [None] * 24,
    "several outputs": np.zeros((24, 2)),
    "a column": np.zeros((24, 1)),
    "one-hot": np.eye(24)[:, :10],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_are_ignored(labels):
    assert_same_weights(small_cae().fit(X, labels), small_cae().fit(X))


def test_changing_the_noise_after_fit_does_not_change_what_was_learned():
    cae = small_cae(noise=GaussianNoise(0.1)).fit(X)
    cae.set_params(noise__std=0.9)
    assert cae.noise_.std == 0.1


# --- fit(X_noisy, X_clean)


def test_pairs_are_used_as_they_are():
    _, epochs = record_fit(NOISY, X)
    for noisy, clean in epochs:
        np.testing.assert_array_equal(in_order(noisy), in_order(NOISY[:, np.newaxis]))
        np.testing.assert_array_equal(in_order(clean), in_order(X[:, np.newaxis]))


def test_pairs_stay_together_when_shuffled():
    _, epochs = record_fit(NOISY, X)
    assert not np.array_equal(epochs[0][1][:, 0], X)
    for noisy, clean in zip(*epochs[0], strict=True):
        which = int(np.flatnonzero((clean[0] == X).all(axis=(1, 2)))[0])
        np.testing.assert_array_equal(noisy[0], NOISY[which])


def test_after_pairs_there_is_no_noise_model():
    assert small_cae().fit(NOISY, X).noise_ is None


def test_the_units_are_those_of_the_clean_images():
    cae = small_cae().fit(X + np.random.default_rng(0).normal(0, 1, X.shape), X)
    assert cae.data_range_ == (0, 1)


def test_lists_of_pairs_are_pairs():
    assert_same_weights(small_cae().fit(list(NOISY), list(X)), small_cae().fit(NOISY, X))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((12, 64), r"\(12, 64\)"),
        ((12, 8, 8), r"\(12, 8, 8\)"),
        ((24, 8, 9), r"\(24, 8, 9\)"),
        ((24, 8, 8, 1), r"\(24, 8, 8, 1\)"),
    ],
)
def test_targets_of_another_shape_are_refused(shape, said):
    message = (
        rf"y has shape {said} and X \(24, 8, 8\). Allowed are fit\(X\) with clean images, "
        r"fit\(X_noisy, X_clean\).*NoisyImages from NoiseInjector.*1-d labels, which are ignored"
    )
    with pytest.raises(ValueError, match=message):
        small_cae().fit(X, np.zeros(shape))


def test_rows_of_clean_images_for_images_are_refused():
    # As many values as an image: no labels.
    with pytest.raises(ValueError, match=r"y has shape \(24, 64\) and X \(24, 8, 8\)"):
        small_cae().fit(X, X.reshape(24, 64))


def test_pairs_of_two_noisy_images_are_pairs():
    other = np.clip(X + np.random.default_rng(1).normal(0, 0.2, X.shape), 0, 1)
    _, epochs = record_fit(NOISY, other)
    np.testing.assert_allclose(in_order(epochs[0][1]), in_order(other[:, np.newaxis]), atol=1e-6)


def test_a_noise_for_pairs_is_refused():
    message = r"X comes with noise of its own, so noise=GaussianNoise\(std=0.3\) would be ignored"
    with pytest.raises(ValueError, match=message):
        small_cae(noise=GaussianNoise(0.3)).fit(NOISY, X)


def test_targets_outside_of_an_explicit_range_are_refused():
    with pytest.raises(ValueError, match=r"y has values from .* but the data range is 0 to 0.5"):
        small_cae(data_range=(0, 0.5)).fit(NOISY / 2, X)


# --- NoisyImages


def test_an_injector_in_a_pipeline_hands_over_the_clean_images():
    _, epochs = record_fit(X, noisy=NoiseInjector(random_state=0))
    np.testing.assert_array_equal(in_order(epochs[0][1]), in_order(X[:, np.newaxis]))


def test_an_injector_in_a_pipeline_hands_over_its_noise():
    cae, epochs = record_fit(X + 0.1, noisy=NoiseInjector(MaskingNoise(0.6), random_state=0))
    assert repr(cae.noise_) == "MaskingNoise(fraction=0.6)"
    # The darkest pixel is black, too; of 1536 draws 5 % are 4 sigma.
    assert (epochs[0][0] == 0).mean() == pytest.approx(0.6, abs=0.05)


def test_the_noise_of_an_injector_is_new_in_each_epoch():
    _, (first, second) = record_fit(X, noisy=NoiseInjector(random_state=0))
    assert not np.isclose(residuals(first), residuals(second)).all(axis=(1, 2, 3)).any()


def test_labels_beside_noisy_images_are_ignored():
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    assert_same_weights(small_cae().fit(noisy, np.arange(24)), small_cae().fit(noisy))


def test_noisy_images_without_a_noise_model_are_pairs():
    _, epochs = record_fit(NoisyImages(NOISY, X))
    np.testing.assert_array_equal(in_order(epochs[1][0]), in_order(NOISY[:, np.newaxis]))


def test_a_noise_for_noisy_images_is_refused():
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    with pytest.raises(ValueError, match="X comes with noise of its own, so noise='blur'"):
        small_cae(noise="blur").fit(noisy)


def test_fitting_leaves_the_pairs_together():
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    small_cae().fit(noisy)
    np.testing.assert_array_equal(noisy.clean, X)


# --- validation


def record_validation(**params):
    recorder = BatchRecorder()
    cae = small_cae(callbacks=[recorder], max_epochs=2, validation_fraction=0.25, **params).fit(X)
    return cae, recorder


def test_validation_noise_is_the_same_in_each_epoch():
    _, recorder = record_validation()
    first, second = recorder.valid
    np.testing.assert_array_equal(first[0], second[0])


def test_the_images_to_validate_are_held_out():
    _, recorder = record_validation()
    trained = {clean.tobytes() for _, batch in recorder.train for clean in batch}
    validated = {clean.tobytes() for clean in recorder.valid[0][1]}
    assert (len(trained), len(validated)) == (18, 6)
    assert not trained & validated


def test_the_validation_loss_compares_between_epochs():
    network = small_autoencoder(normalization=None)
    cae = small_cae(network, max_epochs=3, validation_fraction=0.25, **STILL).fit(X)
    # Weights that stand still: the training loss moves with the noise, the validation loss stays.
    assert np.ptp(cae.history_["valid_loss"]) < 1e-7 < np.ptp(cae.history_["train_loss"])


# --- score


def test_score_with_clean_images_is_the_psnr_of_the_predictions():
    cae = small_cae().fit(X)
    expected = peak_signal_noise_ratio(X, cae.predict(NOISY), data_range=1)
    assert cae.score(NOISY, X) == pytest.approx(expected, abs=1e-9)


def test_score_of_clean_images_corrupts_them_with_the_noise_of_the_training():
    cae = small_cae(noise=GaussianNoise(0.3)).fit(X)
    noisy = NoiseInjector(GaussianNoise(0.3), random_state=0).fit_transform(X)
    assert cae.score(X) == pytest.approx(cae.score(np.asarray(noisy), X), abs=1e-9)


def test_score_is_the_same_in_each_call():
    cae = small_cae(random_state=None).fit(X)
    assert cae.score(X) == cae.score(X)


@pytest.mark.parametrize("labels", [np.arange(24), np.eye(24)[:, :10]], ids=["1-d", "one-hot"])
def test_score_ignores_labels(labels):
    cae = small_cae().fit(X)
    assert cae.score(X, labels) == cae.score(X)


def test_score_of_noisy_images_uses_their_clean_ones():
    cae = small_cae().fit(X)
    noisy = NoiseInjector("masking", random_state=1).fit_transform(X)
    assert cae.score(noisy) == cae.score(np.asarray(noisy), X)


def test_score_after_pairs_needs_the_clean_images():
    cae = small_cae().fit(NOISY, X)
    with pytest.raises(ValueError, match=r"no noise of its own to score on.*Give the clean images"):
        cae.score(X)


def test_score_refuses_targets_of_another_shape():
    with pytest.raises(ValueError, match=r"has shape \(24, 8, 8\)|has shape \(24, 8, 7\)"):
        small_cae().fit(X).score(NOISY, X[:, :, :7])


def test_score_is_in_db_whatever_the_units():
    clean, noisy = (np.rint(images * 255).astype(np.uint8) for images in (X, NOISY))
    # Clipped noise is rounded to whole levels for integers alone.
    noise = GaussianNoise(0.1, clip=False)
    integer, floats = small_cae(noise=noise).fit(clean), small_cae(noise=noise).fit(clean / 255)
    # Predictions are rounded to 255 levels, an error of 60 dB beside one of some 13 dB.
    assert integer.score(noisy, clean) == pytest.approx(
        floats.score(noisy / 255, clean / 255), abs=0.01
    )


def test_score_of_samples_is_minus_the_mean_squared_error_in_units_of_the_range():
    images = colour() * 50
    cae = small_cae(data_range=(0, 50)).fit(images)
    expected = -((cae.predict(images) / 50 - images / 50) ** 2).mean(axis=(1, 2, 3))
    # Both are float32 images, compared in float64 and in float32.
    np.testing.assert_allclose(cae.score_samples(images), expected, rtol=1e-4)


# --- noisy images without clean ones, taken for clean

NOISY_ALONE = np.asarray(
    NoiseInjector("gaussian", random_state=0).corrupt(gray(n=16, height=16, width=16))
)
LOOKS_NOISY = r"X is taken for clean images, but looks noisy: .* a standard deviation of 0\.1"


@pytest.mark.parametrize(
    "container", [np.asarray, list, UserList, Slices], ids=["array", "list", "files", "on disk"]
)
def test_noisy_images_alone_are_told_to_be_no_clean_ones(container):
    images = container(NOISY_ALONE)
    patches = Patches(8) if isinstance(images, list) else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small_cae(small_unet(), for_codes=False, patches=patches).fit(images)
    assert re.match(LOOKS_NOISY, str(caught[0].message))
    assert caught[0].filename == __file__


QUIET = {
    "for codes": {},
    "a plain autoencoder": {"noise": "none", "for_codes": False},
    "noisy images as they are": {"target": "neighbor", "for_codes": False},
}


@pytest.mark.parametrize("params", QUIET.values(), ids=QUIET)
def test_nothing_is_said_where_noise_does_no_harm(params):
    small_cae(small_unet(), **params).fit(NOISY_ALONE)


CLEAN = gray(n=16, height=16, width=16)
SECOND = np.asarray(NoiseInjector("gaussian", random_state=1).corrupt(CLEAN))


@pytest.mark.parametrize("container", [np.asarray, list], ids=["array", "list"])
def test_a_second_take_is_told_to_be_no_clean_image(container):
    patches = Patches(8) if container is list else None
    message = (
        r"y is taken for clean images, but looks noisy: .* of 0\.(09|1).* set target='noisy'\."
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small_cae(small_unet(), for_codes=False, patches=patches).fit(
            container(NOISY_ALONE), container(SECOND)
        )
    assert re.match(message, str(caught[0].message))
    assert caught[0].filename == __file__


def test_nothing_is_said_of_second_takes_where_they_are_welcome_or_do_no_harm():
    small_cae(small_unet(), target="noisy").fit(NOISY_ALONE, SECOND)
    small_cae(small_unet(), for_codes=True).fit(NOISY_ALONE, SECOND)


@pytest.mark.parametrize("images", [CLEAN, load_natural_patches(32, n_patches=48).images[::3]])
def test_nothing_is_said_of_pairs_with_clean_images(images):
    noisy = np.asarray(NoiseInjector("gaussian", random_state=0).corrupt(images))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small_cae(small_unet(), for_codes=False).fit(noisy, images)
    assert not [warning for warning in caught if "looks noisy" in str(warning.message)]


def test_nothing_is_said_of_a_stream():
    small_cae(small_unet(), for_codes=False).partial_fit(NOISY_ALONE)
    small_cae(small_unet(), for_codes=False).partial_fit(NOISY_ALONE, SECOND)
