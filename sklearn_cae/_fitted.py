"""What estimators have learned: taken over at once, and pickled with the version that wrote it."""

from inspect import signature

from ._version import __version__
from ._warnings import warn_user

KEY = "_sklearn_cae_version"


def commit(estimator, fitted):
    """Replace all fitted attributes of an estimator, those that end in an underscore, at once.

    Parameters
    ----------
    estimator : estimator
        Left alone until here, so that a fit that fails or is interrupted changes nothing.
    fitted : dict
        The new attributes by name.
    """
    kept = {name: value for name, value in vars(estimator).items() if not name.endswith("_")}
    estimator.__dict__ = {**kept, **fitted}


class VersionedState:
    """Adds the version to a pickle, and warns when another version opens it.

    It goes before :class:`~sklearn.base.BaseEstimator`. A parameter that an older version lacked
    gets its default.
    """

    def __getstate__(self):
        return {**super().__getstate__(), KEY: __version__}  # type: ignore[dict-item]

    def __setstate__(self, state):
        written = state.get(KEY, "an unknown version")
        if written != __version__:
            warn_user(
                f"This {type(self).__name__} was pickled by sklearn_cae {written}, and is opened "
                f"by {__version__}. It may not work, or give other results. Fit it again, or open "
                "it with the version that wrote it."
            )
        state = {name: value for name, value in state.items() if name != KEY}
        super().__setstate__(defaults_of(type(self)) | state)  # type: ignore[misc]


def defaults_of(cls):
    """Defaults of the parameters of a class, by name."""
    parameters = signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}
