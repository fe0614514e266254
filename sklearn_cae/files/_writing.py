"""From estimators to JSON and arrays."""

import os
from dataclasses import fields, is_dataclass
from functools import partial
from math import isfinite

import numpy as np
from sklearn.base import BaseEstimator

from .._fitted import defaults_of
from .._warnings import warn_user
from ._classes import CUSTOM, ESTIMATORS, REFITTED, is_foreign, name_of
from ._container import write_file

# What numbers of numpy are called in files, by their kind.
SCALARS = (np.bool_, np.integer, np.floating)
# Set by scikit-learn's set_output.
OUTPUT = "_sklearn_output_config"


class NotKept(ValueError):
    """Says which value a file cannot hold."""


def write_estimator(estimator, path, *, half=False):
    """Write an estimator and all objects within it.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    path : str or path-like
        Where to.
    half : bool, default=False
        Write float32 arrays in half precision.
    """
    writer = ObjectWriter(half=half)
    try:
        writer.write(estimator, "")
    except NotKept as error:
        raise ValueError(
            f"A file cannot hold {error} Keep this {type(estimator).__name__} with joblib."
        ) from error
    if writer.left_out:
        warn_user(
            f"The file of this {type(estimator).__name__} does not hold "
            f"{', '.join(writer.left_out)}. It can hold numbers, text, arrays and classes, but not "
            "callbacks and functions. The loaded estimator has the defaults in their place."
        )
    write_file(path, {"objects": writer.objects}, writer.arrays)


def write_values(values, path):
    """Write a dict of numbers, text, arrays, and lists and dicts of these."""
    writer = ObjectWriter()
    written = writer.write(values, "values")
    write_file(path, {"values": written}, writer.arrays)


class ObjectWriter:
    """Turns values into JSON and arrays.

    JSON holds None, booleans, integers, finite floats, text and lists as they are. Anything else is
    an object of one key, which says what it is; see ``WRITERS``.

    Parameters
    ----------
    half : bool
        Write float32 arrays in half precision.

    Attributes
    ----------
    objects : list of dict
        Estimators and specs; each comes after those within it.
    arrays : dict of ndarray
        Arrays by name.
    left_out : list of str
        Names of what was left out.
    """

    def __init__(self, *, half=False):
        self.objects = []
        self.arrays = {}
        self.left_out = []
        self._half = half
        # Kept beside their places, so that no other object gets their identity.
        self._written = {}

    def write(self, value, name):
        """JSON of a value; arrays are put aside under names that begin with its own."""
        for kinds, write in WRITERS:
            if isinstance(value, kinds):
                return write(self, value, name)
        if is_dataclass(value):
            return self.write_object(value, name)
        raise NotKept(f"{name} = {_short(value)}.")

    def write_list(self, values, name):
        return [self.write(value, f"{name}.{i}") for i, value in enumerate(values)]

    def write_tuple(self, values, name):
        if hasattr(values, "_fields"):
            raise NotKept(f"{name}, a {type(values).__name__}, whose fields have names.")
        return {"tuple": self.write_list(values, name)}

    def write_dict(self, values, name):
        items = {key: self.write(value, f"{name}.{key}") for key, value in values.items()}
        if all(isinstance(key, str) for key in values):
            return {"dict": items}
        return {"pairs": [[self.write(key, name), item] for key, item in items.items()]}

    def write_array(self, array, name):
        if array.dtype.kind in "OU":
            if array.ndim != 1 or not all(isinstance(text, str) for text in array):
                raise NotKept(f"{name}, an array of objects.")
            return {"strings": list(map(str, array))}
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise NotKept(f"{name}, an array of {array.dtype}.")
        halved = self._half and array.dtype == np.float32
        transposed = not halved and array.flags.f_contiguous and not array.flags.c_contiguous
        dtype = np.float16 if halved else array.dtype.newbyteorder("=")
        stored = np.asarray(array.T if transposed else array, dtype=dtype, order="C")
        self.arrays[name] = stored
        return {"half" if halved else "transposed" if transposed else "array": name}

    def write_scalar(self, number, name):
        if number.dtype.itemsize > 8:
            raise NotKept(f"{name}, a number of {number.dtype}.")
        return {"number": [number.dtype.name, self.write(number.item(), name)]}

    def write_float(self, number, name):
        return number if isfinite(number) else {"float": str(number)}

    def write_path(self, path, name):
        return os.fspath(path)

    def write_type(self, cls, name):
        return {"class": name_of(cls)}

    def write_partial(self, made, name):
        if not isinstance(made.func, type):
            raise NotKept(f"{name} = {_short(made)}.")
        parts = (made.func, list(made.args), made.keywords)
        return {"partial": [self.write(part, name) for part in parts]}

    def write_object(self, value, name):
        """Write an estimator or a spec once; wherever else it stands, its place does."""
        if id(value) not in self._written:
            if is_foreign(type(value)):
                known = ", ".join(sorted(name.rpartition(".")[2] for name in ESTIMATORS))
                raise NotKept(f"{name} = {_short(value)}; of scikit-learn it holds {known}.")
            node = {"class": name_of(type(value)), **self._parts(value, name)}
            self.objects.append(node)
            self._written[id(value)] = len(self.objects) - 1, value
        return {"object": self._written[id(value)][0]}

    def _parts(self, value, name):
        if is_dataclass(value):
            params = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"params": self._params(value, params, name)}
        params = value.get_params(deep=False)
        state = value.__getstate__()
        parts = {"params": self._params(value, params, name)}
        if (cls := name_of(type(value))) in REFITTED:
            if hasattr(value, "n_features_in_"):
                data = np.asarray(REFITTED[cls](state))
                parts["data"] = self.write(data, _within(name, "data"))
            return parts
        fitted = {key: state[key] for key in state if is_fitted_name(key)}
        if fitted:
            parts["fitted"] = self._fitted(value, fitted, name)
        self._tell_other(value, state.keys() - params.keys() - fitted.keys(), name)
        return parts

    def _params(self, value, params, name):
        written, defaults = {}, defaults_of(type(value))
        for key, param in params.items():
            try:
                written[key] = self.write(param, _within(name, key))
            except NotKept:
                if key not in defaults:
                    raise
                self.left_out.append(_within(name, key))
        return written

    def _fitted(self, value, fitted, name):
        written, stand_ins = {}, getattr(type(value), "stand_ins", {})
        for key, attribute in fitted.items():
            try:
                written[key] = self.write(attribute, _within(name, key))
            except NotKept:
                if key not in stand_ins:
                    raise
                self.left_out.append(_within(name, key))
                written[key] = self.write(stand_ins[key], _within(name, key))
        return written

    def _tell_other(self, value, names, name):
        """Note the attributes of the user's classes that are neither parameter nor fitted."""
        if name_of(type(value)).startswith(f"{CUSTOM}."):
            self.left_out += [_within(name, key) for key in sorted(names)]


# What a value is written as, the first kind that it is.
WRITERS = (
    ((type(None), bool, str), lambda writer, value, name: value),
    (SCALARS, ObjectWriter.write_scalar),
    (int, lambda writer, value, name: value),
    (float, ObjectWriter.write_float),
    (list, ObjectWriter.write_list),
    (tuple, ObjectWriter.write_tuple),
    (dict, ObjectWriter.write_dict),
    (np.ndarray, ObjectWriter.write_array),
    (os.PathLike, ObjectWriter.write_path),
    (type, ObjectWriter.write_type),
    (partial, ObjectWriter.write_partial),
    (BaseEstimator, ObjectWriter.write_object),
)


def is_fitted_name(name):
    """Whether an attribute of this name is learned in ``fit``, or how results are given."""
    return (name.endswith("_") and not name.startswith("_")) or name == OUTPUT


def _within(name, key):
    return f"{name}.{key}" if name else key


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
