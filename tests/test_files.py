"""Estimators in files without code: what comes back, what is left out, and how they are written."""

import functools
import json
import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.base import BaseEstimator
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from skorch.callbacks import EpochTimer
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_encoder,
    small_unet,
)

import sklearn_cae
from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    ClassicalDenoiser,
    CodeDensity,
    DenoisingCAE,
    DensityScore,
    GaussianNoise,
    LatentSampler,
    NoiseChain,
    NoiseInjector,
    NoiseModel,
    Patches,
    PerceptualLoss,
    ResUNet,
    TorchNetwork,
    UNet,
    VGG16Encoder,
    load,
)
from sklearn_cae._loading import CLASSES
from sklearn_cae.files import _container, read_file
from sklearn_cae.noise import NOISE_MODELS, draw_normal
from sklearn_cae.outliers import SCORES

X = gray()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.safetensors"


@pytest.fixture
def through(path):
    """Saves an estimator and gives what is loaded."""

    def through(estimator, **options):
        estimator.save(path)
        return load(path, **options)

    return through


class OneConvolution(torch.nn.Module):
    def __init__(self, n_channels, kernel_size):
        super().__init__()
        self.conv = torch.nn.Conv2d(n_channels, n_channels, kernel_size, padding="same")

    def forward(self, images):
        return self.conv(images)


class Flicker(NoiseModel):
    limits = {"std": 1}

    def __init__(self, std=0.1, *, clip=True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        return images + self.std * draw_normal(images[:, :1, :1, :1], generator)


class WeightedLoss(torch.nn.Module):
    def forward(self, output, target):
        return 2 * (output - target).square().mean()


# --- DenoisingCAE

CAES = {
    "autoencoder": {},
    "flat code": {"network": small_autoencoder(latent_dim=3)},
    "U-Net": {"network": small_unet(normalization=None)},
    "strides": {
        "network": Autoencoder(small_encoder(downsampling="stride"), upsampling="transpose")
    },
    "residual U-Net": {"network": ResUNet((4,), blocks=1)},
    "network by name": {"network": "res_unet"},
    "validation": {"max_epochs": 2, "validation_fraction": 0.25},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.25},
    "masked": {"target": "masked", "noise": None},
    "neighbor": {"target": "neighbor", "noise": None},
    "recorrupted": {"target": "recorrupted", "noise": GaussianNoise(0.1)},
    "patches": {"patches": Patches(4, augment=False)},
    "chain": {"noise": ["blur", GaussianNoise((0, 0.2))]},
    "no noise": {"noise": "none"},
    "class of loss and of optimizer": {
        "loss": torch.nn.SmoothL1Loss,
        "optimizer": torch.optim.RMSprop,
    },
    "classes with options": {
        "loss": functools.partial(torch.nn.HuberLoss, delta=0.5),
        "optimizer": functools.partial(torch.optim.SGD, momentum=0.9),
    },
    "muon": {"optimizer": "muon"},
    "units": {"data_range": (-0.5, 2)},
    "not clipped": {"noise": GaussianNoise(0.1, clip=False)},
}


@pytest.mark.parametrize("params", CAES.values(), ids=CAES)
@pytest.mark.filterwarnings("ignore:The noise of")
def test_a_denoiser_comes_back_as_it_was(through, params):
    cae = small_cae(**params).fit(X)
    loaded = through(cae)
    assert repr(loaded) == repr(cae)
    assert_same_weights(loaded, cae)
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))


@pytest.mark.parametrize("params", CAES.values(), ids=CAES)
@pytest.mark.filterwarnings("ignore:The noise of")
def test_training_goes_on_as_without_the_file(through, params):
    cae = small_cae(**params).fit(X)
    loaded = through(cae)
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


VGG = {"encoder": VGG16Encoder(1, weights=None)}


@pytest.mark.parametrize("network", [Autoencoder(**VGG), UNet(**VGG)], ids=str)
@pytest.mark.parametrize("loss", ["mse", PerceptualLoss(blocks=1, weights=None)], ids=str)
def test_networks_and_losses_of_vgg16_come_back(through, network, loss):
    images = colour(4, 32, 32)
    cae = small_cae(network, loss=loss).fit(images)
    loaded = through(cae)
    np.testing.assert_array_equal(loaded.predict(images), cae.predict(images))
    assert_same_weights(loaded.partial_fit(images), cae.partial_fit(images))


@pytest.mark.parametrize("noise", [*NOISE_MODELS, NoiseChain([GaussianNoise()])], ids=str)
def test_every_noise_comes_back(through, noise):
    images = colour()
    cae = small_cae(noise=noise).fit(images)
    loaded = through(cae)
    assert repr(loaded.noise_) == repr(cae.noise_)
    assert loaded.score(images) == cae.score(images)


@pytest.mark.parametrize(
    "images",
    [
        as_uint(gray(), np.uint8),
        as_uint(colour(), np.uint16),
        gray() * 700 - 3,
        gray().reshape(24, 64),
        colour().astype(np.float64),
    ],
    ids=["uint8", "uint16", "floats of any range", "rows", "float64"],
)
def test_layout_and_units_come_back(through, images):
    cae = small_cae().fit(images)
    loaded = through(cae)
    assert loaded.image_spec_ == cae.image_spec_
    np.testing.assert_array_equal(loaded.predict(images), cae.predict(images))


def test_codes_maps_scores_and_history_come_back(through):
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(X)
    loaded = through(cae)
    codes = cae.transform(X)
    np.testing.assert_array_equal(loaded.transform(X), codes)
    np.testing.assert_array_equal(loaded.inverse_transform(codes), cae.inverse_transform(codes))
    np.testing.assert_array_equal(loaded.feature_maps(X), cae.feature_maps(X))
    np.testing.assert_array_equal(loaded.score_samples(X), cae.score_samples(X))
    for name, curve in cae.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], curve)


def test_names_of_columns_and_the_kind_of_output_come_back(through):
    frame = pd.DataFrame(X.reshape(24, 64), columns=[f"pixel {i}" for i in range(64)])
    cae = small_cae().set_output(transform="pandas").fit(frame)
    pd.testing.assert_frame_equal(through(cae).transform(frame), cae.transform(frame))


@pytest.mark.parametrize(
    "estimator",
    [
        DenoisingCAE("unet", callbacks=[], random_state=3),
        CAEOutlierDetector(small_cae(), outlier_score=DensityScore(density=GaussianMixture(2))),
        LatentSampler(small_cae(), n_components=2),
        NoiseInjector(["blur", "poisson"], when="always"),
        ClassicalDenoiser("total_variation"),
        CodeDensity(0.3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_unfitted_estimators_come_back_unfitted(through, estimator):
    loaded = through(estimator)
    assert repr(loaded) == repr(estimator)
    assert not any(name.endswith("_") for name in vars(loaded))


def test_parameters_set_after_fit_come_back_and_change_no_result(through):
    cae = small_cae().fit(X)
    expected = cae.predict(X)
    cae.set_params(network="unet", loss="l1", optimizer="sgd", data_range=(0, 9), noise="blur")
    loaded = through(cae)
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert repr(loaded) == repr(cae)


def test_the_device_is_the_one_that_is_asked_for(through):
    cae = small_cae(device="cpu").fit(X)
    assert through(cae).device == "auto"
    loaded = through(cae, device="cpu")
    assert (loaded.device, loaded.net_.device) == ("cpu", "cpu")


def test_a_device_that_is_not_there_is_refused(through):
    with pytest.raises(ValueError, match="device='abacus' is not available here"):
        through(small_cae(), device="abacus")


# --- the other estimators


def test_an_injector_comes_back(through):
    injector = NoiseInjector("poisson", random_state=0, when="always").fit(X)
    np.testing.assert_array_equal(through(injector).transform(X), injector.transform(X))


def test_a_filter_comes_back(through):
    pairs = NoiseInjector("salt_and_pepper", random_state=0).fit_transform(X)
    denoiser = ClassicalDenoiser().fit(pairs)
    loaded = through(denoiser)
    assert loaded.params_ == denoiser.params_
    np.testing.assert_array_equal(loaded.predict(X), denoiser.predict(X))


@pytest.fixture(scope="module")
def frozen():
    return FrozenEstimator(small_cae(small_autoencoder(latent_dim=2)).fit(X))


@pytest.fixture(scope="module")
def frozen_photographs():
    """Its encoder has two stages, as "features" asks for."""
    return FrozenEstimator(small_cae().fit(X))


@pytest.mark.parametrize("score", SCORES)
def test_a_detector_comes_back_with_every_score(through, frozen_photographs, score):
    detector = CAEOutlierDetector(frozen_photographs, outlier_score=score, random_state=0).fit(X)
    loaded = through(detector)
    for one, other in zip(loaded.assess(X), detector.assess(X), strict=True):
        np.testing.assert_array_equal(one, other)


DENSITIES = [
    None,
    CodeDensity(0.5),
    GaussianMixture(2),
    GaussianMixture(2, covariance_type="tied"),
    BayesianGaussianMixture(n_components=2),
    KernelDensity(bandwidth=0.3),
    KernelDensity(kernel="exponential", algorithm="ball_tree", leaf_size=3),
    NearestNeighbors(n_neighbors=3),
    LocalOutlierFactor(5, novelty=True),
    EllipticEnvelope(),
    make_pipeline(StandardScaler(), GaussianMixture(2)),
]


@pytest.mark.parametrize("density", DENSITIES, ids=str)
def test_every_density_comes_back(through, frozen, density):
    score = DensityScore(density=density)
    detector = CAEOutlierDetector(frozen, outlier_score=score, random_state=0).fit(X)
    np.testing.assert_array_equal(through(detector).score_samples(X), detector.score_samples(X))


def test_a_density_alone_comes_back(through):
    codes = np.random.default_rng(0).normal(size=(30, 20))
    density = CodeDensity().fit(codes)
    np.testing.assert_array_equal(
        through(density).score_samples(codes), density.score_samples(codes)
    )


@pytest.mark.parametrize("density", [None, KernelDensity(), GaussianMixture(2)], ids=str)
@pytest.mark.parametrize("n_components", [3, None])
def test_a_sampler_comes_back(through, density, n_components):
    cae = small_cae(small_autoencoder(latent_dim=6))
    sampler = LatentSampler(cae, density, n_components=n_components, random_state=0).fit(X)
    loaded = through(sampler)
    np.testing.assert_array_equal(
        loaded.sample(5, random_state=1), sampler.sample(5, random_state=1)
    )
    np.testing.assert_array_equal(loaded.score_samples(X), sampler.score_samples(X))


def test_a_frozen_pipeline_comes_back(through):
    pipeline = make_pipeline(NoiseInjector(random_state=0), small_cae()).fit(X)
    detector = CAEOutlierDetector(FrozenEstimator(pipeline), random_state=0).fit(X)
    np.testing.assert_array_equal(through(detector).score_samples(X), detector.score_samples(X))


def test_what_stands_in_two_places_is_written_once(through, frozen, path):
    detector = CAEOutlierDetector(frozen, random_state=0).fit(X)
    loaded = through(detector)
    assert loaded.estimator is loaded.estimator_
    names = [name for name in load_file(path) if name.endswith("encoder.code.0.weight")]
    assert len(names) == 1


# --- the classes of a file


def test_every_public_estimator_and_spec_is_in_the_table():
    public = {name: getattr(sklearn_cae, name) for name in sklearn_cae.__all__}
    kept = {
        name: value
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, BaseEstimator)
    }
    # Scorers are functions with parameters: nothing is fitted.
    assert {name for name in kept if name != "DenoisingScorer"} <= CLASSES.keys()
    assert all(CLASSES[name] is kept[name] for name in kept if name in CLASSES)


def test_every_public_estimator_that_is_fitted_can_be_saved():
    for cls in (DenoisingCAE, NoiseInjector, ClassicalDenoiser, CAEOutlierDetector, LatentSampler):
        assert callable(cls.save)


OWN = {
    "network": ({"network": TorchNetwork(OneConvolution, {"kernel_size": 3})}, OneConvolution),
    "noise": ({"noise": Flicker(0.2)}, Flicker),
    "loss": ({"loss": WeightedLoss}, WeightedLoss),
}


@pytest.mark.parametrize(("params", "cls"), OWN.values(), ids=OWN)
def test_classes_of_the_user_come_back_when_they_are_passed(through, params, cls):
    cae = small_cae(**params).fit(X)
    loaded = through(cae, custom={cls.__name__: cls})
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


@pytest.mark.parametrize(("params", "cls"), OWN.values(), ids=OWN)
def test_classes_of_the_user_have_to_be_passed(through, params, cls):
    name = cls.__name__
    with pytest.raises(ValueError, match=rf"load\(path, custom={{'{name}': {name}}}\)"):
        through(small_cae(**params).fit(X))


def test_a_class_of_the_user_may_have_a_name_of_the_library(through):
    UNet = type("UNet", (OneConvolution,), {})
    cae = small_cae(TorchNetwork(UNet, {"kernel_size": 3})).fit(X)
    loaded = through(cae, custom={"UNet": UNet})
    assert loaded.network_.module is UNet


@pytest.mark.parametrize("custom", [["MyNet"], {"MyNet": 3}, "MyNet"], ids=str)
def test_custom_is_a_dict_of_classes(through, custom):
    with pytest.raises(ValueError, match=r"custom=.* expected classes by their names"):
        through(small_cae(), custom=custom)


# --- what is left out


def test_callbacks_and_functions_are_left_out_with_a_warning(path):
    def loss():
        return torch.nn.MSELoss()

    def optimizer(params, lr):
        return torch.optim.SGD(params, lr=lr)

    cae = small_cae(loss=loss, optimizer=optimizer, callbacks=[EpochTimer()])
    cae.fit(X)
    message = (
        "does not hold callbacks, loss, optimizer, loss_, optimizer_. It can hold numbers, text"
    )
    with pytest.warns(UserWarning, match=message):
        cae.save(path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))
    assert (loaded.loss, loaded.optimizer, loaded.callbacks) == ("mse", "auto", None)


def test_what_is_left_out_of_an_object_within_is_named_by_its_place(path):
    sampler = LatentSampler(small_cae(random_state=np.random.RandomState(0)))
    with pytest.warns(UserWarning, match=r"LatentSampler does not hold estimator.random_state\."):
        sampler.save(path)


class Counting(GaussianMixture):
    def fit(self, X, y=None):
        self._n_calls = 1
        return super().fit(X)


def test_other_attributes_of_the_users_classes_are_named(frozen, path):
    detector = CAEOutlierDetector(
        frozen, outlier_score=DensityScore(density=Counting()), random_state=0
    )
    detector.fit(X)
    with pytest.warns(UserWarning, match=r"not hold .*outlier_scores_.0.density_._n_calls"):
        detector.save(path)


@pytest.mark.parametrize("density", [OneClassSVM(), IsolationForest(n_estimators=2)], ids=str)
def test_densities_that_no_file_can_hold_are_refused(frozen, path, density):
    score = DensityScore(density=density)
    detector = CAEOutlierDetector(frozen, outlier_score=score, random_state=0).fit(X)
    with pytest.raises(
        ValueError, match=r"cannot hold .*density_ = .*; of scikit-learn it holds .*joblib"
    ):
        detector.save(path)
    assert not path.exists()


class Pair(NamedTuple):
    one: int
    two: int


def test_what_would_lose_its_type_is_refused(path):
    injector = NoiseInjector().fit(X)
    injector.pair_ = Pair(1, 2)
    with pytest.raises(ValueError, match="cannot hold pair_, a Pair, whose fields have names"):
        injector.save(path)


# --- the file


def test_a_file_says_what_it_is_in_json(path):
    small_cae(lr=0.5).save(path)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    facts = json.loads(header["__metadata__"]["sklearn_cae"])
    assert facts["format"] == 1
    assert set(facts["versions"]) == {"sklearn_cae", "numpy", "scikit-learn", "torch"}
    assert facts["objects"][-1]["class"] == "sklearn_cae.DenoisingCAE"
    assert facts["objects"][-1]["params"]["lr"] == 0.5


def test_weights_have_the_names_of_the_network(path):
    cae = small_cae().fit(X)
    cae.save(path)
    arrays = load_file(path)
    for name, tensor in cae.net_.module_.state_dict().items():
        np.testing.assert_array_equal(arrays[f"net_.weights.{name}"], tensor.numpy())


def test_the_same_estimator_makes_the_same_file(path):
    cae = small_cae().fit(X)
    cae.save(path)
    first = path.read_bytes()
    load(path, device="cpu").set_params(device="auto").save(path)
    assert path.read_bytes() == first


def test_an_estimator_is_not_changed_by_saving(path):
    cae = small_cae().fit(X)
    before = cae.predict(X)
    attributes = dict(vars(cae))
    cae.save(path)
    assert vars(cae).keys() == attributes.keys()
    assert all(vars(cae)[name] is value for name, value in attributes.items())
    np.testing.assert_array_equal(cae.predict(X), before)


def test_paths_are_strings_too(path):
    small_cae().save(str(path))
    assert repr(load(str(path))) == repr(small_cae())


def test_a_file_has_the_rights_of_any_new_file(path, tmp_path):
    small_cae().save(path)
    (tmp_path / "other").write_text("")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(path)
    small_cae().save(link)
    assert link.is_symlink()
    assert path.exists()


def test_nothing_is_left_beside_the_file(path):
    small_cae().save(path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch, failing):
    small_cae(lr=0.1).save(path)

    def full(*args):
        raise OSError(28, "No space left on device")

    target = (os, "fsync") if failing == "fsync" else (_container.Path, "replace")
    with monkeypatch.context() as context:
        context.setattr(*target, full)
        with pytest.raises(OSError, match="No space left"):
            small_cae(lr=0.2).save(path)
    assert load(path).lr == 0.1
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        small_cae().save(tmp_path / "none" / "kept.safetensors")


def test_a_process_that_is_killed_leaves_the_old_file_or_the_new(path):
    small_cae(lr=0.125).save(path)
    code = (
        "import os, sys, sklearn_cae\n"
        "from sklearn_cae.files import _container\n"
        "_container.os.fsync = lambda fd: os.kill(os.getpid(), 9)\n"
        "sklearn_cae.DenoisingCAE(lr=0.25).save(sys.argv[1])\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -9
    assert load(path).lr == 0.125


def test_json_that_would_be_too_long_is_refused(path, monkeypatch):
    monkeypatch.setattr(_container, "MAX_FACTS", 1000)
    with pytest.raises(ValueError, match=r"would hold .* characters of JSON; 1000 are allowed"):
        small_cae().fit(X).save(path)


def test_reading_gives_what_was_written(path):
    arrays = {
        "empty": np.zeros((0, 3), np.float32),
        "number": np.array(5),
        "flags": np.array([True, False]),
        "half": np.array([[1.5]], np.float16),
    }
    _container.write_file(path, {"objects": []}, arrays)
    facts, read = read_file(path)
    assert facts["objects"] == []
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array, strict=True)
