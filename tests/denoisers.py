"""Denoisers without a network, for tests of what scores and compares denoisers."""

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_cae.images import (
    check_images,
    from_channels_last,
    learn_images,
    learn_spec,
    split_targets,
    view_of_size,
)
from sklearn_cae.noise import resolve_noise


class Identity(BaseEstimator):
    """A denoiser of the user: gives back what it gets, times a gain, and keeps it."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        self.seen = X
        return self.gain * np.asarray(X)


class Shrinkage(BaseEstimator):
    """A denoiser of this library: pixels come closer to the mean of their image and channel."""

    def __init__(
        self, share=0.5, *, noise=None, image_shape=None, channel_axis=-1, data_range="auto"
    ):
        self.share = share
        self.noise = noise
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range

    def fit(self, X, y=None):
        noisy, clean, noise = split_targets(X, y)
        source, columns = learn_images(clean)
        self.__dict__ |= columns
        self.image_spec_ = learn_spec(
            source,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
        )
        self.noise_ = resolve_noise(self.noise) if noisy is None else noise
        return self

    def predict(self, X):
        source = check_images(self, X)
        images = view_of_size(source, self.image_spec_)
        mean = images.mean(axis=(1, 2), keepdims=True)
        denoised = (mean + (1 - self.share) * (images - mean)).astype(source.dtype)
        return from_channels_last(denoised, source.ndim, self.image_spec_)
