"""A fitted network on arrays: batches, padding, limits, dtypes, passes."""

import numpy as np
import pytest
import torch
from sklearn.utils import validation
from skorch.callbacks import Callback
from small import as_uint, colour, gray, identity_cae, small_autoencoder, small_cae
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_cae import GaussianNoise, NoiseInjector
from sklearn_cae.images import _sources
from sklearn_cae.images._sources import measure

X = colour(24)


@pytest.fixture(scope="module")
def cae():
    return small_cae().fit(X)


@pytest.fixture
def passes(cae):
    """Sizes of the batches that the network has seen."""
    sizes = []
    module = cae.net_.module_
    handle = module.register_forward_hook(lambda module, args, output: sizes.append(len(args[0])))
    yield sizes
    handle.remove()


# --- batches


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [16]), (16, [16]), (17, [32]), (64, [64]), (65, [64] * 2)]
)
def test_images_are_denoised_in_batches_of_one_size(cae, passes, n, sizes):
    images = np.resize(X, (n, 8, 8, 3))
    assert cae.runner_.denoise(images).shape == images.shape
    assert passes == sizes


def test_predict_of_n_images_is_n_over_the_batch_passes(cae, passes):
    cae.predict(np.resize(X, (200, 8, 8, 3)))
    # 64 at a time, rounded up.
    assert len(passes) == 4


@pytest.mark.parametrize(("side", "size"), [(32, 64), (64, 16), (256, 1), (512, 1)])
def test_batches_of_larger_images_are_smaller(cae, passes, side, size):
    cae.predict(np.zeros((size + 1, side, side, 3), np.float32))
    assert passes == [size] * 2


def test_padding_leaves_no_trace(cae):
    every = cae.runner_.denoise(X)
    # 17 and 24 images share a size of batch.
    np.testing.assert_array_equal(cae.runner_.denoise(X[:17]), every[:17])


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("network", [None, small_autoencoder(latent_dim=3)], ids=str)
def test_few_images_are_denoised_as_among_many(network, n):
    cae = small_cae(network).fit(X)
    # The docs promise 1e-6 of the data range between batches of different sizes.
    np.testing.assert_allclose(
        cae.predict(X[:n]), cae.predict(np.resize(X, (64, 8, 8, 3)))[:n], rtol=0, atol=1e-6
    )


def test_no_gradients_are_recorded_and_none_are_left_off(cae):
    recorded = []

    def denoise(batch):
        output = cae.runner_.apply(batch)
        recorded.append(output.requires_grad)
        return output.numpy()

    cae.runner_.in_batches(cae.runner_.on_tensors(denoise), X)
    assert recorded == [False]
    assert not torch.is_inference_mode_enabled()


def test_results_take_the_shape_of_the_first(cae):
    means = cae.runner_.in_batches(lambda batch: batch.mean(axis=(1, 2)), X)
    np.testing.assert_array_equal(means, X.mean(axis=(1, 2)))


# --- what the network sees


def seen_by(cae, images):
    """What reaches the network of images, in units of the data range."""
    batches = []
    handle = cae.net_.module_.register_forward_hook(
        lambda module, args, output: batches.append(args[0])
    )
    cae.predict(images)
    handle.remove()
    return torch.cat(batches)[: len(images)]


def test_a_network_trained_within_limits_sees_nothing_beyond_them(cae):
    assert cae.limits_ == (0, 1)
    seen = seen_by(cae, X * 3 - 1)
    assert (seen.min(), seen.max()) == (0, 1)


def test_a_network_of_unclipped_noise_sees_all():
    cae = small_cae(noise=GaussianNoise(0.1, clip=False)).fit(X)
    assert cae.limits_ is None
    assert seen_by(cae, X * 3 - 1).max() > 1


def test_the_network_sees_float32_of_the_unit_range():
    levels = as_uint(X, np.uint8)
    seen = seen_by(small_cae().fit(levels), levels)
    assert seen.dtype == torch.float32
    # Rounding of float32.
    np.testing.assert_allclose(seen.numpy().transpose(0, 2, 3, 1), levels / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "beyond"), [(X, X * 3 - 1), (as_uint(X, np.uint8), X * 400 - 50)]
)
def test_results_keep_to_a_range_that_is_fixed(images, beyond):
    cae = identity_cae(images)
    np.testing.assert_allclose(
        cae.predict(beyond), beyond.clip(*cae.data_range_), atol=1e-6 * cae.data_range_[1]
    )


def test_what_lies_beyond_a_range_that_was_learned_comes_back():
    images = X * 300 - 100
    cae = identity_cae(images)
    hot = images.copy()
    hot[0, 0, 0] = 1e5
    # Rounding of float32 at 1e5.
    np.testing.assert_allclose(cae.predict(hot), hot, atol=0.01)


# --- codes, scores and layers


def test_scores_are_those_of_the_denoised_images(cae):
    expected = -np.square(cae.predict(X) - X, dtype=np.float64).mean(axis=(1, 2, 3))
    # Differences of float32.
    np.testing.assert_allclose(cae.runner_.score(X), expected, rtol=1e-5)


def test_codes_decode_in_batches_as_one_by_one(cae):
    codes = cae.runner_.encode(np.resize(X, (70, 8, 8, 3)))
    one = cae.runner_.decode(codes[:3])
    np.testing.assert_allclose(one, cae.runner_.decode(codes)[:3], atol=1e-6)


def test_layers_are_arrays_with_the_channels_first(cae):
    assert cae.runner_.layer(X, "encoder.stages.1").shape == (24, 8, 4, 4)


# --- devices that have no float64


class Float64Recorder(TorchDispatchMode):
    """Keeps the names of operations that make a float64 tensor of none that was brought to the CPU.

    Without a device that lacks float64, what :meth:`torch.Tensor.cpu` gives stands for the CPU, and
    everything else for the device.
    """

    def __init__(self, monkeypatch):
        super().__init__()
        self.names = set()
        self.on_host = []
        bring = torch.Tensor.cpu

        def cpu(tensor):
            self.on_host.append(bring(tensor).clone())
            return self.on_host[-1]

        monkeypatch.setattr(torch.Tensor, "cpu", cpu)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            if any(tensor is one for tensor in args for one in self.on_host):
                self.on_host.append(result)
            else:
                self.names.add(function.__name__)
        return result


IMAGES = [gray(), gray().astype(float), as_uint(gray(), np.uint16)]
BY_DTYPE = pytest.mark.parametrize("images", IMAGES, ids=lambda images: f"{images.dtype}")


@BY_DTYPE
@pytest.mark.parametrize("method", ["predict", "transform", "score_samples", "partial_fit"])
def test_no_float64_tensor_is_made_on_the_device(monkeypatch, images, method):
    cae = small_cae().fit(images)
    with Float64Recorder(monkeypatch) as recorder:
        getattr(cae, method)(images)
    assert recorder.names == set()


@BY_DTYPE
# A blur makes its kernel in float64 on the CPU, whatever the device.
@pytest.mark.parametrize("noise", ["gaussian", "poisson", "speckle", "salt_and_pepper"])
def test_no_float64_tensor_is_made_by_noise(monkeypatch, images, noise):
    NoiseInjector(noise, random_state=0).fit_transform(images)  # a table is made once, on the CPU
    with Float64Recorder(monkeypatch) as recorder:
        NoiseInjector(noise, random_state=0).fit_transform(images)
    assert recorder.names == set()


def test_a_float64_tensor_on_the_device_is_found(monkeypatch):
    with Float64Recorder(monkeypatch) as recorder:
        (torch.zeros(3) + 1).cpu().double().square()
        assert recorder.names == set()
        torch.zeros(3).double()
    assert recorder.names


# --- passes over the values


@pytest.fixture
def scans(monkeypatch):
    """Sizes of the arrays whose values are looked at; scikit-learn must look at none of them."""
    sizes = []

    def counted(arrays, name="X"):
        sizes.append(sum(array.size for array in arrays))
        return measure(arrays, name)

    def refused(X, *args, **kwargs):
        assert X.size < gray().size, "scikit-learn scans the images"

    monkeypatch.setattr(_sources, "measure", counted)
    monkeypatch.setattr(validation, "_assert_all_finite", refused)
    return sizes


class BeforeTheFirstStep(Callback):
    def __init__(self, scans):
        self.scans = scans

    def on_train_begin(self, net, **kwargs):
        self.n_scans = len(self.scans)


def test_fit_makes_one_pass_before_the_first_step(scans):
    images, callback = gray(), BeforeTheFirstStep(scans)
    small_cae(callbacks=[callback]).fit(images)
    assert callback.n_scans == 1
    assert scans == [images.size]


def test_fit_of_pairs_makes_one_pass_over_each(scans):
    images = gray()
    small_cae().fit(images * 0.9, images)
    assert scans == [images.size] * 2


@pytest.mark.parametrize("method", ["predict", "transform", "score_samples", "feature_maps"])
def test_results_make_one_pass(scans, method):
    cae = small_cae().fit(gray())
    scans.clear()
    getattr(cae, method)(gray())
    assert scans == [gray().size]
