"""A score by how well a corruption is restored."""

import numpy as np

from ._features import TINY
from ._score import DrawnMapScore

# Part of the usual change that is added to the change of an image, so that an image which the
# corruption leaves as it is, such as an even one that is turned, has a finite error.
LEAST_CHANGE = 0.1


class RestorationScore(DrawnMapScore):
    """Minus the share of a corruption that is left after it is restored.

    Use it with an autoencoder whose ``noise`` is a task that needs to know what an image shows,
    such as ``["erase_color", "quarter_turns"]`` [1]_. Such an autoencoder restores colour and
    orientation of images like those of its training, and of others less well.

    The share is the mean absolute error of the restored image, over the mean absolute change that
    the corruption makes, both averaged over its draws: 0 is an image restored in full, and 1 one
    that is as far from the original as before. So images of little contrast, whose errors are small
    whatever the network knows of them, are judged as others are. A tenth of the usual change of
    training images is added to that of each image.

    If the corruption can do only a few things to an image, such as four turns, the image is
    restored from each of them. With any other corruption, the same image always gets the same
    draws.

    Parameters
    ----------
    n_draws : int, default=4
        Number of draws of a corruption that has no ``variants``, each of which costs a pass of the
        network.
    smoothing : float, default=0.0
        Standard deviation in pixels of the Gaussian that smooths the map of errors.
    worst : float, default=1.0
        Share of the pixels that count, the worst ones: 0.01 for small defects.

    Attributes
    ----------
    seeds_ : list of int
        Seed of each of these draws.
    change_ : float
        Mean absolute change of the training images, in units of the range that the autoencoder
        sees.

    See Also
    --------
    DenoisingScore : The mean squared error of random draws of the training's noise.
    sklearn_cae.QuarterTurns, sklearn_cae.EraseColor, sklearn_cae.Flip, sklearn_cae.CutOut

    References
    ----------
    .. [1] F. Ye, C. Huang, J. Cao, M. Li, Y. Zhang, C. Lu, "Attribute restoration framework for
       anomaly detection", IEEE Transactions on Multimedia 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE
    >>> X, y = load_digits(return_X_y=True)
    >>> sevens, twos = X[y == 7] / 16, X[y == 2] / 16
    >>> cae = DenoisingCAE(Autoencoder((16, 32), latent_dim=16), noise="quarter_turns")
    >>> detector = CAEOutlierDetector(cae, outlier_score="restoration", random_state=0)
    >>> detector.fit(sevens[:150]).score_samples(twos).shape
    (177,)
    """

    def check_autoencoder(self, cae):
        if cae.noise_ is None:
            raise ValueError(
                "RestorationScore corrupts images as the training did, but the autoencoder learned "
                "from pairs or from noisy images, and has no noise. Fit it on clean images, as in "
                "DenoisingCAE(noise=['erase_color', 'quarter_turns']), or choose another score."
            )

    def learn(self, collect, seed):
        super().learn(collect, seed)
        self.change_ = float(collect(self._change).mean())
        if self.change_ == 0:
            raise ValueError(
                "RestorationScore has nothing to restore: the corruption of the training leaves "
                "these images as they are. Fit an autoencoder that has one to undo, as in "
                "DenoisingCAE(noise=['erase_color', 'quarter_turns']), or choose another score."
            )

    def errors(self, batch):
        errors = [
            np.abs(batch.denoised(*draw) - batch.images).mean(axis=3) for draw in self._draws(batch)
        ]
        allowed = (self._change(batch) + LEAST_CHANGE * self.change_).clip(min=TINY)
        return np.mean(errors, axis=0) / allowed[:, np.newaxis, np.newaxis]

    def _change(self, batch):
        """How much the corruption changes each image, (n,), averaged over its draws."""
        changes = [
            np.abs(batch.corrupted(*draw) - batch.images).mean(axis=(1, 2, 3))
            for draw in self._draws(batch)
        ]
        return np.mean(changes, axis=0)

    def _draws(self, batch):
        """Seed and model of each variant of the corruption, or of each draw."""
        if batch.variants is None:
            return [(seed, None) for seed in self.seeds_]
        # They draw nothing: any seed does.
        return [(0, variant) for variant in batch.variants]
