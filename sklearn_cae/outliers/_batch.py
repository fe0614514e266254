"""What scores are made of: images and what an autoencoder makes of them, each computed once."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._inference import Runner
from .._random import generators_by_content
from ..images import normalize_contrast, to_unit
from ..metrics import denoiser_of
from ..networks import layer_outputs
from ..noise import NoiseModel, corrupt_batch
from ._features import features_of_places

UNIT_RANGE = (0.0, 1.0)


class ImageBatch:
    """A batch of images and the results of a fitted autoencoder for them.

    Each attribute is computed once, when it is first asked for, so scores that ask for the same
    attribute share it. Everything is float64 on the CPU, whatever the device of the network,
    because sums follow. Images are in units of the range that the autoencoder sees: black is 0 and
    white is 1.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Images.
    data_range : tuple of float
        Their values of black and white.
    runner : Runner
        The fitted autoencoder.
    noise : NoiseModel or None
        What corrupted the training images; ``None`` if they were pairs.
    """

    def __init__(self, images: NDArray[Any], data_range: Any, runner: Runner, noise: Any) -> None:
        self._given = images
        self._data_range = data_range
        self._runner = runner
        self.noise = noise
        # By seed and identity of the model, which is kept along so that no other has it.
        self._noisy: dict[tuple[int, int], tuple[Any, torch.Tensor]] = {}
        self._denoised: dict[tuple[int, int], NDArray[np.float64]] = {}
        self._heard: dict[tuple[str, ...], list[torch.Tensor]] = {}

    def __len__(self) -> int:
        return len(self._given)

    @cached_property
    def images(self) -> NDArray[np.float64]:
        """The images, (n, H, W, C)."""
        return _to_array(self._on_cpu)

    @cached_property
    def reconstruction(self) -> NDArray[np.float64]:
        """What the autoencoder makes of the images, (n, H, W, C)."""
        return _to_array(self._reconstructed)

    @cached_property
    def squared_error(self) -> NDArray[np.float64]:
        """Squared error of the reconstruction of each pixel, (n, H, W), the mean over channels."""
        return np.square(self.reconstruction - self.images).mean(axis=3)

    @cached_property
    def codes(self) -> NDArray[np.float64]:
        """The codes of the images, (n, length of a code)."""
        return self._codes.flatten(1).cpu().numpy().astype(np.float64)

    @cached_property
    def code_maps(self) -> NDArray[np.float64]:
        """The codes as feature maps, (n, h, w, n_maps).

        Raises
        ------
        ValueError
            If codes are flat.
        """
        if self._codes.ndim != 4:
            raise ValueError(
                "The code of this network is flat, so it does not tell where an image is unusual. "
                "Leave latent_dim=None, or take ReconstructionScore()."
            )
        return _to_array(self._codes)

    def layer_maps(self, layers: Sequence[str]) -> list[NDArray[np.float64]]:
        """Feature maps of layers, by their names among the modules of the network.

        Parameters
        ----------
        layers : list of str
            The names.

        Returns
        -------
        maps : list of ndarray of shape (n, h, w, n_maps)
            Feature maps of each layer.
        """
        return [_to_array(maps) for maps in self._layers(tuple(layers))]

    def places(self, layers: Sequence[str]) -> NDArray[np.float32]:
        """Features of places all over the images, one every four pixels.

        Parameters
        ----------
        layers : list of str
            Names of layers. Their maps are brought to length 1 at each place and averaged with
            those around it.

        Returns
        -------
        features : ndarray of shape (n, h, w, n_features)
            float32 features.
        """
        maps = self._layers(tuple(layers))
        return features_of_places(maps, self._given.shape[1:3]).cpu().numpy()

    @cached_property
    def variants(self) -> list[NoiseModel] | None:
        """All that ``noise`` may do to an image, if that is a short list; else ``None``."""
        return self.noise.variants()

    def stage_maps(self, stage: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Feature maps of a stage of the encoder, for the images and for their reconstruction.

        Parameters
        ----------
        stage : int
            The stage, counted from 1 at the image.

        Returns
        -------
        original, reconstructed : ndarray of shape (n, h, w, n_maps)
            Feature maps.
        """
        original, reconstructed = (_to_array(maps[stage - 1]) for maps in self._stage_maps)
        return original, reconstructed

    def corrupted(self, seed: int, noise: NoiseModel | None = None) -> NDArray[np.float64]:
        """The images with noise, (n, H, W, C), as :meth:`denoised` gives them to the network.

        Parameters
        ----------
        seed, noise
            As in :meth:`denoised`.

        Returns
        -------
        corrupted : ndarray of shape (n, H, W, C)
            Noisy images.
        """
        return _to_array(self._corrupted(seed, noise))

    def denoised(self, seed: int, noise: NoiseModel | None = None) -> NDArray[np.float64]:
        """What the autoencoder makes of the images with noise, (n, H, W, C).

        Parameters
        ----------
        seed : int
            Seed of the noise. An image gets the same noise in any batch and on any device.
        noise : NoiseModel, default=None
            What corrupts the images, such as one of ``variants``. ``None`` is ``noise`` itself.

        Returns
        -------
        denoised : ndarray of shape (n, H, W, C)
            Denoised images.
        """
        key = seed, id(noise)
        if key not in self._denoised:
            noisy = self._corrupted(seed, noise)
            self._denoised[key] = _to_array(self._runner.apply(noisy.to(self._runner.device)))
        return self._denoised[key]

    def _corrupted(self, seed, noise):
        key = seed, id(noise)
        if key not in self._noisy:
            clean = self._on_cpu.contiguous()
            generators = generators_by_content(clean.numpy(), seed)
            model = self.noise if noise is None else noise
            noisy = corrupt_batch(clean, model, generators, self._runner.spec)
            self._noisy[key] = noise, noisy
        return self._noisy[key][1]

    @cached_property
    def _on_cpu(self):
        return to_unit(self._given, self._data_range)  # (n, C, H, W)

    @cached_property
    def _on_device(self):
        return self._on_cpu.to(self._runner.device)

    @cached_property
    def _codes(self):
        return self._runner.fused.encode(self._runner.within_limits(self._on_device))

    @cached_property
    def _reconstructed(self):
        runner = self._runner
        if hasattr(runner.fused, "decode") and not runner.hidden:
            # The code is all that its result depends on, so the encoder runs once.
            network = _DecoderOf(runner.fused, self._codes)
            runner = Runner(network, runner.spec, runner.device, runner.limits)
        return runner.apply(self._on_device)

    def _layers(self, layers):
        if layers not in self._heard:
            images = self._runner.within_limits(self._on_device)
            self._heard[layers] = [
                _as_maps(output, layer)
                for output, layer in zip(
                    layer_outputs(self._runner.module, images, layers), layers, strict=True
                )
            ]
        return self._heard[layers]

    @cached_property
    def _stage_maps(self):
        maps_of = self._runner.module.stage_maps
        batches = (self._on_device, self._reconstructed)
        return [maps_of(self._runner.within_limits(batch)) for batch in batches]


class BatchReader:
    """Makes a :class:`ImageBatch` of each part of an array of images.

    Parameters
    ----------
    cae : DenoisingCAE
        The fitted autoencoder, which computes in float32 here.
    data_range : tuple of float
        Values of black and white of the images.
    normalize : bool
        Whether the autoencoder sees images of normalised contrast.
    """

    def __init__(self, cae, data_range, *, normalize):
        self._runner = cae.runner_.in_float32()
        self._noise = cae.noise_
        self._data_range = data_range
        self._normalize = normalize

    def collect(self, function, images):
        """Rows of all images ``(n, H, W, C)``, of a function that gives those of a batch."""

        def rows_of(images):
            return function(self._batch(images))

        return self._runner.in_batches(rows_of, images)

    def _batch(self, images):
        data_range = self._data_range
        if self._normalize:
            # Whatever its own data range, the network sees black as 0 and white as 1.
            images, data_range = normalize_contrast(images, data_range), UNIT_RANGE
        return ImageBatch(images, data_range, self._runner, self._noise)


def make_readers(estimators, spec, *, normalize):
    """A reader for each fitted autoencoder; the same one for one that is there several times.

    Parameters
    ----------
    estimators : list of DenoisingCAE or FrozenEstimator
        The autoencoders.
    spec : ImageSpec
        Units of the images.
    normalize : bool
        Whether the autoencoders see images of normalised contrast.
    """
    readers = {
        id(estimator): BatchReader(denoiser_of(estimator), spec.data_range, normalize=normalize)
        for estimator in estimators
    }
    return [readers[id(estimator)] for estimator in estimators]


class _DecoderOf:
    """A network that has encoded its images already."""

    def __init__(self, module, codes):
        self._module = module
        self._codes = codes
        self.bounded = module.bounded

    def __call__(self, images):
        return self._module.decode(self._codes, images.shape[-2:])


def _as_maps(output, layer):
    if output.ndim != 4:
        raise ValueError(
            f"layer {layer!r} gives flat features, but a score of layers needs feature maps. Take "
            "a layer before it."
        )
    return output


def _to_array(batch: torch.Tensor) -> NDArray[np.float64]:
    """Bring a tensor (n, C, H, W) to the CPU, where there is float64: an array (n, H, W, C)."""
    return batch.cpu().permute(0, 2, 3, 1).numpy().astype(np.float64)
