"""What a fitted estimator leaves on disk, and what comes back."""

import io
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from small import (
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_encoder,
    small_unet,
)

from sklearn_cae import Autoencoder, GaussianNoise

X = gray()


def roundtrip(estimator):
    return pickle.loads(pickle.dumps(estimator))


class OriginRecorder(pickle.Unpickler):
    """Keeps the modules whose classes and functions a pickle names."""

    def __init__(self, file):
        super().__init__(file)
        self.modules = set()

    def find_class(self, module, name):
        self.modules.add(module.partition(".")[0])
        return super().find_class(module, name)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "sgd"])
def test_a_pickle_names_numpy_and_this_library_alone(optimizer):
    cae = small_cae(optimizer=optimizer, max_epochs=2, validation_fraction=0.25).fit(X)
    unpickler = OriginRecorder(io.BytesIO(pickle.dumps(cae)))
    unpickler.load()
    assert unpickler.modules == {"numpy", "sklearn_cae"}


def test_the_state_of_a_fitted_estimator_is_plain():
    cae = small_cae(max_epochs=2, validation_fraction=0.25, noise=GaussianNoise((0, 0.2))).fit(X)
    assert set(_kinds(cae.__getstate__())) <= {
        "NoneType",
        "bool",
        "dict",
        "float",
        "int",
        "list",
        "ndarray",
        "str",
        "tuple",
        # Parameters, and what became of them
        "Autoencoder",
        "ConvEncoder",
        "GaussianNoise",
        "ImageSpec",
        "NamedLoss",
    }


def _kinds(tree):
    yield type(tree).__name__
    if isinstance(tree, dict):
        tree = [*tree, *tree.values()]
    if isinstance(tree, (list, tuple)):
        for branch in tree:
            yield from _kinds(branch)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"network": small_autoencoder(latent_dim=3)},
        {"network": small_unet(normalization=None)},
        {"network": Autoencoder(small_encoder(downsampling="stride"), upsampling="transpose")},
        {"loss": torch.nn.SmoothL1Loss, "optimizer": torch.optim.RMSprop},
        {"optimizer": partial(torch.optim.SGD, momentum=0.9)},
    ],
    ids=str,
)
def test_every_network_comes_back_as_it_was(params):
    cae = small_cae(max_epochs=2, **params).fit(X)
    loaded = roundtrip(cae)
    assert_same_weights(loaded, cae)
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))


def test_the_history_comes_back():
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(X)
    loaded = roundtrip(cae)
    assert loaded.net_.history[:, "valid_loss"] == cae.net_.history[:, "valid_loss"]
    for name, curve in cae.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], curve)


@pytest.mark.parametrize(
    "optimizer", ["adam", "adamw", "sgd", partial(torch.optim.SGD, momentum=0.9)]
)
def test_training_goes_on_as_without_the_pickle(optimizer):
    cae = small_cae(optimizer=optimizer).fit(X)
    loaded = roundtrip(cae)
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


def test_training_without_a_seed_goes_on_as_without_the_pickle():
    cae = small_cae(random_state=None).fit(X)
    loaded = roundtrip(cae)
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


def test_a_warm_start_goes_on_as_without_the_pickle():
    cae = small_cae(warm_start=True).fit(X)
    loaded = roundtrip(cae)
    assert_same_weights(loaded.fit(X), cae.fit(X))


def test_training_the_copy_leaves_the_original_alone():
    cae = small_cae().fit(X)
    before = cae.predict(X)
    roundtrip(cae).partial_fit(X)
    np.testing.assert_array_equal(cae.predict(X), before)


def test_an_unfitted_estimator_comes_back_unfitted():
    assert not hasattr(roundtrip(small_cae()), "net_")


def test_parameters_changed_after_fit_do_not_spoil_the_pickle():
    changed = {"network": "unet", "optimizer": "sgd", "loss": "l1", "noise": "blur"}
    changed |= {"channel_axis": 1, "data_range": (0, 9), "image_shape": (2, 2)}
    cae = small_cae().fit(X)
    expected = cae.predict(X)
    loaded = roundtrip(cae.set_params(**changed))
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert {name: loaded.get_params()[name] for name in changed} == changed


def test_copies_do_not_share_weights():
    cae = small_cae().fit(X)
    loaded = roundtrip(cae)
    with torch.no_grad():
        next(loaded.net_.module_.parameters()).add_(1)
    assert not np.array_equal(loaded.predict(X), cae.predict(X))


def test_a_model_in_mapped_memory_predicts_and_goes_on(tmp_path):
    # As joblib hands large models to its workers.
    cae = small_cae().fit(X)
    joblib.dump(cae, tmp_path / "cae.joblib")
    loaded = joblib.load(tmp_path / "cae.joblib", mmap_mode="r")
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))
    assert_same_weights(loaded.partial_fit(X), cae.partial_fit(X))


def test_unpickling_leaves_the_global_random_state_as_it_was():
    stored = pickle.dumps(small_cae(random_state=None).fit(X))
    before = torch.get_rng_state()
    pickle.loads(stored)
    assert torch.equal(torch.get_rng_state(), before)


# --- devices


def missing_device():
    for name, there in (
        ("cuda", torch.cuda.is_available()),
        ("mps", torch.backends.mps.is_available()),
    ):
        if not there:
            return name
    pytest.skip("this machine has every device")


def test_a_model_of_a_device_that_is_not_here_opens_on_the_cpu_with_a_warning():
    device = missing_device()
    cae = small_cae(device="cpu").fit(X)
    stored = pickle.dumps(cae.set_params(device=device))
    with pytest.warns(UserWarning, match=f"device='{device}' is not available here.*is on the CPU"):
        loaded = pickle.loads(stored)
    np.testing.assert_array_equal(loaded.predict(X), cae.predict(X))


def test_training_on_a_device_that_is_not_here_is_refused():
    device = missing_device()
    with pytest.raises(ValueError, match=f"device='{device}' is not available here.*'auto' or"):
        small_cae(device=device).fit(X)


def test_an_automatic_device_opens_anywhere():
    cae = small_cae(device="auto").fit(X)
    assert roundtrip(cae).device == "auto"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_a_model_trained_on_cuda_predicts_the_same_on_the_cpu(dtype):
    images = (colour() * 255).astype(dtype) if np.issubdtype(dtype, np.integer) else colour()
    cae = small_cae(device="cuda").fit(images.astype(dtype))
    on_cuda = cae.predict(images.astype(dtype))
    on_cpu = roundtrip(cae.set_params(device="cpu")).predict(images.astype(dtype))
    # Other kernels, other rounding: one level of integers, 1e-4 of the range of floats.
    tolerance = 1 if np.issubdtype(dtype, np.integer) else 1e-4
    np.testing.assert_allclose(on_cpu.astype(float), on_cuda.astype(float), atol=tolerance)
