"""Fitted estimators as plain numbers and arrays, and back."""

from ._state import commit, load_state, read_state, take_over
from ._versions import VersionedState

__all__ = ["VersionedState", "commit", "load_state", "read_state", "take_over"]
