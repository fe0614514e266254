"""A callback that keeps the weights of a training, epoch by epoch."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from skorch.callbacks import Callback


class WeightHistory(Callback):
    """Keep the weights of epochs, to see later how a network learned.

    Pass it to ``explain_html(history=...)``, which shows the epochs.

    Parameters
    ----------
    every : int, default=1
        Number of epochs between two states that are kept. The initial weights always are, and so
        are those of the last epoch.

    Attributes
    ----------
    epochs_ : list of int
        Epochs whose weights are kept; 0 is before the training.
    weights_ : list of dict of ndarray
        For each of them weights, biases and running statistics by their names in the state of the
        module, as float16.

    Notes
    -----
    An epoch of the default network takes 0.7 MB of memory. A pickle of the callback leaves the
    weights behind.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE
    >>> from sklearn_cae.callbacks import WeightHistory
    >>> X = load_digits().images[:200] / 16
    >>> history = WeightHistory(every=2)
    >>> cae = DenoisingCAE(Autoencoder((4,)), max_epochs=3, callbacks=[history], for_codes=True)
    >>> cae = cae.fit(X)
    >>> history.epochs_
    [0, 2, 3]
    """

    _parameter_constraints = {"every": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, every: int = 1) -> None:
        self.every = every

    def on_train_begin(self, net, **kwargs):
        """Keep the initial weights; a training that goes on keeps those of before too."""
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), type(self).__name__
        )
        if not net.history or not hasattr(self, "epochs_"):
            self.epochs_, self.weights_ = [], []
        self._keep(net)

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights."""
        if len(net.history) % self.every == 0:
            self._keep(net)

    def on_train_end(self, net, **kwargs):
        """Keep the last weights."""
        self._keep(net)

    def _keep(self, net):
        epoch = len(net.history)
        if epoch in self.epochs_:
            return
        self.epochs_.append(epoch)
        self.weights_.append(
            {
                name: values.detach().cpu().numpy().astype(np.float16)
                for name, values in net.module_.state_dict().items()
                if values.is_floating_point()
            }
        )

    def __getstate__(self):
        return self.get_params(deep=False)
