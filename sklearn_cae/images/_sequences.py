"""Lists of images of different sizes, such as photographs, and collections of files."""

from collections import deque
from collections.abc import Mapping
from itertools import groupby

import numpy as np

from ._collections import LazyList, shapes_of
from ._lazy import stacked
from ._sources import ImageSource, measure

EXPECTED = (
    "a list holds one array for each image, (H, W) or (H, W, C), or (C, H, W) with "
    "channel_axis=1, all of one dtype and one number of channels"
)
RAGGED = (
    "Its images have different shapes, but one array needs images of one shape: crop or resize "
    "them (skimage.transform.resize), or handle them one at a time. DenoisingCAE takes a list of "
    "arrays in fit, predict and score."
)


class ImageSequence:
    """Validated images of different sizes, whose values were measured in one pass.

    Parameters
    ----------
    images : list of ndarray of shape (H, W), (H, W, C) or (C, H, W), or LazyList of these
        Images of one dtype, in which they are worked with.
    name : str, default="X"
        How error messages call the images.
    measures : Measures, default=None
        What was measured of them; ``None`` measures.

    Attributes
    ----------
    measures : Measures
        Smallest and largest value and the range of their bulk.
    """

    def __init__(self, images, name="X", measures=None):
        self.images = images
        self.name = name
        self.measures = measure(images, name) if measures is None else measures

    @property
    def ndim(self):
        """Dimensions that a batch of these images would have."""
        return len(shapes_of(self.images)[0]) + 1

    @property
    def dtype(self):
        lazy = isinstance(self.images, LazyList)
        return self.images.dtype if lazy else self.images[0].dtype

    @property
    def shape(self):
        """Number of images and the shape of each, for error messages and to compare."""
        return len(self.images), *shapes_of(self.images)

    def __len__(self):
        return len(self.images)

    @property
    def can_be_stacked(self):
        """Whether these are images of a collection, all of one shape."""
        return isinstance(self.images, LazyList) and len(set(self.images.shapes)) == 1

    def stacked(self):
        """Give these images as an :class:`ImageSource`, which reads them as an array on disk."""
        if not self.can_be_stacked:
            raise ValueError(f"{self.name} cannot be read as images: {RAGGED}")
        return ImageSource(stacked(self.images, self.name), self.name, self.measures)

    def channels_last(self, channel_axis):
        """View the images as a list of (H, W, C); the axis is that of a batch, 3 or 1."""
        if self.ndim == 3:
            return self._viewed(lambda image: image[..., np.newaxis])
        views = self._viewed(lambda image: np.moveaxis(image, channel_axis - 1, 2))
        counts = sorted({shape[2] for shape in shapes_of(views)})
        if len(counts) > 1:
            raise ValueError(
                f"{self.name} holds images with {' and '.join(map(str, counts))} channels; "
                f"{EXPECTED}. Bring them to one number of channels (skimage.color.rgb2gray)."
            )
        return views

    def _viewed(self, function):
        if isinstance(self.images, LazyList):
            return self.images.viewed(function)
        return [function(image) for image in self.images]


def is_image_list(X):
    """Whether X is a list of arrays, each of which is an image, or a collection of them.

    Lists of numbers and arrays are batches of images of one size. A collection whose first image
    cannot be read is one too: that is told, by its name, when it is read.
    """
    if isinstance(X, ImageSequence):
        return True
    if not _is_sequence(X) or len(X) == 0:
        return False
    try:
        first = X[0]
    except Exception:  # Whatever a file or a decoder raises.
        return is_collection(X)
    return isinstance(first, np.ndarray) and first.ndim in (2, 3)


def _is_sequence(X):
    """Whether X is a list, or is indexed like one, and no array, text or mapping."""
    try:
        if hasattr(X, "shape") or isinstance(X, (str, bytes, Mapping)):
            return False
    except Exception:  # An array of a file that is closed, which is told when it is read.
        return False
    return hasattr(X, "__len__") and hasattr(X, "__getitem__")


def is_read_by_number(X):
    """Whether X is a sequence that is read item by item: no list, and nothing that has an array.

    numpy would read on where its length ends.
    """
    return _is_sequence(X) and is_collection(X) and not hasattr(X, "__array__")


def is_empty(X):
    """Whether X is a list or a collection of nothing."""
    return _is_sequence(X) and len(X) == 0


def refuse_empty(X, name="X"):
    """Refuse a list or a collection without images; of arrays scikit-learn tells as much."""
    if is_empty(X):
        cure = (
            "Look at the path or pattern by which it was to find its files."
            if is_collection(X)
            else "Give one array for each image; if files were listed, look at their path."
        )
        raise ValueError(f"{name} is an empty {type(X).__name__}: it holds no image. {cure}")


def is_collection(X):
    """Whether a sequence of images reads them when it is asked: it is no list that holds them."""
    return not isinstance(X, (list, tuple, deque))


def read_collection(X, check, name="X"):
    """Measure the images of a collection, one after the other; they are read again when needed.

    Parameters
    ----------
    X : sequence
        Gives an image when it is indexed.
    check : callable
        Gives the array of an image in the dtype in which it is worked with, or raises an error.
    name : str
        How error messages call the collection.

    Returns
    -------
    source : ImageSequence
        Of a :class:`LazyList`.
    """
    shapes: list[tuple[int, ...]] = []

    def read_checked(number):
        return check(image_at(X, number, name), _place(X, number, name))

    def read(number):
        image, where = read_checked(number), _place(X, number, name)
        _check_like(image, first, where, name)
        if number < len(shapes) and image.shape != shapes[number]:
            raise ValueError(
                f"{where} has shape {image.shape}, but had {shapes[number]} when it was read "
                "before. Leave the files as they are while they are used."
            )
        return image

    def read_all():
        for number in range(len(X)):
            image = read(number) if number else first
            shapes.append(image.shape)
            yield image

    first = read_checked(0)
    measures = measure(read_all(), name, first.size * len(X))
    return ImageSequence(LazyList(read, shapes, first.dtype), name, measures)


def images_of(X, name="X"):
    """Yield the items of a list, or those of a collection, which are images: no more than these."""
    if is_collection(X):
        return (image_at(X, number, name) for number in range(len(X)))
    return iter(X)


def image_at(X, number, name="X"):
    """The image of a number in a list or a collection; one that is none is named."""
    where, image = _place(X, number, name), item_at(X, number, name)
    if not isinstance(image, np.ndarray):
        raise ValueError(
            f"{where} is {type(image).__name__}; {EXPECTED}. Give arrays, as numpy.asarray "
            "makes them."
        )
    return image


def item_at(X, number, name="X"):
    """The item of a number; one that cannot be read is named."""
    try:
        return X[number]
    except Exception as error:  # Whatever a file or a decoder raises.
        raise ValueError(
            f"{_place(X, number, name)} cannot be read: {type(error).__name__}: {error} Repair the "
            "file, or leave it out."
        ) from error


def _place(X, number, name):
    """What errors call an image; a collection tells its file, as that of scikit-image does."""
    files = getattr(X, "files", None)
    file = f" ({files[number]})" if isinstance(files, list) and len(files) == len(X) else ""
    return f"{name}[{number}]{file}"


def _check_like(image, first, where, name):
    """Refuse an image of another dtype or number of dimensions than the first."""
    if image.dtype != first.dtype or image.ndim != first.ndim:
        raise ValueError(
            f"{where} is of {image.dtype} with {image.ndim} dimensions, but {name}[0] of "
            f"{first.dtype} with {first.ndim}; {EXPECTED}. Give images of another kind, such as "
            "gray ones among colour ones, to a call of their own."
        )


def list_images(X, name="X"):
    """The arrays of a list of images, checked to be alike."""
    images = list(X)
    wrong = next((image for image in images if not isinstance(image, np.ndarray)), None)
    if wrong is not None:
        raise ValueError(f"{name} holds {type(wrong).__name__}; {EXPECTED}.")
    refuse_mixed_dtypes(images, name)
    _refuse_mixed((f"{n} dimensions" for n in sorted({image.ndim for image in images})), name)
    return images


def refuse_mixed_dtypes(X, name="X"):
    """Refuse a list, or lists of lists, with arrays of several dtypes, which numpy would merge.

    Merged, images of 0 to 1 beside images of 0 to 255 would have one range.
    """
    _refuse_mixed(sorted(_dtypes_in(X)), name)


def _dtypes_in(X):
    """Names of the dtypes of the arrays in a list, or in lists of lists; numbers have none."""
    names = set()
    for part in X:
        if isinstance(part, (list, tuple)):
            names |= _dtypes_in(part)
        elif getattr(part, "ndim", 0) > 0 and hasattr(part, "dtype"):
            # "torch.float32" of torch is float32 of numpy.
            names.add(getattr(part.dtype, "name", str(part.dtype)).rpartition(".")[2])
        else:  # Numbers come in lists of numbers, which may be long.
            break
    return names


def _refuse_mixed(found, name):
    found = list(found)
    if len(found) > 1:
        raise ValueError(f"{name} holds images of {' and '.join(found)}; {EXPECTED}.")


def groups_of_one_shape(images):
    """Yield the indices of images of one shape, for each shape there is."""
    shapes = shapes_of(images)
    order = sorted(range(len(images)), key=shapes.__getitem__)
    for _, group in groupby(order, key=shapes.__getitem__):
        yield list(group)
