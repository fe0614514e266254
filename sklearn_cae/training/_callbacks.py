"""Callbacks that users give, and one that looks at the network before the first step."""

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


def fit_checked(cae, images, check):
    """Fit an autoencoder, unless a check of its network raises an error before the first step.

    Parameters
    ----------
    cae : DenoisingCAE
        It is fitted.
    images : ImageSource, LazyImages or ndarray
        What ``fit`` takes.
    check : callable
        ``check(module, device, image_shape)`` gets the network, where it is, and (H, W, C).
    """
    callbacks = cae.callbacks
    # Others than lists are refused by fit.
    if callbacks is None or isinstance(callbacks, list):
        cae.set_params(callbacks=[*(callbacks or []), _BeforeTraining(check)])
    try:
        cae.fit(images)
    finally:
        cae.set_params(callbacks=callbacks)


class _BeforeTraining(Callback):
    def __init__(self, check):
        self.check = check

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.check(net.module_, net.device, X.shape)
