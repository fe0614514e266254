"""How a denoiser is tested: which images it gets, and in what units its answer is judged."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._random import resolve_seed
from .._warnings import warn_user
from ..images import (
    ImageSpec,
    check_same_shape,
    check_units,
    check_within_range,
    chunks,
    from_channels_last,
    groups_of_one_shape,
    is_lazy,
    is_target,
    lazy_images,
    learn_spec,
    read_images,
    read_sequence,
    shapes_of,
    split_targets,
    to_channels_last,
)
from ..noise import corrupt_images, resolve_noise


class NoisyBatch(NamedTuple):
    """Images to denoise, and what they should become.

    Attributes
    ----------
    clean, noisy : ndarray of shape (n, H, W, C)
        The images in their own units.
    given : ndarray or data frame
        The noisy images in the layout and container of the user, for ``predict``.
    spec : ImageSpec
        Layout and units.
    """

    clean: NDArray[Any]
    noisy: NDArray[Any]
    given: Any
    spec: ImageSpec

    def check_denoised(self, denoised, name):
        """Images ``(n, H, W, C)`` of what a denoiser gave, once they are checked."""
        if np.shape(denoised) != self.given.shape:
            raise ValueError(
                f"{name} gave shape {np.shape(denoised)} for images of shape {self.given.shape}; "
                "a denoiser gives images of the shape of its input."
            )
        images = to_channels_last(read_images(denoised, name=f"What {name} gave"), self.spec)
        if not self.spec.fixed:
            _warn_of_hot_pixels(self.clean, images, self.spec.data_range)
        return images


def _warn_of_hot_pixels(clean, denoised, data_range):
    """Warn of single pixels that alone decide the quality of their images."""
    low, high = data_range
    n_images = sum(
        _are_far(clean[rows], denoised[rows], high - low).sum() for rows in chunks(clean)
    )
    if n_images:
        warn_user(
            f"In {n_images} of {len(clean)} image(s) pixels differ from the clean ones by more "
            f"than the width of the data range {low:g} to {high:g}, which was learned. Such hot "
            "pixels come back as they are, and they alone decide the PSNR of these images. Replace "
            "them first (scipy.ndimage.median_filter), or clip X and y to the range."
        )


def _are_far(clean, denoised, width):
    """Which images have a pixel that is wrong by more than a width."""
    errors = np.subtract(denoised, clean, dtype=np.float64)
    return np.abs(errors).max(axis=(1, 2, 3)) > width


def denoise_pairs(estimator, X, y=None, *, noise=None, random_state=0):
    """Clean, noisy and denoised images, by the rules for ``y`` of the scorers.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        A fitted denoiser. Layout and units are those of its ``image_spec_``; one without it is
        asked for ``image_shape_`` and ``data_range_``, and what it lacks is learned from the clean
        images.
    X, y : array-like
        Clean images alone, or noisy and clean ones.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts clean images alone; ``None`` is the noise the estimator was fitted with.
    random_state : int, default=0
        Seed of the noise.

    Returns
    -------
    clean, noisy, denoised : ndarray of shape (n, H, W, C)
        The images in their own units.
    data_range : tuple of float
        Values of black and white.
    """
    denoiser = denoiser_of(estimator)
    batch = noisy_batch(
        X,
        y,
        spec_of=lambda clean: spec_of(denoiser, clean),
        noise_of=lambda: _noise_of(denoiser, noise),
        seed=resolve_seed(random_state),
    )
    name = f"{type(estimator).__name__}.predict"
    denoised = batch.check_denoised(estimator.predict(batch.given), name)
    return batch.clean, batch.noisy, denoised, batch.spec.data_range


def noisy_batch(X, y, *, spec_of, noise_of, seed):
    """Read pairs, or make them of clean images; each array is validated once.

    Parameters
    ----------
    X, y : array-like
        Clean images alone, or noisy and clean ones.
    spec_of : callable
        Gives the :class:`~sklearn_cae.images.ImageSpec` for an ``ImageSource`` of clean images.
    noise_of : callable
        Gives the noise model for clean images alone; not called for pairs.
    seed : int
        Seed of the noise.

    Returns
    -------
    batch : NoisyBatch
        The pairs.
    """
    noisy, clean, _ = split_targets(X, y)
    source = read_images(clean, name="X" if noisy is None else "y")
    if noisy is not None:
        # Before the units, because labels of a wrong shape are no images.
        noisy_source = read_images(noisy)
        check_same_shape(noisy_source, source)
    spec = spec_of(source)
    if spec.fixed:
        check_within_range(source, spec.data_range)
    check_units(source, spec)
    images = to_channels_last(source, spec)
    if noisy is None:
        corrupted = corrupt_images(images, resolve_noise(noise_of()), seed, spec)
        given = like_container(X, from_channels_last(corrupted, source.ndim, spec))
        return NoisyBatch(images, corrupted, given, spec)
    given = noisy if hasattr(noisy, "columns") else noisy_source.pixels
    return NoisyBatch(images, to_channels_last(noisy_source, spec), given, spec)


def batches_of_one_shape(X, y):
    """Yield the images of a list, and the clean ones if y holds them, as arrays of one shape."""
    images = read_sequence(X).images
    targets = read_sequence(y, name="y").images if is_target(X, y) else None
    if targets is not None and shapes_of(images) != shapes_of(targets):
        raise ValueError(
            f"X holds {len(images)} images and y {len(targets)}, or images of other shapes. Pairs "
            "are two lists in which images at the same place have the same shape."
        )
    for rows in groups_of_one_shape(images):
        yield (
            np.stack([images[i] for i in rows]),
            None if targets is None else np.stack([targets[i] for i in rows]),
        )


def batches_of_blocks(X, y):
    """Yield the blocks of an array that is read lazily, and the clean images if y holds any."""
    images, targets = lazy_images(X), None
    if is_target(X, y):
        targets = lazy_images(y, "y") if is_lazy(y) else read_images(y, name="y").pixels
        check_same_shape(images, targets)
    for rows in images.slices():
        yield images[rows], None if targets is None else targets[rows]


def denoiser_of(estimator):
    """The denoiser itself: the best of a search, the last step of a pipeline, what is frozen."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def spec_of(denoiser, clean):
    """Layout and units of a denoiser, learned from clean images where it has none."""
    spec = getattr(denoiser, "image_spec_", None)
    if spec is not None:
        n_features = spec.height * spec.width * spec.n_channels
        if clean.ndim == spec.ndim == 2 and clean.shape[1] != n_features:
            raise ValueError(
                f"X has {clean.shape[1]} features, but {type(denoiser).__name__} is expecting "
                f"{n_features} features as input."
            )
        return spec
    return learn_spec(
        clean,
        image_shape=getattr(denoiser, "image_shape_", None) if clean.ndim == 2 else None,
        data_range=getattr(denoiser, "data_range_", "auto"),
    )


def _noise_of(denoiser, noise):
    noise = noise if noise is not None else getattr(denoiser, "noise_", None)
    if noise is None:
        raise ValueError(
            f"{type(denoiser).__name__} has no noise of its own to score on: it was fitted "
            "without one, on noisy images. Give the clean images as y, or a noise to "
            "DenoisingScorer."
        )
    return noise


def like_container(X, images):
    """Put rows of images into a data frame if X is one: ``predict`` checks the column names."""
    if not hasattr(X, "columns"):
        return images
    if hasattr(X, "iloc"):
        return type(X)(images, index=X.index, columns=X.columns)
    if hasattr(X, "column_names"):
        return type(X).from_arrays(list(images.T), names=X.column_names)
    return type(X)(images, schema=list(X.columns), orient="row")
