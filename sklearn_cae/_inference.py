"""A fitted network on arrays of images, without gradients."""

import math

import numpy as np
import torch

from .images import from_unit, groups_of_one_shape, to_unit
from .learning import predict_hidden
from .networks import layer_output

# Batches have one size, but for few images.
BATCH_PIXELS = 2**16
BATCH_SIZE = 64
# Below it torch computes in another order, and results differ in their last digits.
SMALLEST_BATCH = 16


class Runner:
    """A fitted network on arrays ``(n, H, W, C)`` in the dtype of the user's images.

    Batches are padded to one size, which for few images is the next power of two, 16 at least if
    memory allows. So results do not depend on the images beside one, but for the rounding of
    float32 between batches of different sizes: at most 1e-6 of the data range, and nothing at all
    for most networks.

    Parameters
    ----------
    module : torch.nn.Module
        The fitted network, in evaluation mode.
    spec : ImageSpec
        Layout and units of the images it was fitted on.
    device : str
        Where the network is.
    limits : tuple of float or None
        Where its inputs lay in training, in units of the data range; ``None`` if anywhere.
    hidden : bool, default=False
        Whether it was trained on hidden pixels: they are hidden from it again to denoise.
    """

    def __init__(self, module, spec, device, limits, hidden=False):
        self.module = module
        self.hidden = hidden
        self.spec = spec
        self.device = device
        self.limits = limits

    def denoise(self, images):
        """Denoise images: an array of the shape and dtype of ``images``."""

        def denoise(batch):
            return from_unit(self.apply(batch), self.spec, images.dtype)

        return self.in_batches(self.on_tensors(denoise), images, np.empty_like(images))

    def denoise_each(self, images):
        """Denoise a list of images (H, W, C) of any sizes: a list of them."""
        denoised = [None] * len(images)
        for rows in groups_of_one_shape(images):
            size = _largest_batch(images[rows[0]].shape[:2])
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                results = self.denoise(np.stack([images[row] for row in some]))
                for row, result in zip(some, results, strict=True):
                    denoised[row] = result
        return denoised

    def encode(self, images):
        """Codes of images: float32, (n, length of a code)."""

        def encode(batch):
            return self.module.encode(self.within_limits(batch)).flatten(1).cpu().numpy()

        out = np.empty((len(images), math.prod(self.module.code_shape)), np.float32)
        return self.in_batches(self.on_tensors(encode), images, out)

    def decode(self, codes):
        """Images of the size of those in ``fit`` from codes ``(n, length of a code)``."""
        spec, module = self.spec, self.module
        size = (spec.height, spec.width)

        def decode(rows):
            batch = torch.from_numpy(rows).to(self.device).reshape(-1, *module.code_shape)
            return from_unit(module.decode(batch, size), spec, spec.dtype)

        return self.in_batches(
            decode, codes, np.empty((len(codes), *size, spec.n_channels), spec.dtype)
        )

    def score(self, images):
        """Minus the mean squared error of the reconstruction, in units of the data range."""

        def score(batch):
            # Not every device has float64.
            error = self.apply(batch).cpu().double() - batch.cpu().double()
            return -error.square().mean(dim=(1, 2, 3)).numpy()

        return self.in_batches(self.on_tensors(score), images, np.empty(len(images)))

    def layer(self, images, name):
        """What a layer of the network makes of images: float32, channels after the first axis."""

        def output(batch):
            return layer_output(self.module, self.within_limits(batch), name).cpu().numpy()

        return self.in_batches(self.on_tensors(output), images)

    def apply(self, batch):
        """Denoise a tensor ``(n, C, H, W)`` in units of the data range.

        A network sees what it was trained for. Of a network whose results have no bounds, what lies
        beyond the limits comes back on top, where a range that was learned leaves room for it.
        """
        seen = self.within_limits(batch)
        output = predict_hidden(self.module, seen) if self.hidden else self.module(seen)
        if self.spec.fixed or self.module.bounded:
            return output.clamp(*self.spec.unit_limits)
        return output + (batch - seen)

    def on_tensors(self, function):
        """Make a function of tensors in units of the data range one of arrays of images."""

        def on_arrays(images):
            return function(to_unit(images, self.spec.data_range, self.device))

        return on_arrays

    def in_batches(self, function, arrays, out=None):
        """Fill ``out`` with a function of batches, of which the last is padded.

        ``None`` is an array like the first results.
        """
        size = self._batch_size(arrays)
        for start in range(0, len(arrays), size):
            batch = arrays[start : start + size]
            n_images = len(batch)
            if n_images < size:
                batch = np.resize(batch, (size, *batch.shape[1:]))
            with torch.inference_mode():
                results = function(batch)[:n_images]
            if out is None:
                out = np.empty((len(arrays), *results.shape[1:]), results.dtype)
            out[start : start + n_images] = results
        return out

    def _batch_size(self, arrays):
        """Images in a batch: as many as memory should hold, fewer if there are only few."""
        size = arrays.shape[1:3] if arrays.ndim == 4 else (self.spec.height, self.spec.width)
        return min(
            _largest_batch(size), max(SMALLEST_BATCH, 2 ** math.ceil(math.log2(len(arrays))))
        )

    def within_limits(self, batch):
        """Clip a tensor to where the inputs lay in training."""
        return batch if self.limits is None else batch.clamp(*self.limits)


def _largest_batch(size):
    """Images of a height and width in a batch: as many as memory should hold."""
    return max(1, min(BATCH_SIZE, BATCH_PIXELS // math.prod(size)))
