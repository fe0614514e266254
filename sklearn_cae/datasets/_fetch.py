"""Fetchers of MNIST, Fashion-MNIST and CIFAR-10, by the conventions of `sklearn.datasets`."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ._cifar import read_cifar10
from ._idx import read_idx
from ._published import CIFAR10, FASHION_MNIST, MNIST, Dataset
from ._remote import locate
from ._subset import splits_of


def fetch_mnist(
    data_home: str | PathLike[str] | None = None,
    *,
    subset: str = "train",
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load MNIST (handwritten digits), downloading it if it is not on disk.

    It has 70000 gray images of 28 x 28 pixels in ten classes; the download has 11 MB.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder of the data. The idx files (``train-images-idx3-ubyte.gz``, ...) are looked for in
        ``<data_home>/sklearn_cae/mnist`` and then in ``data_home`` itself; a download goes
        to the first. None is :func:`sklearn.datasets.get_data_home`, ``~/scikit_learn_data``
        unless set otherwise.
    subset : {"train", "test", "all"}, default="train"
        The 60000 training images, the 10000 test images, or the training images followed by
        the test images.
    download_if_missing : bool, default=True
        If False, raise an OSError if a file is not on disk, instead of downloading.
    return_X_y : bool, default=False
        If True, return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        images : ndarray of shape (n, 28, 28), dtype uint8
            Gray levels 0...255, white digits on black.
        target : ndarray of shape (n,), dtype int64
            Class of each image, 0...9.
        target_names : list of str
            Names of the ten classes.
        DESCR : str
            Description of the dataset.
    (images, target) : tuple if ``return_X_y=True``
        The two arrays above.

    Raises
    ------
    OSError
        If a file is missing and may not or cannot be downloaded, or if a file on disk has
        another checksum than the published one; that file is not replaced.
    ImportError
        If a file has to be downloaded and pooch is not installed.
    ValueError
        If ``subset`` is unknown.

    See Also
    --------
    fetch_fashion_mnist : Clothing in the same format, harder to denoise and to classify.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from sklearn_cae.datasets import fetch_mnist
    >>> test = fetch_mnist(subset="test")  # doctest: +SKIP
    >>> test.images.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return _fetch(
        MNIST,
        _read_idx_pair,
        data_home=data_home,
        subset=subset,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
    )


def fetch_fashion_mnist(
    data_home: str | PathLike[str] | None = None,
    *,
    subset: str = "train",
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load Fashion-MNIST (pieces of clothing), downloading it if it is not on disk.

    It has 70000 gray images of 28 x 28 pixels in ten classes; the download has 31 MB. The files
    have the same names as those of MNIST, so one folder cannot hold both.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder of the data. The idx files (``train-images-idx3-ubyte.gz``, ...) are looked for in
        ``<data_home>/sklearn_cae/fashion_mnist`` and then in ``data_home`` itself; a download goes
        to the first. None is :func:`sklearn.datasets.get_data_home`, ``~/scikit_learn_data``
        unless set otherwise.
    subset : {"train", "test", "all"}, default="train"
        The 60000 training images, the 10000 test images, or the training images followed by
        the test images.
    download_if_missing : bool, default=True
        If False, raise an OSError if a file is not on disk, instead of downloading.
    return_X_y : bool, default=False
        If True, return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        images : ndarray of shape (n, 28, 28), dtype uint8
            Gray levels 0...255, bright clothing on black.
        target : ndarray of shape (n,), dtype int64
            Class of each image, 0...9.
        target_names : list of str
            Names of the ten classes.
        DESCR : str
            Description of the dataset.
    (images, target) : tuple if ``return_X_y=True``
        The two arrays above.

    Raises
    ------
    OSError
        If a file is missing and may not or cannot be downloaded, or if a file on disk has
        another checksum than the published one; that file is not replaced.
    ImportError
        If a file has to be downloaded and pooch is not installed.
    ValueError
        If ``subset`` is unknown.

    See Also
    --------
    fetch_mnist : Handwritten digits in the same format.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms, arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from sklearn_cae.datasets import fetch_fashion_mnist
    >>> test = fetch_fashion_mnist(subset="test")  # doctest: +SKIP
    >>> test.images.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return _fetch(
        FASHION_MNIST,
        _read_idx_pair,
        data_home=data_home,
        subset=subset,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
    )


def fetch_cifar10(
    data_home: str | PathLike[str] | None = None,
    *,
    subset: str = "train",
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load CIFAR-10 (small colour photographs), downloading it if it is not on disk.

    It has 60000 images of 32 x 32 pixels in ten classes; the download has 170 MB. The archive holds
    pickles. They are read by a reader that accepts only arrays, so code in them is refused and not
    run.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder of the data. The archive ``cifar-10-python.tar.gz`` is looked for in
        ``<data_home>/sklearn_cae/cifar10`` and then in ``data_home`` itself; a download goes
        to the first. None is :func:`sklearn.datasets.get_data_home`, ``~/scikit_learn_data``
        unless set otherwise.
    subset : {"train", "test", "all"}, default="train"
        The 50000 training images, the 10000 test images, or the training images followed by
        the test images.
    download_if_missing : bool, default=True
        If False, raise an OSError if the archive is not on disk, instead of downloading.
    return_X_y : bool, default=False
        If True, return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        images : ndarray of shape (n, 32, 32, 3), dtype uint8
            Red, green, blue in 0...255.
        target : ndarray of shape (n,), dtype int64
            Class of each image, 0...9.
        target_names : list of str
            Names of the ten classes.
        DESCR : str
            Description of the dataset.
    (images, target) : tuple if ``return_X_y=True``
        The two arrays above.

    Raises
    ------
    OSError
        If the archive is missing and may not or cannot be downloaded, or if a file on disk has
        another checksum than the published one; that file is not replaced.
    ImportError
        If the archive has to be downloaded and pooch is not installed.
    ValueError
        If ``subset`` is unknown.

    See Also
    --------
    load_natural_patches : Patches of photographs that are already installed.

    References
    ----------
    A. Krizhevsky, Learning multiple layers of features from tiny images, technical report,
    University of Toronto, 2009.

    Examples
    --------
    >>> from sklearn_cae.datasets import fetch_cifar10
    >>> test = fetch_cifar10(subset="test")  # doctest: +SKIP
    >>> test.images.shape  # doctest: +SKIP
    (10000, 32, 32, 3)
    """
    return _fetch(
        CIFAR10,
        read_cifar10,
        data_home=data_home,
        subset=subset,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
    )


def _fetch(
    dataset: Dataset,
    read_split: Callable,
    *,
    data_home,
    subset: str,
    download_if_missing: bool,
    return_X_y: bool,
):
    """Read the splits of ``subset`` by ``read_split(*paths, split=...)`` and join them."""
    pairs = []
    for split in splits_of(subset):
        paths = [
            locate(
                remote,
                folder=dataset.folder,
                data_home=data_home,
                download_if_missing=download_if_missing,
            )
            for remote in dataset.files[split]
        ]
        pairs.append(read_split(*paths, split=split))
    images, target = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    if return_X_y:
        return images, target
    return Bunch(
        images=images,
        target=target,
        target_names=list(dataset.target_names),
        DESCR=dataset.descr,
    )


def _read_idx_pair(images_path: Path, labels_path: Path, *, split: str):
    """Read the images and labels of a split; ``split`` is already in the file names."""
    return read_idx(images_path, ndim=3), read_idx(labels_path, ndim=1).astype(np.int64)
