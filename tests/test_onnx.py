"""Fitted networks as ONNX graphs: what onnxruntime gives is what the estimator gives."""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.exceptions import NotFittedError
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_encoder, small_unet

from sklearn_cae import Autoencoder, ResUNet, TorchNetwork, VGG16Encoder


class Net:
    """An ONNX file as other programs see it."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (self.source,), (self.target,) = self.session.get_inputs(), self.session.get_outputs()

    def __call__(self, given):
        return self.session.run(None, {self.source.name: given})[0]


@pytest.fixture
def export(tmp_path):
    def export(cae, part="denoise"):
        cae.export_onnx(tmp_path / "net.onnx", part=part)
        return Net(tmp_path / "net.onnx")

    return export


def assert_as(found, expected, data_range=(0, 1)):
    """Equal within one level of integers, or 1e-5 of the range."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    step = 1 if np.issubdtype(found.dtype, np.integer) else 1e-5 * np.ptp(data_range)
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    assert difference.max() <= step


class TwoConvolutions(torch.nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.first = torch.nn.Conv2d(n_channels, 4, 3, padding=1)
        self.second = torch.nn.Conv2d(4, n_channels, 3, padding=1)

    def forward(self, images):
        return images + self.second(self.first(images).relu())


def own():
    return TorchNetwork(TwoConvolutions)


FIRST = {"channel_axis": 1}
# Every network and every layout. The last is whether images may have any height and width.
CASES = {
    "autoencoder, colour uint8": ({}, as_uint(colour(), np.uint8), True),
    "U-Net, gray uint16": ({"network": small_unet()}, as_uint(gray(), np.uint16), True),
    "residual U-Net, channels first": (
        {"network": ResUNet((4, 8), blocks=1), **FIRST},
        colour().transpose(0, 3, 1, 2),
        True,
    ),
    "own network, RGBA": ({"network": own()}, colour(n_channels=4), True),
    "strides, rows": (
        {"network": Autoencoder(small_encoder(downsampling="stride"), upsampling="transpose")},
        gray().reshape(24, 64),
        False,
    ),
    "flat code, gray floats of a fixed range": (
        {"network": small_autoencoder(latent_dim=3), "data_range": (-3, 3)},
        gray() * 6 - 3,
        False,
    ),
    "VGG16, rows of gray uint8": (
        {"network": Autoencoder(VGG16Encoder(1, weights=None))},
        as_uint(gray(6, 32, 32), np.uint8).reshape(6, 1024),
        False,
    ),
    "masked, rows of colour": (
        {"network": own(), "target": "masked", "noise": None, "image_shape": (8, 8, 3)},
        colour().reshape(24, 192),
        False,
    ),
    "learned range, rows of float64, channels first": (
        {"network": small_unet(), "image_shape": (8, 8, 3), **FIRST},
        colour().transpose(0, 3, 1, 2).reshape(24, 192).astype(np.float64) * 700 - 30,
        False,
    ),
    "learned range, rows of int64": (
        {"network": small_unet()},
        (gray().reshape(24, 64) * 1e5).astype(np.int64),
        False,
    ),
}


def of_size(images, params, height, width):
    """Two images of another size with the layout, dtype and range of others."""
    channels = images.shape[1 if params.get("channel_axis") == 1 else -1]
    drawn = colour(2, height, width, channels if images.ndim == 4 else 1)
    drawn = drawn if images.dtype == np.float32 else as_uint(drawn, images.dtype)
    drawn = drawn.transpose(0, 3, 1, 2) if params.get("channel_axis") == 1 else drawn
    return drawn if images.ndim == 4 else drawn[..., 0]


@pytest.mark.parametrize(("params", "images", "any_size"), CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore:The noise of")
def test_a_graph_denoises_as_the_estimator(export, params, images, any_size):
    cae = small_cae(**params).fit(images)
    net = export(cae)
    assert (net.source.name, net.target.name) == ("images", "denoised")
    noisy = images[:5] // 2 + images[5:6] // 2 if images.dtype.kind in "ui" else images[:5] * 0.9
    for given in (noisy, noisy[:1]):
        assert_as(net(given), cae.predict(given), cae.data_range_)
    if any_size:
        for size in ((9, 33), (16, 4), (37, 12), (3, 9), (2, 18), (1, 5)):
            given = of_size(images, params, *size)
            assert_as(net(given), cae.predict(given), cae.data_range_)


@pytest.mark.parametrize("network", [small_autoencoder(), small_autoencoder(latent_dim=3)])
def test_a_graph_encodes_and_another_decodes_as_the_estimator(export, network):
    images = as_uint(colour(), np.uint8)
    cae = small_cae(network).fit(images)
    codes = cae.transform(images)
    encode = export(cae, "encode")
    assert (encode.source.name, encode.target.name) == ("images", "codes")
    # In units of the codes, which are of the size of 1.
    np.testing.assert_allclose(encode(images), codes, atol=1e-5)
    decode = export(cae, "decode")
    assert (decode.source.name, decode.target.name) == ("codes", "images")
    assert_as(decode(codes[:3]), cae.inverse_transform(codes[:3]))


def test_a_graph_clips_and_rounds(export):
    images = as_uint(gray(), np.uint8).reshape(24, 64)
    cae = small_cae(small_unet()).fit(images)
    with torch.no_grad():
        cae.net_.module_.decoder.head.bias.add_(0.4 / 255)
    net = export(cae)
    extremes = np.repeat(np.array([[0], [3], [255]], np.uint8), 64, axis=1)
    assert_as(net(extremes), cae.predict(extremes))


@pytest.mark.parametrize("part", ["denoise", "encode"])
def test_a_graph_is_in_float32_where_results_are_in_bfloat16(export, part):
    X = gray(24, 16, 16)
    cae = small_cae(precision="bfloat16").fit(X)
    net = export(cae, part)
    cae.precision_ = "float32"
    found, expected = net(X), cae.predict(X) if part == "denoise" else cae.transform(X)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("part", ["denoise", "encode"])
def test_a_graph_made_within_autocast_is_the_same(export, part):
    X = gray()
    cae = small_cae().fit(X)
    with torch.autocast("cpu"):
        found = export(cae, part)(X)
    np.testing.assert_array_equal(found, export(cae, part)(X))


def test_the_axes_that_are_free_have_names(export):
    net = export(small_cae(own()).fit(gray()))
    assert net.source.shape == net.target.shape == ["n", "height", "width"]


def test_an_estimator_is_not_changed_by_exporting(export):
    images = gray().reshape(24, 64)
    cae = small_cae(small_autoencoder(latent_dim=2)).fit(images)
    before = cae.predict(images)
    export(cae)
    np.testing.assert_array_equal(cae.predict(images), before)
    cae.partial_fit(images)


# --- what cannot be exported


@pytest.mark.parametrize("part", ["predict", None, 3])
def test_unknown_parts_are_refused(export, part):
    with pytest.raises(ValueError, match=f"part={part!r}; allowed are 'denoise', 'encode', 'dec"):
        export(small_cae(), part)


def test_an_unfitted_network_is_refused(export):
    with pytest.raises(NotFittedError):
        export(small_cae())


def test_a_code_that_makes_no_image_is_not_decoded(export):
    cae = small_cae(small_unet()).fit(gray())
    with pytest.raises(ValueError, match="part='decode', but this network has no 'decode'"):
        export(cae, "decode")


class DependsOnValues(TwoConvolutions):
    def forward(self, images):
        return images if images.mean() > 10 else super().forward(images)


def test_what_torch_cannot_trace_is_told(export, tmp_path):
    cae = small_cae(TorchNetwork(DependsOnValues)).fit(gray())
    with pytest.raises(ValueError, match="torch cannot make an ONNX graph of this network"):
        export(cae)
    assert os.listdir(tmp_path) == []


class DrawsNoise(TwoConvolutions):
    fixed_size = True

    def forward(self, images):
        return super().forward(images) + torch.rand_like(images)


def test_a_graph_that_gives_something_else_is_not_written(export, tmp_path):
    cae = small_cae(TorchNetwork(DrawsNoise)).fit(gray())
    with pytest.raises(ValueError, match=r"gives other results for images of shape \(3, 8, 8\)"):
        export(cae)
    assert os.listdir(tmp_path) == []


def test_the_library_imports_without_the_packages():
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('onnx', 'onnxscript', 'onnxruntime'))\n"
        "import sklearn_cae, numpy as np\n"
        "cae = sklearn_cae.DenoisingCAE(max_epochs=1, for_codes=True).fit(np.eye(64)[:8])\n"
        "try:\n"
        "    cae.export_onnx('net.onnx')\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "export_onnx needs the optional package onnxscript" in done.stdout
    assert '`pip install "sklearn-cae[onnx]"`' in done.stdout
