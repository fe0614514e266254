"""Bad input: the promised error, arguments left alone, an estimator that is still usable.

Most errors come before any network is made, so that most tests train none.
"""

import copy
from functools import cache, partial

import numpy as np
import pytest
import scipy.sparse
import torch
from lazy import Slices
from skimage.io import imread_collection
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    ClassicalDenoiser,
    GaussianNoise,
    NoiseChain,
    NoiseInjector,
    PoissonNoise,
    SaltAndPepperNoise,
)

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
    "an empty list": (
        [],
        ValueError,
        "is an empty list: it holds no image. Give one array for each",
    ),
    "no pixels": (X[:, :0], ValueError, rf"has shape \(24, 0, 8\); expected are {LAYOUTS}"),
    "no channels": (np.zeros((4, 8, 8, 0)), ValueError, r"has shape \(4, 8, 8, 0\); expected are"),
    "no columns": (np.zeros((4, 0)), ValueError, r"0 feature\(s\) \(shape=\(4, 0\)\)"),
    "a number": (np.float64(0.5), ValueError, rf"got scalar array.*Expected are {LAYOUTS}"),
    "one row": (X[0, 0], ValueError, rf"got 1D array.*Expected are {LAYOUTS}"),
    "five dimensions": (X[None, None], ValueError, rf"shape \(1, 1, 24, 8, 8\).*are {LAYOUTS}"),
    "strings": (np.full((4, 4), "a"), ValueError, rf"could not convert string.*{NUMBERS}"),
    "objects": (np.full((4, 4), "a", object), ValueError, rf"could not convert string.*{NUMBERS}"),
    "dictionaries": (np.full((4, 4), {}, object), TypeError, rf"or a real number.*{NUMBERS}"),
    "complex numbers": (X + 1j, ValueError, r"Complex data not supported"),
    "sparse": (scipy.sparse.csr_array(X[:, 0]), TypeError, r"Sparse data.*\.toarray\(\)"),
    "a list of two dtypes": (
        [X[0], X[0, :4].astype(np.float64)],
        ValueError,
        "holds images of float32 and float64; a list holds one array for each image",
    ),
    "a list of two dtypes, of one size": (
        [X[0], as_uint(X, np.uint8)[1]],
        ValueError,
        "holds images of float32 and uint8; a list holds one array for each image",
    ),
    "a ragged list of lists": ([[0.1, 0.2], [0.3]], ValueError, RAGGED),
    "objects that are images": (np.array([X[0], X[0, :4]], object), ValueError, RAGGED),
    "nothing": (None, ValueError, rf"got scalar array.*Expected are {LAYOUTS}"),
}
BAD = pytest.mark.parametrize(("images", "error", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES)
METHODS = ["predict", "transform", "score", "score_samples", "feature_maps"]


@pytest.fixture(scope="module")
def fitted():
    return small_cae().fit(X)


def assert_unchanged(images, before):
    if scipy.sparse.issparse(images):
        assert (images != before).nnz == 0
    elif isinstance(images, np.ndarray) and images.dtype != object:
        np.testing.assert_array_equal(images, before)
    else:
        assert repr(images) == repr(before)


@BAD
def test_bad_images_are_refused_in_fit(images, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        small_cae().fit(images)


@BAD
def test_bad_images_are_refused_after_fit(fitted, images, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        fitted.predict(images)


@pytest.mark.parametrize("method", [*METHODS, "partial_fit", "fit_transform"])
def test_every_method_refuses_bad_images(fitted, method):
    before = vars(fitted).copy()
    with pytest.raises(ValueError, match="Input X contains NaN"):
        getattr(fitted, method)(with_value(np.nan))
    assert vars(fitted) == before


MIXED, _, IS_MIXED = BAD_IMAGES["a list of two dtypes, of one size"]


@pytest.mark.parametrize("method", [*METHODS, "partial_fit", "fit_transform"])
def test_every_method_refuses_a_list_of_two_dtypes(fitted, method):
    with pytest.raises(ValueError, match=f"X {IS_MIXED}"):
        getattr(fitted, method)(MIXED)


@pytest.mark.parametrize("target", ["neighbor", "masked", "recorrupted", "noisy"])
def test_noisy_images_of_two_dtypes_are_refused(target):
    with pytest.raises(ValueError, match=f"X {IS_MIXED}"):
        small_cae(small_unet(), target=target).fit(MIXED, MIXED if target == "noisy" else None)


@pytest.mark.parametrize("estimator", [NoiseInjector(), ClassicalDenoiser(), CAEOutlierDetector()])
def test_every_estimator_refuses_a_list_of_two_dtypes(estimator):
    with pytest.raises(ValueError, match=f"X {IS_MIXED}"):
        clone(estimator).fit(MIXED, MIXED)


@pytest.mark.parametrize("method", ["fit", "score"])
@pytest.mark.parametrize("images", [X[:2], Slices(X[:2])], ids=["in memory", "lazy"])
def test_clean_images_of_two_dtypes_are_refused(fitted, method, images):
    with pytest.raises(ValueError, match=f"y {IS_MIXED}"):
        getattr(clone(fitted) if method == "fit" else fitted, method)(images, MIXED)


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


# A row, and one dimension of objects, are labels; a table of another width too.
LABELS = {"one row", "nothing", "objects that are images", "no columns", "strings", "objects"}
LABELS |= {"dictionaries", "a number", "sparse", "a ragged list of lists", "an empty list"}
BAD_TARGETS = {name: row for name, row in BAD_IMAGES.items() if name not in LABELS}


@pytest.mark.parametrize(("y", "error", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_refused_by_their_name(y, error, message):
    with pytest.raises(error, match=f"(?s){message}") as raised:
        small_cae().fit(X, y)
    assert "y" in str(raised.value).split()


NOTHING = [[], (), np.zeros(0), np.zeros((0, 5)), imread_collection("no folder/*.png")]


@pytest.mark.parametrize("y", NOTHING, ids=lambda y: type(y).__name__)
@pytest.mark.parametrize("images", [X, list(X), Slices(X)], ids=["array", "list", "lazy"])
def test_clean_images_that_were_not_found_are_not_taken_for_labels(fitted, images, y):
    for method in (clone(fitted).fit, fitted.partial_fit, fitted.score):
        with pytest.raises(ValueError, match=r"y has 0 entries, but X has 24 image\(s\)"):
            method(images, y)


@pytest.mark.parametrize("target", ["neighbor", "masked", "recorrupted", "noisy"])
def test_no_targets_at_all_are_refused_with_noisy_images_too(target):
    with pytest.raises(ValueError, match=r"y has 0 entries, but .* leave y out"):
        small_cae(small_unet(), target=target).fit(X, [])


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_bad_targets_leave_a_fitted_estimator_as_it_was(fitted, method):
    before = vars(fitted).copy()
    with pytest.raises(ValueError, match="Input y contains NaN"):
        getattr(fitted, method)(X, with_value(np.nan))
    assert vars(fitted) == before


# --- images that do not fit to those of fit

UINT8, UINT16 = as_uint(X, np.uint8), as_uint(X, np.uint16)
NOISE = np.random.default_rng(0).normal(0, 0.1, X.shape)


def wrong_units(dtype, fitted_dtype, data_range):
    return (
        rf"X has dtype {dtype} and values from .* to .*, but the images of fit are {fitted_dtype} "
        rf"in the data range {data_range}. Convert X to these units first"
    )


# What was learned, by name
LEARNED = {
    "gray": X,
    "rows": X.reshape(24, 64),
    "colour": colour(),
    "uint8": UINT8,
    "uint16": UINT16,
    "0..255": (X - X.min()) * 255,
}
MISMATCHES = {
    "channels": (
        "colour",
        colour(n_channels=4),
        r"has 4 channel\(s\), but .* have 3. Axis 3.*transparency: X\[\.\.\., :3\]",
    ),
    "gray for colour": (
        "colour",
        X,
        r"has 1 channel\(s\), but the learned images have 3.*Repeat.*skimage\.color\.gray2rgb",
    ),
    "colour for gray": (
        "gray",
        colour(),
        r"has 3 channel\(s\), but the learned images have 1.*skimage\.color\.rgb2gray.*one cha",
    ),
    "features": ("rows", X[:, :7, :7].reshape(24, 49), "X has 49 features, but DenoisingCAE is"),
    "0..255 for 0..1": ("gray", X * 255, wrong_units("float32", "float32", "0 to 1")),
    "uint8 for 0..1": ("gray", UINT8, wrong_units("uint8", "float32", "0 to 1")),
    "0..1 for uint8": ("uint8", X, wrong_units("float32", "uint8", "0 to 255")),
    "0..1 with noise for uint8": (
        "uint8",
        X + NOISE,
        wrong_units("float64", "uint8", "0 to 255"),
    ),
    "standardised for uint8": (
        "uint8",
        (X - X.mean()) / X.std(),
        wrong_units("float32", "uint8", "0 to 255"),
    ),
    "0..1 for 0..255": ("0..255", X, wrong_units("float32", "float32", ".*")),
    "0..1 for uint16": ("uint16", X, wrong_units("float32", "uint16", ".* to 65535")),
    "uint8 for uint16": ("uint16", UINT8, wrong_units("uint8", "uint16", ".* to 65535")),
    "uint16 for uint8": ("uint8", UINT16, wrong_units("uint16", "uint8", "0 to 255")),
    "dark uint16 for uint8": (
        "uint8",
        UINT8.astype(np.uint16),
        wrong_units("uint16", "uint8", "0 to 255"),
    ),
}
MISMATCH = pytest.mark.parametrize(
    ("learned", "images", "message"), MISMATCHES.values(), ids=MISMATCHES
)


@cache
def fitted_on(learned):
    return small_cae().fit(LEARNED[learned])


@MISMATCH
@pytest.mark.parametrize("method", ["predict", "partial_fit"])
def test_images_that_do_not_fit_are_refused(method, learned, images, message):
    cae = fitted_on(learned)
    before, images_before = vars(cae).copy(), images.copy()
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(images)
    assert vars(cae) == before
    np.testing.assert_array_equal(images, images_before)


@pytest.mark.parametrize("name", ["gray for colour", "0..1 for uint8"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_refuses_images_that_do_not_fit(method, name):
    learned, images, message = MISMATCHES[name]
    with pytest.raises(ValueError, match=message):
        getattr(fitted_on(learned), method)(images)


def test_images_that_do_not_fit_are_learned_anew_in_fit():
    assert small_cae().fit(UINT8).fit(X).data_range_ == (0, 1)


RIGHT_UNITS = {
    "noise on 0..1": ("gray", X + 3 * NOISE),
    "heavy noise on 0..1": ("gray", X + 20 * NOISE),
    "dark 0..1": ("gray", X * 0.01),
    "black": ("uint8", np.zeros_like(UINT8)),
    "dark uint8": ("uint8", UINT8 // 100),
    "floats of uint8": ("uint8", UINT8 + 0.5),
    "noisy floats of uint8": ("uint8", UINT8 + 255 * NOISE),
    "whole floats of dark uint8": ("uint8", (UINT8 // 100).astype(float)),
    "brighter uint16": ("uint16", np.minimum(UINT16, 65000) + 500),
    "a hot pixel": ("gray", with_value(1e4)),
}


@pytest.mark.parametrize(("learned", "images"), RIGHT_UNITS.values(), ids=RIGHT_UNITS)
def test_images_in_the_right_units_are_taken(learned, images):
    assert np.isfinite(fitted_on(learned).predict(images)).all()


@pytest.mark.parametrize("noisy", [X * 255, UINT8], ids=["0..255", "uint8"])
def test_noisy_images_in_other_units_than_clean_ones_are_refused(noisy):
    message = r"X has dtype .*, but the clean images are float32 in the data range 0 to 1. Convert"
    with pytest.raises(ValueError, match=message):
        small_cae().fit(noisy, X)


def test_fit_does_not_speak_of_a_fitted_model():
    with pytest.raises(ValueError, match="but the clean images are") as raised:
        small_cae().fit(X, UINT8)
    assert "of fit" not in str(raised.value)


# --- one image instead of a batch, axes in another order

ONE = r"A single (gray )?image X is a batch as X\[np.newaxis\]"


@pytest.mark.parametrize(
    ("learned", "image", "message"),
    [
        ("gray", X[0], rf"X has shape \(8, 8\), but the images of fit had 3 dimensions. {ONE}"),
        ("colour", colour()[0], r"X\[np.newaxis\]"),
        ("gray", colour()[0], r"looks like a single colour image, which is a batch as X\[np.newa"),
        ("colour", X[0], rf"X has shape \(8, 8\), but the images of fit had 4 dimensions. {ONE}"),
    ],
)
def test_a_single_image_is_no_batch(learned, image, message):
    with pytest.raises(ValueError, match=message):
        fitted_on(learned).predict(image)


def test_a_single_colour_image_is_refused_in_fit():
    message = r"X of shape \(8, 9, 3\) looks like a single colour image.* X\[np.newaxis\]; gray im"
    with pytest.raises(ValueError, match=message):
        small_cae().fit(colour(1, 8, 9)[0])


def test_a_square_array_in_fit_may_be_a_single_gray_image():
    image = gray(1, 16, 16)[0]
    with pytest.warns(UserWarning, match=rf"is read as 16 rows, each an .* 4 x 4 pixels. {ONE}"):
        small_cae().fit(image)


@pytest.mark.parametrize("n_bands", [2, 4, 8, 13])
def test_channels_first_are_told_whatever_their_number(n_bands):
    images = colour(4, 16, 16, n_bands).transpose(0, 3, 1, 2)
    message = r"is read as 4 images with 16 channels. Images \(n, C, H, W\) need channel_axis=1"
    with pytest.warns(UserWarning, match=message):
        small_cae().fit(images)


def test_volumes_are_told():
    with pytest.warns(UserWarning, match="of volumes give the slices as images"):
        small_cae().fit(np.random.default_rng(0).random((3, 12, 16, 16)))


# --- options: those of a network or a loss are tested with these

BAD_OPTIONS = {
    "network of a name": ({"network": "resnet"}, "'network' parameter .*'unet'.* Got 'resnet'"),
    "network of a tuple": ({"network": (4, 8)}, r"'network' parameter .* Got \(4, 8\)"),
    "network with a wrong option": (
        {"network": small_autoencoder(latent_dim=0)},
        "'latent_dim' parameter of Autoencoder must be .* Got 0 instead",
    ),
    "network with a wrong encoder": (
        {"network": Autoencoder((4, 0))},
        r"'channels' parameter of ConvEncoder must hold a positive .* Got \(4, 0\)",
    ),
    "loss": ({"loss": "hinge"}, "'loss' parameter .*'mse'.* Got 'hinge'"),
    "loss of a class": (
        {"loss": dict},
        "loss=<class 'dict'> does not make a torch loss. Give a class",
    ),
    "bce without bounds": (
        {"loss": "bce", "network": small_unet()},
        "loss='bce' needs outputs between 0 and 1, but those of UNet.* have no bounds. Take anoth",
    ),
    "optimizer": ({"optimizer": "lion"}, "'optimizer' parameter .*'adam'.* Got 'lion'"),
    "optimizer of a class": ({"optimizer": int}, "optimizer=<class 'int'>; allowed are 'adam'"),
    "optimizer for other networks": (
        {"optimizer": torch.optim.LBFGS},
        "optimizer=.*LBFGS.* cannot train a convolutional network: .* Allowed are 'adam'",
    ),
    "loss that is no number": (
        {"loss": partial(torch.nn.MSELoss, reduction="none")},
        r"loss MSELoss\(\) gives a tensor of shape .*: take its mean",
    ),
    "device without values": ({"device": "meta"}, "device='meta' is not available here"),
    "lr": ({"lr": 0}, "'lr' parameter .* Got 0 instead"),
    "lr_schedule": ({"lr_schedule": "step"}, "'lr_schedule' .*'cosine'.* Got 'step'"),
    "max_epochs": ({"max_epochs": "many"}, "'max_epochs' parameter .*'auto'.* Got 'many'"),
    "validation_fraction": ({"validation_fraction": 1.0}, "'validation_fraction' .* Got 1.0"),
    "callbacks": ({"callbacks": ["tea"]}, "callbacks holds 'tea'; expected skorch callbacks"),
    "device": ({"device": "abacus"}, "device='abacus' is not available here .* device='auto' or"),
    "random_state": ({"random_state": -1}, "'random_state' parameter .* Got -1 instead"),
    "noise": ({"noise": "gauss"}, "noise='gauss'; allowed are .*NoiseModel.*'gaussian'.*none"),
    "noise in a list": ({"noise": ["blur", "x"]}, "noise='x'; allowed are .*'gaussian'.*'none'"),
    "noise below zero": ({"noise": GaussianNoise(-0.1)}, "is -0.1; expected a number from 0 to 1"),
    "noise in levels of uint8": ({"noise": GaussianNoise(25)}, r"is 25; .* is 25 / 255"),
    "noise above one": ({"noise": SaltAndPepperNoise(1.5)}, "is 1.5; expected"),
    "noise without photons": ({"noise": PoissonNoise(0)}, "is 0; a peak must be above 0"),
    "noise in a chain": ({"noise": NoiseChain([GaussianNoise(-1)])}, "is -1; expected"),
    "image_shape of another size": ({"image_shape": (4, 4)}, r"image_shape=\(4, 4.*have shape"),
    "image_shape of floats": ({"image_shape": (8.0, 8.0)}, r"image_shape=\(8.0.*positive integers"),
    "image_shape of one number": ({"image_shape": (8,)}, r"image_shape=\(8,\); expected \(H, W\)"),
    "channel_axis": ({"channel_axis": 2}, "'channel_axis' parameter .* Got 2 instead"),
    "data_range of a word": ({"data_range": "uint8"}, "'data_range' .*'auto'.* Got 'uint8'"),
    "data_range upside down": ({"data_range": (1, 0)}, r"data_range=\(1, 0\); .* low < high"),
    "data_range of three": ({"data_range": (0, 1, 2)}, r"data_range=\(0, 1, 2\); expected \(low"),
    "data_range without end": ({"data_range": (0, np.inf)}, r"data_range=\(0, inf\).* finite"),
    "data_range too small": ({"data_range": (0, 0.1)}, r"but the data range is 0 to 0.1"),
    "data_range too fine": ({"data_range": (0, 5e-324)}, r"which float32 cannot hold. Rescale"),
}
OPTION = pytest.mark.parametrize(("params", "message"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)


@OPTION
def test_bad_options_are_refused_and_leave_the_fitted_network_as_it_was(fitted, params, message):
    cae = copy.copy(fitted)
    fitted_before = vars(cae) | params
    with pytest.raises(ValueError, match=message):
        cae.set_params(**params).fit(X)
    assert vars(cae) == fitted_before


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


PLAIN = small_autoencoder(normalization=None)
DIVERGING = {"optimizer": "sgd", "lr": 1e30, "max_epochs": 5}


@pytest.mark.parametrize("loss", ["mse", "l1", "bce"])
def test_a_loss_that_diverges_is_an_error_and_leaves_the_estimator_unfitted(loss):
    cae = small_cae(PLAIN, **DIVERGING, loss=loss)
    before = vars(cae).copy()
    with pytest.raises(ValueError, match=r"training loss became (nan|inf) in epoch \d.*Lower lr"):
        cae.fit(X)
    assert vars(cae) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_loss_that_diverges_leaves_a_fitted_network_as_it_was(method):
    cae = small_cae(PLAIN, warm_start=True).fit(X)
    expected = cae.predict(X)
    cae.set_params(**DIVERGING, noise=GaussianNoise(0.4))
    with pytest.raises(ValueError, match="Lower lr"):
        getattr(cae, method)(X)
    np.testing.assert_array_equal(cae.predict(X), expected)


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
