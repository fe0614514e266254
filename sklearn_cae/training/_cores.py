"""Look at the cores between the steps of a training."""

from skorch.callbacks import Callback


class CoresWatch(Callback):
    """Takes as many threads as pay, before each batch.

    Parameters
    ----------
    cores : SharedCores
        Who looks.
    """

    def __init__(self, cores):
        self.cores = cores

    def on_batch_begin(self, net, **kwargs):
        self.cores.look()
