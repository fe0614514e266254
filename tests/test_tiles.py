"""Large images in tiles: what is measured of a network, where tiles are, the same results."""

from functools import partial

import numpy as np
import pytest
import torch
from small import small_autoencoder, small_encoder, small_unet
from torch import nn

from sklearn_cae import Autoencoder, ResUNet, TorchNetwork, UNet, VGG16Encoder, _tiles
from sklearn_cae._inference import Runner
from sklearn_cae._tiles import Tiling, measure_margin
from sklearn_cae.images import ImageSpec


class Layers(nn.Sequential):
    """Some layers as a network."""

    def __init__(self, *makers):
        super().__init__(*(maker() for maker in makers))


def layers(*makers):
    class Network(Layers):
        def __init__(self):
            super().__init__(*makers)

    return TorchNetwork(Network)


conv = partial(nn.Conv2d, 1, 1, padding="same")


class Cropped(nn.Module):
    """Each pixel becomes the mean of its cell, also where the last cell is cut off."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, images):
        means = nn.functional.avg_pool2d(images, self.side, ceil_mode=True)
        means = means.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)
        return means[..., : images.shape[2], : images.shape[3]]


class GlobalMean(nn.Module):
    def forward(self, images):
        return images - images.mean(dim=(2, 3), keepdim=True)


class Resized(nn.Module):
    """Resizes all images to one size and back."""

    def forward(self, images):
        small = nn.functional.adaptive_avg_pool2d(images, 32)
        return nn.functional.interpolate(small, images.shape[-2:])


class Place(nn.Module):
    """Adds to each pixel how far down it is in the image."""

    def forward(self, images):
        return images + torch.linspace(0, 1, images.shape[2])[:, None]


class OfOneSize(nn.Module):
    """Fails with images of other sizes."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(32, 32))

    def forward(self, images):
        return images + self.bias


class Thresholded(nn.Module):
    """Lets no NaN through, though it sees its neighbours."""

    def forward(self, images):
        return (nn.functional.avg_pool2d(images, 5, 1, 2) > 0.3).float()


def build(network, n_channels=1):
    module = network.build((32, 32), n_channels, torch.Generator().manual_seed(0)).eval()
    if isinstance(network, UNet):
        # It begins as zero.
        nn.init.normal_(module.decoder.head.weight, std=0.1, generator=torch.manual_seed(0))
    return module


def runner(network, n_channels=1):
    spec = ImageSpec(32, 32, n_channels, 3, 4, "float32", (0.0, 1.0), fixed=False)
    return Runner(build(network, n_channels), spec, "cpu", None)


def images(height, width, n_channels=1, n=1):
    return np.random.default_rng(0).random((n, height, width, n_channels), np.float32)


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 128 x 128 pixels, if the margin is not too wide for them."""
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)


# --- the margin


@pytest.mark.parametrize(
    ("network", "margin"),
    [
        (layers(nn.ReLU), 0),
        (layers(partial(conv, 5)), 2),
        (layers(partial(conv, 3), nn.ReLU, partial(conv, 3, dilation=4)), 5),
        # Cells of 8 pixels begin where the square does.
        (TorchNetwork(Cropped, {"side": 8}), 0),
        # Of stages of 1, 2 and 4 pixels: 1 + 2 + 4 in the encoder, rounded up to a pixel of the
        # code, which is 4 wide, and 2 + 1 in the decoder.
        (small_autoencoder(), 11),
    ],
)
def test_the_margin_is_what_the_layers_add_up_to(network, margin):
    assert measure_margin(build(network), 1, "cpu") == margin


WHOLE = {
    "a flat code": small_autoencoder(latent_dim=3),
    "a global mean": TorchNetwork(GlobalMean),
    "a convolution that sees further than 416": layers(partial(conv, 3, dilation=417)),
    "pooling by three": TorchNetwork(Cropped, {"side": 3}),
    "pooling by 128": TorchNetwork(Cropped, {"side": 128}),
    "another scale for each size": TorchNetwork(Resized),
    "the place in the image": TorchNetwork(Place),
    "one size only": TorchNetwork(OfOneSize),
    "no NaN in the result": TorchNetwork(Thresholded),
}


@pytest.mark.parametrize("network", WHOLE.values(), ids=WHOLE)
def test_what_no_tile_can_tell_has_no_margin(network):
    assert measure_margin(build(network), 1, "cpu") is None


# --- where tiles are


@pytest.mark.parametrize("size", [(300, 217), (129, 128), (1, 20_000), (20_000, 40), (500, 1000)])
@pytest.mark.parametrize("margin", [0, 1, 23, 32, 33, 100])
def test_parts_cover_an_image_once(small_tiles, size, margin):
    covered = np.zeros(size, int)
    for rows, columns in Tiling(size, margin).kept:
        covered[rows, columns] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("size", [(300, 217), (1, 20_000), (500, 1000)])
@pytest.mark.parametrize("margin", [0, 1, 23, 32, 33, 100])
@pytest.mark.parametrize("flipped", [False, True])
def test_tiles_see_the_margin_and_begin_as_pooling_does(small_tiles, size, margin, flipped):
    tiling = Tiling(size, margin)
    for kept in tiling.kept:
        for part, seen, length in zip(kept, tiling.seen(kept, (flipped,) * 2), size, strict=True):
            first = length - seen.stop if flipped else seen.start
            assert first % 64 == 0
            assert seen.start == 0 or part.start - seen.start >= margin
            assert seen.stop == length or seen.stop - part.stop >= margin


@pytest.mark.parametrize("size", [(2000, 1500), (1, 60_000), (700, 40)])
@pytest.mark.parametrize("margin", [0, 23, 32])
def test_tiles_have_about_the_pixels_that_are_wanted(small_tiles, size, margin):
    tiling = Tiling(size, margin)
    seen = [np.zeros(size)[tiling.seen(kept)].size for kept in tiling.kept]
    assert max(seen) <= 2**14


@pytest.mark.parametrize("margin", [1, 32, 100, 300])
def test_no_pixel_is_computed_more_than_five_times(small_tiles, margin):
    size = (4000, 4000)
    tiling = Tiling(size, margin)
    seen = sum(np.zeros(size)[tiling.seen(kept)].size for kept in tiling.kept)
    # Four times, and what the rounding to the alignment adds.
    assert seen <= 5 * np.prod(size)


# --- the same results

NETWORKS = {
    "autoencoder": (Autoencoder(), 3),
    "U-Net": (UNet(), 3),
    "residual U-Net": (ResUNet((8, 12), blocks=1), 3),
    "transposed convolutions": (small_autoencoder(upsampling="transpose"), 1),
    "strides": (UNet(small_encoder(downsampling="stride")), 1),
    "wide kernels": (small_unet(kernel_size=7, normalization=None), 1),
    "VGG16": (Autoencoder(VGG16Encoder(3, weights=None)), 3),
    "U-Net on VGG16": (UNet(VGG16Encoder(2, weights=None)), 1),
    "torch": (TorchNetwork(Cropped, {"side": 64}), 1),
}
SIZES = [(433, 390), (31, 1001)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("network", "n_channels"), NETWORKS.values(), ids=NETWORKS)
def test_tiles_give_what_the_whole_image_gives(monkeypatch, network, n_channels, size):
    noisy, denoiser = images(*size, n_channels), runner(network, n_channels)
    whole = denoiser.denoise(noisy)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    assert len(Tiling(size, denoiser.margin).kept) > 1
    # Rounding of float32.
    np.testing.assert_allclose(denoiser.denoise(noisy), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", [WHOLE["a global mean"], WHOLE["pooling by three"]], ids=str)
def test_a_network_without_a_margin_gets_the_whole_image(small_tiles, network):
    noisy, denoiser = images(300, 217), runner(network)
    expected = denoiser.module(torch.from_numpy(noisy).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(denoiser.denoise(noisy), expected, atol=1e-6)


def test_pixels_are_hidden_in_tiles_as_in_the_whole_image(monkeypatch):
    noisy, denoiser = images(433, 390), runner(small_unet())
    denoiser.hidden = True
    whole = denoiser.denoise(noisy)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    np.testing.assert_allclose(denoiser.denoise(noisy), whole, rtol=0, atol=1e-5)


def test_each_image_of_a_batch_is_cut(monkeypatch):
    noisy, denoiser = images(140, 150, n=3), runner(small_unet())
    whole = denoiser.denoise(noisy)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    np.testing.assert_allclose(denoiser.denoise(noisy), whole, rtol=0, atol=1e-5)


def test_scores_of_tiles_are_those_of_whole_images(monkeypatch):
    noisy, denoiser = images(140, 150, n=3), runner(small_unet())
    whole = denoiser.score(noisy)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    np.testing.assert_allclose(denoiser.score(noisy), whole, rtol=1e-5)


def test_tiles_of_turned_images_give_what_the_whole_image_gives(monkeypatch):
    noisy, denoiser = images(301, 217), runner(small_unet())
    whole = denoiser.denoise(noisy, self_ensemble=True)
    monkeypatch.setattr(_tiles, "TILE_PIXELS", 2**14)
    np.testing.assert_allclose(
        denoiser.denoise(noisy, self_ensemble=True), whole, rtol=0, atol=1e-5
    )


def test_small_images_cost_no_measurement():
    denoiser = runner(small_unet())
    denoiser.denoise(images(32, 32))
    assert "margin" not in vars(denoiser)
