"""Codes: transform, inverse_transform, their names and containers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import Autoencoder, ConvEncoder, TorchNetwork

X = colour()
# Results are computed in fewer operations than the maps of layers.
ROUNDED = {"rtol": 1e-5, "atol": 1e-5}


@pytest.mark.parametrize(
    ("network", "length"),
    [
        (small_autoencoder(), 2 * 2 * 4),
        (Autoencoder(ConvEncoder((4,), code_channels=7)), 4 * 4 * 7),
        (small_autoencoder(latent_dim=3), 3),
        (small_unet(), 2 * 2 * 4),
    ],
    ids=str,
)
def test_codes_have_the_length_that_was_asked_for(network, length):
    assert small_cae(network).fit(X).transform(X).shape == (24, length)


def test_a_spatial_code_is_flattened_channel_by_channel():
    # The upper half of the images has no part in the lower half of the codes.
    images = gray(height=16, width=16)
    network = Autoencoder(ConvEncoder((4,), code_channels=3), kernel_size=1)
    cae = small_cae(network).fit(images)
    changed = images.copy()
    changed[:, :8] = 0
    same = (cae.transform(images) == cae.transform(changed)).reshape(24, 3, 8, 8)
    assert same[:, :, 4:].all()
    assert not same[:, :, :4].all()


@pytest.mark.parametrize(
    ("images", "params"),
    [
        (X, {}),
        (as_uint(X, np.uint8), {}),
        (X.transpose(0, 3, 1, 2), {"channel_axis": 1}),
        (gray(), {}),
        (gray().reshape(24, -1), {}),
        (X * 50 - 20, {}),
        (X.astype(np.float64), {"network": small_autoencoder(latent_dim=5)}),
        ((X * 300 - 100).astype(np.int16), {}),
        (gray(20, 7, 9), {}),
    ],
)
def test_decoded_codes_are_the_predictions(images, params):
    cae = small_cae(**params).fit(images)
    decoded = cae.inverse_transform(cae.transform(images))
    assert decoded.dtype == images.dtype
    np.testing.assert_array_equal(decoded, cae.predict(images))


def test_codes_are_decoded_to_images_of_the_size_of_fit():
    cae = small_cae().fit(gray(20, 7, 9))
    assert cae.inverse_transform(np.zeros((3, cae.transform(gray(1, 7, 9)).size))).shape == (
        3,
        7,
        9,
    )


def test_decoding_does_not_depend_on_the_other_codes():
    cae = small_cae().fit(X)
    codes = cae.transform(X)
    np.testing.assert_array_equal(
        cae.inverse_transform(codes[3:5]), cae.inverse_transform(codes)[3:5]
    )


def test_codes_that_hold_only_part_of_the_image_are_not_decoded():
    cae = small_cae(small_unet()).fit(X)
    message = (
        r"inverse_transform needs a network whose code makes an image, but that of UNet\(.*\) has "
        r"none. Fit an Autoencoder, as in DenoisingCAE\(Autoencoder\(\)\)"
    )
    with pytest.raises(ValueError, match=f"(?s){message}"):
        cae.inverse_transform(cae.transform(X))


def test_a_network_of_the_users_without_a_code_has_no_transform():
    cae = small_cae(TorchNetwork(OneConvolution)).fit(X)
    with pytest.raises(
        ValueError, match="transform needs a network with a code, but that of Torch"
    ):
        cae.transform(X)


class OneConvolution(torch.nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(n_channels, n_channels, 3, padding="same")

    def forward(self, images):
        return self.conv(images)


def test_whether_codes_decode_is_a_matter_of_the_fitted_network():
    cae = small_cae().fit(X)
    cae.set_params(network="unet")
    assert cae.inverse_transform(cae.transform(X)).shape == X.shape


def test_codes_of_another_length_are_refused():
    cae = small_cae().fit(X)
    message = "codes have length 5, but this network's have 16. Pass codes as transform gives them"
    with pytest.raises(ValueError, match=message):
        cae.inverse_transform(np.zeros((2, 5)))


def test_codes_that_are_not_finite_are_refused():
    cae = small_cae().fit(X)
    with pytest.raises(ValueError, match="codes contains NaN"):
        cae.inverse_transform(np.full((1, 16), np.nan))


def test_codes_are_named_after_the_class():
    names = small_cae(small_autoencoder(latent_dim=3)).fit(X).get_feature_names_out()
    assert list(names) == ["denoisingcae0", "denoisingcae1", "denoisingcae2"]


def test_codes_come_as_a_data_frame_if_so_set():
    cae = small_cae(small_autoencoder(latent_dim=3)).set_output(transform="pandas").fit(X)
    codes = cae.transform(X)
    assert isinstance(codes, pd.DataFrame)
    assert list(codes.columns) == list(cae.get_feature_names_out())


def test_data_frames_of_codes_are_decoded():
    cae = small_cae(small_autoencoder(latent_dim=3)).set_output(transform="pandas").fit(X)
    np.testing.assert_array_equal(cae.inverse_transform(cae.transform(X)), cae.predict(X))


def test_images_stay_arrays_under_a_global_setting_of_pandas():
    with config_context(transform_output="pandas"):
        cae = small_cae().fit(X)
        assert type(cae.predict(X)) is np.ndarray
        assert type(cae.inverse_transform(cae.transform(X))) is np.ndarray


def test_every_stage_gives_its_feature_maps():
    cae = small_cae().fit(X)
    height, width = X.shape[1:3]
    shapes = {name: cae.feature_maps(X, name).shape for name in cae.layer_names_}
    assert shapes == {
        "encoder.stages.0": (24, height, width, 4),
        "encoder.stages.1": (24, height // 2, width // 2, 8),
        "encoder.code": (24, height // 4, width // 4, 4),
        "decoder.stages.0": (24, height // 2, width // 2, 4),
        "decoder.head": (24, height, width, 3),
    }


def test_in_a_u_net_the_merging_stage_has_a_name_too():
    cae = small_cae(small_unet()).fit(X)
    assert cae.feature_maps(X, cae.layer_names_[-2]).shape[1:3] == X.shape[1:3]


def test_feature_maps_of_the_code_are_the_codes():
    cae = small_cae().fit(X)
    maps = cae.feature_maps(X)
    codes = maps.transpose(0, 3, 1, 2).reshape(24, -1)
    np.testing.assert_allclose(codes, cae.transform(X), **ROUNDED)


def test_feature_maps_of_the_head_become_the_denoised_images():
    cae = small_cae().fit(X)
    output = 1 / (1 + np.exp(-cae.feature_maps(X, "decoder.head")))
    np.testing.assert_allclose(output, cae.predict(X), **ROUNDED)


def test_feature_maps_follow_the_channel_axis():
    first = small_cae(channel_axis=1).fit(X.transpose(0, 3, 1, 2))
    assert first.feature_maps(X.transpose(0, 3, 1, 2), "encoder.stages.1").shape[1] == 8


def test_a_flat_layer_gives_rows():
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(X)
    np.testing.assert_allclose(cae.feature_maps(X, "compress"), cae.transform(X), **ROUNDED)


def test_feature_maps_are_of_images_of_any_size():
    assert small_cae().fit(X).feature_maps(X[:, :, :5], "encoder.stages.0").shape[2] == 5


@pytest.mark.parametrize("layer", ["encoder.stages.7", "conv1", 3])
def test_an_unknown_layer_is_named_with_those_there_are(layer):
    with pytest.raises(ValueError, match=r"layer=.*; expected one of \['encoder.stages.0'"):
        small_cae().fit(X).feature_maps(X, layer)


@pytest.mark.parametrize("layer", ["encoder", "encoder.stages"])
def test_a_part_without_feature_maps_of_its_own_is_refused(layer):
    with pytest.raises(ValueError, match="gives no feature maps; choose one of"):
        small_cae().fit(X).feature_maps(X, layer)


def test_feature_maps_are_right_in_eight_threads():
    # A batch a call, so that threads meet within the network.
    cae = small_cae().fit(X)
    layers = [cae.layer_names_[i % 3] for i in range(48)]
    with ThreadPoolExecutor(8) as pool:
        for layer, maps in zip(
            layers, pool.map(cae.feature_maps, [X] * len(layers), layers), strict=True
        ):
            np.testing.assert_array_equal(maps, cae.feature_maps(X, layer))
