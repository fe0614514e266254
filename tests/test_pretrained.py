"""Denoisers that come with the package: their files, and the estimators made of them."""

import os
import pickle

import numpy as np
import pytest
import torch
from skimage import data
from sklearn.base import clone
from small import (
    BatchRecorder,
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_cae,
    weights,
)
from torch.utils.flop_counter import FlopCounterMode

import sklearn_cae
from sklearn_cae import (
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    ResUNet,
    compare_denoisers,
)
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.files import read_file, write_file
from sklearn_cae.persistence import (
    _pretrained,
    pretrained_names,
    pretrained_path,
    write_pretrained,
)

X = as_uint(gray(8, 16, 16), np.uint8)
PHOTOGRAPHS = [image[: 10 + i] for i, image in enumerate(X)]
NAMES = pretrained_names()
# The estimator made of the small file.
NAME = "small"
# Half precision holds weights to 5e-4 of themselves, and what is added to an image is of its size.
HALF = 2e-3


@pytest.fixture(scope="module")
def fitted():
    noise = GaussianNoise((0, 0.2), clip=False)
    return small_cae(
        ResUNet((4, 8), blocks=1), noise=noise, patches=Patches(8), data_range=(0, 1), max_epochs=3
    ).fit(X / np.float32(255))


@pytest.fixture
def path(fitted, tmp_path):
    write_pretrained(fitted, tmp_path / f"{NAME}.safetensors")
    return tmp_path / f"{NAME}.safetensors"


@pytest.fixture
def load(path, monkeypatch):
    """Makes estimators of a small file in place of those of the package."""
    monkeypatch.setattr(_pretrained, "FOLDER", path.parent)

    def load(**options):
        return DenoisingCAE.from_pretrained(NAME, **options)

    return load


# --- the files of the package


def test_there_is_a_denoiser():
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_denoiser_of_the_package_needs_few_multiply_adds(name):
    cae = DenoisingCAE.from_pretrained(name, device="cpu")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        cae.net_.module_(torch.zeros(1, cae.image_spec_.n_channels, 64, 64))
    assert counter.get_total_flops() / 2 / 64**2 <= 60_000


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_package_opens_and_is_small(name):
    assert sklearn_cae.load(pretrained_path(name)).network_
    assert os.path.getsize(_pretrained.FOLDER / f"{name}.safetensors") <= 4 * 2**20


@pytest.mark.parametrize("name", NAMES)
def test_every_denoiser_of_the_package_denoises_photographs(name):
    cae = DenoisingCAE.from_pretrained(name)
    clean = colour(2, 32, 48) if cae.image_spec_.n_channels == 3 else gray(2, 32, 48)
    clean = as_uint(clean, np.uint8)
    noisy = NoiseInjector(GaussianNoise(25 / 255), random_state=0).corrupt(clean)
    # The noise is at 20 dB and a little more where it is clipped; ramps are easy.
    assert cae.score(noisy, clean) > 26


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [129, 130, 131])
def test_an_image_of_any_size_is_denoised_up_to_its_edge(name, size):
    cae = DenoisingCAE.from_pretrained(name)
    clean = data.astronaut() if cae.image_spec_.n_channels == 3 else data.camera()
    clean = clean[100 : 100 + size, 100 : 100 + size].astype(float)
    noisy = clean + np.random.default_rng(0).normal(0, 25, clean.shape)
    # A part of whole codes needs no padding. Last rows that were repeated had 3 times its error.
    whole, part = cae.predict([noisy, noisy[:128, :128]])
    last = np.square(whole - clean)[-3:, :128].mean()
    assert last < 1.3 * np.square(part[-3:] - clean[125:128, :128]).mean()


@pytest.mark.parametrize(
    "name", ["natural", "natural-gray.safetensors", "", None, ["natural-gray"]]
)
def test_an_unknown_name_lists_those_there_are(name):
    with pytest.raises(ValueError, match=r"package has the denoisers .*'natural-gray'"):
        DenoisingCAE.from_pretrained(name)


# --- files


def test_weights_are_read_as_they_were_written(fitted, path):
    read = weights(sklearn_cae.load(path, device="cpu"))
    for name, values in weights(fitted).items():
        np.testing.assert_array_equal(read[name], values.astype(np.float16))
        assert read[name].dtype == np.float32


def test_what_a_file_says_of_its_denoiser(path):
    read = sklearn_cae.load(path)
    assert repr(read) == (
        "DenoisingCAE(data_range=(0, 255), network=ResUNet(blocks=1, channels=(4, 8)),\n"
        "             noise=GaussianNoise(clip=False, std=(0.0, 0.2)),\n"
        "             patches=Patches(size=8), warm_start=True)"
    )


def test_a_file_holds_nothing_of_the_training_but_what_it_says(path):
    _, arrays = read_file(path)
    assert {name.split(".")[1] for name in arrays} == {"weights"}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}


def spoil(path, change):
    """Change what JSON says in a file, whose checksum is right again."""
    facts, arrays = read_file(path)
    change(facts["objects"])
    write_file(path, {"objects": facts["objects"]}, arrays)


def test_a_file_of_another_estimator_is_named(load, path):
    NoiseInjector().save(path)
    with pytest.raises(ValueError, match=r"small.safetensors.* unknown class 'sklearn_cae.NoiseI"):
        load()


def test_a_file_whose_weights_do_not_fit_is_named(load, path):
    def widen(objects):
        for node in objects:
            if node["class"] == "sklearn_cae.ResUNet":
                node["params"]["channels"] = {"tuple": [4, 16]}

    spoil(path, widen)
    with pytest.raises(ValueError, match=r"small.safetensors.* has shape .* of the network has"):
        load()


# --- the estimator


def test_predictions_are_those_of_the_denoiser_that_was_written(fitted, load):
    noisy = NoiseInjector(GaussianNoise(0.1), random_state=0).corrupt(gray(3, 17, 12, seed=1))
    expected = fitted.predict(noisy)
    np.testing.assert_allclose(load(data_range=(0, 1)).predict(noisy), expected, rtol=0, atol=HALF)
    assert np.abs(expected - noisy).max() > 10 * HALF


@pytest.mark.parametrize("data_range", [(0, 1), (-2, 5.5)])
def test_units_are_those_that_are_asked_for(load, data_range):
    low, high = data_range
    images = (low + (high - low) * gray(3, 9, 12)).astype(np.float32)
    cae = load(data_range=data_range)
    unit = (cae.predict(images) - low) / (high - low)
    # The same network on the same images but for rounding.
    np.testing.assert_allclose(unit, load(data_range=(0, 1)).predict(gray(3, 9, 12)), atol=1e-5)
    assert cae.data_range_ == data_range


@pytest.mark.parametrize("name", [name for name in NAMES if "color" in name])
def test_channels_may_come_first(name):
    images = as_uint(colour(2, 17, 12), np.uint8)
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    denoised = DenoisingCAE.from_pretrained(name, channel_axis=1).predict(first)
    expected = DenoisingCAE.from_pretrained(name).predict(images)
    np.testing.assert_array_equal(denoised, expected.transpose(0, 3, 1, 2))


def test_results_in_bfloat16_differ_by_few_levels(load):
    images = as_uint(gray(3, 32, 40), np.uint8)
    rough, exact = (load(precision=p).predict(images).astype(int) for p in ("bfloat16", "auto"))
    assert 0 < np.abs(rough - exact).max() <= 5


def test_another_precision_is_refused(load):
    with pytest.raises(ValueError, match=r"'precision' parameter .* Got 'half'"):
        load(precision="half")


def test_another_channel_axis_is_refused(load):
    with pytest.raises(ValueError, match=r"'channel_axis' parameter .* Got 2"):
        load(channel_axis=2)


def test_integers_of_a_sensor_are_taken_in_their_range(load):
    counts = np.rint(4095 * gray(3, 9, 12)).astype(np.uint16)
    assert load(data_range=(0, 4095)).predict(counts).dtype == np.uint16


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (gray(2), "X has dtype float32 and values from .* data range 0 to 255. Convert X"),
        (as_uint(colour(2), np.uint8), r"X of shape .* has 3 channel\(s\), but .* have 1"),
        (list(as_uint(colour(2), np.uint8)), r"images with 3 channel\(s\), but .* have 1"),
        (X[0], r"A single image X is a batch as X\[np.newaxis\]"),
    ],
    ids=["units", "colour", "list of colour", "one image"],
)
def test_images_that_it_is_not_for_are_refused(load, images, message):
    with pytest.raises(ValueError, match=message):
        load().predict(images)


@pytest.mark.parametrize("data_range", ["auto", (1, 0), (0,), None])
def test_a_data_range_is_two_numbers(load, data_range):
    with pytest.raises(ValueError, match=r"data_range"):
        load(data_range=data_range)


def test_a_device_that_is_not_there_is_refused(load):
    with pytest.raises(ValueError, match="device='abacus' is not available here"):
        load(device="abacus")


def test_lists_arrays_and_turns(load):
    cae = load()
    denoised = cae.predict(PHOTOGRAPHS, self_ensemble=True)
    assert [image.shape for image in denoised] == [image.shape for image in PHOTOGRAPHS]
    assert {image.dtype for image in denoised} == {np.dtype(np.uint8)}


def test_a_pickle_predicts_the_same(load):
    cae = load()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cae)).predict(X), cae.predict(X))


def test_a_clone_is_unfitted_with_the_same_parameters(load):
    cae = load()
    assert not hasattr(clone(cae), "net_")
    assert repr(clone(cae)) == repr(cae)


def test_parameters_set_later_change_no_prediction(load):
    cae = load()
    before = cae.predict(X)
    cae.set_params(network="unet", noise=None, patches=None, data_range=(0, 1), optimizer="sgd")
    np.testing.assert_array_equal(cae.predict(X), before)


def test_it_has_no_history(load):
    assert [len(curve) for curve in load().history_.values()] == [0, 0]  # loss and duration


@pytest.mark.parametrize("images", [X, PHOTOGRAPHS], ids=["array", "list"])
def test_it_is_scored_on_the_noise_it_was_trained_on(load, images):
    cae = load()
    assert cae.noise_.std == (0, 0.2)
    assert cae.score(images) > 0


def test_every_layer_that_is_named_has_maps(load):
    cae = load()
    assert {cae.feature_maps(X, layer).ndim for layer in cae.layer_names_} == {4}


def test_scores_of_samples_are_not_positive(load):
    assert (load().score_samples(X) <= 0).all()


def test_it_is_shown_beside_what_was_there(load):
    display = DenoisingDisplay.from_estimator(load(), X[:2])
    assert {images.shape for images in display.denoised.values()} == {(2, 16, 16, 1)}


@pytest.mark.parametrize("images", [X, gray(4), PHOTOGRAPHS], ids=["uint8", "floats", "list"])
def test_a_comparison_takes_it_by_name(load, images):
    table = compare_denoisers(images, "gaussian", denoisers={"shipped": NAME})
    assert sorted(table.names) == ["identity", "shipped"]
    assert table.psnr.shape == (2, len(images))


# --- training goes on


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("images", [X, PHOTOGRAPHS], ids=["array", "list"])
def test_training_goes_on_from_its_weights(load, method, images):
    cae = load().set_params(max_epochs=1, lr=1e-9)
    before = weights(cae)
    getattr(cae, method)(images)
    assert len(cae.history_["train_loss"]) == 1
    for name, values in weights(cae).items():
        # A step is at most about the rate.
        np.testing.assert_allclose(values, before[name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_goes_on_with_noise_that_is_not_clipped(load, method):
    recorder = BatchRecorder()
    cae = load().set_params(max_epochs=1, callbacks=[recorder])
    getattr(cae, method)(as_uint(np.ones((4, 8, 8)), np.uint8))
    noisy = np.concatenate([noisy for noisy, _ in recorder.train])
    # Half of the noise on white is above it.
    assert 0.4 < np.mean(noisy > 1) < 0.6


def test_training_goes_on_at_a_tenth_of_the_rate(load):
    cae = load().partial_fit(X)
    assert cae.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(0.1 * ResUNet.lr)


def test_training_that_goes_on_is_the_same_each_time(load):
    one, other = (load().set_params(max_epochs=2).fit(X) for _ in range(2))
    assert_same_weights(one, other)


@pytest.mark.parametrize("params", [{}, {"target": "neighbor"}, {"target": "masked"}], ids=str)
def test_it_learns_on_from_noisy_images_and_pairs(load, params):
    cae = load().set_params(noise=None, max_epochs=1, **params)
    y = None if params else PHOTOGRAPHS
    assert cae.fit(PHOTOGRAPHS, y).target_ == params.get("target", "clean")


def test_another_network_cannot_go_on(load):
    with pytest.raises(ValueError, match=r"the network has changed since: channels from \(4, 8\)"):
        load().set_params(network__channels=(8, 16)).fit(X)
