"""Our own checks of every public estimator: what scikit-learn does not ask."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from inspect import CO_GENERATOR, signature
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from small import as_uint, colour, gray, small_autoencoder, small_cae, small_unet

import sklearn_cae
from sklearn_cae import (
    CAEOutlierDetector,
    ClassicalDenoiser,
    CodeDensity,
    CoresetNeighbors,
    GaussianNoise,
    LatentSampler,
    LayerFeatures,
    NoiseInjector,
    Patches,
    ResUNet,
)

X = gray()
NOISY = np.clip(X + np.random.default_rng(0).normal(0, 0.1, X.shape), 0, 1).astype(np.float32)
CODES = np.random.default_rng(0).normal(size=(30, 5))
# Methods whose results depend on what was fitted alone.
METHODS = ("predict", "transform", "feature_maps", "score_samples", "anomaly_map", "corrupt")


@dataclass
class Case:
    """An estimator, what it is fitted on, and other values for all of its parameters."""

    estimator: Any
    fit: tuple
    others: dict = field(default_factory=dict)

    @property
    def images(self):
        return self.fit[0]

    def results(self, estimator, X=None):
        """What a fitted estimator makes of images, by method."""
        X = self.images if X is None else X
        found = {name: getattr(estimator, name)(X) for name in METHODS if hasattr(estimator, name)}
        if hasattr(estimator, "sample"):
            found["sample"] = estimator.sample(3, random_state=0)
        # A fitted injector leaves images alone.
        return {name: np.asarray(result) for name, result in found.items()}


# Other values of the parameters that several estimators share.
LAYOUT = {"image_shape": (4, 16), "channel_axis": 1, "data_range": (0, 9)}
NETWORK = LAYOUT | {
    "network": small_autoencoder(latent_dim=2, normalization=None),
    "noise": "blur",
    "target": "neighbor",
    "loss": "l1",
    "patches": Patches(4),
    "optimizer": "sgd",
    "lr": 0.5,
    "lr_schedule": "constant",
    "batch_size": 2,
    "max_epochs": 7,
    "validation_fraction": 0.5,
    "early_stopping": True,
    "patience": 2,
    "callbacks": [],
    "device": "cpu:0",
    "for_codes": False,
    "precision": "bfloat16",
    "warm_start": True,
    "random_state": 5,
    "verbose": 1,
}
CASES = {
    "autoencoder": Case(small_cae(), (X,), NETWORK),
    "flat code, uint8 colours": Case(
        small_cae(small_autoencoder(latent_dim=3)), (as_uint(colour(), np.uint8),), NETWORK
    ),
    "residual U-Net, hidden pixels": Case(
        small_cae(ResUNet((4, 8), blocks=1), target="masked"), (NOISY,), NETWORK
    ),
    "patches": Case(small_cae(patches=Patches(8, per_image=2)), (X,), NETWORK),
    "U-Net, pairs": Case(small_cae(small_unet()), (NOISY, X), NETWORK),
    "detector": Case(
        CAEOutlierDetector(small_cae(), random_state=0),
        (X,),
        {
            "estimator": small_cae("unet"),
            "outlier_score": "reconstruction",
            "contrast_normalization": True,
            "contamination": 0.3,
            "calibration": 0.5,
            "random_state": 5,
        },
    ),
    "sampler": Case(
        LatentSampler(small_cae(), n_components=4, random_state=0),
        (X,),
        {"estimator": small_cae("unet"), "density": "x", "n_components": 2, "random_state": 5},
    ),
    "features of a layer": Case(
        LayerFeatures(small_cae(), "encoder.stages.1"),
        (X,),
        {"estimator": small_cae("unet"), "layer": "encoder.code", "pooling": None},
    ),
    # `when` says what transform does from now on: no result of fit.
    "injector": Case(
        NoiseInjector(GaussianNoise(0.1), random_state=0),
        (X,),
        LAYOUT | {"noise": "blur", "random_state": 5},
    ),
    "filter": Case(ClassicalDenoiser("median"), (NOISY, X), LAYOUT | {"filter": "wiener"}),
    "density": Case(CodeDensity(), (CODES,), {"bandwidth": 3.0, "normalize": True}),
    "coreset": Case(
        CoresetNeighbors(5, random_state=0),
        (CODES,),
        {"n_kept": 9, "n_neighbors": 2, "random_state": 5},
    ),
}
EVERY = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def case(name):
    return CASES[name]


@pytest.fixture(scope="module")
def all_fitted():
    return {name: clone(case.estimator).fit(*case.fit) for name, case in CASES.items()}


@pytest.fixture
def fitted(name, all_fitted):
    """A fitted estimator of its own for each test, at no cost of a training."""
    return pickle.loads(pickle.dumps(all_fitted[name]))


def assert_equal(results, others):
    assert results.keys() == others.keys()
    for name, result in results.items():
        np.testing.assert_array_equal(result, others[name], err_msg=name)


def public_estimators():
    return {
        value
        for value in vars(sklearn_cae).values()
        if isinstance(value, type) and hasattr(value, "fit")
    }


def test_every_public_estimator_is_here():
    assert {type(case.estimator) for case in CASES.values()} == public_estimators()


# --- a fit that fails or is interrupted


def broken(X):
    images = np.array(X, dtype=float)
    images.flat[7] = np.nan
    return images


@EVERY
def test_a_refused_fit_changes_nothing(case, fitted):
    before, results = vars(fitted).copy(), case.results(fitted)
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(broken(case.images), *case.fit[1:])
    assert vars(fitted) == before
    assert_equal(case.results(fitted), results)


@EVERY
def test_a_refused_fit_leaves_an_estimator_unfitted(case):
    estimator = clone(case.estimator)
    before = vars(estimator).copy()
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(broken(case.images), *case.fit[1:])
    assert vars(estimator) == before


class Interrupt:
    """Raises an error at a call of a function of the library, counted from the start."""

    def __init__(self, error, at):
        self.error, self.at, self.n_calls = error, at, 0

    def __enter__(self):
        sys.setprofile(self.profile)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)

    def profile(self, frame, event, argument):
        inside = frame.f_globals.get("__name__", "").startswith("sklearn_cae")
        # Python swallows what is raised in a generator that it throws away.
        if event == "call" and inside and not frame.f_code.co_flags & CO_GENERATOR:
            self.n_calls += 1
            if self.n_calls == self.at:
                raise self.error


def count_calls(case):
    # The first fit may fill caches.
    clone(case.estimator).fit(*case.fit)
    with Interrupt(None, at=-1) as counter:
        clone(case.estimator).fit(*case.fit)
    return counter.n_calls


@EVERY
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_fit_that_breaks_off_anywhere_changes_nothing(case, fitted, error):
    before, results = vars(fitted).copy(), case.results(fitted)
    n_calls = count_calls(case)
    # Not the last calls: there the new results may be in place, whole.
    for share in (0, 0.2, 0.5, 0.8, 0.95):
        with Interrupt(error, at=1 + int(share * (n_calls - 1))), pytest.raises(error):
            fitted.fit(*case.fit)
        assert vars(fitted) == before, share
    assert_equal(case.results(fitted), results)


# --- what may change nothing


@EVERY
def test_parameters_set_after_fit_change_no_result(case, fitted):
    results, parameters = case.results(fitted), fitted.get_params(deep=False)
    assert case.others.keys() | {"when"} >= parameters.keys()
    for name, value in case.others.items():
        fitted.set_params(**{name: value})
        assert_equal(case.results(fitted), results)
        fitted.set_params(**{name: parameters[name]})


@EVERY
def test_the_global_random_states_are_left_as_they_were(case):
    estimator = clone(case.estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=None)
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    case.results(estimator.fit(*case.fit))
    after = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1][1], after[1][1])
    assert before[1][2:] == after[1][2:]


@EVERY
def test_the_default_dtype_of_torch_does_not_matter(case, all_fitted, name):
    torch.set_default_dtype(torch.float64)
    try:
        results = case.results(clone(case.estimator).fit(*case.fit))
        opened = case.results(pickle.loads(pickle.dumps(all_fitted[name])))
    finally:
        torch.set_default_dtype(torch.float32)
    assert_equal(results, case.results(all_fitted[name]))
    assert_equal(opened, results)


SURROUNDINGS = {
    "autocast": lambda: torch.autocast("cpu"),
    "no gradients": torch.no_grad,
    "another device": lambda: torch.device("meta"),
    "numpy raises": lambda: np.errstate(all="raise"),
    "values are assumed finite": lambda: config_context(assume_finite=True),
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
@pytest.mark.parametrize("name", ["autoencoder", "U-Net, pairs", "detector", "injector", "filter"])
def test_what_surrounds_it_does_not_matter(case, all_fitted, name, surroundings):
    with surroundings():
        results = case.results(clone(case.estimator).fit(*case.fit))
    assert_equal(results, case.results(all_fitted[name]))


@EVERY
def test_arrays_are_read_only_to_it(case, all_fitted, name):
    arrays = [array.copy() for array in case.fit]
    for array in arrays:
        array.flags.writeable = False
    estimator = clone(case.estimator).fit(*arrays)
    assert_equal(case.results(estimator, arrays[0]), case.results(all_fitted[name]))


@EVERY
def test_arrays_are_left_as_they_were(case):
    arrays = [array.copy() for array in case.fit]
    case.results(clone(case.estimator).fit(*arrays), arrays[0])
    for array, before in zip(arrays, case.fit, strict=True):
        np.testing.assert_array_equal(array, before)


@EVERY
def test_results_are_the_same_from_eight_threads_at_once(case, fitted):
    expected = case.results(fitted)
    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(case.results, [fitted] * 24):
            assert_equal(results, expected)


# --- pickles


@EVERY
def test_a_pickle_gives_the_same_results(case, all_fitted, name):
    opened = pickle.loads(pickle.dumps(all_fitted[name]))
    assert_equal(case.results(opened), case.results(all_fitted[name]))


@EVERY
def test_a_file_gives_the_same_results(case, all_fitted, name, tmp_path):
    all_fitted[name].save(tmp_path / "kept.safetensors")
    opened = sklearn_cae.load(tmp_path / "kept.safetensors")
    assert repr(opened) == repr(all_fitted[name])
    assert_equal(case.results(opened), case.results(all_fitted[name]))


@EVERY
def test_a_pickle_of_another_version_is_told(fitted):
    state = fitted.__getstate__()
    assert state["_sklearn_cae_version"] == sklearn_cae.__version__
    opened = type(fitted).__new__(type(fitted))
    with pytest.warns(UserWarning, match="was pickled by sklearn_cae 0.0.1, and is opened by"):
        opened.__setstate__(state | {"_sklearn_cae_version": "0.0.1"})


@EVERY
def test_parameters_that_an_older_pickle_lacks_get_their_defaults(fitted):
    state = fitted.__getstate__()
    optional = [
        p.name for p in signature(type(fitted)).parameters.values() if p.default is not p.empty
    ]
    opened = type(fitted).__new__(type(fitted))
    opened.__setstate__({key: value for key, value in state.items() if key not in optional})
    assert repr(opened)
    assert opened.get_params(deep=False).keys() == fitted.get_params(deep=False).keys()
