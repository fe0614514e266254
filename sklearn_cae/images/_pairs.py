"""Noisy images that bring their clean ones along, in memory and on disk."""

import math
import os
from contextlib import suppress
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import is_target

# Their result holds nothing of the images.
_FRESH = {np.empty_like, np.full_like, np.ones_like, np.zeros_like}
# They write one array, and no mark of what belongs to it.
_WRITES_ONE_HALF = {np.save, np.savez, np.savez_compressed, np.savetxt}
# What reads the header of an array of a version.
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# Deflate makes at most so many bytes of one.
_DEFLATE_RATIO = 1032


class NoisyImages(np.ndarray):
    """An array of noisy images that carries the clean images along.

    :meth:`NoiseInjector.fit_transform` returns such an array, so that ``Pipeline([("noise",
    NoiseInjector()), ("cae", DenoisingCAE())]).fit(X)`` learns from pairs.

    The pairs stay together when you select images along the first axis, copy, pickle, or join
    arrays by ``np.concatenate``. The result of any other computation of numpy, such as
    ``np.clip(noisy, 0, 1)`` or ``noisy.reshape(n, -1)``, is NoisyImages that lost its clean images,
    and an estimator refuses to take it for clean images. Reductions, such as
    ``noisy.mean(axis=0)``, give plain arrays, unless an image of each is left, as by
    ``noisy.mean(axis=3)``.

    Functions that first convert their input to a plain array, such as ``rng.permutation(noisy)``
    and most functions of other packages, also give plain arrays. Nothing then marks the images as
    noisy. To shuffle, use ``noisy[rng.permutation(len(noisy))]`` or ``sklearn.utils.shuffle``.
    ``np.save``, and skops, which uses it, would write only one half and are refused;
    :func:`save_pairs` writes both.

    Noisy and clean images cannot be changed in place. ``np.array(noisy)`` is a plain copy that can
    be changed. If you change the arrays from which the pairs were made, the pairs change, too.

    Parameters
    ----------
    noisy : array-like of shape (n, ...)
        Noisy images.
    clean : array-like of shape (n, ...)
        Clean images, of the same dtype.
    noise : NoiseModel or None
        The noise model between the two.
    image_spec : ImageSpec or None
        Layout and units of both, which an estimator then need not be told again.

    Attributes
    ----------
    clean : ndarray of shape (n, ...) or None
        Clean images; ``None`` where the pairs are lost.
    noise : NoiseModel or None
        The noise model between the two.
    image_spec : ImageSpec or None
        Layout and units of both.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.noise import NoiseInjector
    >>> noisy = NoiseInjector(random_state=0).fit_transform(np.zeros((5, 8, 8)))
    >>> noisy[1:3].clean.shape
    (2, 8, 8)
    >>> np.concatenate([noisy, noisy]).clean.shape
    (10, 8, 8)
    >>> noisy.reshape(5, 64).clean is None
    True
    """

    clean: NDArray[Any] | None
    noise: Any
    image_spec: Any

    def __new__(
        cls, noisy: ArrayLike, clean: ArrayLike, noise: Any = None, image_spec: Any = None
    ) -> Self:
        pairs = _read_only(noisy, cls)
        pairs.clean, pairs.noise = _read_only(clean, np.ndarray), noise
        pairs.image_spec = image_spec
        check_halves(pairs)
        return pairs

    def __array_finalize__(self, parent):
        self.clean = self.noise = self.image_spec = None

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None:
            getattr(ufunc, method)(*_plain(inputs), out=_plain(out), **kwargs)
            return out[0] if len(out) == 1 else out
        result = getattr(ufunc, method)(*_plain(inputs), **_plain(kwargs))
        if method == "reduce" and not _has_image_of_each(result, inputs[0]):
            return result
        return _lost(result)

    def __array_function__(self, func, types, args, kwargs):
        if func is np.concatenate:
            return _concatenate(*args, **kwargs)
        if func in _WRITES_ONE_HALF and self.clean is not None:
            raise TypeError(
                f"numpy.{func.__name__} would write noisy images without their clean ones. Use "
                "save_pairs(path, noisy), which writes both, or joblib.dump; or give "
                "np.asarray(noisy) to write the noisy ones alone."
            )
        result = func(*_plain(args), **_plain(kwargs))
        if func in _FRESH or (_is_reduced(result, args) and func is not np.take):
            return result
        return _lost(result)

    def __getitem__(self, index):
        selected = super().__getitem__(index)
        rows = index[0] if _is_first_axis(index) else index
        if self.clean is None or not _selects_images(rows):
            return selected
        return NoisyImages(selected, self.clean[rows], self.noise, self.image_spec)

    @property  # type: ignore[misc]
    def strides(self):
        """Bytes from one value to the next along each axis.

        joblib.hash asks for them after the values, and so hashes the clean images too: a cached
        step must tell the same noisy images with other clean ones apart.
        """
        strides = super().strides
        if self.clean is None:
            return strides
        return _StridesOfPairs(strides, self.clean, self.noise, self.image_spec)

    def round(self, decimals=0, out=None):
        """Round as numpy does, whose own method would give a plain array."""
        return np.round(self, decimals, out)

    def copy(self, order="C"):
        """Copy the noisy and the clean images."""
        noisy = np.asarray(self).copy(order)
        if self.clean is None:
            return _lost(noisy)
        return NoisyImages(noisy, self.clean.copy(order), self.noise, self.image_spec)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        if self.clean is None:
            return _lost, (np.asarray(self),)
        return NoisyImages, (np.asarray(self), self.clean, self.noise, self.image_spec)


class _StridesOfPairs(tuple):
    """Strides that, when pickled, bring along what belongs to the array."""

    clean: Any
    noise: Any
    image_spec: Any

    def __new__(cls, strides, clean=None, noise=None, image_spec=None):
        self = super().__new__(cls, strides)
        self.clean, self.noise, self.image_spec = clean, noise, image_spec
        return self


def _read_only(images, kind):
    view = np.asarray(images).view(kind)
    view.flags.writeable = False
    return view


def _plain(value):
    """The value with plain arrays in place of pairs, in lists, tuples and dicts too."""
    if isinstance(value, NoisyImages):
        return value.view(np.ndarray)
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    return value


def _lost(result):
    """The result with its images marked as NoisyImages without clean ones."""
    if type(result) in (list, tuple):
        return type(result)(map(_lost, result))
    if isinstance(result, np.ndarray) and result.ndim >= 2:
        return result.view(NoisyImages)
    return result


def _is_reduced(result, args):
    """Whether a result has fewer values in fewer dimensions than the images it was made of."""
    images = args[0] if args else None
    return (
        isinstance(result, np.ndarray)
        and isinstance(images, NoisyImages)
        and result.ndim < images.ndim
        and result.size < images.size
        and not _has_image_of_each(result, images)
    )


def _has_image_of_each(result, images):
    """Whether a result still holds an image of each image, as a mean over the channels does."""
    return np.ndim(result) >= 3 and len(result) == len(images)


def _concatenate(arrays, axis=0, **options):
    """``np.concatenate``, which joins clean images too if all have them, of one noise and spec."""
    arrays = list(arrays)
    joined = np.concatenate(_plain(arrays), axis=axis, **_plain(options))
    whole = axis == 0 and not options and all(getattr(a, "clean", None) is not None for a in arrays)
    if not whole or len({(repr(array.noise), array.image_spec) for array in arrays}) > 1:
        return _lost(joined)
    clean = np.concatenate([array.clean for array in arrays])
    return NoisyImages(joined, clean, arrays[0].noise, arrays[0].image_spec)


def check_halves(pairs):
    """Refuse pairs of which one half has another shape or dtype."""
    noisy, clean = (f"{half.dtype} of shape {half.shape}" for half in (pairs, pairs.clean))
    if noisy != clean:
        raise ValueError(
            f"noisy images are {noisy} and clean images {clean}; pairs have the same shape and "
            "dtype. Convert one of them first."
        )


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
    # Unique, so that threads and processes may write to one path at the same time.
    part = f"{path}.{uuid4().hex}.part"
    try:
        with open(part, "xb") as file:
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
        If the file is damaged, lacks one of the arrays, or holds anything but numbers in two arrays
        of images of one shape and dtype.
    """
    with open(path, "rb") as file:
        try:
            return _read_pairs(file)
        except Exception as error:  # What a damaged file raises has a dozen classes.
            raise ValueError(
                f"{path} cannot be read as pairs: {error or type(error).__name__} Expected is a "
                "complete file of save_pairs."
            ) from error


def _read_pairs(file):
    with np.load(file, allow_pickle=False) as arrays:
        if isinstance(arrays, np.ndarray):
            raise ValueError("it holds a single array.")
        missing = {"noisy", "clean"} - set(arrays)
        if missing:
            raise ValueError(f"it has no array {sorted(missing)}.")
        for name in ("noisy", "clean"):
            _check_size(file, arrays.zip, f"{name}.npy")
        noisy, clean = arrays["noisy"], arrays["clean"]
    for images in (noisy, clean):
        numbers = isinstance(images, np.ndarray) and images.dtype.kind in "buif"
        if not numbers or not 2 <= images.ndim <= 4:
            raise ValueError("it holds an array that is no batch of images.")
    return NoisyImages(noisy, clean)


def _check_size(file, archive, name):
    """Refuse an array that the file cannot hold, for which numpy would make room."""
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        if version not in _HEADERS:
            raise ValueError(f"{name} has version {version}.")
        shape, _, dtype = _HEADERS[version](member)
    size = os.fstat(file.fileno()).st_size
    if math.prod(shape) * dtype.itemsize > _DEFLATE_RATIO * size:
        raise ValueError(f"{name} says shape {shape}, too much for a file of {size} bytes.")


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
        If X is :class:`NoisyImages` that lost its clean images, or a list of such, and ``y`` brings
        none, or whose clean images are of another shape or dtype.
    """
    if is_target(X, y):
        return X, y, None
    if isinstance(X, (list, tuple)) and any(isinstance(image, NoisyImages) for image in X):
        raise ValueError(
            "X is a list of NoisyImages, but single images of them have lost their clean ones. "
            "Give two lists, list(np.asarray(noisy)) and y=list(noisy.clean), or the NoisyImages "
            "as they are."
        )
    if not isinstance(X, NoisyImages):
        return None, X, None
    if X.clean is None:
        raise ValueError(
            "X is NoisyImages that lost its clean images: only selections along the first axis, "
            "copies and np.concatenate keep them. Give the clean images as y, or np.asarray(X) if "
            "X itself is clean."
        )
    check_halves(X)
    return X, X.clean, X.noise


def layout_of(X, chosen):
    """Parameters of the layout and units of X; what is not said is what NoisyImages bring along.

    Parameters
    ----------
    X : array-like
        Images, or :class:`NoisyImages` with their ``image_spec``.
    chosen : estimator
        Its ``image_shape``, ``channel_axis`` and ``data_range``; defaults say nothing.

    Returns
    -------
    layout : dict
        The three parameters by name.
    """
    image_shape, channel_axis, data_range = (
        chosen.image_shape,
        chosen.channel_axis,
        chosen.data_range,
    )
    spec = X.image_spec if isinstance(X, NoisyImages) else None
    if spec is not None:
        if image_shape is None and spec.ndim == 2:
            image_shape = (spec.height, spec.width, spec.n_channels)
        if channel_axis == -1:
            channel_axis = spec.channel_axis
        # A range that was learned is learned again, of the images that are selected.
        if isinstance(data_range, str) and spec.fixed:
            data_range = spec.data_range
    return {"image_shape": image_shape, "channel_axis": channel_axis, "data_range": data_range}


def check_same_shape(noisy, clean):
    """Refuse targets that are not one clean image for each noisy one."""
    if noisy.shape != clean.shape:
        raise ValueError(
            f"y has shape {clean.shape} and X {noisy.shape}. Allowed are fit(X) with clean images, "
            "fit(X_noisy, X_clean) with two arrays of one shape, NoisyImages from "
            "NoiseInjector().fit_transform(X), and 1-d labels, which are ignored."
        )
