"""Bad input: the promised error, arguments left alone, an estimator that is still usable."""

import copy

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback
from small import as_uint, assert_same_weights, colour, gray, small_cae

from sklearn_cae import GaussianNoise, NoiseChain, PoissonNoise, SaltAndPepperNoise

X = gray()


def with_value(value, dtype=np.float64):
    images = X.astype(dtype)
    images[3, 2, 1] = value
    return images


LAYOUTS = r"rows \(n, n_features\), gray images \(n, H, W\).*channel_axis=1"
RAGGED = r"Its images have different shapes.*crop or resize them"
NUMBERS = r"Images are numbers: uint8, uint16, float32 or float64"

# name: images, error, what it says
BAD_IMAGES = {
    "NaN": (with_value(np.nan), ValueError, r"contains NaN.*finite numbers; fill the gaps first"),
    "infinity": (with_value(np.inf), ValueError, r"contains infinity.*finite numbers; clip them"),
    "minus infinity, float32": (
        with_value(-np.inf, np.float32),
        ValueError,
        r"contains infinity.*finite numbers; clip them",
    ),
    "no images": (X[:0], ValueError, r"0 sample\(s\) \(shape=\(0, 8, 8\)\)"),
    "no pixels": (X[:, :0], ValueError, rf"has shape \(24, 0, 8\); expected are {LAYOUTS}"),
    "no channels": (np.zeros((4, 8, 8, 0)), ValueError, r"has shape \(4, 8, 8, 0\); expected are"),
    "no columns": (np.zeros((4, 0)), ValueError, r"0 feature\(s\) \(shape=\(4, 0\)\)"),
    "a number": (np.float64(0.5), ValueError, rf"got scalar array.*Expected are {LAYOUTS}"),
    "one row": (X[0, 0], ValueError, rf"got 1D array.*Expected are {LAYOUTS}"),
    "five dimensions": (X[None, None], ValueError, rf"shape \(1, 1, 24, 8, 8\).*are {LAYOUTS}"),
    "strings": (np.full((4, 4), "a"), ValueError, rf"could not convert string.*{NUMBERS}"),
    "objects": (np.full((4, 4), "a", object), ValueError, rf"could not convert string.*{NUMBERS}"),
    "dictionaries": (np.full((4, 4), {}, object), TypeError, r"must be a string or a real number"),
    "complex numbers": (X + 1j, ValueError, r"Complex data not supported"),
    "sparse": (scipy.sparse.csr_array(X[:, 0]), TypeError, r"Sparse data.*\.toarray\(\)"),
    "a ragged list": ([X[0], X[0, :4]], ValueError, RAGGED),
    "a ragged list of lists": ([[0.1, 0.2], [0.3]], ValueError, RAGGED),
    "objects that are images": (np.array([X[0], X[0, :4]], object), ValueError, RAGGED),
    "nothing": (None, ValueError, r"."),
}
BAD = pytest.mark.parametrize(("images", "error", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES)
METHODS = ["predict", "transform", "score", "score_samples"]


def assert_unchanged(images, before):
    if scipy.sparse.issparse(images):
        assert (images != before).nnz == 0
    elif isinstance(images, np.ndarray) and images.dtype != object:
        np.testing.assert_array_equal(images, before)
    else:
        assert repr(images) == repr(before)


@BAD
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_transform"])
def test_bad_images_are_refused_in_fit(method, images, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        getattr(small_cae(), method)(images)


@BAD
@pytest.mark.parametrize("method", METHODS)
def test_bad_images_are_refused_after_fit(method, images, error, message):
    cae = small_cae().fit(X)
    with pytest.raises(error, match=f"(?s){message}"):
        getattr(cae, method)(images)


@BAD
def test_bad_images_are_left_as_they_were(images, error, message):
    before = copy.deepcopy(images)
    with pytest.raises(error):
        small_cae().fit(images)
    assert_unchanged(images, before)


@BAD
def test_bad_images_leave_an_estimator_unfitted(images, error, message):
    cae = small_cae()
    before = vars(cae).copy()
    with pytest.raises(error):
        cae.fit(images)
    assert vars(cae) == before


@BAD
def test_bad_images_leave_a_fitted_estimator_as_it_was(images, error, message):
    cae = small_cae().fit(X)
    expected = cae.predict(X)
    for method in ["fit", "partial_fit", *METHODS]:
        with pytest.raises(error):
            getattr(cae, method)(images)
    np.testing.assert_array_equal(cae.predict(X), expected)


BAD_TARGETS = {
    **{name: row for name, row in BAD_IMAGES.items() if name not in ("one row", "nothing")},
}
# One dimension of objects is one dimension of labels.
del BAD_TARGETS["objects that are images"]


@pytest.mark.parametrize(("y", "error", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_refused_by_their_name(y, error, message):
    with pytest.raises(error, match=f"(?s){message}") as raised:
        small_cae().fit(X, y)
    assert "y" in str(raised.value).split() or error is TypeError


@pytest.mark.parametrize(("y", "error", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_leave_a_fitted_estimator_as_it_was(y, error, message):
    cae = small_cae().fit(X)
    expected = cae.predict(X)
    for method in ("fit", "partial_fit", "score"):
        with pytest.raises(error):
            getattr(cae, method)(X, y)
    np.testing.assert_array_equal(cae.predict(X), expected)


# --- images that do not fit to those of fit

UINT8, UINT16 = as_uint(X, np.uint8), as_uint(X, np.uint16)
CONVERT = "Convert the images to these units first"
MISMATCHES = {
    "channels": (colour(), colour(n_channels=4), r"has 4 channel\(s\).*on images with 3. Axis 3"),
    "gray for colour": (colour(), gray(), r"has 1 channel\(s\), but .* on images with 3"),
    "colour for gray": (gray(), colour(), r"has 3 channel\(s\), but .* on images with 1"),
    "features": (X, X[:, :7, :7].reshape(24, 49), "X has 49 features, but DenoisingCAE is expect"),
    "0..255 for 0..1": (
        X,
        X * 255,
        r"values from .* but the data range is 0 to 1.*Bring the image",
    ),
    "uint8 for 0..1": (X, UINT8, r"values from .* but the data range is 0 to 1.*Bring the images"),
    "0..1 for uint8": (UINT8, X, rf"values up to 0.9.* on uint8 images.*0 to 255. {CONVERT}"),
    "0..1 for 0..255": (
        (X - X.min()) * 255,
        X,
        rf"values up to 0.9.* on float32 images in the range 0 to 25\d.*{CONVERT}",
    ),
    "0..1 for uint16": (UINT16, X, rf"values up to 0.9.* on uint16 images.*0 to 65535. {CONVERT}"),
    "uint8 for uint16": (UINT16, UINT8, rf"dtype uint8 .* was fitted on uint16.*{CONVERT}"),
    "uint16 for uint8": (UINT8, UINT16, r"values from .* but the data range is 0 to 255"),
    "dark uint16 for uint8": (
        UINT8,
        UINT8.astype(np.uint16),
        rf"dtype uint16 .* was fitted on uint8 images in the range 0 to 255. {CONVERT}",
    ),
}
MISMATCH = pytest.mark.parametrize(
    ("learned", "images", "message"), MISMATCHES.values(), ids=MISMATCHES
)


@MISMATCH
@pytest.mark.parametrize("method", [*METHODS, "partial_fit"])
def test_images_that_do_not_fit_are_refused(method, learned, images, message):
    cae = small_cae().fit(learned)
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(images)


@MISMATCH
def test_images_that_do_not_fit_change_nothing(learned, images, message):
    cae = small_cae().fit(learned)
    expected, before = cae.predict(learned), images.copy()
    for method in [*METHODS, "partial_fit"]:
        with pytest.raises(ValueError, match=message):
            getattr(cae, method)(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(cae.predict(learned), expected)


@MISMATCH
def test_images_that_do_not_fit_are_learned_anew_in_fit(learned, images, message):
    cae = small_cae().fit(learned).fit(images)
    assert cae.predict(images).shape == images.shape


def test_noisy_images_in_other_units_than_clean_ones_are_refused():
    with pytest.raises(ValueError, match=r"X has values from .* but the data range is 0 to 1"):
        small_cae().fit(X * 255, X)


# --- options

BAD_OPTIONS = {
    "channels of nothing": ({"channels": ()}, r"channels=\(\); expected one or more positive"),
    "channels of zero": ({"channels": (4, 0)}, r"channels=\(4, 0\); expected one or more positive"),
    "channels of floats": ({"channels": (4.0,)}, r"channels=\(4.0,\); expected one or more positi"),
    "channels of a number": ({"channels": 4}, "'channels' parameter .* must be .* Got 4 instead"),
    "kernel_size": ({"kernel_size": 4}, "kernel_size=4; expected an odd number"),
    "latent_dim": ({"latent_dim": 0}, "'latent_dim' parameter .* must be .* Got 0 instead"),
    "downsampling": ({"downsampling": "avg"}, "'downsampling' parameter .*'max_pool'.* Got 'avg'"),
    "upsampling": ({"upsampling": "cubic"}, "'upsampling' parameter .*'nearest'.* Got 'cubic'"),
    "normalization": ({"normalization": "layer"}, "'normalization' .*'batch'.* Got 'layer'"),
    "loss": ({"loss": "hinge"}, "'loss' parameter .*'mse'.* Got 'hinge'"),
    "loss of a class": ({"loss": dict}, "loss=<class 'dict'>; a class must be derived from .*Mod"),
    "bce and residual": (
        {"loss": "bce", "residual": True},
        "loss='bce' needs outputs between 0 and 1, but residual=True .* Use residual=False, or",
    ),
    "optimizer": ({"optimizer": "lion"}, "'optimizer' parameter .*'adam'.* Got 'lion'"),
    "optimizer of a class": ({"optimizer": int}, "optimizer=<class 'int'>; a class must be derive"),
    "lr": ({"lr": 0}, "'lr' parameter .* Got 0 instead"),
    "lr_schedule": ({"lr_schedule": "step"}, "'lr_schedule' .*'cosine'.* Got 'step'"),
    "validation_fraction": ({"validation_fraction": 1.0}, "'validation_fraction' .* Got 1.0"),
    "callbacks": ({"callbacks": ["tea"]}, "callbacks holds 'tea'; expected skorch callbacks"),
    "device": ({"device": "abacus"}, "device='abacus' is not to be had here .* device='auto' or"),
    "random_state": ({"random_state": -1}, "'random_state' parameter .* Got -1 instead"),
    "noise": ({"noise": "gauss"}, "noise='gauss'; allowed are .*NoiseModel.*'gaussian'.*none"),
    "noise in a list": ({"noise": ["blur", "x"]}, "noise='x'; allowed are .*'gaussian'.*'none'"),
    "noise below zero": ({"noise": GaussianNoise(-0.1)}, r"GaussianNoise\(std=…\) is -0.1; expect"),
    "noise of an empty range": ({"noise": GaussianNoise((0.3, 0.1))}, r"is \(0.3, 0.1\); expected"),
    "noise above one": ({"noise": SaltAndPepperNoise(1.5)}, "amount=…. is 1.5; .* from 0 to 1"),
    "noise without photons": ({"noise": PoissonNoise(0)}, "is 0; a peak must be above 0"),
    "noise in a chain": (
        {"noise": NoiseChain([GaussianNoise(-1)])},
        r"GaussianNoise\(std=…\) is -1",
    ),
    "image_shape of another size": ({"image_shape": (4, 4)}, r"image_shape=\(4, 4.*have shape"),
    "image_shape of floats": ({"image_shape": (8.0, 8.0)}, r"image_shape=\(8.0.*positive integers"),
    "image_shape of one number": ({"image_shape": (8,)}, r"image_shape=\(8,\); expected \(H, W\)"),
    "channel_axis": ({"channel_axis": 2}, "'channel_axis' parameter .* Got 2 instead"),
    "data_range of a word": ({"data_range": "uint8"}, "'data_range' .*'auto'.* Got 'uint8'"),
    "data_range upside down": ({"data_range": (1, 0)}, r"data_range=\(1, 0\); .* low < high"),
    "data_range of three": ({"data_range": (0, 1, 2)}, r"data_range=\(0, 1, 2\); expected \(low"),
    "data_range without end": ({"data_range": (0, np.inf)}, r"data_range=\(0, inf\).* finite"),
    "data_range too small": ({"data_range": (0, 0.1)}, r"but the data range is 0 to 0.1"),
}
OPTION = pytest.mark.parametrize(("params", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)


@OPTION
def test_bad_options_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        small_cae(**params).fit(X)


@OPTION
def test_bad_options_leave_the_fitted_network_as_it_was(params, message):
    cae = small_cae().fit(X)
    expected = cae.predict(X)
    good = cae.get_params()
    with pytest.raises(ValueError, match=message):
        cae.set_params(**params).fit(X)
    np.testing.assert_array_equal(cae.predict(X), expected)
    assert_same_weights(cae.set_params(**good).fit(X), small_cae().fit(X))


def test_rows_of_another_length_than_image_shape_are_refused():
    message = r"image_shape=\(3, 3, 1\) means 9 features, but X has 64"
    with pytest.raises(ValueError, match=message):
        small_cae(image_shape=(3, 3)).fit(X.reshape(24, 64))


# --- no fit, no end


@pytest.mark.parametrize("method", [*METHODS, "inverse_transform"])
def test_an_unfitted_estimator_says_so(method):
    with pytest.raises(NotFittedError, match=r"This DenoisingCAE instance is not fitted yet. Call"):
        getattr(small_cae(), method)(X)


def test_an_unfitted_estimator_has_no_names_of_codes():
    with pytest.raises(NotFittedError, match=r"This DenoisingCAE instance is not fitted yet. Call"):
        small_cae().get_feature_names_out()


DIVERGING = {"optimizer": "sgd", "lr": 1e30, "normalization": None, "max_epochs": 5}


@pytest.mark.parametrize("loss", ["mse", "l1", "bce"])
def test_a_loss_that_diverges_is_an_error(loss):
    with pytest.raises(ValueError, match=r"training loss became (nan|inf) in epoch \d.*Lower lr"):
        small_cae(**DIVERGING, loss=loss).fit(X)


def test_a_loss_that_diverges_leaves_an_estimator_unfitted():
    cae = small_cae(**DIVERGING)
    before = vars(cae).copy()
    with pytest.raises(ValueError, match="Lower lr"):
        cae.fit(X)
    assert vars(cae) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_loss_that_diverges_leaves_a_fitted_network_as_it_was(method):
    cae = small_cae(normalization=None, warm_start=True).fit(X)
    expected = cae.predict(X)
    cae.set_params(**DIVERGING, noise=GaussianNoise(0.4))
    with pytest.raises(ValueError, match="Lower lr"):
        getattr(cae, method)(X)
    np.testing.assert_array_equal(cae.predict(X), expected)


class Interrupting(Callback):
    def on_batch_end(self, net, **kwargs):
        raise RuntimeError("interrupted")


def test_an_interrupted_fit_leaves_a_fitted_network_as_it_was():
    cae = small_cae().fit(X)
    expected, before = cae.predict(X), vars(cae).copy()
    cae.set_params(callbacks=[Interrupting()])
    with pytest.raises(RuntimeError, match="interrupted"):
        cae.fit(X[:, :4])
    np.testing.assert_array_equal(cae.predict(X), expected)
    assert vars(cae) == before | {"callbacks": cae.callbacks}


def test_an_interrupted_prediction_does_not_spoil_training(monkeypatch):
    cae = small_cae().fit(X)
    monkeypatch.setattr(cae.net_.module_, "forward", _interrupt)
    with pytest.raises(RuntimeError, match="interrupted") as raised:
        cae.predict(X)
    # As in a notebook, the traceback keeps the frames of the prediction alive.
    assert raised.tb
    assert not torch.is_inference_mode_enabled()


def _interrupt(*args):
    raise RuntimeError("interrupted")
