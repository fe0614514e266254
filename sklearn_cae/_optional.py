"""Import of packages that only some features need."""

import importlib
from types import ModuleType


def import_optional(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which feature needs it and how to install it.

    Call it inside the function that needs the package, so that the library imports without it.

    Parameters
    ----------
    name : str
        Name of the package, the same for ``import`` and for ``pip install``.
    extra : str
        Extra of ``sklearn-cae`` that brings the package, as in ``sklearn-cae[extra]``.
    purpose : str
        What needs the package, as the beginning of a sentence: "Downloading MNIST".

    Returns
    -------
    package : module
        The imported package.

    Raises
    ------
    ImportError
        If the package cannot be imported; the message names `purpose` and the pip line.

    Examples
    --------
    >>> from sklearn_cae._optional import import_optional
    >>> import_optional("json", extra="datasets", purpose="Reading JSON").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the optional package {name}, which could not be imported "
            f'({error}). Install it with `pip install "sklearn-cae[{extra}]"` '
            f"or `pip install {name}`."
        ) from error
