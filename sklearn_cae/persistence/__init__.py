"""Fitted estimators as plain numbers and arrays, and back; trained weights in files."""

from ._checks import check_net_state, check_optimizer_state, check_weights, without_memory
from ._pretrained import (
    PRETRAINED_CLASSES,
    pretrained_names,
    pretrained_path,
    write_pretrained,
)
from ._state import load_state, read_state, share_state, take_over

__all__ = [
    "PRETRAINED_CLASSES",
    "check_net_state",
    "check_optimizer_state",
    "check_weights",
    "load_state",
    "pretrained_names",
    "pretrained_path",
    "read_state",
    "share_state",
    "take_over",
    "without_memory",
    "write_pretrained",
]
