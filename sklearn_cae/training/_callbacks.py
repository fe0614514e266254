"""Callbacks that users give."""

from skorch.callbacks import Callback


def check_callbacks(callbacks):
    """Give the callbacks of a user, or raise a ValueError if skorch does not take one of them."""
    for callback in callbacks:
        if not _is_callback(callback):
            raise ValueError(
                f"callbacks holds {callback!r}; expected skorch callbacks such as "
                "skorch.callbacks.Checkpoint(), or pairs (name, callback)."
            )
    return callbacks


def _is_callback(item):
    """Whether skorch takes it: a callback or its class, alone or with a name."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        item = item[1]
    return isinstance(item, Callback) or (isinstance(item, type) and issubclass(item, Callback))
