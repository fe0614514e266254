"""A frozen VGG16 as encoder and as loss: what is learned, kept, stored, refused."""

import pickle
from functools import partial

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
    small_autoencoder,
    small_cae,
    weights,
)
from vgg16_files import save_as_official

from sklearn_cae import (
    Autoencoder,
    DenoisingCAE,
    NoiseInjector,
    PerceptualLoss,
    UNet,
    VGG16Encoder,
)
from sklearn_cae.metrics import psnr_scorer
from sklearn_cae.networks import VGG16
from sklearn_cae.networks._vgg16 import balance

X = gray(8, 32, 32)
ONE_BLOCK = partial(VGG16Encoder, 1, weights=None)
HEAD = "decoder.head.convolution.weight"
LOSS = partial(PerceptualLoss, blocks=1, weights=None)


def vgg_cae(encoder=None, *, network=Autoencoder, **params):
    """One block of VGG16 with random weights, and a decoder of one convolution."""
    encoder = ONE_BLOCK() if encoder is None else encoder
    defaults = {"batch_size": 8, "max_epochs": 1, "random_state": 0, "for_codes": True}
    return DenoisingCAE(network(encoder), **defaults | params)


def conv_cae(loss=None, **params):
    """The small plain network trained by the perceptual loss."""
    return small_cae(loss=LOSS() if loss is None else loss, **params)


# With a file of weights: as encoder, and as loss
USERS = {
    "encoder": lambda path, **params: vgg_cae(VGG16Encoder(1, weights=path), **params),
    "loss": lambda path, **params: conv_cae(PerceptualLoss(blocks=1, weights=path), **params),
}
USER = pytest.mark.parametrize("make", USERS.values(), ids=USERS)


@pytest.fixture(scope="module")
def state():
    """Weights of two blocks that no seed of these tests gives."""
    module = VGG16(2, generator=torch.Generator().manual_seed(123))
    balance(module)
    return module.state_dict()


@pytest.fixture
def path(state, tmp_path):
    torch.save(state, tmp_path / "vgg16.pth")
    return tmp_path / "vgg16.pth"


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
    cae = vgg_cae(VGG16Encoder(2, weights=path)).fit(X)
    assert encoder_weights(cae).keys() == state.keys()
    assert_equal(encoder_weights(cae), state)


def test_the_encoder_has_the_weights_of_the_official_file(state, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    save_as_official(state, tmp_path / "hub" / "checkpoints", monkeypatch)
    assert_equal(encoder_weights(vgg_cae(VGG16Encoder(2)).fit(X)), state)


def test_random_weights_follow_the_seed():
    one, same, other = (encoder_weights(vgg_cae(random_state=s).fit(X)) for s in (0, 0, 1))
    assert_equal(one, same)
    assert not np.array_equal(one["features.0.weight"], other["features.0.weight"])


def test_encoder_and_loss_read_their_own_files(state, path):
    cae = vgg_cae(VGG16Encoder(1, weights=path), loss=PerceptualLoss(weights=path)).fit(X)
    assert_equal(encoder_weights(cae), state)
    assert_equal(loss_weights(cae), state)


@USER
def test_weights_are_read_anew_in_each_fit(path, make):
    cae = make(path).fit(X)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        cae.fit(X)


@USER
@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
def test_going_on_reads_no_file(path, make, way):
    cae = make(path, warm_start=way == "warm start").fit(X)
    before = loss_weights(cae) if make is USERS["loss"] else encoder_weights(cae)
    path.unlink()
    cae.fit(X) if way == "warm start" else cae.partial_fit(X)
    assert_equal(loss_weights(cae) if make is USERS["loss"] else encoder_weights(cae), before)


def test_a_loss_that_is_new_where_training_goes_on_reads_its_file(state, path):
    cae = vgg_cae().fit(X).set_params(loss=PerceptualLoss(weights=path)).partial_fit(X)
    assert_equal(loss_weights(cae), state)


def test_a_loss_of_more_blocks_where_training_goes_on_reads_its_file(state, path):
    cae = USERS["loss"](path).fit(X).set_params(loss__blocks=2).partial_fit(X)
    assert loss_weights(cae).keys() == state.keys()
    assert_equal(loss_weights(cae), state)


# --- frozen


@pytest.mark.parametrize(
    ("optimizer", "n_blocks", "network"),
    [("adam", 1, Autoencoder), ("adamw", 2, UNet), ("sgd", 2, Autoencoder)],
)
def test_frozen_weights_stay_bit_for_bit(state, path, optimizer, n_blocks, network):
    encoder = VGG16Encoder(n_blocks, weights=path)
    cae = vgg_cae(encoder, optimizer=optimizer, network=network).fit(X).partial_fit(X)
    assert_equal(encoder_weights(cae), state)


def test_frozen_weights_have_no_state_in_the_optimizer():
    cae = vgg_cae().fit(X)
    trained = [p for p in cae.net_.module_.parameters() if p.requires_grad]
    followed = [p for group in cae.net_.optimizer_.param_groups for p in group["params"]]
    assert [id(p) for p in followed] == [id(p) for p in trained]
    assert len(cae.net_.optimizer_.state) == len(trained)


def test_frozen_weights_have_no_gradient():
    encoder = vgg_cae(loss=LOSS()).fit(X).net_.module_.encoder
    assert [p.grad for p in encoder.parameters()] == [None] * 4


def test_the_weights_of_the_loss_stay_bit_for_bit(state, path):
    assert_equal(loss_weights(USERS["loss"](path).fit(X)), state)


def test_the_decoder_is_trained():
    one = weights(vgg_cae(lr_schedule="constant").fit(X))
    two = weights(vgg_cae(lr_schedule="constant", max_epochs=2).fit(X))
    assert not np.array_equal(one[HEAD], two[HEAD])


def test_unfrozen_blocks_are_trained_and_the_others_are_not(state, path):
    cae = vgg_cae(VGG16Encoder(2, trainable_blocks=1, weights=path)).fit(X)
    changed = {
        name
        for name, array in encoder_weights(cae).items()
        if not np.array_equal(array, state[name])
    }
    assert changed == {f"features.{i}.{kind}" for i in (5, 7) for kind in ("weight", "bias")}


def test_a_warm_start_may_unfreeze_blocks(path):
    cae = vgg_cae(VGG16Encoder(2, weights=path), warm_start=True).fit(X)
    before = encoder_weights(cae)
    path.unlink()
    cae.set_params(network__encoder__trainable_blocks=1).fit(X)
    after = encoder_weights(cae)
    assert not np.array_equal(after["features.7.weight"], before["features.7.weight"])
    np.testing.assert_array_equal(after["features.2.weight"], before["features.2.weight"])
    assert len(cae.history_["train_loss"]) == 2


def test_an_optimizer_that_has_other_weights_to_follow_starts_afresh():
    cae = vgg_cae(warm_start=True).fit(X)
    cae.set_params(network__encoder__trainable_blocks=1).fit(X)
    steps = {int(state["step"]) for state in cae.net_.optimizer_.state_dict()["state"].values()}
    # 8 images in one batch, once.
    assert steps == {1}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_another_encoder_is_refused(method):
    cae = vgg_cae(warm_start=True).fit(X).set_params(network=small_autoencoder())
    with pytest.raises(ValueError, match=r"Training cannot go on.*encoder from VGG16Encoder"):
        getattr(cae, method)(X)


# --- numbers of parameters


@pytest.mark.parametrize(
    ("encoder", "trained", "total"),
    [
        # One block: 64 * 27 + 64 + 64 * 576 + 64 = 38,720. The head: 64 * 9 + 1 = 577.
        ({}, 577, 38_720 + 577),
        ({"trainable_blocks": 1}, 38_720 + 577, 38_720 + 577),
        # Two blocks: 38,720 + 128 * 576 + 128 + 128 * 1152 + 128 = 260,160. The decoder: 64 * 1152
        # without bias, 2 * 64 for the normalisation, and the head.
        ({"blocks": 2}, 74_433, 260_160 + 74_433),
    ],
    ids=str,
)
def test_trained_and_all_parameters_are_counted(encoder, trained, total):
    cae = vgg_cae(ONE_BLOCK().set_params(**encoder), loss=LOSS()).fit(X)
    assert (cae.n_parameters_, cae.n_total_parameters_) == (trained, total)


# --- the contract

IMAGES = {
    "gray float32, flat code": (X, {"network": partial(Autoencoder, latent_dim=5)}),
    "rows of float64 of any range": (X.reshape(8, -1).astype(np.float64) * 4 - 2, {}),
    "colour uint8, no multiple of two, U-Net": (
        as_uint(colour(8, 33, 35), np.uint8),
        {"network": UNet},
    ),
    "channels first uint16, perceptual loss": (
        as_uint(colour(8, 32, 32).transpose(0, 3, 1, 2).copy(), np.uint16),
        {"channel_axis": 1, "loss": LOSS()},
    ),
    "one channel axis, fine-tuned": (
        colour(8, 32, 32, n_channels=1),
        {"encoder": ONE_BLOCK(trainable_blocks=1)},
    ),
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
    some = [5, 2, 7, 0, 1]
    np.testing.assert_array_equal(getattr(cae, method)(images[some]), every[some])


def test_a_copy_gives_identical_results(case):
    images, cae = case
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(cae)).predict(images), cae.predict(images)
    )


def test_a_clone_learns_the_same(case):
    images, cae = case
    assert_same_weights(clone(cae).fit(images), cae)


def test_every_layer_gives_its_feature_maps(case):
    images, cae = case
    for name in cae.layer_names_:
        assert len(cae.feature_maps(images, name)) == len(images)


def test_layers_of_the_encoder_have_the_names_of_torchvision():
    cae = vgg_cae(VGG16Encoder(2, weights=None)).fit(X)
    shapes = {name: cae.feature_maps(X, name).shape[1:] for name in cae.layer_names_}
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
    assert vgg_cae(network=UNet).fit(X).predict(gray(2, 40, 37)).shape == (2, 40, 37)


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


def test_it_is_written_as_it_is_made():
    written = "DenoisingCAE(loss=PerceptualLoss(), network=Autoencoder(encoder=VGG16Encoder()))"
    cae = DenoisingCAE(Autoencoder(VGG16Encoder()), loss=PerceptualLoss())
    assert " ".join(repr(cae).split()) == written


def test_codes_come_as_a_data_frame_if_so_set():
    cae = vgg_cae(network=partial(Autoencoder, latent_dim=3)).set_output(transform="pandas").fit(X)
    codes = cae.transform(X)
    assert isinstance(codes, pd.DataFrame)
    assert list(codes.columns) == list(cae.get_feature_names_out())


def test_it_works_in_a_pipeline_with_noise_and_a_classifier():
    cae = vgg_cae(network=partial(Autoencoder, latent_dim=3))
    pipeline = Pipeline([("noise", NoiseInjector("blur")), ("cae", cae)])
    assert pipeline.fit(X).predict(X).shape == X.shape
    labels = np.arange(8) % 2
    classifier = Pipeline([("cae", cae), ("classifier", LogisticRegression())])
    assert classifier.fit(X, labels).predict(X).shape == (8,)


def test_a_search_compares_encoders():
    grid = [
        {"network__encoder": [(4, 8)]},
        {"network__encoder": [ONE_BLOCK()], "network__encoder__trainable_blocks": [0, 1]},
    ]
    search = GridSearchCV(
        vgg_cae(VGG16Encoder()), grid, scoring=psnr_scorer, cv=2, error_score="raise"
    ).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_early_stopping_restores_the_best_epoch(state, path):
    params = {"early_stopping": True, "validation_fraction": 0.5, "max_epochs": 3, "patience": 1}
    assert_equal(encoder_weights(USERS["encoder"](path, **params).fit(X)), state)


# --- pickles


@USER
def test_unpickling_and_going_on_read_no_file(path, make):
    cae = make(path).fit(X)
    stored = pickle.dumps(cae)
    path.unlink()
    loaded = pickle.loads(stored)
    assert_same_weights(loaded, cae)
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


def test_a_pickle_keeps_the_normalisation():
    cae = vgg_cae(ONE_BLOCK(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))).fit(X)
    loaded = pickle.loads(pickle.dumps(cae))
    np.testing.assert_array_equal(loaded.transform(X), cae.transform(X))


def test_a_fit_after_unpickling_reads_the_file(path):
    loaded = pickle.loads(pickle.dumps(USERS["encoder"](path).fit(X)))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        loaded.fit(X)


def test_a_pickle_holds_the_frozen_weights_once(path):
    frozen = 4 * 38_720  # bytes of one block
    assert frozen < len(pickle.dumps(USERS["encoder"](path).fit(X))) < 2 * frozen


def test_training_goes_on_as_without_the_pickle():
    cae = vgg_cae(VGG16Encoder(2, trainable_blocks=1, weights=None), loss=LOSS()).fit(X)
    loaded = pickle.loads(pickle.dumps(cae))
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


def test_parameters_changed_after_fit_do_not_spoil_the_pickle():
    cae = vgg_cae(loss=LOSS()).fit(X)
    expected = cae.predict(X)
    cae.set_params(network__encoder__blocks=2, loss__blocks=2)
    loaded = pickle.loads(pickle.dumps(cae))
    np.testing.assert_array_equal(loaded.predict(X), expected)


def test_a_model_in_mapped_memory_goes_on(tmp_path):
    cae = vgg_cae(loss=LOSS()).fit(X)
    joblib.dump(cae, tmp_path / "cae.joblib")
    loaded = joblib.load(tmp_path / "cae.joblib", mmap_mode="r")
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


# --- the perceptual loss


def test_the_perceptual_loss_changes_what_is_learned():
    one, other = (weights(conv_cae(LOSS(weight=w)).fit(X)) for w in (0, 10))
    assert not np.array_equal(one[HEAD], other[HEAD])


def test_without_weight_the_perceptual_loss_learns_as_the_mean_squared_error():
    assert_same_weights(small_cae().fit(X), conv_cae(LOSS(weight=0)).fit(X))


def test_training_lowers_the_perceptual_loss():
    params = {"max_epochs": 10, "validation_fraction": 0.25, "lr_schedule": "constant"}
    curve = conv_cae(LOSS(weight=1), **params).fit(gray(24, 32, 32)).history_["valid_loss"]
    assert curve[-1] < curve[0]


def test_a_plain_network_trained_by_it_denoises_small_images():
    assert conv_cae().fit(X).predict(X[:, :8, :8]).shape == (8, 8, 8)


# --- what is refused

VGG = r"VGG16 needs 32 x 32 at least. Pad or resize them"
REFUSED_IMAGES = {
    "low": (gray(8, 31, 64), {}, rf"The images have 31 x 64 pixels, but {VGG}"),
    "rows": (X.reshape(8, -1)[:, :1000], {"image_shape": (25, 40)}, rf"25 x 40 pixels, but {VGG}"),
    "four channels": (colour(8, 32, 32, 4), {}, r"The images have 4 channels, but VGG16 takes gra"),
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


@pytest.mark.parametrize("method", ["predict", "score_samples", "partial_fit", "feature_maps"])
def test_smaller_images_than_those_of_fit_are_refused(method):
    cae = vgg_cae().fit(X)
    with pytest.raises(ValueError, match=rf"The images have 28 x 32 pixels, but {VGG}"):
        getattr(cae, method)(X[:, :28])


def test_options_of_the_encoder_are_checked():
    with pytest.raises(ValueError, match=r"'blocks' parameter of VGG16Encoder .* Got 6 instead"):
        vgg_cae(VGG16Encoder(6)).fit(X)


def test_binary_cross_entropy_takes_the_encoder():
    assert np.isfinite(vgg_cae(loss="bce").fit(X).history_["train_loss"]).all()


@USER
@pytest.mark.parametrize("fitted", [False, True])
def test_a_missing_file_leaves_the_estimator_as_it_was(path, make, fitted):
    cae = make(path)
    if fitted:
        cae.fit(X)
    path.unlink()
    before = vars(cae).copy()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*vgg16.pth. Give the path"):
        cae.fit(X)
    assert vars(cae) == before


def test_a_file_of_too_few_blocks_is_refused(path):
    with pytest.raises(ValueError, match=r"vgg16.pth has no features.10.weight"):
        vgg_cae(VGG16Encoder(3, weights=path)).fit(X)


# --- what it costs


def test_it_is_silent_by_default(capsys, path):
    vgg_cae(VGG16Encoder(1, weights=path), loss=LOSS()).fit(X).partial_fit(X).predict(X)
    assert capsys.readouterr() == ("", "")


class Tape(Callback):
    """Notes whether the code of the training batches is recorded for a backward pass."""

    def on_train_begin(self, net, **kwargs):
        self.recorded = []
        net.module_.encoder.code.register_forward_hook(
            lambda module, args, output: self.recorded.append(output.requires_grad)
        )

    def on_epoch_end(self, net, **kwargs):
        self.in_training = set(self.recorded)


@pytest.mark.parametrize(("n_trainable", "recorded"), [(0, False), (1, True)])
def test_only_what_is_trained_is_recorded_for_a_backward_pass(n_trainable, recorded):
    tape = Tape()
    encoder = ONE_BLOCK(trainable_blocks=n_trainable)
    vgg_cae(encoder, validation_fraction=0, callbacks=[tape]).fit(X)
    assert tape.in_training == {recorded}
