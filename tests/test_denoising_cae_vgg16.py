"""A frozen VGG16 as encoder and as loss: what is learned, kept, stored, refused."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks
from skorch.callbacks import Callback
from small import (
    as_uint,
    assert_same_weights,
    colour,
    gray,
    save_as_official,
    small_cae,
    weights,
)

from sklearn_cae import CAEOutlierDetector, DenoisingCAE, NoiseInjector, _denoising_cae
from sklearn_cae._vgg16 import VGG16
from sklearn_cae._vgg16_weights import read_vgg16_weights
from sklearn_cae.metrics import psnr_scorer

X = gray(8, 32, 32)


def vgg_cae(**params):
    """One block of VGG16 with random weights, and a decoder of one convolution."""
    defaults = {
        "encoder": "vgg16",
        "encoder_blocks": 1,
        "encoder_weights": None,
        "batch_size": 4,
        "max_epochs": 1,
        "random_state": 0,
    }
    return DenoisingCAE(**defaults | params)


def conv_cae(**params):
    """The small plain network trained by the perceptual loss."""
    defaults = {"loss": "vgg", "encoder_blocks": 1, "encoder_weights": None}
    return small_cae(**defaults | params)


@pytest.fixture(scope="module")
def state():
    """Weights of two blocks that no seed of these tests gives."""
    with torch.random.fork_rng():
        torch.manual_seed(123)
        return VGG16(2).state_dict()


@pytest.fixture
def path(state, tmp_path):
    torch.save(state, tmp_path / "vgg16.pth")
    return tmp_path / "vgg16.pth"


@pytest.fixture
def reads(monkeypatch):
    """The files that are read."""
    sources = []

    def record(source, *args, **kwargs):
        sources.append(source)
        return read_vgg16_weights(source, *args, **kwargs)

    monkeypatch.setattr(_denoising_cae, "read_vgg16_weights", record)
    return sources


def encoder_weights(cae):
    return {
        name.removeprefix("encoder."): array
        for name, array in weights(cae).items()
        if name.startswith("encoder.")
    }


def loss_weights(cae):
    state = cae.net_.criterion_.vgg.state_dict()
    return {name: tensor.numpy().copy() for name, tensor in state.items()}


def assert_equal(arrays, others):
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)


# --- weights


def test_the_encoder_has_the_weights_of_the_file(state, path):
    cae = vgg_cae(encoder_weights=path, encoder_blocks=2).fit(X)
    assert encoder_weights(cae).keys() == state.keys()
    assert_equal(encoder_weights(cae), state)


def test_the_encoder_has_the_weights_of_the_official_file(state, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    save_as_official(state, tmp_path / "hub" / "checkpoints", monkeypatch)
    assert_equal(encoder_weights(vgg_cae(encoder_weights="imagenet").fit(X)), state)


def test_random_weights_follow_the_seed():
    one, same, other = (encoder_weights(vgg_cae(random_state=s).fit(X)) for s in (0, 0, 1))
    assert_equal(one, same)
    assert not np.array_equal(one["features.0.weight"], other["features.0.weight"])


@pytest.mark.parametrize("loss", ["mse", "vgg"])
def test_no_weights_are_read_where_none_are_asked_for(reads, loss):
    vgg_cae(loss=loss).fit(X).partial_fit(X)
    assert reads == []


def test_one_file_is_read_once_for_the_encoder_and_the_loss(reads, path):
    cae = vgg_cae(encoder_weights=path, loss="vgg").fit(X)
    assert reads == [path]
    assert_equal(encoder_weights(cae), loss_weights(cae))


def test_weights_are_read_anew_in_each_fit(reads, path):
    cae = vgg_cae(encoder_weights=path).fit(X)
    assert_same_weights(clone(cae).fit(X), cae)
    cae.fit(X)
    assert reads == [path] * 3


@pytest.mark.parametrize("make", [vgg_cae, conv_cae])
@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
def test_going_on_reads_no_file(reads, path, make, way):
    params = {"encoder_weights": path, "loss": "vgg"}
    cae = make(**params, warm_start=way == "warm start").fit(X)
    path.unlink()
    before = loss_weights(cae)
    cae.fit(X) if way == "warm start" else cae.partial_fit(X)
    assert len(reads) == 1
    assert_equal(loss_weights(cae), before)


def test_a_loss_that_is_new_where_training_goes_on_reads_the_file(reads, state, path):
    cae = vgg_cae(encoder_weights=path).fit(X)
    cae.set_params(loss="vgg").partial_fit(X)
    assert reads == [path] * 2
    assert_equal(loss_weights(cae), state)


def test_a_loss_of_more_blocks_where_training_goes_on_reads_the_file(state, path):
    cae = conv_cae(encoder_weights=path).fit(X).set_params(encoder_blocks=2).partial_fit(X)
    assert loss_weights(cae).keys() == state.keys()
    assert_equal(loss_weights(cae), state)


# --- frozen


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("n_blocks", [1, 2])
def test_frozen_weights_stay_bit_for_bit(state, path, optimizer, n_blocks):
    cae = vgg_cae(
        encoder_weights=path, encoder_blocks=n_blocks, optimizer=optimizer, skip_connections=True
    )
    cae.fit(X).partial_fit(X)
    assert_equal(encoder_weights(cae), state)


def test_frozen_weights_have_no_state_in_the_optimizer():
    cae = vgg_cae().fit(X)
    trained = [p for p in cae.net_.module_.parameters() if p.requires_grad]
    followed = [p for group in cae.net_.optimizer_.param_groups for p in group["params"]]
    assert [id(p) for p in followed] == [id(p) for p in trained]
    assert len(cae.net_.optimizer_.state) == len(trained)


def test_frozen_weights_have_no_gradient():
    encoder = vgg_cae(loss="vgg").fit(X).net_.module_.encoder
    assert [p.grad for p in encoder.parameters()] == [None] * 4


def test_the_weights_of_the_loss_stay_bit_for_bit(state, path):
    assert_equal(loss_weights(conv_cae(encoder_weights=path).fit(X)), state)


def test_the_decoder_is_trained():
    one = weights(vgg_cae(lr_schedule="constant").fit(X))
    two = weights(vgg_cae(lr_schedule="constant", max_epochs=2).fit(X))
    assert not np.array_equal(one["decoder.head.weight"], two["decoder.head.weight"])


def test_unfrozen_blocks_are_trained_and_the_others_are_not(state, path):
    cae = vgg_cae(encoder_weights=path, encoder_blocks=2, trainable_encoder_blocks=1).fit(X)
    changed = {
        name
        for name, array in encoder_weights(cae).items()
        if not np.array_equal(array, state[name])
    }
    assert changed == {f"features.{i}.{kind}" for i in (5, 7) for kind in ("weight", "bias")}


def test_a_warm_start_may_unfreeze_blocks(reads, path):
    cae = vgg_cae(encoder_weights=path, encoder_blocks=2, warm_start=True).fit(X)
    before = encoder_weights(cae)
    cae.set_params(trainable_encoder_blocks=1).fit(X)
    after = encoder_weights(cae)
    assert not np.array_equal(after["features.7.weight"], before["features.7.weight"])
    np.testing.assert_array_equal(after["features.2.weight"], before["features.2.weight"])
    assert len(reads) == 1
    assert len(cae.history_["train_loss"]) == 2


def test_an_optimizer_that_has_other_weights_to_follow_starts_afresh():
    cae = vgg_cae(warm_start=True).fit(X).set_params(trainable_encoder_blocks=1).fit(X)
    steps = {int(state["step"]) for state in cae.net_.optimizer_.state_dict()["state"].values()}
    # 8 images in batches of 4, once.
    assert steps == {2}


def test_going_on_with_other_blocks_is_refused():
    cae = vgg_cae().fit(X).set_params(encoder_blocks=2)
    with pytest.raises(ValueError, match=r"Training cannot go on.*encoder_blocks from 1 to 2. Set"):
        cae.partial_fit(X)


@pytest.mark.parametrize("first", ["conv", "vgg16"])
def test_going_on_with_another_encoder_is_refused(first):
    other = {"conv": "vgg16", "vgg16": "conv"}[first]
    cae = DenoisingCAE(encoder=first, loss="vgg", encoder_weights=None, encoder_blocks=1)
    cae.fit(X).set_params(encoder=other)
    message = f"Training cannot go on.*encoder from '{first}' to '{other}'"
    with pytest.raises(ValueError, match=message):
        cae.partial_fit(X)


# --- numbers of parameters


@pytest.mark.parametrize(
    ("params", "trained", "total"),
    [
        # One block: 64 * 27 + 64 + 64 * 576 + 64 = 38,720. The head: 64 * 9 + 1 = 577.
        ({}, 577, 38_720 + 577),
        ({"trainable_encoder_blocks": 1}, 38_720 + 577, 38_720 + 577),
        # Two blocks: 38,720 + 128 * 576 + 128 + 128 * 1152 + 128 = 260,160. The decoder: 64 * 1152
        # without bias, 2 * 64 for the normalisation, and the head.
        ({"encoder_blocks": 2}, 74_433, 260_160 + 74_433),
        ({"encoder_blocks": 2, "loss": "vgg"}, 74_433, 260_160 + 74_433),
    ],
    ids=str,
)
def test_trained_and_all_parameters_are_counted(params, trained, total):
    cae = vgg_cae(**params).fit(X)
    assert (cae.n_parameters_, cae.n_total_parameters_) == (trained, total)


def test_all_parameters_of_a_plain_network_are_trained():
    cae = small_cae().fit(X)
    assert cae.n_parameters_ == cae.n_total_parameters_


def test_three_blocks_give_images_of_32_pixels_codes_of_4_x_4_x_256():
    cae = vgg_cae(encoder_blocks=3).fit(colour(4, 32, 32))
    assert cae.encode_layers(colour(4, 32, 32)).shape == (4, 4, 4, 256)


# --- the contract

IMAGES = {
    "gray float32": (X, {}),
    "gray uint8": (as_uint(X, np.uint8), {}),
    "gray float64 of any range": (X.astype(np.float64) * 4 - 2, {}),
    "rows": (X.reshape(8, -1), {}),
    "colour uint8, no multiple of two": (as_uint(colour(8, 33, 35), np.uint8), {}),
    "channels first uint16": (
        as_uint(colour(8, 32, 32).transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1},
    ),
    "one channel axis": (colour(8, 32, 32, n_channels=1), {}),
    "flat code": (X, {"latent_dim": 5}),
    "skip connections": (X, {"skip_connections": True, "residual": True}),
    "perceptual loss": (X, {"loss": "vgg"}),
    "fine-tuned": (X, {"trainable_encoder_blocks": 1, "upsampling": "transpose"}),
}
METHODS = ["predict", "transform", "score_samples"]


@pytest.fixture(params=IMAGES, scope="module")
def case(request):
    """Images and a network fitted to them."""
    images, params = IMAGES[request.param]
    return images, vgg_cae(**params).fit(images)


def test_predictions_look_like_the_images(case):
    images, cae = case
    denoised = cae.predict(images)
    assert (denoised.shape, denoised.dtype) == (images.shape, images.dtype)


def test_codes_are_finite_float32_rows(case):
    images, cae = case
    codes = cae.transform(images)
    assert codes.shape == (len(images), len(cae.get_feature_names_out()))
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_result_does_not_depend_on_the_other_images(case, method):
    images, cae = case
    every = getattr(cae, method)(images)
    np.testing.assert_array_equal(getattr(cae, method)(images[[5, 2]]), every[[5, 2]])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_gives_identical_results(case, method, twin):
    images, cae = case
    np.testing.assert_array_equal(getattr(twin(cae), method)(images), getattr(cae, method)(images))


def test_a_clone_is_unfitted_and_learns_the_same(case):
    images, cae = case
    cloned = clone(cae)
    assert not hasattr(cloned, "net_")
    assert_same_weights(cloned.fit(images), cae)


def test_only_documented_attributes_are_set_in_fit(case):
    learned = {name for name in vars(case[1]) if name.endswith("_")}
    documented = DenoisingCAE.__doc__.partition("Attributes\n")[2].partition("See Also\n")[0]
    assert {name for name in learned if f"    {name} :" not in documented} == set()


def test_every_layer_gives_its_feature_maps(case):
    images, cae = case
    for name in cae.layer_names_:
        assert len(cae.encode_layers(images, name)) == len(images)


def test_layers_of_the_encoder_have_the_names_of_torchvision():
    cae = vgg_cae(encoder_blocks=2).fit(X)
    shapes = {name: cae.encode_layers(X, name).shape[1:] for name in cae.layer_names_}
    assert shapes == {
        "encoder.features.3": (32, 32, 64),
        "encoder.features.8": (16, 16, 128),
        "encoder.code": (8, 8, 128),
        "decoder.stages.0": (16, 16, 64),
        "decoder.head": (32, 32, 1),
    }


def test_codes_decode_to_the_predictions():
    cae = vgg_cae().fit(X)
    np.testing.assert_array_equal(cae.inverse_transform(cae.transform(X)), cae.predict(X))


def test_images_of_another_size_are_denoised():
    cae = vgg_cae(skip_connections=True).fit(X)
    assert cae.predict(gray(2, 40, 37)).shape == (2, 40, 37)


# The others send rows that are no images of 32 x 32 pixels.
@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimators_unfitted",
        "check_get_params_invariance",
        "check_no_attributes_set_in_init",
        "check_param_validation",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_the_checks_of_scikit_learn_pass_that_need_no_images(check):
    getattr(estimator_checks, check)("DenoisingCAE", vgg_cae())


@pytest.mark.parametrize("params", [{"encoder": "vgg16"}, {"loss": "vgg"}], ids=str)
def test_parameters_come_back(params):
    cae = DenoisingCAE(**params)
    assert clone(cae).get_params() == cae.get_params()
    assert repr(cae) == f"DenoisingCAE({next(iter(params))}={next(iter(params.values()))!r})"


def test_codes_come_as_a_data_frame_if_so_set():
    cae = vgg_cae(latent_dim=3).set_output(transform="pandas").fit(X)
    codes = cae.transform(X)
    assert isinstance(codes, pd.DataFrame)
    assert list(codes.columns) == list(cae.get_feature_names_out())


def test_it_works_in_a_pipeline_with_noise_and_a_classifier():
    pipeline = Pipeline([("noise", NoiseInjector("blur")), ("cae", vgg_cae(latent_dim=3))])
    assert pipeline.fit(X).predict(X).shape == X.shape
    labels = np.arange(8) % 2
    classifier = Pipeline([("cae", vgg_cae(latent_dim=3)), ("classifier", LogisticRegression())])
    assert classifier.fit(X, labels).predict(X).shape == (8,)


def test_a_search_compares_encoders():
    cae = vgg_cae(encoder_blocks=2, encoder_weights="imagenet")
    grid = [
        {"encoder": ["conv"], "channels": [(4, 8)]},
        {"encoder": ["vgg16"], "encoder_blocks": [1], "encoder_weights": [None]},
    ]
    search = GridSearchCV(cae, grid, scoring=psnr_scorer, cv=2, error_score="raise").fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_an_outlier_detector_takes_it():
    detector = CAEOutlierDetector(vgg_cae(), method="reconstruction").fit(gray(20, 32, 32))
    assert detector.score_samples(X).dtype == np.float64


def test_early_stopping_restores_the_best_epoch(state, path):
    cae = vgg_cae(
        encoder_weights=path, early_stopping=True, validation_fraction=0.5, max_epochs=3, patience=1
    ).fit(X)
    assert_equal(encoder_weights(cae), state)


# --- pickles


@pytest.mark.parametrize("make", [vgg_cae, conv_cae])
def test_unpickling_and_going_on_read_no_file(reads, path, make):
    cae = make(encoder_weights=path, loss="vgg").fit(X)
    stored = pickle.dumps(cae)
    path.unlink()
    loaded = pickle.loads(stored)
    assert_same_weights(loaded, cae)
    assert_equal(loss_weights(loaded), loss_weights(cae))
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))
    assert len(reads) == 1


def test_a_fit_after_unpickling_reads_the_file(reads, path):
    pickle.loads(pickle.dumps(vgg_cae(encoder_weights=path).fit(X))).fit(X)
    assert reads == [path] * 2


def test_a_pickle_holds_the_frozen_weights_once(path):
    frozen = 4 * 38_720  # bytes of one block
    assert frozen < len(pickle.dumps(vgg_cae(encoder_weights=path).fit(X))) < 2 * frozen


def test_training_goes_on_as_without_the_pickle():
    cae = vgg_cae(encoder_blocks=2, trainable_encoder_blocks=1, loss="vgg").fit(X)
    loaded = pickle.loads(pickle.dumps(cae))
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


@pytest.mark.parametrize(
    "changed", [{"loss": "mse"}, {"encoder_blocks": 2}, {"encoder": "conv"}], ids=str
)
def test_parameters_changed_after_fit_do_not_spoil_the_pickle(changed):
    cae = vgg_cae(loss="vgg").fit(X)
    expected = cae.predict(X)
    loaded = pickle.loads(pickle.dumps(cae.set_params(**changed)))
    np.testing.assert_array_equal(loaded.predict(X), expected)


def test_a_loss_set_after_fit_does_not_go_on_with_weights_of_nowhere(state, path):
    cae = vgg_cae(encoder_weights=path).fit(X).set_params(loss="vgg")
    loaded = pickle.loads(pickle.dumps(cae)).partial_fit(X)
    assert_equal(loss_weights(loaded), state)


def test_a_model_in_mapped_memory_goes_on(tmp_path):
    cae = vgg_cae(loss="vgg").fit(X)
    joblib.dump(cae, tmp_path / "cae.joblib")
    loaded = joblib.load(tmp_path / "cae.joblib", mmap_mode="r")
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


# --- the perceptual loss


def test_the_perceptual_loss_changes_what_is_learned():
    one, other = (weights(conv_cae(perceptual_weight=w).fit(X)) for w in (0, 10))
    assert not np.array_equal(one["decoder.head.weight"], other["decoder.head.weight"])


def test_without_weight_the_perceptual_loss_learns_as_the_mean_squared_error():
    one = small_cae(random_state=3).fit(X)
    other = conv_cae(perceptual_weight=0, random_state=3).fit(X)
    assert_same_weights(one, other)


def test_training_lowers_the_perceptual_loss():
    params = {"perceptual_weight": 1, "max_epochs": 10, "validation_fraction": 0.25}
    curve = conv_cae(**params).fit(gray(24, 32, 32)).history_["valid_loss"]
    assert curve[-1] < curve[0]


def test_the_perceptual_loss_is_for_a_plain_network_of_gray_and_colour_images():
    for images in (X, colour(8, 33, 32)):
        assert conv_cae().fit(images).predict(images).shape == images.shape


def test_a_plain_network_trained_by_it_denoises_small_images():
    assert conv_cae().fit(X).predict(X[:, :8, :8]).shape == (8, 8, 8)


# --- what is refused

VGG = r"VGG16 needs 32 x 32 at least. Pad or resize them"
THREE = "VGG16 takes gray images or three colours"
REFUSED_IMAGES = {
    "small": (gray(8, 28, 28), {}, rf"X has images of 28 x 28 pixels, but {VGG}"),
    "low": (gray(8, 31, 64), {}, rf"X has images of 31 x 64 pixels, but {VGG}"),
    "rows of a strip": (X.reshape(8, -1)[:, :1000], {"image_shape": (25, 40)}, rf"25 x 40.*{VGG}"),
    "four channels": (colour(8, 32, 32, 4), {}, rf"X has images of 4 channels, but {THREE}"),
}
REFUSED = pytest.mark.parametrize(
    ("images", "params", "message"), REFUSED_IMAGES.values(), ids=REFUSED_IMAGES
)


@REFUSED
@pytest.mark.parametrize("make", [vgg_cae, conv_cae])
def test_images_that_vgg16_does_not_take_are_refused(make, images, params, message):
    cae = make(**params)
    with pytest.raises(ValueError, match=message):
        cae.fit(images)
    assert not hasattr(cae, "net_")


@pytest.mark.parametrize("method", ["predict", "score_samples", "partial_fit", "encode_layers"])
def test_smaller_images_than_those_of_fit_are_refused(method):
    cae = vgg_cae().fit(X)
    with pytest.raises(ValueError, match=rf"X has images of 28 x 32 pixels, but {VGG}"):
        getattr(cae, method)(X[:, :28])


REFUSED_OPTIONS = {
    "encoder": ({"encoder": "resnet"}, "'encoder' parameter .*'vgg16'.* Got 'resnet' instead"),
    "no blocks": ({"encoder_blocks": 0}, r"'encoder_blocks' parameter .*\[1, 5\]. Got 0 instead"),
    "six blocks": ({"encoder_blocks": 6}, r"'encoder_blocks' parameter .*\[1, 5\]. Got 6 instead"),
    "blocks below zero": (
        {"trainable_encoder_blocks": -1},
        r"'trainable_encoder_blocks' parameter .*\[0, 5\]. Got -1 instead",
    ),
    "more trained than there are": (
        {"trainable_encoder_blocks": 2},
        "trainable_encoder_blocks=2, but the encoder has encoder_blocks=1. Take no more than these",
    ),
    "weights of a number": ({"encoder_weights": 3}, "'encoder_weights' parameter .* Got 3 instead"),
    "weight below zero": (
        {"loss": "vgg", "perceptual_weight": -1},
        "'perceptual_weight' parameter .* Got -1 instead",
    ),
    "channels": (
        {"channels": (8, 16)},
        r"channels=\(8, 16\) has no effect with encoder='vgg16' and loss='mse'. Leave it at its "
        r"default, \(32, 64, 128\), or change these",
    ),
    "code_channels": ({"code_channels": 64}, "code_channels=64 has no effect with encoder='vgg16'"),
    "downsampling": ({"downsampling": "stride"}, "downsampling='stride' has no effect with encod"),
    "perceptual_weight": (
        {"perceptual_weight": 1},
        "perceptual_weight=1 has no effect with encoder='vgg16' and loss='mse'",
    ),
}


@pytest.mark.parametrize(("params", "message"), REFUSED_OPTIONS.values(), ids=REFUSED_OPTIONS)
def test_bad_options_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        vgg_cae(**params).fit(X)


@pytest.mark.parametrize(
    "params",
    [
        {"encoder_blocks": 3},
        {"encoder_weights": None},
        {"encoder_weights": "vgg16.pth"},
        {"trainable_encoder_blocks": 1},
        {"perceptual_weight": 1},
    ],
    ids=str,
)
def test_options_of_vgg16_without_effect_are_refused(params):
    name = next(iter(params))
    message = rf"{name}=.* has no effect with encoder='conv' and loss='mse'. Leave it at its defau"
    with pytest.raises(ValueError, match=message):
        small_cae(**params).fit(X)


def test_blocks_of_the_loss_alone_cannot_be_trained():
    message = "trainable_encoder_blocks=1 has no effect with encoder='conv' and loss='vgg'"
    with pytest.raises(ValueError, match=message):
        conv_cae(trainable_encoder_blocks=1).fit(X)


def test_defaults_that_are_spelt_out_are_no_change():
    vgg_cae(channels=[32, 64, 128], code_channels=128).fit(X)


def test_binary_cross_entropy_takes_the_encoder():
    assert np.isfinite(vgg_cae(loss="bce").fit(X).history_["train_loss"]).all()


@pytest.mark.parametrize("make", [vgg_cae, conv_cae])
@pytest.mark.parametrize("fitted", [False, True])
def test_a_missing_file_leaves_the_estimator_as_it_was(tmp_path, make, fitted):
    cae = make(loss="vgg")
    if fitted:
        cae.fit(X)
    cae.set_params(encoder_weights=tmp_path / "not_there.pth")
    before = vars(cae).copy()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*not_there.pth. Give the path"):
        cae.fit(X)
    assert vars(cae) == before


def test_a_file_of_too_few_blocks_is_refused(path):
    with pytest.raises(ValueError, match=r"vgg16.pth has no features.10.weight"):
        vgg_cae(encoder_weights=path, encoder_blocks=3).fit(X)


# --- what it costs


def test_it_is_silent_by_default(capsys, path):
    vgg_cae(encoder_weights=path, loss="vgg").fit(X).partial_fit(X).predict(X)
    assert capsys.readouterr() == ("", "")


class Tape(Callback):
    """Notes whether the code of the training batches is recorded for a backward pass."""

    def on_train_begin(self, net, **kwargs):
        self.recorded = []
        net.module_.encoder.code.register_forward_hook(
            lambda module, args, output: self.recorded.append(output.requires_grad)
        )


@pytest.mark.parametrize(("n_trainable", "recorded"), [(0, False), (1, True)])
def test_only_what_is_trained_is_recorded_for_a_backward_pass(n_trainable, recorded):
    tape = Tape()
    vgg_cae(trainable_encoder_blocks=n_trainable, callbacks=[tape]).fit(X)
    assert set(tape.recorded) == {recorded}
