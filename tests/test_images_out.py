"""Results that are written block by block."""

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from lazy import make_blocks_small
from small import as_uint, gray

from sklearn_cae.images import BlockWriter, check_out
from sklearn_cae.images._blocks import rows_in_block

X = as_uint(gray(50), np.uint8)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    make_blocks_small(monkeypatch)


class Store:
    """What is written by slices; it keeps which."""

    def __init__(self, shape=X.shape, dtype=np.uint8, fails_from=None):
        self.images = np.zeros(shape, dtype)
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.written = []
        self.fails_from = fails_from

    def __setitem__(self, rows, images):
        if self.fails_from is not None and rows.start >= self.fails_from:
            raise OSError("the disk is full")
        self.written.append((rows.start, rows.stop))
        self.images[rows] = images


def write(store, step, **options):
    writer = BlockWriter(store, X.shape, X.dtype, **options)
    for start in range(0, 50, step):
        writer[slice(start, start + step)] = X[start : start + step]
    writer.flush()


@pytest.mark.parametrize("step", [1, 3, 8, 20, 50])
def test_each_block_is_written_once_and_whole(step):
    store = Store()
    write(store, step)
    np.testing.assert_array_equal(store.images, X)
    assert store.written == [(start, min(start + 8, 50)) for start in range(0, 50, 8)]


def test_blocks_end_where_chunks_do():
    store = Store()
    store.chunks = (12, 8, 8)
    write(store, 5)
    assert store.written == [(0, 12), (12, 24), (24, 36), (36, 48), (48, 50)]


def test_blocks_end_where_shards_do():
    store = Store()
    store.chunks, store.shards = (4, 8, 8), (12, 8, 8)
    write(store, 5)
    assert store.written == [(0, 12), (12, 24), (24, 36), (36, 48), (48, 50)]


@pytest.mark.parametrize(("chunk", "step"), [(30, 30), (40, 32)])
def test_chunks_of_up_to_a_window_of_32_images_are_written_whole(chunk, step):
    store = Store()
    store.chunks = (chunk, 8, 8)
    write(store, 5)
    assert store.written == [(start, min(start + step, 50)) for start in range(0, 50, step)]


@pytest.mark.skipif(zarr.__version__ < "3", reason="zarr 2 has no shards")
def test_shards_of_zarr_are_written_whole_and_read_in_chunks(tmp_path):
    size = {"shape": X.shape, "dtype": X.dtype, "chunks": (4, 8, 8), "shards": (12, 8, 8)}
    out = zarr.create_array(str(tmp_path / "out.zarr"), **size)
    assert rows_in_block(out, 64, written=True) == 12
    assert rows_in_block(out, 64) == 8
    write(out, 5)
    np.testing.assert_array_equal(out[:], X)


def test_tiles_of_an_image_are_put_together():
    store = Store()
    writer = BlockWriter(store, X.shape, X.dtype)
    for row in range(50):
        for top in (0, 4):
            part = slice(row, row + 1), slice(top, top + 4), slice(0, 8)
            writer[part] = X[part]
    writer.flush()
    np.testing.assert_array_equal(store.images, X)


def test_blocks_are_brought_to_the_layout_of_what_they_are_written_into():
    store = Store((50, 64))
    write(store, 8, to_layout=lambda block: block.reshape(len(block), 64))
    np.testing.assert_array_equal(store.images, X.reshape(50, 64))


def test_a_block_that_cannot_be_written_is_named():
    store = Store(fails_from=16)
    with pytest.raises(ValueError, match=r"out\[16:24\] cannot be written: OSError: the disk is"):
        write(store, 8)
    np.testing.assert_array_equal(store.images[:16], X[:16])


READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False
REFUSED = {
    "another shape": (X[1:], r"out has shape \(49, 8, 8\) and dtype uint8, but the results have"),
    "another dtype": (X.astype(np.float32), "dtype float32, but .* and dtype uint8"),
    "a list": (X.tolist(), "out is a list; out is an array that can be written"),
    "a tensor": (torch.zeros(50, 8, 8), "out is a Tensor"),
    "a frame": (pd.DataFrame(X[0]), "out is a DataFrame"),
    "a number": (np.uint8(3), "out is a uint8"),
    "an array that is read-only": (READ_ONLY, "out cannot be written, as it is read-only"),
}


@pytest.mark.parametrize(("out", "message"), REFUSED.values(), ids=REFUSED)
def test_what_results_do_not_fit_is_refused(out, message):
    with pytest.raises(ValueError, match=message):
        check_out(out, X.shape, X.dtype)


@pytest.mark.parametrize("out", [X.copy(), Store(), np.zeros(X.shape, ">u2").view(">u2")])
def test_what_they_fit_is_taken(out):
    check_out(out, X.shape, out.dtype.newbyteorder("="))


@pytest.mark.parametrize("dtype", ["uint8", np.uint8])
@pytest.mark.parametrize("shape", [X.shape, list(X.shape)], ids=["a tuple", "a list"])
def test_shape_and_dtype_may_be_told_in_any_way_of_numpy(shape, dtype):
    store = Store()
    store.shape, store.dtype = shape, dtype
    check_out(store, X.shape, X.dtype)
    with pytest.raises(ValueError, match=r"and dtype uint8, but .* dtype float32"):
        check_out(store, X.shape, np.float32)
