"""The data sets of the benchmarks, read from a folder."""

from pathlib import Path

import numpy as np
from skimage.io import imread

from sklearn_cae.datasets import fetch_fashion_mnist, fetch_mnist

DATASETS = ("mnist", "fashion_mnist", "cifar10")


def load(name, folder):
    """Training and test images and labels of one data set.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10"}
        The data set.
    folder : str
        Holds ``mnist/`` and ``fashion_mnist/`` with the four idx files each, and ``cifar10.npz``
        with ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Returns
    -------
    x_train, y_train, x_test, y_test : ndarray
        uint8 images and integer labels.
    """
    if name == "cifar10":
        with np.load(Path(folder) / "cifar10.npz") as arrays:
            return tuple(arrays[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    fetch = {"mnist": fetch_mnist, "fashion_mnist": fetch_fashion_mnist}[name]
    home = str(Path(folder) / name)
    parts = [
        fetch(data_home=home, subset=subset, download_if_missing=False, return_X_y=True)
        for subset in ("train", "test")
    ]
    return (*parts[0], *parts[1])


def as_rows(images):
    """Images from 0 to 255 as float32 rows from 0 to 1."""
    return images.reshape(len(images), -1) / np.float32(255)


def load_photographs(folder, *, gray=False, leave_out=()):
    """The pictures of a folder, in the order of their names.

    Parameters
    ----------
    folder : str or path
        Holds PNG or JPEG files.
    gray : bool, default=False
        Turn colour into whole levels of gray, by the weights 0.2989, 0.5870 and 0.1140, by which
        the gray test set BSD68 was made.
    leave_out : tuple of str, default=()
        Names of files that are not read.

    Returns
    -------
    photographs : list of ndarray of shape (H, W) or (H, W, 3)
        uint8 images.
    """
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in {".png", ".jpg"})
    photographs = [imread(path) for path in paths if path.name not in leave_out]
    return [to_gray(image) for image in photographs] if gray else photographs


def to_gray(image):
    """Whole levels of gray of an RGB image; a gray one is left alone."""
    if image.ndim == 2:
        return image
    return np.rint(image @ np.array([0.2989, 0.5870, 0.1140])).astype(np.uint8)
