"""What predict does with large images, eight positions of an image, and its progress bar."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet
from torch import nn

from sklearn_cae import TorchNetwork, _tiles

LARGE = colour(2, 150, 170)


@pytest.fixture(scope="module")
def cae():
    return small_cae(small_unet(), verbose=0).fit(colour())


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 128 x 128 pixels."""
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)


@pytest.fixture
def sizes(cae):
    """Heights and widths that the network has seen."""
    seen = []
    handle = cae.net_.module_.register_forward_hook(
        lambda module, args, output: seen.append(tuple(args[0].shape[2:]))
    )
    yield seen
    handle.remove()


# --- large images


@pytest.mark.parametrize(
    ("images", "params"),
    [
        (colour(24, 16, 16), {}),
        (as_uint(colour(24, 16, 16), np.uint8), {}),
        (colour(24, 16, 16).transpose(0, 3, 1, 2), {"channel_axis": 1}),
        (gray(24, 16, 16) * 6 - 3, {"data_range": (-3, 3)}),
    ],
    ids=["colour", "uint8", "channels first", "floats"],
)
def test_large_images_of_any_layout_are_denoised_in_tiles(monkeypatch, images, params):
    cae = small_cae(small_unet(), **params).fit(images)
    height, width = (2, 3) if "channel_axis" in params else (1, 2)
    large = images[:2].repeat(10, axis=height).repeat(11, axis=width)
    whole = cae.predict(large)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    # Rounding of float32; a level where that rounds to another one.
    step = 1 if images.dtype == np.uint8 else 1e-5 * 6
    np.testing.assert_allclose(cae.predict(large).astype(float), whole, rtol=0, atol=step)


def test_the_network_never_sees_a_large_image_whole(cae, small_tiles, sizes):
    cae.predict(LARGE)
    # Strips of 64 pixels measure how far it sees.
    assert {size for size in sizes if 64 not in size} == {
        (128, 128),
        (128, 106),
        (86, 128),
        (86, 106),
    }


def test_what_a_large_image_taught_is_no_part_of_the_estimator(cae, small_tiles):
    before = set(vars(cae))
    cae.predict(LARGE)
    assert set(vars(cae)) == before
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(cae)).predict(LARGE), cae.predict(LARGE)
    )
    assert clone(cae).get_params().keys() == cae.get_params().keys()


class GlobalContrast(nn.Module):
    """Brings all of an image to the mean 0.5."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.gain * (images - images.mean(dim=(2, 3), keepdim=True)) + 0.5


def test_a_network_that_sees_all_of_an_image_gets_all_of_it(small_tiles):
    cae = small_cae(TorchNetwork(GlobalContrast), lr=1e-9).fit(colour())
    expected = np.clip(LARGE - LARGE.mean(axis=(1, 2), keepdims=True, dtype=float) + 0.5, 0, 1)
    # The gain has moved by one step of training or so.
    np.testing.assert_allclose(cae.predict(LARGE), expected, atol=1e-5)


# --- eight positions


def quarter_turns(images):
    """An image batch (n, H, W, C) in its eight positions, each with what turns it back."""
    for k in range(4):
        yield np.rot90(images, k, (1, 2)), lambda x, k=k: np.rot90(x, -k, (1, 2))
        yield (
            np.rot90(images[:, :, ::-1], k, (1, 2)),
            lambda x, k=k: np.rot90(x, -k, (1, 2))[:, :, ::-1],
        )


def test_a_self_ensemble_is_the_mean_of_eight_positions(cae):
    images = colour(5, 8, 11)
    results = [back(cae.predict(turned)) for turned, back in quarter_turns(images)]
    # Rounding of float32.
    np.testing.assert_allclose(
        cae.predict(images, self_ensemble=True), np.mean(results, axis=0), atol=1e-6
    )


def test_the_denoiser_of_a_pipeline_takes_all_positions(cae):
    images = colour(5, 8, 11)
    pipeline = make_pipeline("passthrough", cae)
    np.testing.assert_array_equal(
        pipeline.predict(images, self_ensemble=True), cae.predict(images, self_ensemble=True)
    )


class FirstRow(nn.Module):
    """Keeps the first row of an image, and makes the rest black."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, images):
        rows = torch.arange(images.shape[2], device=images.device)
        return self.gain * images * (rows == 0)[:, None]


def test_a_self_ensemble_of_the_first_row_is_the_frame():
    cae = small_cae(TorchNetwork(FirstRow), lr=1e-9).fit(gray())
    white = np.ones((1, 3, 3), np.float32)
    # Each side is the first row in two of eight positions; corners belong to two sides.
    expected = [[[0.5, 0.25, 0.5], [0.25, 0, 0.25], [0.5, 0.25, 0.5]]]
    np.testing.assert_allclose(cae.predict(white, self_ensemble=True), expected, atol=1e-6)


class MeanFilter(nn.Module):
    """The mean of 3 x 3 pixels: the same in all positions."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.gain * nn.functional.avg_pool2d(images, 3, 1, 1)


def test_a_network_that_turns_with_the_image_needs_no_self_ensemble():
    cae = small_cae(TorchNetwork(MeanFilter)).fit(gray())
    images = gray(3, 9, 14)
    np.testing.assert_allclose(
        cae.predict(images, self_ensemble=True), cae.predict(images), atol=1e-6
    )


def test_a_flat_code_of_square_images_takes_all_positions():
    images = gray()
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(images)
    results = [
        back(cae.predict(turned[..., 0])[..., np.newaxis])
        for turned, back in quarter_turns(images[..., np.newaxis])
    ]
    np.testing.assert_allclose(
        cae.predict(images, self_ensemble=True), np.mean(results, axis=0)[..., 0], atol=1e-6
    )


def test_a_flat_code_of_other_images_is_refused():
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(gray(height=6, width=9))
    with pytest.raises(
        ValueError, match=r"takes images of 6 x 9 pixels only\. Leave self_ensemble"
    ):
        cae.predict(gray(height=6, width=9), self_ensemble=True)


# --- progress


@pytest.fixture
def talking(cae):
    cae.set_params(verbose=1)
    yield cae
    cae.set_params(verbose=0)


def test_verbose_shows_a_bar_over_tiles(talking, small_tiles, capsys):
    talking.predict(LARGE)
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "tile" in shown


def test_verbose_shows_a_bar_over_batches(talking, capsys):
    talking.predict(np.resize(colour(), (200, 8, 8, 3)))
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "batch" in shown


def test_verbose_shows_one_bar_over_images_of_different_sizes(talking, small_tiles, capsys):
    talking.predict([*colour(2), *colour(3, 12, 9), LARGE[0]])
    shown = capsys.readouterr().err
    assert shown.count("0/6 [00:00<?, ?image/s]") == 1
    assert "6/6" in shown
    assert "tile" not in shown


def test_a_list_of_one_large_image_has_a_bar_over_its_tiles(talking, small_tiles, capsys):
    talking.predict([LARGE[0]])
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "tile" in shown


def test_a_list_that_is_a_single_batch_has_no_bar(talking, capsys):
    talking.predict(list(colour()))
    assert capsys.readouterr().err == ""


def test_a_single_batch_has_no_bar(talking, capsys):
    talking.predict(colour())
    assert capsys.readouterr().err == ""


def test_many_batches_are_silent_by_default(cae, capsys):
    images = np.resize(colour(), (200, 8, 8, 3))
    cae.predict(images)
    cae.predict(list(images))
    assert capsys.readouterr() == ("", "")
