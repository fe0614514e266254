"""Import of packages that only some features need."""

import importlib
from types import ModuleType


def import_optional(
    name: str, *, extra: str | None, purpose: str, package: str | None = None
) -> ModuleType:
    """Import an optional package, or say which feature needs it and how to install it.

    Call it inside the function that needs the package, so that the library imports without it.

    Parameters
    ----------
    name : str
        Name of the package for ``import``.
    extra : str or None
        Extra of ``sklearn-cae`` that brings the package, as in ``sklearn-cae[extra]``; ``None`` if
        none does.
    purpose : str
        What needs the package, as the beginning of a sentence: "Downloading MNIST".
    package : str, default=None
        Name of the package for ``pip install``; ``None`` is ``name``.

    Returns
    -------
    package : module
        The imported package.

    Raises
    ------
    ImportError
        If the package cannot be imported; the message names ``purpose`` and the pip line.

    Examples
    --------
    >>> from sklearn_cae._optional import import_optional
    >>> import_optional("json", extra="datasets", purpose="Reading JSON").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        commands = [f'`pip install "sklearn-cae[{extra}]"`'] if extra else []
        commands.append(f"`pip install {package or name}`")
        raise ImportError(
            f"{purpose} needs the optional package {package or name}, which could not be imported "
            f"({error}). Install it with {' or '.join(commands)}."
        ) from error
