"""Fitted estimators as plain numbers and arrays, and back."""

from ._state import load_state, read_state, take_over

__all__ = ["load_state", "read_state", "take_over"]
