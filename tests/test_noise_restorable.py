"""Colour erased, turned, mirrored: what comes out, what is refused, and who has to know."""

import numpy as np
import pytest
import torch
from skimage.color import gray2rgb
from small import colour, gray, small_autoencoder, small_cae

from sklearn_cae import NoiseInjector, Patches
from sklearn_cae.noise import EraseColor, Flip, NoiseChain, QuarterTurns


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(shape=(6, 3, 9, 9)):
    return torch.rand(shape, generator=seeded(99))


def test_colour_becomes_the_mean_over_channels():
    images = random_images()
    expected = gray2rgb(images.numpy().mean(axis=1), channel_axis=1)
    # float32 rounds the mean.
    np.testing.assert_allclose(EraseColor().corrupt(images, seeded()), expected, atol=1e-7)


def test_gray_in_three_channels_stays_as_it_is():
    images = random_images()[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(EraseColor().corrupt(images, seeded()), images)


@pytest.mark.parametrize("turn", range(4))
def test_a_quarter_turn_is_that_of_numpy(turn):
    images = random_images()
    expected = np.rot90(images.numpy(), turn, axes=(2, 3))
    np.testing.assert_array_equal(QuarterTurns((turn,)).corrupt(images, seeded()), expected)


def test_all_turns_are_as_likely():
    images = torch.arange(4.0).reshape(1, 1, 2, 2).expand(4000, -1, -1, -1) / 4
    first = QuarterTurns().corrupt(images, seeded())[:, 0, 0, 0]
    counts = torch.bincount((4 * first).long(), minlength=4)
    # Five standard errors of a count with probability 1 / 4.
    assert (counts - 1000).abs().max() < 5 * (4000 * 0.25 * 0.75) ** 0.5


def test_a_flip_mirrors_left_and_right():
    images = random_images()
    expected = images.numpy()[..., ::-1]
    np.testing.assert_array_equal(Flip(1).corrupt(images, seeded()), expected)


def test_a_probability_of_a_half_mirrors_half_of_the_images():
    images = torch.tensor([0.0, 1.0]).expand(4000, 1, 1, 2)
    share = Flip(0.5).corrupt(images, seeded())[:, 0, 0, 0].mean()
    # Five standard errors of a share of 4000.
    assert abs(share - 0.5) < 0.04


def test_half_turns_take_images_that_are_not_square():
    images = random_images((6, 3, 4, 9))
    turned = QuarterTurns((0, 2)).corrupt(images, seeded())
    assert turned.shape == images.shape


# What is refused


def test_quarter_turns_of_images_that_are_not_square_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"square images, .* 4 x 9 pixels.*turns=\(0, 2\)"):
        QuarterTurns().corrupt(random_images((6, 3, 4, 9)), seeded())


def test_a_chain_refuses_what_one_of_its_models_does():
    with pytest.raises(ValueError, match="square images"):
        NoiseChain([EraseColor(), QuarterTurns()]).check_images(4, 9, 3)


@pytest.mark.parametrize(
    "turns", [(), (0, 0), (4,), (-1,), (0.5,), (True,), 1, "01", None, {0, 1}], ids=repr
)
def test_other_turns_are_refused(turns):
    with pytest.raises(ValueError, match=r"QuarterTurns\(turns=…\) is .* numbers from 0 to 3"):
        QuarterTurns(turns).corrupt(random_images(), seeded())


def test_images_without_colour_have_none_to_erase():
    with pytest.raises(ValueError, match=r"nothing to restore. Leave it out, as in noise='quarter"):
        small_cae(noise="erase_color").fit(gray())


def test_an_injector_refuses_in_fit_what_it_could_not_turn():
    with pytest.raises(ValueError, match="square images"):
        NoiseInjector("quarter_turns").fit(gray(height=4))


def test_a_network_refuses_images_it_could_not_turn():
    with pytest.raises(ValueError, match="square images"):
        small_cae(noise=["erase_color", "quarter_turns"]).fit(colour(height=4))


# In an estimator


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_an_injector_turns_images_and_keeps_them_beside(dtype):
    images = (255 * colour()).astype(dtype)
    noisy = NoiseInjector("quarter_turns", random_state=0, data_range=(0, 255)).fit_transform(
        images
    )
    turns = [np.rot90(images, turn, axes=(1, 2)) for turn in range(4)]
    assert all(
        any(np.allclose(one, turn[i], atol=1e-4) for turn in turns) for i, one in enumerate(noisy)
    )
    np.testing.assert_array_equal(noisy.clean, images)


def test_a_network_learns_which_way_up_images_belong():
    rng = np.random.default_rng(0)
    # Dark above and bright below, each by its own amount.
    amount = rng.uniform(0.3, 0.5, (200, 1, 1))
    X = 0.5 + amount * np.linspace(-1, 1, 8)[:, np.newaxis] * np.ones(8)
    network = small_autoencoder(latent_dim=4)
    cae = small_cae(network, noise="quarter_turns", max_epochs=20, batch_size=16).fit(X)
    restored = cae.predict(X[:, ::-1])
    # Upside down an image is wrong by more than 0.4 on average; a mean of all four turns by 0.2.
    assert np.abs(restored - X).mean() < 0.1


@pytest.mark.parametrize("noise", ["quarter_turns", "flip", ["erase_color", "flip"]], ids=str)
def test_patches_that_are_turned_anyway_are_refused(noise):
    with pytest.raises(
        ValueError, match=r"turn and mirror them before. Take Patches\(…, augment=F"
    ):
        small_cae(noise=noise, patches=Patches(8)).fit(colour(height=12, width=10))


def test_patches_of_a_list_are_refused_too():
    X = [*gray(4), *gray(4, height=9)]
    with pytest.raises(ValueError, match="augment=False"):
        small_cae(noise="flip").fit(X)


def test_patches_that_stay_upright_are_turned_and_validated_in_their_size():
    patches = Patches(8, per_image=1, augment=False)
    cae = small_cae(noise="quarter_turns", patches=patches, validation_fraction=0.5)
    history = cae.fit(gray(height=12, width=10)).history_
    assert np.isfinite(history["valid_loss"]).all()


def test_colour_is_erased_from_turned_patches():
    cae = small_cae(noise="erase_color", patches=Patches(8, per_image=1))
    assert cae.fit(colour(height=12, width=10)).predict(colour()).shape == colour().shape


@pytest.mark.parametrize("make", [np.asarray, list])
def test_a_network_that_turns_images_back_takes_no_self_ensemble(make):
    cae = small_cae(noise="quarter_turns").fit(gray())
    with pytest.raises(ValueError, match=r"turns images itself. Leave it False"):
        cae.predict(make(gray()), self_ensemble=True)
