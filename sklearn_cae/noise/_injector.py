"""The transformer that applies a noise model to arrays of images."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import Options, StrOptions
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
from ._models import NoiseModel, resolve_noise
from ._pairs import NoisyImages

# Large batches are worked through in chunks of about so many values.
CHUNK_VALUES = 2**20


class NoiseInjector(
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    # Pairs survive a global setting of pandas output.
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
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
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

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

    _parameter_constraints = {
        "noise": [NoiseModel, str, list, tuple, None],
        "when": [StrOptions({"fit", "always"})],
        "random_state": ["random_state"],
        "image_shape": [tuple, list, None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [StrOptions({"auto"}), tuple, list],
    }

    def __init__(
        self,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        *,
        when: str = "fit",
        random_state: int | np.random.RandomState | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
    ):
        self.noise = noise
        self.when = when
        self.random_state = random_state
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
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

    def fit_transform(self, X: ArrayLike, y: Any = None) -> NoisyImages:
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

    def transform(self, X: ArrayLike) -> NDArray[Any]:
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
        images = check_images(self, X, reset=False)
        if self.when == "fit":
            return images
        check_units(images, self._spec)
        return self._pairs(images)

    def corrupt(self, X: ArrayLike) -> NoisyImages:
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
            images = check_images(self, X, reset=False)
            check_units(images, self._spec)
            return self._pairs(images)
        return NoiseInjector(**self.get_params(deep=False)).fit_transform(check_pixels(X))

    def _fit(self, X):
        self._validate_params()
        noise = resolve_noise(self.noise)
        pixels = check_pixels(X)
        spec = learn_spec(
            pixels,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
        )
        check_within_range(pixels, spec.data_range)
        _check_dtype_holds(noise, pixels.dtype)
        seed = resolve_seed(self.random_state)
        # It sets attributes, so it comes last: an error leaves the injector as it was.
        X = check_images(self, X, reset=True)
        self._seed = seed
        self._spec = spec
        self.noise_ = noise
        self.data_range_ = spec.data_range
        self.image_shape_ = spec.image_shape
        return X

    def _pairs(self, X):
        _check_dtype_holds(self.noise_, X.dtype)
        images = to_channels_last(X, self._spec)
        noisy = corrupt_images(images, self.noise_, self._seed, self.data_range_, X.dtype)
        return NoisyImages(from_channels_last(noisy, X.ndim, self._spec), X, self.noise_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_dtype_holds(noise, dtype):
    if np.issubdtype(dtype, np.integer) and not noise.clip:
        raise ValueError(
            f"{noise!r} leaves the data range, which {dtype} images cannot hold. Convert the "
            "images to float first, or use clip=True."
        )


def corrupt_images(images, noise, seed, data_range, dtype):
    """Corrupt an array (n, H, W, C), with noise that depends on the image alone."""
    noisy = np.empty(images.shape, dtype)
    for rows in chunks(images):
        generators = generators_by_content(images[rows], seed)
        batch = noise.corrupt(to_unit(images[rows], data_range), generators)
        noisy[rows] = from_unit(batch, data_range, dtype)
    return noisy


def chunks(images):
    """Yield slices of a batch of images that hold about ``CHUNK_VALUES`` values, or one image."""
    n_images = max(1, CHUNK_VALUES // images[0].size)
    for start in range(0, len(images), n_images):
        yield slice(start, start + n_images)
