"""What a training does for a GPU, tried on the CPU."""

import itertools
import threading
from collections import UserList

import numpy as np
import pytest
import torch
from small import assert_same_weights, colour, gray, small_cae
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_cae import ResUNet
from sklearn_cae.images import ImageSource, learn_spec, read_sequence
from sklearn_cae.learning import (
    CorruptedImages,
    MaskedImages,
    NeighborImages,
    PatchedPictures,
    Patches,
    Pictures,
    RecorruptedImages,
)
from sklearn_cae.learning._resident import ResidentPatches, ResidentPictures, kept_on_gpu
from sklearn_cae.noise import NOISE_MODELS, _poisson
from sklearn_cae.training import _batches
from sklearn_cae.training._batches import made_ahead
from sklearn_cae.training._net import DenoisingNet

X = colour(24, 8, 8)
ROWS = np.array([5, 0, 23, 5])


# --- images in the memory of the device


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", ">f4"])
def test_images_on_the_device_make_the_same_batches(dtype):
    images = (255 * X).astype(dtype)
    data_range = learn_spec(ImageSource(images)).data_range
    stacks = (images, images[::-1])
    usual = Pictures(stacks).units(ROWS, None, data_range, "cpu")
    resident = ResidentPictures(stacks, data_range, "cpu").units(ROWS, None, data_range, "cpu")
    for one, other in zip(usual, resident, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_images_on_the_device_make_batches_on_the_cpu_too():
    usual = Pictures((X,)).units(ROWS, None, (0, 1), "cpu")
    resident = ResidentPictures((X,), (0, 1), "meta")
    assert resident.units(ROWS, None, (0, 1), "meta")[0].is_meta
    torch.testing.assert_close(resident.units(ROWS, None, (0, 1), "cpu"), usual)


LIST = [colour(1, *size)[0] for size in ((9, 14), (20, 8), (5, 30), (13, 13))]


@pytest.mark.parametrize("augment", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("of_one_size", [True, False])
def test_patches_cut_on_the_device_are_those_of_the_processor(of_one_size, dtype, augment):
    images = X if of_one_size else LIST
    images = [(255 * image).astype(dtype) for image in images]
    stack = np.stack(images) if of_one_size else images
    stacks, patches = (stack, [image[:, ::-1] for image in images]), Patches(7, augment=augment)
    rows = np.tile(np.arange(len(images)), 20)
    usual, resident = (
        pictures.units(rows, torch.Generator().manual_seed(0), (0, 255), "cpu")
        for pictures in (
            PatchedPictures(stacks, patches),
            ResidentPatches(stacks, patches, (0, 255), "cpu"),
        )
    )
    for one, other in zip(usual, resident, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_patches_of_images_on_the_device_are_cut_on_the_cpu_too():
    resident = ResidentPatches((LIST,), Patches(4), (0, 1), "meta")
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    assert resident.units(ROWS % 4, generators[0], (0, 1), "meta")[0].is_meta
    generators[0].manual_seed(0)
    torch.testing.assert_close(
        resident.units(ROWS % 4, generators[0], (0, 1), "cpu"),
        PatchedPictures((LIST,), Patches(4)).units(ROWS % 4, generators[1], (0, 1), "cpu"),
    )


@pytest.fixture
def free_memory(monkeypatch):
    """A CUDA device of which a test says how many bytes are free."""

    def set_free(n_bytes):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (n_bytes, 2 * n_bytes))

    return set_free


@pytest.mark.parametrize(
    ("dtype", "n_bytes"), [("uint8", X.size), ("float32", 4 * X.size), ("uint16", 4 * X.size)]
)
@pytest.mark.parametrize("patches", [None, Patches(4)])
def test_images_stay_on_the_device_if_half_of_its_memory_holds_them(
    patches, dtype, n_bytes, free_memory
):
    stacks = (X.astype(dtype),)
    pictures = Pictures(stacks) if patches is None else PatchedPictures(stacks, patches)
    free_memory(2 * n_bytes)
    assert kept_on_gpu(pictures, (0, 1), "cuda").resident
    free_memory(2 * n_bytes - 1)
    assert kept_on_gpu(pictures, (0, 1), "cuda") is None


def test_images_of_files_and_on_other_devices_do_not_stay_there(free_memory):
    free_memory(2**40)
    assert kept_on_gpu(Pictures((X,)), (0, 1), "cpu") is None
    of_files = read_sequence(UserList(X)).channels_last(3)
    assert kept_on_gpu(PatchedPictures((of_files,), Patches(4)), (0, 1), "cuda") is None
    central = PatchedPictures((X,), Patches(4)).to_validate(None)
    assert kept_on_gpu(central, (0, 1), "cuda") is None


@pytest.mark.parametrize("patches", [None, Patches(6)])
@pytest.mark.parametrize("target", ["clean", "neighbor"])
def test_a_training_on_resident_images_is_the_same(target, patches, monkeypatch):
    images = (255 * X).astype(np.uint8)
    network = ResUNet((4, 8), blocks=1)
    options = {"network": network, "target": target, "patches": patches, "max_epochs": 2}
    usual = small_cae(**options).fit(images)

    def keep(pictures, data_range, device):
        if patches is None:
            return ResidentPictures(pictures.stacks, data_range, device)
        return ResidentPatches(pictures.stacks, pictures.patches, data_range, device)

    monkeypatch.setattr("sklearn_cae.learning._targets.kept_on_gpu", keep)
    assert_same_weights(usual, small_cae(**options).fit(images))


# --- batches that are made ahead


def test_items_are_made_ahead_in_their_order():
    second_made = threading.Event()

    def make():
        yield 0
        second_made.set()
        yield from (1, 2)

    items = made_ahead(make())
    assert next(items) == 0
    assert second_made.wait(timeout=60)
    assert list(items) == [1, 2]


def test_an_error_of_what_is_made_ahead_is_raised_in_its_place():
    items = made_ahead(1 / (2 - i) for i in range(5))
    assert [next(items), next(items)] == [0.5, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_nothing_is_made_after_the_end_of_a_training():
    made = []
    items = made_ahead(made.append(i) or i for i in itertools.count())
    next(items)
    items.close()
    assert len(made) <= 1 + _batches.N_AHEAD


def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(_batches, "computes_apart", lambda device: True)
    monkeypatch.setattr(_batches, "is_cuda", lambda device: True)
    monkeypatch.setattr(DenoisingNet, "reads_each_step", False)


@pytest.mark.parametrize("patches", [None, Patches(8, per_image=2)], ids=["whole", "patches"])
def test_a_training_with_batches_made_ahead_is_reproducible(patches, monkeypatch):
    options = {"network": ResUNet((4, 8), blocks=1), "patches": patches, "max_epochs": 2}
    images = gray(16, 12, 12)
    usual = small_cae(**options).fit(images)
    as_on_a_gpu(monkeypatch)
    one, other = (small_cae(**options).fit(images) for _ in range(2))
    assert_same_weights(one, other)
    if patches is None:
        assert_same_weights(one, usual)


# --- numbers that are read


class Reads(TorchDispatchMode):
    """Counts what would wait for another device than the CPU."""

    waiting = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "_unique2")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        by_mask = name == "index" and any(
            one is not None and one.dtype in (torch.bool, torch.uint8) for one in args[1]
        )
        if name in self.waiting or by_mask:
            self.found.append(name)
        return function(*args, **kwargs or {})


def reads_in_steps(monkeypatch, **options):
    """What is read in the steps of a training, on what takes itself for a GPU."""
    as_on_a_gpu(monkeypatch)
    monkeypatch.setattr(_poisson, "_is_on_cpu", lambda rates: False)
    reads = Reads()
    steps = {name: getattr(DenoisingNet, name) for name in ("train_step", "validation_step")}
    for name, step in steps.items():

        def counted(self, batch, step=step, **params):
            with reads:
                return step(self, batch, **params)

        monkeypatch.setattr(DenoisingNet, name, counted)
    for kind in (CorruptedImages, MaskedImages, NeighborImages, RecorruptedImages):

        def made(self, units, generator, batch_of=kind.batch_of):
            with reads:
                return batch_of(self, units, generator)

        monkeypatch.setattr(kind, "batch_of", made)
    cae = small_cae(ResUNet((4, 8), blocks=1), max_epochs=2, **options).fit(X)
    return cae, reads.found


@pytest.mark.parametrize("noise", NOISE_MODELS)
def test_no_step_reads_a_number_whatever_the_noise(noise, monkeypatch):
    cae, found = reads_in_steps(monkeypatch, noise=noise)
    assert found == []
    assert np.isfinite(cae.history_["valid_psnr"]).all()


@pytest.mark.filterwarnings("ignore:noise=PoissonNoise")  # X has none.
@pytest.mark.parametrize(
    ("target", "noise"), [("neighbor", None), ("masked", None), ("recorrupted", "poisson")]
)
def test_no_step_reads_a_number_without_clean_images(target, noise, monkeypatch):
    _, found = reads_in_steps(monkeypatch, target=target, noise=noise)
    assert found == []


def test_a_number_that_is_read_is_found(monkeypatch):
    class Reading(torch.nn.L1Loss):
        def forward(self, output, target):
            return super().forward(output, target) * float(output.sum() > -1e9)

    _, found = reads_in_steps(monkeypatch, loss=Reading)
    assert "_local_scalar_dense" in found


def test_what_is_read_once_an_epoch_is_what_is_read_in_each_step(monkeypatch):
    usual = small_cae(max_epochs=2).fit(X)
    monkeypatch.setattr(DenoisingNet, "reads_each_step", False)
    late = small_cae(max_epochs=2).fit(X)
    for name in ("train_loss", "valid_loss", "valid_psnr", "noisy_psnr"):
        np.testing.assert_array_equal(usual.history_[name], late.history_[name], err_msg=name)


class LossInAnAxis(torch.nn.L1Loss):
    def forward(self, output, target):
        return super().forward(output, target).reshape(1)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_loss_of_one_number_may_have_an_axis(at_once, monkeypatch):
    monkeypatch.setattr(DenoisingNet, "reads_each_step", at_once)
    usual, in_axis = (small_cae(loss=loss).fit(X) for loss in ("l1", LossInAnAxis))
    for name in ("train_loss", "valid_loss", "valid_psnr"):
        np.testing.assert_array_equal(usual.history_[name], in_axis.history_[name], err_msg=name)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_training_that_diverges_is_an_error_on_a_gpu_too(loss, monkeypatch):
    monkeypatch.setattr(DenoisingNet, "reads_each_step", False)
    cae = small_cae(loss=loss, lr=1e30, optimizer="sgd", max_epochs=3)
    with pytest.raises(ValueError, match=r"(training loss became|Weights became).*Lower lr"):
        cae.fit(X)
    assert not hasattr(cae, "net_")
