"""Files of others, damaged at random or made to harm: what reading them says, and what it takes."""

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from archives import python2_batch, python2_string, write_archive
from safetensors.torch import save_file
from small import gray, small_autoencoder, small_cae

from sklearn_cae import NoiseInjector, load, load_pairs, save_pairs
from sklearn_cae.callbacks import TrainingCheckpoint
from sklearn_cae.datasets._cifar import read_cifar10
from sklearn_cae.datasets._idx import read_idx
from sklearn_cae.networks import VGG16, read_vgg16_weights

# FUZZ is the number of tries of each test: more of them, in the night.
N_TRIES = int(os.environ.get("FUZZ", 60))
TEST_BATCH = "cifar-10-batches-py/test_batch"
X = gray(6)
MIB = 2**20


def idx(shape, values):
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(values)


def write_idx(path):
    path.write_bytes(gzip.compress(idx((3, 4, 5), range(60))))


def write_cifar(path):
    planes = np.random.default_rng(0).integers(0, 256, (2, 3072), dtype=np.uint8)
    write_archive(path, {TEST_BATCH: python2_batch(planes, [3, 4])})


def write_pairs(path):
    save_pairs(path, NoiseInjector(when="always", random_state=0).fit_transform(X))


def state_of_vgg16():
    return VGG16(1, generator=torch.Generator().manual_seed(0)).state_dict()


def write_checkpoints(path):
    small_cae(max_epochs=1, callbacks=[TrainingCheckpoint(path.parent)]).fit(X)
    path.with_name("epoch_000001.safetensors").rename(path)


def go_on(path):
    """The training that finds this checkpoint alone."""
    return small_cae(max_epochs=1, callbacks=[TrainingCheckpoint(path.parent)]).fit(X)


# A name of the file, what writes it, and what reads it.
READERS = {
    "idx": ("images.gz", write_idx, lambda path: read_idx(path, ndim=3)),
    "tar": ("cifar.tar.gz", write_cifar, lambda path: read_cifar10(path, split="test")),
    "npz": ("pairs.npz", write_pairs, load_pairs),
    "state dict": (
        "vgg16.pth",
        lambda path: torch.save(state_of_vgg16(), path),
        lambda path: read_vgg16_weights(path, 1),
    ),
    "safetensors": (
        "vgg16.safetensors",
        lambda path: save_file(state_of_vgg16(), path),
        lambda path: read_vgg16_weights(path, 1),
    ),
    "own file": (
        "kept.safetensors",
        lambda path: small_cae(small_autoencoder(latent_dim=2)).fit(X).save(path),
        load,
    ),
    "checkpoint": ("epoch_000001.safetensors", write_checkpoints, go_on),
}


@contextmanager
def memory_below(limit):
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit


def flip(content, rng):
    for place in rng.integers(len(content), size=rng.integers(1, 9)):
        content[place] ^= 1 << rng.integers(8)


def cut(content, rng):
    del content[rng.integers(len(content)) :]


def remove(content, rng):
    start = rng.integers(len(content))
    del content[start : start + rng.integers(1, 100)]


def repeat(content, rng):
    start = rng.integers(len(content))
    content[start:start] = content[start : start + rng.integers(1, 100)]


def overwrite(content, rng):
    start = rng.integers(len(content))
    length = len(content[start : start + rng.integers(1, 20)])
    content[start : start + length] = bytes([rng.choice([0, 255])]) * length


def append(content, rng):
    content += rng.bytes(rng.integers(1, 100))


DAMAGES = (flip, cut, remove, repeat, overwrite, append)


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_refused_by_name_or_read(tmp_path, reader):
    name, write, read = READERS[reader]
    path = tmp_path / name
    write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(N_TRIES):
        content = bytearray(whole)
        DAMAGES[rng.integers(len(DAMAGES))](content, rng)
        path.write_bytes(content)
        with memory_below(16 * MIB):
            try:
                read(path)
            except (ValueError, UnpicklingError) as error:
                assert path.name in str(error)  # noqa: PT017
                refused += 1
    assert refused > N_TRIES / 3


# --- files that say more than they hold, and hold more than they say


def gz_of_zeros(path, start):
    """A small file of which 256 MiB come."""
    with gzip.open(path, "wb") as file:
        file.write(start)
        for _ in range(256):
            file.write(bytes(MIB))


def npy_header(shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def idx_with_more_than_it_says(path):
    gz_of_zeros(path, idx((3, 4, 5), []))


def idx_that_says_too_much(path):
    path.write_bytes(gzip.compress(idx((2**32 - 1,) * 3, range(60))))


def idx_that_is_too_large(path):
    gz_of_zeros(path, idx((2**17, 2**12, 1), []))


def tar_with_a_large_batch(path):
    content = b"\x80\x02" + python2_string(bytes(256 * MIB)) + b"."
    write_archive(path, {TEST_BATCH: content})


def tar_with_a_string_that_ends_early(path):
    write_archive(path, {TEST_BATCH: b"\x80\x02T" + struct.pack("<i", 2**31 - 1) + b"few"})


def npz_that_says_too_much(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("noisy.npy", "clean.npy"):
            archive.writestr(name, npy_header((2**20, 2**10, 2**10)) + bytes(80))


def own_file_that_says_too_much(path):
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


BOMBS = [
    (idx_with_more_than_it_says, "idx"),
    (idx_that_says_too_much, "idx"),
    (idx_that_is_too_large, "idx"),
    (tar_with_a_large_batch, "tar"),
    (tar_with_a_string_that_ends_early, "tar"),
    (npz_that_says_too_much, "npz"),
    (own_file_that_says_too_much, "own file"),
    (own_file_that_says_too_much, "safetensors"),
]


@pytest.mark.parametrize(("write", "reader"), BOMBS)
def test_a_file_is_refused_before_it_fills_the_memory(tmp_path, write, reader):
    name, _, read = READERS[reader]
    path = tmp_path / name
    write(path)
    with memory_below(32 * MIB), pytest.raises((ValueError, UnpicklingError), match=name):
        read(path)


# --- links, and paths out of the folder


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_is_not_followed_out_of_it(tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(python2_batch(np.zeros((1, 3072), np.uint8), [0]))
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo(TEST_BATCH)
        member.type, member.linkname = kind, str(secret)
        archive.addfile(member)
    with pytest.raises(ValueError, match=r"a\.tar\.gz"):
        read_cifar10(tmp_path / "a.tar.gz", split="test")


def test_an_archive_with_paths_out_of_the_folder_writes_nothing(tmp_path):
    (tmp_path / "inner").mkdir()
    batch = python2_batch(np.zeros((1, 3072), np.uint8), [0])
    path = tmp_path / "inner" / "a.tar.gz"
    write_archive(path, {"../out": b"x", str(tmp_path / "absolute"): b"x", TEST_BATCH: batch})
    images, _ = read_cifar10(path, split="test")
    assert images.shape == (1, 32, 32, 3)
    assert sorted(os.listdir(tmp_path)) == ["inner"]
