"""Fitted estimators as plain numbers and arrays, and back; trained weights in files."""

from ._pretrained import (
    Pretrained,
    load_pretrained,
    pretrained_names,
    read_pretrained,
    write_pretrained,
)
from ._state import load_state, read_state, take_over

__all__ = [
    "Pretrained",
    "load_pretrained",
    "load_state",
    "pretrained_names",
    "read_pretrained",
    "read_state",
    "take_over",
    "write_pretrained",
]
