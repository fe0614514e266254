"""A fitted network as an ONNX graph, from images as they are to images as they are."""

import logging
import math
import os
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ._optional import import_optional
from ._precision import computing_in
from ._version import __version__
from .files import write_atomically
from .images import result_limits

# What the graph may differ by from the estimator, in units of the data range or of the largest
# code; integers by a level more. torch and ONNX sum in another order.
TOLERANCE = 1e-4


class OnnxExport:
    """Adds ``export_onnx`` to a fitted network."""

    def export_onnx(self, path: str | os.PathLike[str], part: str = "denoise") -> None:
        """Write the fitted network as an ONNX model, for programs without Python.

        The graph takes images as they are, in the layout, dtype and units of the images in ``fit``,
        and returns images of the same kind. It contains units, padding, clipping and rounding. The
        number of images is free. Height and width are free, too, if the network takes images of any
        size and the images are not rows. The graph is tried on random images before it is written.

        You need the packages onnxscript and onnxruntime: ``pip install "sklearn-cae[onnx]"``.

        Parameters
        ----------
        path : str or path-like
            Where to, such as "denoiser.onnx". A file that is there is replaced.
        part : {"denoise", "encode", "decode"}, default="denoise"
            What the graph does: ``predict``, whose input is called "images" and its output
            "denoised"; ``transform``, from "images" of the size of those in ``fit`` to "codes";
            ``inverse_transform``, from "codes" to "images".

        Raises
        ------
        ValueError
            If the network has no such part, or torch cannot make a graph of it that gives the same
            results.
        ImportError
            If the packages are not installed.

        Notes
        -----
        Images are denoised as a whole, not in tiles as in ``predict``: memory grows with them. The
        graph computes in float32, also where ``predict`` computes in bfloat16.
        A network that learned with ``target="masked"`` runs sixteen times in its graph.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import onnxruntime
        >>> from sklearn_cae import Autoencoder, DenoisingCAE
        >>> X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
        >>> cae = DenoisingCAE(Autoencoder((4,), latent_dim=2), max_epochs=1, for_codes=True).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cae.export_onnx(f"{folder}/denoiser.onnx")
        ...     session = onnxruntime.InferenceSession(f"{folder}/denoiser.onnx")
        >>> (denoised,) = session.run(None, {"images": X})
        >>> denoised.dtype, denoised.shape
        (dtype('uint8'), (20, 8, 8))
        """
        _check_part(part)
        check_is_fitted(self)
        for package in ("onnxscript", "onnxruntime"):
            import_optional(package, extra="onnx", purpose="export_onnx")
        cae = _on_cpu(self)
        _check_offers(cae.net_.module_, part)
        graph = GRAPHS[part](cae.runner_)
        content = _content(graph)
        for example in graph.examples():
            _check_same(content, graph, example, graph.expected(cae, example))
        write_atomically(path, [content])


class Graph(nn.Module):
    """What is traced. A subclass names its method of the estimator, its input and its output.

    Parameters
    ----------
    runner : Runner
        The fitted network, on the CPU.
    """

    method: str
    names: tuple[str, str]
    keeps_shape = False

    def __init__(self, runner):
        super().__init__()
        self.network = runner.module
        self._runner = runner
        self._spec = runner.spec

    def examples(self):
        """Two inputs of different sizes, the first odd where sizes are free.

        Some networks pad images whose sides are no multiples of a number: all have to be traced.
        """
        rng = np.random.default_rng(0)
        return [self._example(rng, *shape) for shape in self._shapes()]

    def expected(self, cae, example):
        """What the estimator gives."""
        return getattr(cae, self.method)(example)

    def free_axes(self):
        """Names of the axes of the input whose length is free, by their number."""
        return {0: "n"}

    def size_of(self, results):
        """What an error of results is measured by: the width of the data range."""
        low, high = self._spec.data_range
        return high - low

    def _shapes(self):
        size = self._spec.height, self._spec.width
        return [(3, *size), (2, *size)]

    def _example(self, rng, n, height, width):
        low, high = self._spec.data_range
        shape = _shape(self._spec, n, height, width)
        return rng.uniform(low, high, shape).astype(self._spec.dtype)

    def _unit(self, images):
        """Images as they are to float32 (n, C, H, W) with black at 0 and white at 1."""
        spec = self._spec
        low, high = spec.data_range
        batch = (images.to(_exact(spec.dtype)) - low) / (high - low)
        return _channels_first(batch.float(), spec)

    def _as_given(self, batch):
        """And back: in the units and the dtype of the images, clipped, integers rounded."""
        spec = self._spec
        low, high = spec.data_range
        images = _as_layout(batch, spec).to(_exact(spec.dtype)) * (high - low) + low
        if np.issubdtype(spec.dtype, np.integer):
            images = images.round()
        lower, upper = result_limits(spec, spec.dtype)
        if np.isfinite(lower) or np.isfinite(upper):
            images = images.clamp(lower, upper)
        return images.to(getattr(torch, spec.dtype))


class DenoiseGraph(Graph):
    """As ``predict``."""

    method = "predict"
    names = ("images", "denoised")
    keeps_shape = True

    def forward(self, images):
        """Denoise images."""
        return self._as_given(self._runner.apply(self._unit(images), self.network))

    def free_axes(self):
        if not self._any_size:
            return super().free_axes()
        height = 2 if self._spec.ndim == 4 and self._spec.channel_axis == 1 else 1
        return {0: "n", height: "height", height + 1: "width"}

    @property
    def _any_size(self):
        return not self.network.fixed_size and self._spec.ndim != 2

    def _shapes(self):
        if not self._any_size:
            return super()._shapes()
        height, width = self._spec.height, self._spec.width
        odd = height // 2 * 2 + 3, width // 2 * 2 + 5
        return [(3, *odd), (2, height, width)]


class EncodeGraph(Graph):
    """As ``transform``."""

    method = "transform"
    names = ("images", "codes")

    def forward(self, images):
        """Encode images of the size of those in ``fit``."""
        return self.network.encode(self._runner.within_limits(self._unit(images))).flatten(1)

    def size_of(self, results):
        """Codes have no range: their largest value."""
        return np.abs(results).max()


class DecodeGraph(Graph):
    """As ``inverse_transform``."""

    method = "inverse_transform"
    names = ("codes", "images")

    def forward(self, codes):
        """Decode codes to images of the size of those in ``fit``."""
        size = self._spec.height, self._spec.width
        codes = codes.reshape(-1, *self.network.code_shape)
        return self._as_given(self.network.decode(codes, size))

    def _example(self, rng, n, height, width):
        return rng.normal(size=(n, math.prod(self.network.code_shape))).astype(np.float32)


GRAPHS = {"denoise": DenoiseGraph, "encode": EncodeGraph, "decode": DecodeGraph}


def _on_cpu(cae):
    """A copy of a fitted estimator, in float32 on the CPU, whose sums a graph has to give."""
    copied: Any = object.__new__(type(cae))
    changes = {"device": "cpu", "precision_": "float32", "verbose": 0}
    copied.__setstate__({**cae.__getstate__(), **changes})
    return copied


def _check_part(part):
    if part not in GRAPHS:
        raise ValueError(f"part={part!r}; allowed are {', '.join(map(repr, GRAPHS))}.")


def _check_offers(module, part):
    if part != "denoise" and not hasattr(module, part):
        raise ValueError(
            f"part={part!r}, but this network has no {part!r}: it has no code, or its code cannot "
            "be decoded. Export part='denoise', or fit an Autoencoder."
        )


def _content(graph):
    """The graph as the bytes of an ONNX model."""
    source, target = graph.names
    example = torch.from_numpy(graph.examples()[0])
    try:
        with _quiet(), computing_in("float32", "cpu"):
            program = torch.onnx.export(
                graph,
                (example,),
                input_names=[source],
                output_names=[target],
                dynamic_shapes=(graph.free_axes(),),
                dynamo=True,
                verbose=False,
            )
    except RuntimeError as error:
        raise ValueError(
            f"torch cannot make an ONNX graph of this network: {str(error).strip()} If its sizes "
            "depend on those of the image in a way that no graph holds, give its module "
            "fixed_size = True."
        ) from error
    assert program is not None
    model = program.model_proto
    if graph.keeps_shape:
        # torch gives the axes of the result formulas for names.
        given, result = (
            values[0].type.tensor_type for values in (model.graph.input, model.graph.output)
        )
        result.shape.CopyFrom(given.shape)
    model.producer_name, model.producer_version = "sklearn_cae", __version__
    return model.SerializeToString()


def _check_same(content, graph, given, expected):
    runtime = import_optional("onnxruntime", extra="onnx", purpose="export_onnx")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: given})
    same = found.shape == expected.shape and found.dtype == expected.dtype
    if same:
        difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
        level = np.issubdtype(found.dtype, np.integer)
        same = difference <= TOLERANCE * graph.size_of(expected) + level
    if not same:
        raise ValueError(
            f"The ONNX graph that torch makes of this network gives other results for images of "
            f"shape {given.shape} than the estimator does, so it is not written."
        )


def _exact(dtype):
    """float32 where it holds the values of images, else float64; as for arrays."""
    exact = np.dtype(dtype).itemsize <= 2 or dtype == "float32"
    return torch.float32 if exact else torch.float64


def _shape(spec, n, height, width):
    """Shape of a batch of images in the layout of ``fit``."""
    if spec.ndim == 3:
        return n, height, width
    last = spec.channel_axis == 3
    shape = (height, width, spec.n_channels) if last else (spec.n_channels, height, width)
    return (n, *shape) if spec.ndim == 4 else (n, math.prod(shape))


def _channels_first(images, spec):
    """View a batch in the layout of ``fit`` as (n, C, H, W)."""
    if spec.ndim == 3:
        return images.unsqueeze(1)
    last = spec.channel_axis == 3
    if spec.ndim == 2:
        sides = (spec.height, spec.width)
        images = images.unflatten(
            1, (*sides, spec.n_channels) if last else (spec.n_channels, *sides)
        )
    return images.permute(0, 3, 1, 2) if last else images


def _as_layout(batch, spec):
    """View a batch (n, C, H, W) in the layout of ``fit``."""
    if spec.ndim == 3:
        return batch.squeeze(1)
    images = batch.permute(0, 2, 3, 1) if spec.channel_axis == 3 else batch
    return images.flatten(1) if spec.ndim == 2 else images


@contextmanager
def _quiet():
    """Without what the exporter tells of itself: packages it lacks, its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
