"""The autoencoder of a detector: the units of its images, its training, and what it takes."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.frozen import FrozenEstimator

from ..images import (
    ImageSource,
    LazyImages,
    check_units,
    chunks,
    learn_spec,
    normalize_contrast,
    to_channels_last,
    view_of_size,
)
from ..metrics import denoiser_of
from ..training import fit_checked
from ._batch import UNIT_RANGE


def spec_for(estimator, source):
    """Layout and units of the images: learned, but for a frozen autoencoder, which knows them."""
    if not isinstance(estimator, FrozenEstimator):
        return learn_spec(
            source,
            image_shape=estimator.image_shape,
            channel_axis=estimator.channel_axis,
            data_range=estimator.data_range,
        )
    cae = denoiser_of(estimator)
    spec = cae.image_spec_
    check_units(source, spec, reference="the images of the frozen autoencoder")
    view = view_of_size if cae.net_.module_.fixed_size else to_channels_last
    height, width = view(source, spec).shape[1:3]
    return replace(spec, height=height, width=width)


def train_on(estimator, source, images, spec, score, *, normalize):
    """Fit the autoencoder to images (n, H, W, C), in units that are known or normalised.

    What the score asks for in vain of the network is told before the first step.
    """

    def check(module, device, image_shape):
        score.check_network(module)

    estimator.set_params(image_shape=None, channel_axis=-1)
    if not normalize:
        fit_checked(estimator, ImageSource(images, source.name, source.measures), check)
        return
    estimator.set_params(data_range=UNIT_RANGE)
    fit_checked(estimator, _normalized(images, spec.data_range), check)


def _normalized(images, data_range):
    if isinstance(images, LazyImages):
        return images.viewed(partial(normalize_contrast, data_range=data_range))
    normalized = np.empty(images.shape, np.float32)
    for rows in chunks(images):
        normalized[rows] = normalize_contrast(images[rows], data_range)
    return normalized


def view_of_one_size(source, spec):
    """View images as (n, H, W, C), of the size in ``fit`` only, whatever the network could take."""
    images = to_channels_last(source, spec)
    size = images.shape[1:3]
    if size != (spec.height, spec.width):
        raise ValueError(
            f"{source.name} has images of {size[0]} x {size[1]} pixels, but a detector compares "
            f"them with the held-out images of fit, which had {spec.height} x {spec.width}. Crop "
            f"or resize the images, or cut them into parts of that size."
        )
    return images


def check_size(cae, spec):
    """Refuse an autoencoder that was trained on patches and takes nothing else."""
    taken = cae.image_spec_.height, cae.image_spec_.width
    if cae.net_.module_.fixed_size and taken != (spec.height, spec.width):
        raise ValueError(
            f"X has images of {spec.height} x {spec.width} pixels, but the autoencoder takes its "
            f"patches of {taken[0]} x {taken[1]} only. Leave patches=None, or take a network whose "
            "code is not flat."
        )
