"""A fitted network on arrays of images, without gradients."""

import math
from functools import cached_property, partial
from itertools import product

import numpy as np
import torch

from ._precision import computing_in
from ._threads import SharedCores, threads_of_worker
from ._tiles import Tiling, is_large, measure_margin, within
from ._turns import TURNS
from .images import from_unit, groups_of_one_shape, shapes_of, to_array, to_unit
from .learning import predict_hidden
from .networks import fused, layer_output

# Batches have one size, but for few images: 64 of 32 x 32 pixels, and fewer of larger ones, so that
# their maps take as much memory.
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
    precision : {"float32", "bfloat16"}, default="float32"
        In what the network computes. Results are float32, and scores are computed in it.
    """

    def __init__(self, module, spec, device, limits, hidden=False, precision="float32"):
        self.module = module
        self.hidden = hidden
        self.precision = precision
        self.spec = spec
        self.device = device
        self.limits = limits

    def in_float32(self):
        """Give the same network computing in float32, for what is measured of its results."""
        if self.precision == "float32":
            return self
        return Runner(self.module, self.spec, self.device, self.limits, hidden=self.hidden)

    @threads_of_worker()
    @torch.inference_mode()
    def denoise(self, images, *, self_ensemble=False, progress=False, out=None):
        """Denoise images, large ones in tiles.

        Parameters
        ----------
        images : ndarray or LazyImages of shape (n, H, W, C)
            Noisy images.
        self_ensemble : bool, default=False
            Take the mean of the results of all flips and quarter turns.
        progress : bool, default=False
            Show a bar, unless all is done at once.
        out : BlockWriter, default=None
            Where to write. ``None`` is a new array, for images in memory.

        Returns
        -------
        denoised : ndarray of the shape and dtype of ``images``, or ``out``
            Denoised images.
        """
        turns = TURNS if self_ensemble else TURNS[:1]
        if self_ensemble:
            self._check_turns()
        out = np.empty_like(images) if out is None else out
        for part, result in self._parts_denoised(images, turns, progress):
            out[part] = from_unit(result, self.spec, images.dtype)
        return out

    def of_each(self, function, images, *, progress=False):
        """A list of what a function of arrays (n, H, W, C) gives for images (H, W, C) in a list.

        The images may be of any sizes: those of one size make an array. With ``progress`` a bar
        counts the images, unless one call does them all, which then is told ``progress=True``.
        """
        each, shapes = [None] * len(images), shapes_of(images)
        calls = []
        for rows in groups_of_one_shape(images):
            size = _largest_batch(shapes[rows[0]][:2])
            calls += [rows[start : start + size] for start in range(0, len(rows), size)]
        if progress and len(calls) > 1:
            calls = _with_bar(calls, "image", [len(rows) for rows in calls])
        elif progress:
            function = partial(function, progress=True)
        for some in calls:
            for row, result in zip(some, function(_stacked(images, some)), strict=True):
                each[row] = result
        return each

    def encode(self, images, out=None):
        """Codes of images: float32, (n, length of a code), in ``out`` if it is not None."""

        def encode(batch):
            codes = self.fused.encode(self.within_limits(batch))
            return codes.float().flatten(1).cpu().numpy()

        if out is None:
            out = np.empty((len(images), math.prod(self.module.code_shape)), np.float32)
        return self.in_batches(self.on_tensors(encode), images, out)

    def decode(self, codes):
        """Images of the size of those in ``fit`` from codes ``(n, length of a code)``."""
        spec, module = self.spec, self.fused
        size = (spec.height, spec.width)

        def decode(rows):
            batch = torch.from_numpy(rows).to(self.device).reshape(-1, *module.code_shape)
            return from_unit(module.decode(batch, size).float(), spec, spec.dtype)

        return self.in_batches(
            decode, codes, np.empty((len(codes), *size, spec.n_channels), spec.dtype)
        )

    @threads_of_worker()
    @torch.inference_mode()
    def score(self, images):
        """Minus the mean squared error of the reconstruction, in units of the data range.

        It is computed in float32, whatever the precision.
        """
        if self.precision != "float32":
            return self.in_float32().score(images)
        sums = np.zeros(len(images))
        for part, result in self._parts_denoised(images):
            # Not every device has float64.
            denoised = result.permute(0, 2, 3, 1).cpu().numpy().astype(np.float64)
            errors = denoised - to_array(images[part], self.spec.data_range)
            sums[part[0]] += np.square(errors).sum(axis=(1, 2, 3))
        return -sums / math.prod(images.shape[1:])

    def layer(self, images, name):
        """What a layer of the network makes of images: float32, channels after the first axis."""

        def output(batch):
            return layer_output(self.module, self.within_limits(batch), name).cpu().numpy()

        return self.in_batches(self.on_tensors(output), images)

    def apply(self, batch, network=None):
        """Denoise a tensor ``(n, C, H, W)`` in units of the data range.

        A network sees what it was trained for. Of a network whose results have no bounds, what lies
        beyond the limits comes back on top, where a range that was learned leaves room for it.
        ``network`` takes the place of :attr:`fused`.
        """
        network = self.fused if network is None else network
        seen = self.within_limits(batch)
        with self._computing():
            output = predict_hidden(network, seen) if self.hidden else network(seen)
        output = output.float()
        if self.spec.fixed or self.module.bounded:
            return output.clamp(*self.spec.unit_limits)
        return output + (batch - seen)

    def on_tensors(self, function):
        """Make a function of tensors in units of the data range one of arrays of images."""

        def on_arrays(images):
            return function(to_unit(images, self.spec.data_range, self.device))

        return on_arrays

    @threads_of_worker()
    def in_batches(self, function, arrays, out=None):
        """Fill ``out`` with a function of batches, of which the last is padded.

        ``None`` is an array like the first results.
        """
        size = self._batch_size(arrays)
        cores = SharedCores(self.device, keep=False)
        for batch in _batches(arrays, size):
            cores.look()
            given = arrays[batch]
            with torch.inference_mode(), self._computing():
                results = function(_padded(given, size))[: len(given)]
            if out is None:
                out = np.empty((len(arrays), *results.shape[1:]), results.dtype)
            out[batch] = results
        return out

    def within_limits(self, batch):
        """Clip a tensor to where the inputs lay in training."""
        return batch if self.limits is None else batch.clamp(*self.limits)

    @cached_property
    def fused(self):
        """The network in fewer operations: what gives results, but not those of its layers."""
        return fused(self.module)

    def _computing(self):
        return computing_in(self.precision, self.device)

    @cached_property
    def margin(self):
        """How far around a pixel a result depends on the image; see ``measure_margin``."""
        margin = measure_margin(self.module, self.spec.n_channels, self.device)
        # What stands for a hidden pixel is made of those beside it.
        return margin + 1 if margin is not None and self.hidden else margin

    def _parts_denoised(self, images, turns=TURNS[:1], progress=False):
        """Yield batches, or tiles of large images: where they are in ``images``, and results."""
        size = images.shape[1:3]
        tiling = Tiling(size, self.margin if is_large(size) else None)
        batches = _batches(images, self._batch_size(images))
        parts = list(product(batches, tiling.kept))
        if progress and len(parts) > 1:
            unit = "batch" if len(tiling.kept) == 1 else "tile"
            parts = _with_bar(parts, unit, [1] * len(parts))
        cores = SharedCores(self.device, keep=False)
        for batch, kept in parts:
            cores.look()
            results = (self._denoise_part(images, batch, kept, tiling, turn) for turn in turns)
            yield (batch, *kept), sum(results) / len(turns)

    def _denoise_part(self, images, batch, kept, tiling, turn):
        """Denoise what is kept of a batch, which the network sees turned: a tensor."""
        seen = tiling.seen(kept, turn.flipped)
        given = images[batch, *seen]
        padded = to_unit(
            _padded(given, self._batch_size(images)), self.spec.data_range, self.device
        )
        results = turn.undo(self.apply(turn.apply(padded)))
        return results[: len(given), :, *within(kept, seen)]

    def _batch_size(self, arrays):
        """Images in a batch: as many as memory should hold, fewer if there are only few."""
        size = arrays.shape[1:3] if arrays.ndim == 4 else (self.spec.height, self.spec.width)
        smallest = max(SMALLEST_BATCH, 2 ** math.ceil(math.log2(len(arrays))))
        return min(_largest_batch(size), smallest)

    def _check_turns(self):
        size = (self.spec.height, self.spec.width)
        if self.module.fixed_size and size[0] != size[1]:
            raise ValueError(
                f"self_ensemble=True turns images by a quarter, but this network takes images of "
                f"{size[0]} x {size[1]} pixels only. Leave self_ensemble=False, or fit on square "
                "images."
            )


def _stacked(images, rows):
    """An array of some images, a view of a single one."""
    return images[rows[0]][np.newaxis] if len(rows) == 1 else np.stack([images[i] for i in rows])


def _largest_batch(size):
    """Images of a height and width in a batch: as many as memory should hold."""
    return max(1, min(BATCH_SIZE, BATCH_PIXELS // math.prod(size)))


def _batches(arrays, size):
    """Where in an array its batches are."""
    return [slice(start, start + size) for start in range(0, len(arrays), size)]


def _padded(batch, size):
    """A batch of this size; the last one of an array is repeated."""
    return batch if len(batch) == size else np.resize(batch, (size, *batch.shape[1:]))


def _with_bar(parts, unit, counts):
    """Yield parts, under a bar that counts each as so many."""
    from tqdm.auto import tqdm

    with tqdm(total=sum(counts), unit=unit) as bar:
        for part, count in zip(parts, counts, strict=True):
            yield part
            bar.update(count)
