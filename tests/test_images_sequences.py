"""Lists of images of different sizes: what is one, and how it is viewed and grouped."""

from collections import UserDict, deque

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_cae.images import (
    ImageSequence,
    groups_of_one_shape,
    is_image_list,
    read_sequence,
    sequence_of_size,
    sequence_to_channels_last,
    spec_of_range,
)

GRAY, COLOUR = np.zeros((4, 5)), np.zeros((4, 5, 3))


class Files:
    """A collection that reads its images when it is asked for them."""

    def __init__(self, images):
        self.images = images
        self.n_read = 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.n_read += 1
        return self.images[index]


LISTS = {
    "of gray images": [GRAY, GRAY[:2]],
    "of one image": [GRAY],
    "of colour images": [COLOUR],
    "a tuple": (GRAY, COLOUR),
    "a queue": deque([GRAY]),
    "files": Files([GRAY]),
    "a sequence": ImageSequence([GRAY]),
    # What is wrong with it is told when it is read.
    "of an image and something else": [GRAY, "photograph.png"],
}
OTHERS = {
    "an array": np.zeros((3, 4, 5)),
    "an array of objects": np.array([GRAY, None], dtype=object),
    "a tensor": torch.zeros(3, 4, 5),
    "a list of tensors": [torch.zeros(4, 5)],
    "a frame": pd.DataFrame(GRAY),
    "a series of images": pd.Series([GRAY, GRAY]),
    "a list of rows": [np.zeros(5)] * 3,
    "a list of batches": [np.zeros((2, 4, 5, 3))],
    "lists of numbers": GRAY.tolist(),
    "an empty list": [],
    "a dict": {0: GRAY},
    "another mapping": UserDict({"images": GRAY}),
    "a name": "photograph.png",
    "bytes": b"photograph",
    "a number": 3,
    "nothing": None,
    "a generator": (image for image in [GRAY]),
}


@pytest.mark.parametrize("X", LISTS.values(), ids=LISTS)
def test_a_list_whose_first_is_an_image_is_one_of_images(X):
    assert is_image_list(X) is True


@pytest.mark.parametrize("X", OTHERS.values(), ids=OTHERS)
def test_anything_else_is_no_list_of_images(X):
    assert is_image_list(X) is False


def test_each_file_is_read_once():
    files = Files([GRAY, GRAY[:2]])
    assert len(read_sequence(files)) == 2
    assert files.n_read == 2


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.uint8, np.uint8),
        (np.uint16, np.uint16),
        (np.float32, np.float32),
        (np.float16, np.float64),
        (bool, np.float64),
    ],
)
def test_dtypes_are_those_of_arrays_of_images(dtype, expected):
    assert read_sequence([GRAY.astype(dtype)]).dtype == expected


def test_a_sequence_is_read_already():
    sequence = read_sequence([GRAY])
    assert read_sequence(sequence) is sequence


def test_all_values_are_measured():
    sequence = read_sequence([np.full((3, 4), 2.0), np.full((2, 9), 7.0)])
    assert (sequence.measures.low, sequence.measures.high) == (2, 7)


def test_an_image_that_is_no_array_is_named():
    with pytest.raises(ValueError, match=r"X\[1\] cannot be read as images"):
        read_sequence([GRAY, np.zeros((0, 5))])


@pytest.mark.parametrize(
    ("image", "axis", "shape"),
    [(GRAY, 3, (4, 5, 1)), (GRAY, 1, (4, 5, 1)), (COLOUR, 3, (4, 5, 3)), (COLOUR, 1, (5, 3, 4))],
)
def test_channels_are_brought_last(image, axis, shape):
    assert [view.shape for view in read_sequence([image]).channels_last(axis)] == [shape]


@pytest.mark.parametrize(
    ("n_given", "n_learned", "cure"), [(3, 1, "rgb2gray"), (4, 3, r"X\[\.\.\., :3\]")]
)
def test_channels_are_those_of_the_fit(n_given, n_learned, cure):
    sequence = read_sequence([np.zeros((4, 5, n_given))])
    with pytest.raises(
        ValueError,
        match=rf"images with {n_given} channel\(s\), but the learned .* {n_learned}\..*{cure}",
    ):
        sequence_to_channels_last(sequence, spec_of_range(8, n_learned, (0, 1)))


def test_sizes_are_those_of_a_network_that_takes_one():
    sequence = read_sequence([np.zeros((8, 8)), GRAY])
    with pytest.raises(ValueError, match="images of 4 x 5 pixels, but those in fit had 8 x 8"):
        sequence_of_size(sequence, spec_of_range(8, 1, (0, 1)))


def test_images_are_grouped_by_their_shape_in_their_order():
    images = [np.zeros(shape) for shape in [(4, 5), (2, 9), (4, 5), (2, 3), (2, 9)]]
    assert list(groups_of_one_shape(images)) == [[3], [1, 4], [0, 2]]


def test_no_images_are_no_groups():
    assert list(groups_of_one_shape([])) == []
