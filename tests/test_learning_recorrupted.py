"""Learning from noisy images alone whose noise is known."""

import numpy as np
import pytest
import torch
from small import gray, small_cae, small_unet

from sklearn_cae import (
    DenoisingCAE,
    GaussianBlur,
    GaussianNoise,
    NoiseInjector,
    Patches,
    PoissonGaussianNoise,
    PoissonNoise,
    ResUNet,
    SpeckleNoise,
    load,
)
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import Pictures, RecorruptedImages

NOISES = [
    GaussianNoise(0.1, clip=False),
    PoissonNoise(30, clip=False),
    PoissonGaussianNoise(0.02, 0.1, 0.05, clip=False),
]
NOISY = gray(8, 32, 32)


def noisy_scenes(noise):
    """Smooth images, and the same with noise."""
    clean = np.sin(np.linspace(0, 3, 12 * 40 * 40, dtype=np.float32)).reshape(12, 40, 40)
    clean = 0.2 + 0.6 * np.abs(clean)
    return clean, np.asarray(NoiseInjector(noise, random_state=0, data_range=(0, 1)).corrupt(clean))


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: type(noise).__name__)
def test_the_noise_of_inputs_and_targets_is_uncorrelated(noise):
    clean = np.full((200, 64, 64, 1), 0.5, dtype=np.float32)
    generator = torch.Generator().manual_seed(0)
    noisy = noise.corrupt(torch.from_numpy(clean).movedim(3, 1), generator).movedim(1, 3).numpy()
    spec = learn_spec(ImageSource(noisy), data_range=(0, 1), noisy=True)
    data = RecorruptedImages(Pictures((noisy,)), spec, None, noise)
    made = data.batch(np.arange(200), generator, "cpu")
    seen, target = (images.numpy() - 0.5 for images in (made.input, made.target.images))
    variance = float(np.var(noisy))
    # Standard errors of 820,000 pixels: 0.1 % of the standard deviations of 1.3 and 1.9.
    assert abs(seen.mean()) < 0.01 * variance**0.5
    assert abs(target.mean()) < 0.01 * variance**0.5
    assert abs((seen * target).mean()) < 0.01 * variance
    # The mean of tau**2 for tau from 0.4 to 1.2 is 0.69.
    assert np.var(seen) / variance == pytest.approx(1.69, rel=0.05)


def test_a_network_learns_from_noise_that_it_estimates():
    clean, noisy = noisy_scenes(GaussianNoise(0.1, clip=False))
    cae = DenoisingCAE(
        ResUNet((8, 16), blocks=1),
        target="recorrupted",
        patches=Patches(32),
        data_range=(0, 1),
        random_state=0,
    ).fit(noisy)
    assert isinstance(cae.noise_, GaussianNoise)
    assert cae.noise_.std == pytest.approx(0.1, rel=0.05)
    gain = np.mean((noisy - clean) ** 2) / np.mean((cae.predict(noisy) - clean) ** 2)
    assert gain > 4
    assert cae.history_.keys() == {"train_loss", "valid_loss", "duration"}


def test_noise_that_grows_with_brightness_is_estimated():
    _, noisy = noisy_scenes(PoissonNoise(20, clip=False))
    cae = small_cae(small_unet(), target="recorrupted", data_range=(0, 1)).fit(noisy)
    assert isinstance(cae.noise_, PoissonGaussianNoise)
    assert cae.noise_.gain == pytest.approx(1 / 20, rel=0.2)


def test_noise_that_is_told_is_taken(tmp_path):
    _, noisy = noisy_scenes(PoissonNoise(50, clip=False))
    cae = small_cae(small_unet(), target="recorrupted", noise=PoissonNoise(50), data_range=(0, 1))
    cae.fit(noisy)
    assert cae.noise_.get_params() == PoissonNoise(50).get_params()
    cae.save(tmp_path / "cae.safetensors")
    again = load(tmp_path / "cae.safetensors")
    assert (again.target_, again.noise_.peak) == ("recorrupted", 50)
    np.testing.assert_array_equal(again.predict(noisy), cae.predict(noisy))


def test_a_list_of_files_of_several_sizes_is_learned_from():
    rng = np.random.default_rng(0)
    images = [0.5 + rng.normal(0, 0.1, size).astype(np.float32) for size in [(40, 40), (32, 48)]]
    cae = small_cae(small_unet(), target="recorrupted", patches=Patches(16), data_range=(0, 1)).fit(
        images
    )
    assert cae.noise_.std == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    "noise",
    [
        GaussianNoise((0, 0.2)),
        GaussianBlur(1),
        SpeckleNoise(0.1),
        "salt_and_pepper",
        "none",
        ["blur"],
    ],
    ids=str,
)
def test_noise_of_no_known_level_is_refused(noise):
    cae = small_cae(small_unet(), target="recorrupted", noise=noise)
    with pytest.raises(ValueError, match=r"one known level, but noise=.*target='neighbor'"):
        cae.fit(NOISY)
    assert not hasattr(cae, "net_")


def test_images_whose_levels_differ_are_refused():
    rng = np.random.default_rng(0)
    levels = np.linspace(0.02, 0.2, 12).reshape(12, 1, 1)
    noisy = 0.5 + levels * rng.normal(size=(12, 64, 64))
    cae = small_cae(small_unet(), target="recorrupted", data_range=(0, 1))
    with pytest.raises(ValueError, match=r"X seems to hold GaussianNoise\(.*std=\(0.*target='nei"):
        cae.fit(noisy)


def test_images_too_small_to_measure_are_refused():
    with pytest.raises(
        ValueError, match=r"cannot be estimated here: .* noise=GaussianNoise\(std\)"
    ):
        small_cae(small_unet(), target="recorrupted").fit(gray(8, 6, 6))


@pytest.mark.parametrize("told", [GaussianNoise(0.3), PoissonNoise(1000)], ids=str)
def test_a_level_that_images_do_not_hold_is_told(told):
    _, noisy = noisy_scenes(GaussianNoise(0.1, clip=False))
    cae = small_cae(small_unet(), target="recorrupted", noise=told, data_range=(0, 1))
    with pytest.warns(
        UserWarning, match=r"but flat places of X have 0\.(1|099)\..*Leave noise=None"
    ):
        cae.fit(noisy)


def test_a_level_that_images_hold_is_taken_in_silence():
    _, noisy = noisy_scenes(GaussianNoise(0.1, clip=False))
    noise = GaussianNoise(0.11)
    small_cae(small_unet(), target="recorrupted", noise=noise, data_range=(0, 1)).fit(noisy)


def test_a_level_that_overexposed_images_hold_is_taken_in_silence():
    clean, _ = noisy_scenes(GaussianNoise(0.1))
    rng = np.random.default_rng(0)
    noisy = (1.6 * clean + rng.normal(0, 0.1, clean.shape)).clip(0, 1).astype(np.float32)
    small_cae(small_unet(), target="recorrupted", noise=GaussianNoise(0.1)).fit(noisy)


def test_binary_cross_entropy_is_refused():
    _, noisy = noisy_scenes(GaussianNoise(0.1))
    with pytest.raises(ValueError, match="loss='bce' needs targets between 0 and 1"):
        small_cae(target="recorrupted", loss="bce").fit(noisy)


def test_clean_images_are_refused():
    with pytest.raises(ValueError, match=r"clean ones are given too\. Take target='clean'"):
        small_cae(small_unet(), target="recorrupted").fit(NOISY, NOISY)
