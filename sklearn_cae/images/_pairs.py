"""Noisy images that bring their clean ones along, in memory and on disk."""

import os
from contextlib import suppress
from typing import Any, Self
from zipfile import is_zipfile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import is_target

_IN_PLACE_FUNCTIONS = {np.copyto, np.fill_diagonal, np.place, np.put, np.putmask}


def _forget_pairs(*arrays):
    """Forget the clean images of arrays that are about to change, and of those they view."""
    for array in arrays:
        while isinstance(array, NoisyImages):
            array.clean = array.noise = None
            array = array.base


def _forgetting(method):
    def change_in_place(self, *args, **kwargs):
        _forget_pairs(self)
        return method(self, *args, **kwargs)

    return change_in_place


class NoisyImages(np.ndarray):
    """An array of noisy images that brings the clean ones along.

    What :meth:`NoiseInjector.fit_transform` returns, so that
    ``Pipeline([("noise", NoiseInjector()), ("cae", DenoisingCAE())]).fit(X)`` learns from pairs.
    Selecting images along the first axis, copying and pickling keep the pairs together; every
    other operation gives an array without clean images, and changing the noisy images in place
    forgets the clean ones. A change goes unnoticed only if it is made to another array that shares
    the memory, such as ``np.asarray(noisy)``.

    Parameters
    ----------
    noisy : array-like of shape (n, ...)
        Noisy images.
    clean : array-like of shape (n, ...)
        Clean images.
    noise : NoiseModel or None
        The noise model between the two.

    Attributes
    ----------
    clean : ndarray of shape (n, ...) or None
        Clean images; ``None`` where the pairs are lost.
    noise : NoiseModel or None
        The noise model between the two.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.noise import NoiseInjector
    >>> noisy = NoiseInjector(random_state=0).fit_transform(np.zeros((5, 8, 8)))
    >>> noisy[1:3].clean.shape
    (2, 8, 8)
    >>> noisy.reshape(5, 64).clean is None
    True
    """

    clean: NDArray[Any] | None
    noise: Any

    def __new__(cls, noisy: ArrayLike, clean: ArrayLike, noise: Any = None) -> Self:
        noisy, clean = np.asarray(noisy), np.asarray(clean)
        if noisy.shape != clean.shape:
            raise ValueError(
                f"noisy images have shape {noisy.shape} and clean images {clean.shape}; pairs "
                "have the same shape."
            )
        pairs = noisy.view(cls)
        pairs.clean, pairs.noise = clean, noise
        return pairs

    def __array_finalize__(self, parent):
        self.clean = self.noise = None

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        _forget_pairs(*(inputs[:1] if method == "at" else out))
        plain = [_without_pairs(array) for array in inputs]
        if not out:
            return getattr(ufunc, method)(*plain, **kwargs)
        plain_out = tuple(_without_pairs(array) for array in out)
        getattr(ufunc, method)(*plain, out=plain_out, **kwargs)
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func, types, args, kwargs):
        _forget_pairs(kwargs.get("out"), *(args[:1] if func in _IN_PLACE_FUNCTIONS else ()))
        return super().__array_function__(func, types, args, kwargs)

    def __getitem__(self, index):
        selected = super().__getitem__(index)
        rows = index[0] if _is_first_axis(index) else index
        if self.clean is None or not _selects_images(rows):
            return selected
        return NoisyImages(selected, self.clean[rows], self.noise)

    def __setitem__(self, index, value):
        _forget_pairs(self)
        super().__setitem__(index, value)

    def __setattr__(self, name, value):
        if name not in ("clean", "noise"):
            _forget_pairs(self)
        super().__setattr__(name, value)

    byteswap = _forgetting(np.ndarray.byteswap)
    fill = _forgetting(np.ndarray.fill)
    partition = _forgetting(np.ndarray.partition)
    put = _forgetting(np.ndarray.put)
    setfield = _forgetting(np.ndarray.setfield)
    sort = _forgetting(np.ndarray.sort)

    def copy(self, order="C"):
        """Copy the noisy and the clean images."""
        noisy = np.asarray(self).copy(order)
        return (
            noisy if self.clean is None else NoisyImages(noisy, self.clean.copy(order), self.noise)
        )

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        if self.clean is None:
            return np.asarray(self).__reduce__()
        return (NoisyImages, (np.asarray(self), self.clean, self.noise))


def _without_pairs(array):
    return array.view(np.ndarray) if isinstance(array, NoisyImages) else array


def _is_first_axis(index):
    """Whether an index is one for the first axis followed by an ellipsis, as scikit-learn's."""
    return isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis


def _selects_images(rows):
    return isinstance(rows, slice) or (not isinstance(rows, tuple) and np.ndim(rows) == 1)


def save_pairs(path: str | os.PathLike[str], noisy: NoisyImages) -> None:
    """Write noisy and clean images side by side to one compressed ``.npz`` file.

    Parameters
    ----------
    path : str or path-like
        The file; ``.npz`` is added to a name without it. A file that is there is replaced once the
        new one is complete.
    noisy : NoisyImages
        Noisy images that still have their clean ones.

    Raises
    ------
    ValueError
        If ``noisy`` has no clean images.

    See Also
    --------
    load_pairs : Read them again.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_cae import NoiseInjector, load_pairs, save_pairs
    >>> noisy = NoiseInjector(random_state=0).fit_transform(np.zeros((5, 8, 8)))
    >>> path = os.path.join(tempfile.mkdtemp(), "pairs.npz")
    >>> save_pairs(path, noisy)
    >>> load_pairs(path).clean.shape
    (5, 8, 8)
    """
    clean = getattr(noisy, "clean", None)
    if clean is None:
        raise ValueError(
            f"got {type(noisy).__name__} without clean images; expected NoisyImages as "
            "NoiseInjector().fit_transform(X) gives them, selected along the first axis only."
        )
    path = os.fspath(path)
    path = path if path.endswith(".npz") else path + ".npz"
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            np.savez_compressed(file, noisy=np.asarray(noisy), clean=clean)
        os.replace(part, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.remove(part)
        raise


def load_pairs(path: str | os.PathLike[str]) -> NoisyImages:
    """Read the pairs that :func:`save_pairs` wrote.

    Parameters
    ----------
    path : str or path-like
        An ``.npz`` file with the arrays ``noisy`` and ``clean``. Nothing is unpickled.

    Returns
    -------
    noisy : NoisyImages
        Noisy images with their ``clean`` ones. The noise model is not kept: a
        :class:`~sklearn_cae.DenoisingCAE` learns from these pairs as they are.

    Raises
    ------
    ValueError
        If it is no complete ``.npz`` file, lacks one of the arrays, or holds pickled objects.
    """
    with open(path, "rb") as file:
        if not is_zipfile(file):
            raise ValueError(f"{path} is no complete .npz file; expected a file of save_pairs.")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            missing = {"noisy", "clean"} - set(arrays)
            if missing:
                raise ValueError(
                    f"{path} has no array {sorted(missing)}; expected a file of save_pairs."
                )
            return NoisyImages(arrays["noisy"], arrays["clean"])


def split_targets(X, y):
    """Tell noisy from clean images by the rules for ``y`` that fit and score share.

    Parameters
    ----------
    X : array-like
        Clean images, noisy images if ``y`` holds the clean ones, or :class:`NoisyImages`.
    y : array-like or None
        Clean images; labels are ignored, see :func:`is_target`.

    Returns
    -------
    noisy : array-like or None
        Noisy images, ``None`` if X is clean.
    clean : array-like
        Clean images.
    noise : NoiseModel or None
        The noise model that X brings along.

    Raises
    ------
    ValueError
        If X is :class:`NoisyImages` that lost its clean images, and ``y`` brings none.
    """
    if is_target(X, y):
        return X, y, None
    if not isinstance(X, NoisyImages):
        return None, X, None
    if X.clean is None:
        raise ValueError(
            "X is NoisyImages that lost its clean images: only selections along the first axis and "
            "copies keep them. Give the clean images as y, or np.asarray(X) if X itself is clean."
        )
    return X, X.clean, X.noise


def check_same_shape(noisy, clean):
    """Refuse targets that are not one clean image for each noisy one."""
    if noisy.shape != clean.shape:
        raise ValueError(
            f"y has shape {clean.shape} and X {noisy.shape}. Allowed are fit(X) with clean images, "
            "fit(X_noisy, X_clean) with two arrays of one shape, NoisyImages from "
            "NoiseInjector().fit_transform(X), and 1-d labels, which are ignored."
        )
