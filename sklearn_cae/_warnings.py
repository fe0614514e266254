"""Warnings that point at the user's line."""

import sys
import warnings


def warn_user(message, category=UserWarning):
    """Warn at the line that called the library, however deep inside of it we are."""
    frame, stacklevel = sys._getframe(1), 2  # noqa: SLF001
    while frame.f_back and _is_library(frame):
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)


def _is_library(frame):
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in ("sklearn", "sklearn_cae", "skorch")
