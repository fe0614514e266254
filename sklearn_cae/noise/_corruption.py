"""Images corrupted as ``predict`` will meet them: in the levels and within the limits of a dtype.

Training corrupts batches of tensors on the device, everything else arrays. The two agree: what
comes out of :func:`corrupt_batch` is what :func:`corrupt_images` would write and read again.
"""

from dataclasses import replace

import numpy as np

from .._random import generators_by_content
from ..images import chunks, from_unit, result_limits, to_unit


def corrupt_batch(batch, noise, generator, spec):
    """Corrupt a batch of tensors as it will come to ``predict``: integer images hold whole levels.

    Without the rounding a network learns to undo blur by differences that integers lose.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, C, H, W)
        float32 images, black is 0 and white is 1. Left unchanged.
    noise : NoiseModel
        What corrupts them.
    generator : torch.Generator or list of torch.Generator
        Source of randomness on the device of ``batch``; a list holds one for each image.
    spec : ImageSpec
        Dtype and data range of the images. Levels are rounded in their own units.

    Returns
    -------
    noisy : torch.Tensor of shape (n, C, H, W)
        float32 images, within ``spec.unit_limits`` if the noise clips.
    """
    noisy = noise.corrupt(batch, generator, spec.unit_limits)
    if not (noise.clip and np.issubdtype(spec.dtype, np.integer)):
        return noisy
    low, high = spec.data_range
    # The first operation makes a tensor of our own, which the others change in place.
    levels = noisy.mul(high - low).add_(low).round_().clamp_(*result_limits(spec, spec.dtype))
    return levels.sub_(low).div_(high - low)


def corrupt_images(images, noise, seed, spec, dtype=None):
    """Corrupt an array chunk by chunk, with noise that depends on each image alone.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Clean images. Left unchanged.
    noise : NoiseModel
        What corrupts them.
    seed : int
        Seed of the noise. An image gets the same noise in any batch.
    spec : ImageSpec
        Data range of the images, and the limits to which noise that clips is clipped.
    dtype : dtype, default=None
        Dtype of the result. ``None`` is that of ``images``, or a float that holds it for integers
        and noise that leaves the data range.

    Returns
    -------
    noisy : ndarray of shape (n, H, W, C)
        Noisy images in the units of ``images``; integers are rounded to the nearest level.
    """
    if dtype is None:
        dtype = images.dtype if noise.clip else np.result_type(images.dtype, np.float32)
    # What does not clip is limited by the dtype of the result alone.
    free = replace(spec, fixed=False, dtype=np.dtype(dtype).name)
    noisy = np.empty(images.shape, dtype)
    for rows in chunks(images):
        generators = generators_by_content(images[rows], seed)
        batch = noise.corrupt(to_unit(images[rows], spec.data_range), generators, spec.unit_limits)
        noisy[rows] = from_unit(batch, spec if noise.clip else free, dtype)
    return noisy
