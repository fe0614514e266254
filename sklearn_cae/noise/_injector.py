"""The transformer that applies a noise model to arrays of images."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import Options
from sklearn.utils.validation import check_is_fitted

from .._constraints import instance_of, one_of
from .._fitted import VersionedState, commit
from .._random import resolve_seed
from ..files import Savable
from ..images import (
    NoisyImages,
    check_images,
    check_units,
    from_channels_last,
    images_of,
    is_image_list,
    learn_images,
    learn_sequence_spec,
    learn_spec,
    read_sequence,
    sequence_to_channels_last,
    to_channels_last,
)
from ._base import NoiseModel
from ._corruption import corrupt_images
from ._models import resolve_noise


class NoiseInjector(
    Savable,
    VersionedState,
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
    # Pairs survive a global setting of pandas output.
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Corrupt clean images so that a denoiser can learn from pairs.

    In a pipeline it corrupts the training images only. ``transform`` leaves images alone unless
    ``when="always"``, so ``pipeline.predict(noisy)`` adds no further noise. The next step takes
    layout and units from the injector, unless it is told others. A ``fit`` that fails or is
    interrupted leaves the injector as it was.

    Parameters
    ----------
    noise : NoiseModel, str, list of these, or None, default=None
        The corruption of the images: a noise model, one of the names "gaussian", "salt_and_pepper",
        "blur", "poisson", "poisson_gaussian", "speckle", "masking", "cut_out", "erase_color",
        "quarter_turns" and "flip" for a model with its defaults, "none", or a list for a chain.
        ``None`` is ``GaussianNoise(0.1)``.
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
        Values of black and white, to which noise is clipped. "auto" is 0 to 255 for uint8 and 0 to
        1 for floats within it; for others it is a robust range of what is seen in ``fit``, and
        noise is then limited by their dtype alone.

    Attributes
    ----------
    noise_ : NoiseModel
        The noise model.
    seed_ : int
        Seed of the noise.
    image_spec_ : ImageSpec
        Shape, layout, dtype and units of the images.
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
        # Its own errors name the cure.
        "noise": "no_validation",
        "when": [one_of("fit", "always")],
        "random_state": ["random_state"],
        "image_shape": [instance_of("a tuple such as (28, 28)", tuple, list), None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [one_of("auto"), instance_of("a tuple such as (0, 1)", tuple, list)],
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
            Clean images: integers, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : NoiseInjector
            The fitted transformer.
        """
        learned, _ = self._learn(X)
        commit(self, learned)
        return self

    def fit_transform(self, X: ArrayLike, y: Any = None) -> NoisyImages:
        """Learn shape and data range, and corrupt the images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images: integers, float32 or float64.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        noisy : NoisyImages of the shape and dtype of X
            Noisy images with their ``clean`` ones.
        """
        learned, source = self._learn(X)
        noisy = _corrupt(source, learned)
        commit(self, learned)
        return noisy

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Return the images, corrupted only if ``when="always"``.

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
        source = check_images(self, X)
        if self.when == "fit":
            return source.pixels
        check_units(source, self.image_spec_)
        return _corrupt(source, vars(self))

    def corrupt(self, X: ArrayLike) -> NoisyImages:
        """Corrupt images in any case, whatever ``when`` says; this needs no ``fit``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Clean images: integers, float32 or float64. A list may hold images of any sizes.

        Returns
        -------
        noisy : NoisyImages of the shape and dtype of X, or list of ndarray
            Noisy images with their ``clean`` ones; for images of different sizes, a list of noisy
            ones.
        """
        if _holds_sizes(X):
            return self._corrupt_list(X)
        if not hasattr(self, "image_spec_"):
            learned, source = self._learn(X)
            return _corrupt(source, learned)
        source = check_images(self, X)
        check_units(source, self.image_spec_)
        return _corrupt(source, vars(self))

    def _corrupt_list(self, X):
        source = read_sequence(X)
        if hasattr(self, "image_spec_"):
            noise, seed, spec = self.noise_, self.seed_, self.image_spec_
            check_units(source, spec)
        else:
            self._validate_params()
            noise, seed = resolve_noise(self.noise), resolve_seed(self.random_state)
            spec = learn_sequence_spec(
                source, 1, channel_axis=self.channel_axis, data_range=self.data_range
            )
        _check_dtype_holds(noise, source.dtype)
        noisy = []
        for image in sequence_to_channels_last(source, spec):
            noise.check_images(*image.shape)
            corrupted = corrupt_images(image[np.newaxis], noise, seed, spec, source.dtype)
            noisy.append(from_channels_last(corrupted, source.ndim, spec)[0])
        return noisy

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the images stay arrays, because no frame can bring clean images along.

        It is there for pipelines and column transformers, which ask all their steps.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Ignored.

        Returns
        -------
        self : NoiseInjector
            The transformer.
        """
        return self

    def _learn(self, X):
        """What ``fit`` sets, by name, and the images; nothing is set yet."""
        self._validate_params()
        noise = resolve_noise(self.noise)
        source, columns = learn_images(X)
        spec = learn_spec(
            source,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
        )
        _check_dtype_holds(noise, source.dtype)
        noise.check_images(spec.height, spec.width, spec.n_channels)
        learned = {
            "noise_": noise,
            "image_spec_": spec,
            "data_range_": spec.data_range,
            "image_shape_": spec.image_shape,
            "seed_": resolve_seed(self.random_state),
            **columns,
        }
        return learned, source

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _holds_sizes(X):
    """Whether X is a list of images of different sizes."""
    return is_image_list(X) and len({np.shape(image) for image in images_of(X)}) > 1


def _check_dtype_holds(noise, dtype):
    if np.issubdtype(dtype, np.integer) and not noise.clip:
        raise ValueError(
            f"{noise!r} leaves the data range, which {dtype} images cannot hold. Convert the "
            "images to float first, or use clip=True."
        )


def _corrupt(source, learned):
    """Pairs of the images of ``source``."""
    noise, spec = learned["noise_"], learned["image_spec_"]
    _check_dtype_holds(noise, source.dtype)
    images = to_channels_last(source, spec)
    noisy = corrupt_images(images, noise, learned["seed_"], spec, source.dtype)
    noisy = from_channels_last(noisy, source.ndim, spec)
    return NoisyImages(noisy, source.pixels, noise, spec)
