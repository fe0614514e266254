"""Fitted estimators as plain numbers and arrays, and back."""

from ._state import commit, load_state, read_state, take_over

__all__ = ["commit", "load_state", "read_state", "take_over"]
