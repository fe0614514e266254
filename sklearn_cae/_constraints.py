"""Constraints of parameters that scikit-learn has not."""

from sklearn.utils._param_validation import Options, StrOptions


def one_of(*names):
    """A parameter that is one of some names, which errors tell in this order."""
    return StrOptions(dict.fromkeys(names).keys())


def instance_of(description, *classes):
    """A parameter that is an object of some classes, which errors describe by an example.

    scikit-learn's own words would name the file of a class, and not what to write.
    """
    return _InstanceOf(description, classes)


class _InstanceOf(Options):
    def __init__(self, description, classes):
        super().__init__(object, {description})
        self.description, self.classes = description, classes

    def is_satisfied_by(self, val):
        return isinstance(val, self.classes)

    def __str__(self):
        return self.description
