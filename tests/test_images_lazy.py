"""Images that are read when they are needed: what is one, blocks, order and checks."""

import mmap

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from lazy import KINDS, Slices, make_blocks_small, memory_map
from small import as_uint, gray

from sklearn_cae.images import (
    ImageSource,
    LazyImages,
    chunks,
    is_lazy,
    lazy_images,
    learn_spec,
    read_images,
    selected,
    spec_of_range,
    to_channels_last,
    windowed,
)

# 50 images in seven blocks of eight.
X = as_uint(gray(50), np.uint8)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    make_blocks_small(monkeypatch)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_arrays_that_are_not_in_memory_are_lazy(kind, tmp_path):
    assert is_lazy(kind(X, tmp_path))


TOLD = {
    "a name": (X.shape, "uint8"),
    "a type": (X.shape, np.uint8),
    "a list": (list(X.shape), X.dtype),
    "an array": (np.array(X.shape), X.dtype),
}


@pytest.mark.parametrize(("shape", "dtype"), TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("has_length", [False, True])
def test_shape_and_dtype_may_be_told_in_any_way_of_numpy(shape, dtype, has_length):
    array = (Counted if has_length else Slices)(X)
    array.shape, array.dtype = shape, dtype
    source = read_images(array, lazy=True)
    assert isinstance(source.pixels, LazyImages)
    assert (source.shape, source.dtype) == (X.shape, X.dtype)
    np.testing.assert_array_equal(source.pixels[:], X)
    np.testing.assert_array_equal(read_images(array).pixels, X)


class Counted(Slices):
    def __len__(self):
        return len(self.images)


def test_a_dtype_that_is_told_by_a_type_and_not_kept_is_named():
    array = Slices(X)
    array.dtype = np.float32
    with pytest.raises(ValueError, match="has dtype uint8, but X says float32"):
        read_images(array, lazy=True)


IN_MEMORY = {
    "an array": X,
    "a list": X.tolist(),
    "a list of images": list(X),
    "a tensor": torch.zeros(3, 4, 5),
    "a frame": pd.DataFrame(X[0]),
    "a frame with a column of a telling name": pd.DataFrame({"dtype": [1, 2]}),
    "a series": pd.Series([1.0, 2.0]),
    "a sparse matrix": scipy.sparse.csr_matrix(X[0]),
    "a number": np.float64(3),
    "nothing": None,
}


@pytest.mark.parametrize("images", IN_MEMORY.values(), ids=IN_MEMORY)
def test_all_else_is_not(images):
    assert not is_lazy(images)


def test_labels_on_disk_are_not(tmp_path):
    assert not is_lazy(memory_map(np.arange(50), tmp_path))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_images_are_those_of_the_array(kind, tmp_path):
    images = lazy_images(kind(X, tmp_path))
    assert (images.shape, images.ndim, images.dtype, len(images)) == (X.shape, 3, X.dtype, 50)
    rows = np.array([49, 3, 8, 3])
    np.testing.assert_array_equal(images[5:30], X[5:30])
    np.testing.assert_array_equal(images[4], X[4])
    np.testing.assert_array_equal(images[rows], X[rows])


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3, 3),
        slice(40, 99),
        slice(2, 40, 7),
        -1,
        np.int64(7),
        (slice(6, 20), slice(1, 3), slice(2, None)),
        (3, slice(1, 3)),
        (np.array([9, 1]), slice(None), 2),
    ],
)
def test_images_are_selected_as_of_an_array(index):
    images = lazy_images(Slices(X))
    np.testing.assert_array_equal(images[index], X[index])
    some = np.arange(1, 50, 3)
    if not isinstance(index, (int, np.integer)):
        np.testing.assert_array_equal(images.selected(some)[index], X[some][index])


def test_there_is_no_image_beyond_the_last():
    with pytest.raises(IndexError):
        lazy_images(Slices(X))[50]


LAYOUTS = {
    "rows": (X.reshape(50, 64), (8, 8), 3),
    "rows of colour, channels first": (X[:48].reshape(16, 192), (8, 8, 3), 1),
    "gray": (X, None, 3),
    "channels last": (X[..., np.newaxis], None, 3),
    "channels first": (X[:, np.newaxis], None, 1),
}


@pytest.mark.parametrize(("array", "shape", "axis"), LAYOUTS.values(), ids=LAYOUTS)
def test_channels_are_brought_last_as_in_memory(array, shape, axis):
    spec = learn_spec(ImageSource(array), image_shape=shape, channel_axis=axis)
    expected = to_channels_last(ImageSource(array), spec)
    images = to_channels_last(read_images(Slices(array), lazy=True), spec)
    assert isinstance(images, LazyImages)
    assert images.shape == expected.shape
    np.testing.assert_array_equal(images[3:13], expected[3:13])


@pytest.mark.parametrize("dtype", [bool, np.float16, ">u2", ">f4", np.int64])
def test_dtypes_become_those_of_arrays_in_memory(dtype):
    array = (X > 100).astype(dtype)
    images, expected = read_images(Slices(array), lazy=True), read_images(array)
    assert images.dtype == expected.dtype
    np.testing.assert_array_equal(images.pixels[:], expected.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_values_are_measured_as_in_memory(dtype):
    array = X.astype(dtype)
    lazy = read_images(Slices(array), lazy=True)
    assert lazy.measures == ImageSource(array).measures


def test_measuring_reads_each_image_once_in_aligned_blocks():
    array = Slices(X)
    read_images(array, lazy=True)
    assert array.reads == [(start, min(start + 8, 50)) for start in range(0, 50, 8)]


@pytest.mark.parametrize(
    ("chunk", "step"),
    # Several chunks make a block, a larger chunk is one, a quarter of a window at most; here 16.
    [(3, 6), (8, 8), (12, 12), (40, 16)],
)
@pytest.mark.parametrize("of_dask", [False, True])
def test_blocks_end_where_chunks_do(chunk, step, of_dask):
    chunks_of_rows = (chunk, chunk, 1) if of_dask else chunk
    array = Slices(X, chunks=(chunks_of_rows, 8, 8))
    assert [rows.stop for rows in chunks(lazy_images(array))] == [*range(step, 50, step), 50]


def test_batches_in_order_read_each_block_once():
    array = Slices(X)
    images = lazy_images(array)
    for start in range(0, 50, 3):
        images[start : start + 3]
    assert array.n_read == 50


# --- order


def shuffled(images, seed=0, **options):
    rows = np.arange(len(images))
    return images.shuffled(rows, np.random.default_rng(seed), **options)


def in_window(array):
    (images,) = windowed((lazy_images(array),))
    return images


def test_all_numbers_come_once():
    assert sorted(shuffled(in_window(Slices(X)))) == list(range(50))


def test_the_order_is_that_of_its_seed():
    images = in_window(Slices(X))
    np.testing.assert_array_equal(shuffled(images, 1), shuffled(images, 1))
    assert not np.array_equal(shuffled(images, 1), shuffled(images, 2))


def test_a_window_of_blocks_is_shuffled_before_the_next():
    blocks = shuffled(in_window(Slices(X[:48]))) // 8
    first, second = blocks[:32], blocks[32:]
    assert len(set(first)) == 4
    assert len(set(second)) == 2
    assert set(first).isdisjoint(second)
    # Not block after block, and not the first blocks first.
    assert (np.diff(first) != 0).sum() > 10
    assert set(first) != {0, 1, 2, 3}


def test_images_of_one_window_have_the_order_of_an_array_in_memory():
    images = in_window(Slices(X[:32]))
    expected = np.random.default_rng(0).permutation(32)
    np.testing.assert_array_equal(shuffled(images), expected)
    np.testing.assert_array_equal(shuffled(images, by_block=True), expected)


def test_by_block_a_block_comes_after_the_other():
    blocks = shuffled(in_window(Slices(X[:48])), by_block=True) // 8
    assert (np.diff(blocks) != 0).sum() == 5


@pytest.mark.parametrize("batch_size", [1, 5, 20])
def test_batches_in_that_order_read_each_block_once(batch_size):
    array = Slices(X)
    images = in_window(array)
    order = shuffled(images)
    for start in range(0, 50, batch_size):
        rows = order[start : start + batch_size]
        np.testing.assert_array_equal(images[rows], X[rows])
    assert array.n_read == 50


def test_numbers_that_come_several_times_stay_in_their_window():
    array = Slices(X)
    images = in_window(array)
    rows = images.shuffled(np.arange(50).repeat(3), np.random.default_rng(0))
    for row in rows:
        images[row]
    assert array.n_read == 50
    assert (np.bincount(rows) == 3).all()


def test_some_images_of_an_array_are_shuffled_by_the_blocks_of_the_array():
    array, some = Slices(X[:48]), np.arange(0, 48, 2)
    (images,) = windowed((lazy_images(array).selected(some),))
    order = shuffled(images)
    assert len(set(some[order[:16]] // 8)) == 4
    for row in order:
        np.testing.assert_array_equal(images[row], X[some[row]])
    assert array.n_read == 48


def test_images_that_belong_together_have_the_same_blocks():
    noisy, clean = Slices(X, chunks=(16, 8, 8)), Slices(X.astype(np.float32))
    stacks = windowed((lazy_images(noisy), lazy_images(clean), X))
    assert [stack.blocks.n_rows for stack in stacks[:2]] == [16, 16]
    assert stacks[2] is X


def test_a_window_is_shared_by_those_that_belong_together():
    alone, (first, _) = in_window(Slices(X)), windowed((lazy_images(Slices(X)),) * 2)
    assert (alone.blocks.n_kept, first.blocks.n_kept) == (4, 2)


def test_selected_images_in_memory_are_an_array():
    np.testing.assert_array_equal(selected(X, np.array([3, 4])), X[3:5])


# --- bad input


class Wrong(Slices):
    """Another array from a row on."""

    def __init__(self, change, start=16):
        super().__init__(X)
        self.change = change
        self.start = start

    def __getitem__(self, rows):
        images = super().__getitem__(rows)
        return self.change(images) if rows.start >= self.start else images


def fail(images):
    raise OSError("the disk is gone")


BAD = {
    "of another size": (
        lambda images: images[:, :5],
        r"X\[16:24\] has shape \(8, 5, 8\), but .* \(50, 8, 8\), so \(8, 8, 8\) is expected",
    ),
    "that end early": (lambda images: images[:3], r"X\[16:24\] has shape \(3, 8, 8\).* ends early"),
    "of another dtype": (
        lambda images: images.astype(np.float32),
        r"X\[16:24\] has dtype float32, but X says uint8",
    ),
    "that raise": (fail, r"X\[16:24\] cannot be read: OSError: the disk is gone"),
    "of nothing": (lambda images: None, r"X\[16:24\] has shape \(\)"),
    "with masked values": (
        lambda images: np.ma.masked_array(images, mask=images > images.mean()),
        r"X\[16:24\] is a masked array, with \d+ masked value.*Fill them first \(numpy.ma.filled",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_slices_that_are_wrong_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        read_images(Wrong(change), lazy=True)


def test_slices_that_could_be_masked_are_images():
    images = read_images(Wrong(np.ma.masked_array), lazy=True).pixels[10:30]
    assert type(images) is np.ndarray
    np.testing.assert_array_equal(images, X[10:30])


@pytest.mark.parametrize("lazy", [False, True])
def test_masked_values_are_refused_by_block_and_at_once(lazy):
    with pytest.raises(ValueError, match=r"masked array, with \d+ masked value"):
        read_images(Slices(np.ma.masked_array(X, mask=X > 100)), lazy=lazy)


def test_what_went_wrong_is_the_cause():
    with pytest.raises(ValueError, match="cannot be read") as caught:
        read_images(Wrong(fail), lazy=True)
    assert isinstance(caught.value.__cause__, OSError)


def test_values_that_are_no_numbers_are_refused():
    array = X.astype(np.float32)
    array[40, 3, 4] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        read_images(Slices(array), lazy=True)


def with_shape(shape):
    array = Slices(X)
    array.shape = shape
    return array


def test_shapes_that_are_not_known_are_refused():
    with pytest.raises(ValueError, match=r"X has shape \(nan, 8, 8\), which is not known"):
        read_images(with_shape((float("nan"), 8, 8)), lazy=True)


@pytest.mark.parametrize("shape", [(0, 8, 8), (3, 0, 8), (3, 2, 2, 2, 2)])
def test_shapes_of_no_images_are_refused_as_in_memory(shape):
    array = Slices(np.zeros(shape))
    with pytest.raises(ValueError, match="X") as lazy:
        read_images(array, lazy=True)
    with pytest.raises(ValueError, match="X") as in_memory:
        read_images(np.zeros(shape))
    assert str(lazy.value) == str(in_memory.value)
    assert array.reads == []


@pytest.mark.parametrize("dtype", [complex, "S3"])
def test_dtypes_of_no_images_are_refused_as_in_memory(dtype):
    with pytest.raises(ValueError, match="X cannot be read as images"):
        read_images(Slices(X.astype(dtype)), lazy=True)


def test_a_fit_on_other_channels_is_told_before_the_next_pass():
    source = read_images(Slices(X), lazy=True)
    with pytest.raises(ValueError, match=r"has 1 channel\(s\)"):
        to_channels_last(source, spec_of_range(8, 3, (0, 255)))


# --- mapped files


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="pages stay on this system")
def test_changes_in_the_pages_alone_are_kept(tmp_path):
    memory_map(X, tmp_path)
    array = np.load(tmp_path / "images.npy", mmap_mode="c")
    array[40] = 7
    images = lazy_images(array)
    for rows in images.slices():
        images[rows]
    assert (images[40] == 7).all()
    assert (array[40] == 7).all()


def test_changes_of_the_file_are_kept(tmp_path):
    memory_map(X, tmp_path)
    array = np.load(tmp_path / "images.npy", mmap_mode="r+")
    array[40] = 7
    np.testing.assert_array_equal(lazy_images(array)[:40], X[:40])
    assert (np.load(tmp_path / "images.npy")[40] == 7).all()
