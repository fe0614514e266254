"""The transformer that applies a noise model to arrays of images."""

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._images import (
    check_images,
    check_pixels,
    check_units,
    check_within_range,
    from_channels_last,
    from_unit,
    learn_spec,
    to_channels_last,
    to_unit,
)
from .._random import generators_by_content, resolve_seed
from ._models import resolve_noise
from ._pairs import NoisyImages

CHUNK = 256


class NoiseInjector(
    OneToOneFeatureMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Corrupt clean images so that a denoiser can learn from pairs.

    In a pipeline it corrupts the training images only: ``transform`` leaves images alone unless
    ``when="always"``, so that ``pipeline.predict(noisy)`` adds no noise on top of the noise that
    is there.

    Parameters
    ----------
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts the images: a noise model, one of the names "gaussian", "salt_and_pepper",
        "blur", "poisson", "speckle" and "masking" for a model with its defaults, "none", or a list
        for a chain. ``None`` is ``GaussianNoise(0.1)``.
    when : {"fit", "always"}, default="fit"
        Corrupt in ``fit_transform`` only, or in ``transform`` as well.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. With an int, an image gets the same noise whatever batch it comes in.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features). ``None`` reads a square number of features as
        a square gray image.
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white. "auto" is 0 to 255 for uint8, 0 to 65535 for uint16, 0 to 1 for
        floats within it, and the smallest and largest value seen in ``fit`` for other floats.

    Attributes
    ----------
    noise_ : NoiseModel
        The noise model.
    data_range_ : tuple of float
        Values of black and white.
    image_shape_ : tuple of int
        Shape of one image, (H, W) or (H, W, C).
    n_features_in_ : int
        Number of values in one image.

    See Also
    --------
    sklearn_cae.DenoisingCAE : Corrupts by itself too, with its parameter ``noise``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae import NoiseInjector
    >>> X = np.full((10, 28, 28), 128, dtype=np.uint8)
    >>> injector = NoiseInjector("salt_and_pepper", random_state=0)
    >>> noisy = injector.fit_transform(X)
    >>> noisy.dtype, noisy.shape, noisy.clean.shape
    (dtype('uint8'), (10, 28, 28), (10, 28, 28))
    >>> bool((injector.transform(X) == X).all())
    True
    """

    def __init__(
        self,
        noise=None,
        *,
        when="fit",
        random_state=None,
        image_shape=None,
        channel_axis=-1,
        data_range="auto",
    ):
        self.noise = noise
        self.when = when
        self.random_state = random_state
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range

    def fit(self, X, y=None):
        """Learn shape and data range of the images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images: uint8, uint16, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : NoiseInjector
            The fitted transformer.
        """
        self._fit(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn shape and data range, and corrupt the images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images: uint8, uint16, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        noisy : NoisyImages of the shape and dtype of X
            Noisy images with their ``clean`` ones.
        """
        return self._pairs(self._fit(X))

    def transform(self, X):
        """Give the images back, corrupted only if ``when="always"``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.

        Returns
        -------
        X : ndarray or NoisyImages of the shape and dtype of X
            The images.
        """
        check_is_fitted(self)
        X = check_images(self, X, reset=False)
        if self.when == "fit":
            return X
        check_units(X, self._spec)
        return self._pairs(X)

    def corrupt(self, X):
        """Corrupt images, whatever ``when`` says; this needs no ``fit``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images: uint8, uint16, float32 or float64.

        Returns
        -------
        noisy : NoisyImages of the shape and dtype of X
            Noisy images with their ``clean`` ones.
        """
        if hasattr(self, "_spec"):
            X = check_images(self, X, reset=False)
            check_units(X, self._spec)
            return self._pairs(X)
        return NoiseInjector(**self.get_params(deep=False)).fit_transform(check_pixels(X))

    def _fit(self, X):
        if self.when not in ("fit", "always"):
            raise ValueError(f"when={self.when!r}; allowed are 'fit' and 'always'.")
        noise = resolve_noise(self.noise)
        X = check_images(self, X, reset=True)
        spec = learn_spec(
            X,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
        )
        check_within_range(X, spec.data_range)
        if spec.dtype.startswith("uint") and not noise.clip:
            raise ValueError(
                f"{noise!r} leaves the data range, which {spec.dtype} images cannot hold. Convert "
                "the images to float first, or use clip=True."
            )
        self._seed = resolve_seed(self.random_state)
        self._spec = spec
        self.noise_ = noise
        self.data_range_ = spec.data_range
        self.image_shape_ = spec.image_shape
        return X

    def _pairs(self, X):
        images = to_channels_last(X, self._spec)
        noisy = np.empty(images.shape, X.dtype)
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK]
            generators = generators_by_content(chunk, self._seed)
            batch = to_unit(chunk, self.data_range_)
            noisy[start : start + CHUNK] = from_unit(
                self.noise_.corrupt(batch, generators), self.data_range_, X.dtype
            )
        return NoisyImages(from_channels_last(noisy, X.ndim, self._spec), X, self.noise_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
