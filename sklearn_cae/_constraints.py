"""Constraints of parameters that scikit-learn has not."""

from sklearn.utils._param_validation import StrOptions


def one_of(*names):
    """A parameter that is one of some names, which errors tell in this order."""
    return StrOptions(dict.fromkeys(names).keys())
