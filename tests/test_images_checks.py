"""What is read as a batch of images, and what is refused."""

from collections import UserList, deque
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from skimage.io import imread_collection
from sklearn.base import BaseEstimator
from small import colour, gray, small_cae

from sklearn_cae import NoiseInjector
from sklearn_cae.images import (
    check_images,
    is_target,
    learn_images,
    learn_spec,
    read_images,
    read_sequence,
)

INTEGERS = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]


class Fitted(BaseEstimator):
    """Has learned the layout of images."""

    def __init__(self, X=None):
        self.X = X
        source, columns = learn_images(X)
        self.__dict__ |= columns
        self.image_spec_ = learn_spec(source)


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
def test_images_are_read_without_a_copy(dtype):
    images = np.ones((4, 3, 2), dtype)
    read = read_images(images).pixels
    assert read.dtype == dtype
    assert np.shares_memory(read, images)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2), (4, 3, 2, 1)], ids=str)
def test_batches_may_have_two_to_four_dimensions(shape):
    assert read_images(np.ones(shape)).shape == shape


@pytest.mark.parametrize("dtype", [np.float16, bool, object])
def test_other_numbers_become_float64(dtype):
    assert read_images(np.ones((2, 3, 3), dtype)).dtype == np.float64


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", ">f4"])
def test_images_are_in_the_byte_order_of_the_machine(dtype):
    read = read_images(np.arange(18).reshape(2, 3, 3).astype(dtype))
    assert read.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read.pixels.ravel(), np.arange(18))


CONTAINERS = {
    "list of arrays": list,
    "nested list": lambda x: tuple(map(list, x)),
    "tensor": torch.from_numpy,
    "tensor with gradients": lambda x: torch.from_numpy(x).requires_grad_(),
    "frame": pd.DataFrame,
    "frame of other byte order": lambda x: pd.DataFrame(x.astype(">f4")),
    "frame of nullable columns": lambda x: pd.DataFrame(x).astype("Float32"),
    "memory": memoryview,
    "mirrored": lambda x: x[:, ::-1].copy()[:, ::-1],
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_images_in_any_container_keep_values_and_dtype(container):
    rows = gray(4).reshape(4, -1)
    read = read_images(container(rows)).pixels
    np.testing.assert_array_equal(read, rows, strict=True)


def test_tensors_of_bfloat16_become_float32():
    tensor = torch.ones(2, 3, 3, dtype=torch.bfloat16)
    assert read_images(tensor).dtype == np.float32


def test_nullable_columns_of_integers_keep_their_dtype():
    rows = pd.DataFrame(np.arange(8, dtype=np.uint8).reshape(2, 4)).astype("UInt8")
    assert read_images(rows).dtype == np.uint8


ONES = np.ones((3, 3), np.float32)
MIXED = {
    "two floats": ([ONES, ONES.astype(np.float64)], "float32 and float64"),
    "a mask": ((ONES > 0, ONES.astype(np.uint8)), "bool and uint8"),
    "rows": ([ONES[0], ONES[0].astype(np.uint8)], "float32 and uint8"),
    "lists of channels": ([[ONES, ONES], [ONES, ONES.astype(np.uint8)]], "float32 and uint8"),
    "a queue": (deque([ONES, ONES.astype(np.int16)]), "float32 and int16"),
    "a collection": (UserList([ONES, ONES.astype(np.int16)]), "float32 and int16"),
    "a series": (pd.Series([ONES, ONES.astype(np.uint8)]), "float32 and uint8"),
    "objects": ([ONES.astype(object), ONES], "float32 and object"),
    "tensors": ([torch.ones(3, 3), torch.ones(3, 3, dtype=torch.uint8)], "float32 and uint8"),
}


@pytest.mark.parametrize(("given", "dtypes"), MIXED.values(), ids=MIXED)
def test_images_of_one_size_and_several_dtypes_are_not_merged(given, dtypes):
    with pytest.raises(ValueError, match=f"clean holds images of {dtypes}; a list holds one array"):
        read_images(given, name="clean")


@pytest.mark.parametrize(
    "given",
    [[[0, 0.5], [True, 1]], [[[0.5, 1]], [[0, 2]]], [ONES, [[1.0, 2.0, 3.0]] * 3], [(0.5, 1)]],
    ids=["rows", "images", "an array and lists", "tuples"],
)
def test_numbers_in_lists_are_images(given):
    np.testing.assert_array_equal(read_images(given).pixels, np.asarray(given))


@pytest.mark.parametrize("read", [read_images, read_sequence])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "an empty list: it holds no image. Give one array for each"),
        ((), "an empty tuple: it holds no image. Give one array for each"),
        (deque(), "an empty deque: it holds no image. Give one array for each"),
        (
            imread_collection("no folder/*.png"),
            "an empty ImageCollection: it holds no image. Look at the path or pattern",
        ),
    ],
    ids=["list", "tuple", "queue", "files"],
)
def test_no_images_at_all_are_refused_with_the_cure(read, given, message):
    with pytest.raises(ValueError, match=f"clean is {message}"):
        read(given, name="clean")


def test_a_collection_of_one_size_keeps_its_dtype():
    assert read_images(UserList([ONES.astype(np.uint8)] * 2)).dtype == np.uint8


def test_what_was_read_is_not_read_again():
    source = read_images(np.ones((2, 3, 3)))
    assert read_images(source) is source


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.full((2, 2), np.nan), "clean images cannot be read as images: Input clean .*NaN"),
        (np.full((2, 2), np.inf), "infinity.* clip them first"),
        ([["a", "b"]], "could not convert string.* Images are numbers"),
        ([np.ones((2, 2)), np.ones((3, 3))], "different shapes.* crop or resize"),
        (np.ones(3), "Expected 2D array.*Expected are rows"),
        (np.ones((1, 2, 3, 4, 5)), r"has shape \(1, 2, 3, 4, 5\); expected are rows"),
        (np.ones((2, 0, 3)), r"has shape \(2, 0, 3\); .*at least one value"),
        (np.ones((0, 3, 3)), "minimum of 1 is required"),
        (np.ones((2, 2), complex), "Complex data not supported"),
    ],
    ids=["nan", "infinity", "strings", "ragged", "1-d", "5-d", "no pixels", "no images", "complex"],
)
def test_what_is_no_batch_of_images_is_an_error_that_names_it(given, message):
    with pytest.raises(ValueError, match=rf"(?s){message}"):
        read_images(given, name="clean images")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((image for image in np.ones((2, 3, 3))), r"not 'generator' Of a generator give list\(X\)"),
        ({"images": np.ones((2, 3, 3))}, "not 'dict' Images are numbers"),
        ([Path("a.png")], "Images are numbers: .* Read files first, .*imread_collection"),
    ],
    ids=["generator", "dict", "paths"],
)
def test_what_holds_no_numbers_is_an_error_with_the_cure(given, message):
    with pytest.raises(TypeError, match=f"X cannot be read as images: .*{message}"):
        read_images(given)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_frame_that_is_not_computed_yet_is_an_error_with_the_cure(method):
    frame = pl.DataFrame(np.ones((3, 4), np.float32))
    estimator = NoiseInjector() if method == "fit" else small_cae().fit(frame)
    with pytest.raises(ValueError, match=r"X is a LazyFrame, .* Give X.collect\(\)"):
        getattr(estimator, method)(frame.lazy())


def test_clean_images_that_are_not_computed_yet_are_not_taken_for_labels():
    frame = pl.DataFrame(np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"y is a LazyFrame, .* Give y.collect\(\)"):
        is_target(frame, frame.lazy())


# Estimators


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2), (4, 3, 2, 1)], ids=str)
def test_the_number_of_values_in_an_image_is_learned(shape):
    _, columns = learn_images(np.ones(shape))
    assert columns == {"n_features_in_": 6}


def test_the_names_of_columns_are_learned():
    _, columns = learn_images(pd.DataFrame(np.ones((2, 2)), columns=["a", "b"]))
    assert list(columns["feature_names_in_"]) == ["a", "b"]


# Strips of two pixels.
@pytest.mark.filterwarnings("ignore:X has 2 features, which is not a square number")
def test_columns_of_other_names_are_an_error_before_their_values_are():
    estimator = Fitted(pd.DataFrame(np.ones((2, 2)), columns=["a", "b"]))
    with pytest.raises(ValueError, match="feature names should match"):
        check_images(estimator, pd.DataFrame({"a": [np.nan], "c": [1.0]}))


def test_rows_of_another_length_are_an_error():
    with pytest.raises(ValueError, match="X has 9 features, but Fitted is expecting 4"):
        check_images(Fitted(np.ones((2, 4))), np.ones((2, 9)))


def test_a_single_image_after_a_fit_on_images_is_an_error_with_the_cure():
    with pytest.raises(ValueError, match=r"A single image X is a batch as X\[np.newaxis\]"):
        check_images(Fitted(np.ones((2, 5, 7))), np.ones((5, 7)))


# Targets and labels


@pytest.mark.parametrize(
    "labels",
    [
        None,
        [1, 2],
        ["a", "b"],
        np.arange(24),
        [None, None],
        pd.Series([1, 2]),
        np.ones((24, 1)),
        np.ones((24, 10)),
    ],
    ids=["none", "numbers", "words", "array", "nones", "series", "one column", "one-hot"],
)
def test_labels_are_no_targets(labels):
    assert not is_target(colour(), labels)


@pytest.mark.parametrize(
    "targets",
    [colour(), list(colour()), gray(), colour().reshape(24, -1), torch.from_numpy(colour())],
    ids=["images", "list", "images of another shape", "rows", "tensor"],
)
def test_images_and_rows_as_long_as_an_image_are_targets(targets):
    assert is_target(colour(), targets)


class WithoutNumpyFunctions:
    """An array-like whose shape numpy may not ask for before it is converted."""

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)

    def __array_function__(self, *args):
        raise TypeError("not an array yet")


def test_labels_are_converted_before_their_shape_is_read():
    assert not is_target(colour(), WithoutNumpyFunctions())


FRAMES = {
    "pandas": lambda images, columns: pd.DataFrame(images, columns=columns),
    "polars": lambda images, columns: pl.DataFrame(images, schema=columns),
    "pyarrow": lambda images, columns: pa.table(dict(zip(columns, images.T, strict=True))),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_columns_of_targets_have_the_order_of_those_of_the_images(frame):
    images = np.ones((3, 4), np.float32)
    X = frame(images, ["a", "b", "c", "d"])
    assert is_target(X, frame(images, ["a", "b", "c", "d"]))
    assert is_target(X, frame(images, ["w", "x", "y", "z"]))
    with pytest.raises(ValueError, match=r"y has the columns of X in another order.* y\[list\(X"):
        is_target(X, frame(images, ["d", "b", "c", "a"]))
