"""Lists of images of different sizes, such as photographs."""

from collections.abc import Mapping
from itertools import groupby

import numpy as np

from ._sources import measure

EXPECTED = (
    "a list holds one array for each image, (H, W) or (H, W, C), or (C, H, W) with "
    "channel_axis=1, all of one dtype and one number of channels"
)


class ImageSequence:
    """Validated images of different sizes, whose values were measured in one pass.

    Parameters
    ----------
    images : list of ndarray of shape (H, W), (H, W, C) or (C, H, W)
        Images of one dtype, in which they are worked with.
    name : str, default="X"
        How error messages call the images.

    Attributes
    ----------
    measures : Measures
        Smallest and largest value and the range of their bulk.
    """

    def __init__(self, images, name="X"):
        self.images = images
        self.name = name
        self.measures = measure(images, name)

    @property
    def ndim(self):
        """Dimensions that a batch of these images would have."""
        return self.images[0].ndim + 1

    @property
    def dtype(self):
        return self.images[0].dtype

    @property
    def shape(self):
        """Number of images and the shape of each, for error messages and to compare."""
        return len(self.images), *(image.shape for image in self.images)

    def __len__(self):
        return len(self.images)

    def channels_last(self, channel_axis):
        """View the images as a list of (H, W, C); the axis is that of a batch, 3 or 1."""
        if self.ndim == 3:
            return [image[..., np.newaxis] for image in self.images]
        views = [np.moveaxis(image, channel_axis - 1, 2) for image in self.images]
        counts = sorted({view.shape[2] for view in views})
        if len(counts) > 1:
            raise ValueError(
                f"{self.name} holds images with {' and '.join(map(str, counts))} channels; "
                f"{EXPECTED}. Bring them to one number of channels (skimage.color.rgb2gray)."
            )
        return views


def is_image_list(X):
    """Whether X is a list of arrays, each of which is an image, or a collection of them.

    Lists of numbers and arrays are batches of images of one size.
    """
    if isinstance(X, ImageSequence):
        return True
    if hasattr(X, "shape") or isinstance(X, (str, bytes, Mapping)) or not _is_sequence(X):
        return False
    return len(X) > 0 and isinstance(X[0], np.ndarray) and X[0].ndim in (2, 3)


def _is_sequence(X):
    return hasattr(X, "__len__") and hasattr(X, "__getitem__")


def list_images(X, name="X"):
    """The arrays of a list of images or a collection of files, each of which is read once."""
    images = [X[i] for i in range(len(X))]
    wrong = next((image for image in images if not isinstance(image, np.ndarray)), None)
    if wrong is not None:
        raise ValueError(f"{name} holds {type(wrong).__name__}; {EXPECTED}.")
    dtypes = sorted({image.dtype.name for image in images})
    dimensions = sorted({image.ndim for image in images})
    if len(dtypes) > 1 or len(dimensions) > 1:
        found = dtypes if len(dtypes) > 1 else [f"{n} dimensions" for n in dimensions]
        raise ValueError(f"{name} holds images of {' and '.join(found)}; {EXPECTED}.")
    return images


def groups_of_one_shape(images):
    """Yield the indices of images of one shape, for each shape there is."""
    order = sorted(range(len(images)), key=lambda i: images[i].shape)
    for _, group in groupby(order, key=lambda i: images[i].shape):
        yield list(group)
