"""From JSON and arrays to estimators. What a file says is checked, and none of it is run."""

import os
from dataclasses import is_dataclass
from functools import partial
from inspect import isclass, signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .._fitted import KEY, VersionedState, defaults_of
from .._version import __version__
from ._classes import CUSTOM, REFITTED, name_of, named, other_classes
from ._container import read_file
from ._writing import is_fitted_name

# Objects of a file, one that stands in several places counted there: an outlier detector of four
# scores has about thirty.
MAX_OBJECTS = 10_000
NUMBERS = {
    np.dtype(kind).name: np.dtype(kind).type
    for kind in ("?", *np.typecodes["AllInteger"], "e", "f", "d")
}
PARTS = {"class", "params", "fitted", "data"}
# What makes an object of wrong values raise, besides a ValueError.
WRONG = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read_estimator(path, classes, *, custom=None, device="auto"):
    """Read an estimator that ``write_estimator`` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.
    classes : dict of type
        Classes of the library by name; of no others objects are made.
    custom : dict of type, default=None
        Classes of the user by name.
    device : str, default="auto"
        Parameter ``device`` of the estimators that have one.

    Returns
    -------
    estimator : estimator
        The estimator, the last object of the file.

    Raises
    ------
    ValueError
        If the file is not as it should be; the message begins with its path.
    OSError
        If it cannot be read.
    """
    facts, arrays = read_file(path)
    table = other_classes() | named(classes) | named(custom or {}, custom=True)
    try:
        return ObjectReader(arrays, table, device).read_all(facts)
    except WRONG as error:
        written = facts.get("versions")
        by = written.get("sklearn_cae") if isinstance(written, dict) else None
        raise ValueError(
            f"{os.fspath(path)}, written by sklearn_cae {by!s:.20} and read by {__version__}, "
            f"is not as it should be: {_told(error)}"
        ) from error


def read_values(path):
    """Read a dict that ``write_values`` wrote; raises as ``read_estimator``."""
    facts, arrays = read_file(path)
    try:
        values = ObjectReader(arrays, {}, "auto").read(facts["values"])
    except WRONG as error:
        raise ValueError(f"{os.fspath(path)} is not as it should be: {_told(error)}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{os.fspath(path)} holds no dict of values.")
    return values


class ObjectReader:
    """Makes objects of JSON and arrays, by a table of classes.

    Parameters
    ----------
    arrays : dict of ndarray
        Arrays by name, each of which is taken once.
    table : dict of type
        Classes by their names in files.
    device : str
        Parameter ``device`` of the estimators that have one.
    """

    def __init__(self, arrays, table, device):
        self._arrays = dict(arrays)
        self._table = table
        self._device = device
        self._objects = []
        self._sizes = []
        self._size = 0

    def read_all(self, facts):
        """Make all objects of a file, and give the last."""
        unknown = facts.keys() - {"format", "versions", "objects"}
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}.")
        nodes = facts["objects"]
        if not isinstance(nodes, list) or not 1 <= len(nodes) <= MAX_OBJECTS:
            raise ValueError(f"objects has to be a list of 1 to {MAX_OBJECTS}.")
        for node in nodes:
            self._size = 1
            self._objects.append(self._make(node))
            self._sizes.append(self._size)
        if self._arrays:
            raise ValueError(f"nothing takes the arrays {sorted(self._arrays)[:5]}.")
        if not isinstance(self._objects[-1], BaseEstimator):
            raise ValueError("the last object is no estimator.")
        return self._objects[-1]

    def read(self, node):
        """Make a value of its JSON."""
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if isinstance(node, list):
            return [self.read(item) for item in node]
        ((tag, content),) = node.items() if len(node) == 1 else [("", None)]
        if tag not in READERS:
            raise ValueError(f"unknown value {node!s:.80}.")
        return READERS[tag](self, content)

    def read_tuple(self, nodes):
        return tuple(self.read(node) for node in nodes)

    def read_dict(self, nodes):
        return {key: self.read(node) for key, node in nodes.items()}

    def read_pairs(self, pairs):
        return {self.read(key): self.read(node) for key, node in pairs}

    def read_array(self, name):
        if name not in self._arrays:
            raise ValueError(f"the array {name!r:.80} is missing, or named twice.")
        return self._arrays.pop(name)

    def read_transposed(self, name):
        return self.read_array(name).T

    def read_half(self, name):
        array = self.read_array(name)
        if array.dtype != np.float16:
            raise ValueError(f"{name} is {array.dtype}, but said to be in half precision.")
        return array.astype(np.float32)

    def read_strings(self, texts):
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"strings holds {texts!s:.80}.")
        return np.array(texts, dtype=object)

    def read_number(self, parts):
        dtype, number = parts
        if dtype not in NUMBERS:
            raise ValueError(f"unknown kind of number {dtype!r:.20}.")
        return NUMBERS[dtype](self.read(number))

    def read_float(self, text):
        if text not in ("nan", "inf", "-inf"):
            raise ValueError(f"unknown float {text!r:.80}.")
        return float(text)

    def read_class(self, name) -> Any:
        if not isinstance(name, str):
            raise ValueError(f"unknown class {name!r:.80}.")
        if name in self._table:
            return self._table[name]
        own = name.removeprefix(f"{CUSTOM}.")
        if own != name:
            raise ValueError(
                f"it names a class of yours, {own:.80}. Pass it: load(path, "
                f"custom={{{own!r:.80}: {own:.80}}})."
            )
        raise ValueError(f"unknown class {name!r:.80}. Update sklearn_cae.")

    def read_partial(self, parts):
        made, args, keywords = (self.read(part) for part in parts)
        if not isclass(made):
            raise ValueError("a partial is one of a class.")
        return partial(made, *args, **keywords)

    def read_object(self, place):
        if not isinstance(place, int) or not 0 <= place < len(self._objects):
            raise ValueError(f"object {place!r:.20} comes later, or not at all.")
        self._size += self._sizes[place]
        if self._size > MAX_OBJECTS:
            raise ValueError(f"an object holds more than {MAX_OBJECTS} others.")
        return self._objects[place]

    def _make(self, node):
        unknown = node.keys() - PARTS
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}.")
        cls = self.read_class(node["class"])
        params = self._params(cls, self.read_dict(node["params"]))
        fitted = self.read_dict(node.get("fitted", {}))
        wrong = [name for name in fitted if not is_fitted_name(name)]
        if wrong:
            raise ValueError(f"{cls.__name__} cannot have fitted {wrong}.")
        if is_dataclass(cls):
            return _described(cls, params)
        if not issubclass(cls, BaseEstimator):
            raise ValueError(f"{cls.__name__} is no class of estimators.")
        if "data" in node:
            return cls(**params).fit(self._data(cls, node["data"]))
        return _made(cls, params, fitted)

    def _params(self, cls, params):
        known = signature(cls).parameters
        unknown = params.keys() - known.keys()
        if unknown:
            raise ValueError(f"{cls.__name__} has no parameters {sorted(unknown)}.")
        params = defaults_of(cls) | params
        missing = known.keys() - params.keys()
        if missing:
            raise ValueError(f"{cls.__name__} lacks its parameters {sorted(missing)}.")
        return params | ({"device": self._device} if "device" in params else {})

    def _data(self, cls, node):
        data = self.read(node)
        if name_of(cls) not in REFITTED or not isinstance(data, np.ndarray):
            raise ValueError(f"{cls.__name__} is not fitted to data.")
        return data


READERS = {
    "array": ObjectReader.read_array,
    "class": ObjectReader.read_class,
    "dict": ObjectReader.read_dict,
    "float": ObjectReader.read_float,
    "half": ObjectReader.read_half,
    "number": ObjectReader.read_number,
    "object": ObjectReader.read_object,
    "pairs": ObjectReader.read_pairs,
    "partial": ObjectReader.read_partial,
    "strings": ObjectReader.read_strings,
    "transposed": ObjectReader.read_transposed,
    "tuple": ObjectReader.read_tuple,
}


def _made(cls, params, fitted):
    """An estimator as unpickling makes it, once its class has checked what is fitted."""
    made, state = cls.__new__(cls), params | fitted
    if hasattr(cls, "check_state"):
        cls.check_state(state)
    if issubclass(cls, VersionedState):
        made.__setstate__({**state, KEY: __version__})
    else:
        vars(made).update(state)
    return made


def _described(cls, params):
    """A dataclass, which checks itself if it can."""
    made = cls(**params)
    if hasattr(cls, "check"):
        made.check()
    return made


def _told(error):
    """What an error says; a bare KeyError says no more than the key."""
    if isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
