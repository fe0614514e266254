"""Validation of what users give as images."""

import math
from numbers import Integral

import numpy as np
import scipy.sparse
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from ._blocks import refuse_closed, refuse_masked, to_ndarray
from ._lazy import LazyImages, is_lazy, read_lazily
from ._sequences import (
    RAGGED,
    ImageSequence,
    images_of,
    is_collection,
    is_empty,
    is_image_list,
    is_read_by_number,
    item_at,
    list_images,
    read_collection,
    refuse_empty,
    refuse_mixed_dtypes,
)
from ._sources import ImageSource
from ._spec import refuse_rows

INTEGERS = (np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64)
# The first is what others become, such as float16 and bool.
IMAGE_DTYPES = (np.float64, np.float32, *INTEGERS)
DTYPES_BY_NAME = {np.dtype(dtype).name: dtype for dtype in IMAGE_DTYPES}
LAYOUTS = (
    "rows (n, n_features), gray images (n, H, W) or images with channels (n, H, W, C), or "
    "(n, C, H, W) with channel_axis=1"
)
NUMBERS = (
    "Images are numbers: uint8, uint16, float32 or float64. Read files first, for instance "
    "np.stack([skimage.io.imread(path) for path in paths]); DenoisingCAE also takes "
    "skimage.io.imread_collection('folder/*.png'), of any sizes."
)
# What to add to errors of scikit-learn and numpy, by words in them.
CURES = {
    "inhomogeneous": RAGGED,
    "array element with a sequence": RAGGED,
    "could not convert string": NUMBERS,
    "not 'generator'": "Of a generator give list(X).",
    "must be a string or a real number": NUMBERS,
    "Expected 2D array": f"Expected are {LAYOUTS}.",
}


def learn_images(X, *, name="X", lazy=False):
    """Validate and measure a batch of images for a fit, without a copy where it can.

    Parameters
    ----------
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Images.
    name : str
        How error messages call the array.
    lazy : bool, default=False
        Read what :func:`is_lazy` and collections block by block, now and later, not at once.

    Returns
    -------
    source : ImageSource
        Images of 2 to 4 dimensions: integers, float32 or float64; anything else numeric becomes
        float64.
    columns : dict
        The fitted attributes ``n_features_in_`` and, for data frames, ``feature_names_in_``.

    Raises
    ------
    ValueError, TypeError
        If X is not an array of images.
    """
    source = read_images(X, name=name, lazy=lazy)
    rows = X if hasattr(X, "columns") else np.empty((1, math.prod(source.shape[1:])))
    # The estimator of the user learns nothing before all of its fit is done.
    learner = BaseEstimator()
    validate_data(learner, rows, reset=True, skip_check_array=True)
    return source, vars(learner)


def check_images(estimator, X, *, lazy=False, accept=None):
    """Validate and measure a batch of images for a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Its ``n_features_in_`` and ``feature_names_in_`` are those that rows are checked against.
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Images.
    lazy : bool, default=False
        As in :func:`learn_images`.
    accept : callable, default=None
        Called with the images before their values are measured: it raises an error where their
        shape or dtype is not welcome.

    Returns
    -------
    source : ImageSource
        As :func:`learn_images` gives it.

    Raises
    ------
    ValueError, TypeError
        If X is not an array of images, or its rows are not those of ``fit``.
    """
    check_columns(estimator, X)
    source = read_images(X, lazy=lazy, accept=accept)
    if source.ndim == 2 and not hasattr(X, "columns"):
        refuse_rows(source, estimator.image_spec_)
        validate_data(estimator, source.pixels, reset=False, skip_check_array=True)
    return source


def check_columns(estimator, X):
    """Check number and names of the columns of a data frame, if X is one, against those of fit.

    As in scikit-learn, wrong columns are told before wrong values.
    """
    _refuse_unready(X, "X")
    if hasattr(X, "columns"):
        validate_data(estimator, X, reset=False, skip_check_array=True)


def read_images(X, *, name="X", lazy=False, accept=None):
    """Validate and measure images that no estimator has to remember: an :class:`ImageSource`."""
    if isinstance(X, ImageSource):
        if accept is not None:
            accept(X)
        return X
    _refuse_unready(X, name)
    if lazy and is_image_list(X) and is_collection(X):
        return read_images(read_sequence(X, name=name).stacked(), accept=accept)
    if lazy and is_lazy(X):
        checked = lazy_images(X, name)
    else:
        checked = _checked(X, name)
        _check_layout(checked.shape, name)
    if accept is not None:
        accept(checked)
    return ImageSource(checked, name)


def _refuse_unready(X, name):
    """Refuse what has neither values nor a shape: a frame of polars not computed, a closed file."""
    refuse_closed(X, name)
    if hasattr(X, "collect") and hasattr(X, "lazy"):
        raise ValueError(
            f"{name} is a {type(X).__name__}, whose values are not there yet. Give "
            f"{name}.collect()."
        )


def lazy_images(X, name="X"):
    """:class:`LazyImages` of what :func:`is_lazy`, whose values are not looked at."""
    if isinstance(X, LazyImages):
        return X
    if not all(isinstance(side, Integral) for side in X.shape):
        raise ValueError(
            f"{name} has shape {tuple(X.shape)}, which is not known. Have it computed first, as "
            f"by {name}.compute_chunk_sizes() of dask."
        )
    # In a single image the dtype and an empty shape are refused as those of all would be.
    single = _checked(np.zeros((min(1, X.shape[0]), *X.shape[1:]), X.dtype), name)
    _check_layout(tuple(X.shape), name)
    return read_lazily(X, single.dtype, name)


def _check_layout(shape, name):
    if len(shape) > 4 or math.prod(shape) == 0:
        raise ValueError(
            f"{name} has shape {shape}; expected are {LAYOUTS}, with at least one value."
        )


def read_sequence(X, *, name="X"):
    """Validate and measure a list of images of any sizes: an :class:`ImageSequence`."""
    if isinstance(X, ImageSequence):
        return X
    refuse_empty(X, name)
    if is_collection(X):
        return read_collection(X, _checked, name)
    images = [_checked(image, f"{name}[{i}]") for i, image in enumerate(list_images(X, name))]
    return ImageSequence(images, name)


def _checked(X, name):
    """Array of numbers of a dtype of images; its values are not looked at."""
    refuse_empty(X, name)
    X = _of_one_dtype(X, name)
    try:
        return check_array(
            _with_own_dtype(X),
            dtype=IMAGE_DTYPES,
            allow_nd=True,
            ensure_all_finite=False,
            input_name=name,
        )
    except (TypeError, ValueError) as error:
        cure = next((cure for words, cure in CURES.items() if words in str(error)), "")
        text = f"{name} cannot be read as images: {error} {cure}".rstrip()
        # scikit-learn asks for one or the other.
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(text) from error


def _of_one_dtype(X, name):
    """X, or the images of a collection in a list; what numpy would merge is refused."""
    if is_image_list(X) or is_read_by_number(X):
        X = list(images_of(X, name))
    if isinstance(X, (list, tuple)) or _is_column_of_objects(X):
        refuse_mixed_dtypes(X, name)
        for number, image in enumerate(X):
            refuse_masked(image, f"{name}[{number}]")
    return X


def _is_column_of_objects(X):
    kind = getattr(getattr(X, "dtype", None), "kind", None)
    return kind == "O" and getattr(X, "ndim", None) == 1


def is_target(X, y):
    """Whether ``y`` is meant as clean images for ``X``, and not as labels, which are ignored.

    Clean images have three dimensions or more, or are rows of as many values as an image of X; in
    frames their columns have the order of those of X.
    Labels are 1-d, or a table of another width: several outputs, or one column for each class.
    No entry at all is neither, and refused: clean images whose files were not found look so.
    """
    if y is None:
        return False
    _refuse_unready(X, "X")
    _refuse_unready(y, "y")
    shape = _shape(y)
    if len(shape) >= 3:
        return True
    n_images, *image_shape = _shape(X) or (0,)
    if shape[:1] == (0,) and n_images > 0:
        raise ValueError(
            f"y has 0 entries, but X has {n_images} image(s). Give a clean image for each, or "
            "leave y out."
        )
    if len(shape) != 2 or shape[1] != int(np.prod(image_shape, dtype=int)):
        return False
    _check_order(X, y)
    return True


def _check_order(X, y):
    """Refuse two frames of the same columns in another order: their pixels are not those of X."""
    of_X, of_y = _column_names(X), _column_names(y)
    if of_X and of_y and of_X != of_y and sorted(map(str, of_X)) == sorted(map(str, of_y)):
        raise ValueError(
            "y has the columns of X in another order, so that its pixels do not belong to those of "
            "X. Bring them to one order first, as by y[list(X.columns)]."
        )


def _column_names(frame):
    """Names of the columns of a frame, or of a table of pyarrow; ``None`` for anything else."""
    names = getattr(frame, "column_names", getattr(frame, "columns", None))
    return None if names is None else list(names)


def _shape(X):
    if hasattr(X, "shape"):
        return tuple(X.shape)
    if is_empty(X):  # Of an empty collection numpy makes no array.
        return (0,)
    try:
        if is_image_list(X) or is_read_by_number(X):
            return (len(X), *np.shape(item_at(X, 0)))
        return np.asarray(X).shape
    except ValueError:  # A ragged list or a broken file, of which ``read_images`` tells more.
        return (len(X), -1, -1)


def _with_own_dtype(X):
    """Keep the dtype of images in lists, tensors and frames, and the order of their bytes native.

    Without it scikit-learn makes float64 of uint8 in nullable or Arrow columns and in lists.
    """
    if isinstance(X, torch.Tensor):
        X = _from_tensor(X)
    elif isinstance(X, (list, tuple, memoryview)):
        X = np.asarray(X)
    elif not isinstance(X, np.ndarray) and (dtype := _dtype_of_columns(X)) is not None:
        X = np.asarray(X, dtype=dtype)
    elif not scipy.sparse.issparse(X) and hasattr(X, "__array__"):
        X = to_ndarray(X)
    elif is_lazy(X):
        X = to_ndarray(X[: X.shape[0]])
    if isinstance(X, np.ndarray):
        refuse_masked(X, "It")
        X = np.asarray(X)
        X = X.astype(X.dtype.newbyteorder("="), copy=False)
    return np.stack(X) if _is_column_of_images(X) else X


def _is_column_of_images(X):
    """Whether this is a series of arrays of one shape, which numpy does not join by itself."""
    if not isinstance(X, np.ndarray) or not _is_column_of_objects(X):
        return False
    return len({image.shape if isinstance(image, np.ndarray) else () for image in X} - {()}) == 1


def _from_tensor(X):
    X = X.detach().resolve_conj().resolve_neg().cpu()
    # numpy has no bfloat16.
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()


def _dtype_of_columns(X):
    """The dtype that all columns of a frame share, as numpy names it, ``None`` if they do not."""
    dtypes = getattr(X, "dtypes", None) if hasattr(X, "columns") else None
    if dtypes is None and hasattr(X, "schema"):
        dtypes = getattr(X.schema, "types", None)
    if dtypes is None:
        return None
    # "UInt8" of pandas and polars, "uint8[pyarrow]", "uint8" of pyarrow
    names = {str(dtype).partition("[")[0].lower() for dtype in dtypes}
    if len(names) != 1:
        return None
    name = names.pop()
    return DTYPES_BY_NAME.get({"float": "float32", "double": "float64"}.get(name, name))
