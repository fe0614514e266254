"""Noise models: they corrupt batches of tensors given a generator."""

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import TypeAlias

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch.nn import functional as F

# A number, or the two ends of a range.
Level: TypeAlias = float | Sequence[float]
Generators: TypeAlias = torch.Generator | Sequence[torch.Generator]


class NoiseModel(BaseEstimator, metaclass=ABCMeta):
    """Base of the noise models.

    A noise model of your own derives from it, lists its levels in ``_upper_limits`` and writes
    ``_corrupt``. A level is a number, or a range ``(low, high)`` from which each image draws its
    own level uniformly.

    See Also
    --------
    NoiseInjector : The transformer that applies a noise model to arrays of images.
    """

    _upper_limits: dict[str, float] = {}
    clip: bool

    def corrupt(self, images: torch.Tensor, generator: Generators) -> torch.Tensor:
        """Corrupt a batch of images.

        Parameters
        ----------
        images : torch.Tensor of shape (n, C, H, W)
            float32 images, black is 0 and white is 1. Left unchanged.
        generator : torch.Generator or list of torch.Generator
            Source of randomness on the device of ``images``; a list holds one for each image.

        Returns
        -------
        noisy : torch.Tensor of shape (n, C, H, W)
            float32 images, in [0, 1] if ``clip``.
        """
        self.check_levels()
        noisy = self._corrupt(images, generator)
        return noisy.clamp(0, 1) if self.clip else noisy

    def check_levels(self) -> None:
        """Raise a ValueError if a level is neither a number nor a range within its limits."""
        model = type(self).__name__
        for name, limit in self._upper_limits.items():
            _check_level(f"{model}({name}=…)", getattr(self, name), limit)
        if not isinstance(self.clip, (bool, np.bool_)):
            raise ValueError(f"{model}(clip=…) is {self.clip!r}; allowed are True and False.")

    @abstractmethod
    def _corrupt(self, images: torch.Tensor, generator: Generators) -> torch.Tensor:
        """Corrupt without clipping."""


def _check_level(name, level, limit):
    ends = level if isinstance(level, (tuple, list)) else (level, level)
    if len(ends) == 2 and all(_is_number(end) for end in ends) and 0 <= ends[0] <= ends[1] <= limit:
        return
    allowed = "not negative" if limit == math.inf else f"from 0 to {limit:g}"
    raise ValueError(
        f"{name} is {level!r}; expected a number {allowed}, or a range (low, high) of such numbers."
    )


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


class GaussianNoise(NoiseModel):
    r"""Additive white Gaussian noise, :math:`x + \sigma n` with :math:`n \sim N(0, 1)`.

    Parameters
    ----------
    std : float or tuple (low, high), default=0.1
        Standard deviation in units of the data range; 0.1 is a PSNR of 20 dB before clipping.
    clip : bool, default=True
        Clip to the data range. Benchmarks of the literature use ``clip=False``; the two differ by
        more than 0.5 dB.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import GaussianNoise
    >>> gray = torch.full((1, 1, 64, 64), 0.5)
    >>> noisy = GaussianNoise(0.1).corrupt(gray, torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 1)
    0.1
    """

    _upper_limits = {"std": math.inf}

    def __init__(self, std: Level = 0.1, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        return images + _level(self.std, images, generator) * _normal(images, generator)


class SpeckleNoise(NoiseModel):
    r"""Multiplicative Gaussian noise, :math:`x + \sigma x n` with :math:`n \sim N(0, 1)`.

    Parameters
    ----------
    std : float or tuple (low, high), default=0.1
        Standard deviation relative to the pixel, so 0.1 is 10 % of its value above black.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import SpeckleNoise
    >>> black = torch.zeros(1, 1, 8, 8)
    >>> bool((SpeckleNoise(0.5).corrupt(black, torch.Generator()) == 0).all())
    True
    """

    _upper_limits = {"std": math.inf}

    def __init__(self, std: Level = 0.1, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        return images * (1 + _level(self.std, images, generator) * _normal(images, generator))


class PoissonNoise(NoiseModel):
    r"""Shot noise, :math:`\mathrm{Poisson}(p x) / p`: the photons counted by a sensor.

    Parameters
    ----------
    peak : float or tuple (low, high), default=100.0
        Expected count of a white pixel; fewer photons are more noise. Positive.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import PoissonNoise
    >>> gray = torch.full((1, 1, 64, 64), 0.5)
    >>> noisy = PoissonNoise(100).corrupt(gray, torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 2)
    0.07
    """

    _upper_limits = {"peak": math.inf}

    def __init__(self, peak: Level = 100.0, *, clip: bool = True):
        self.peak = peak
        self.clip = clip

    def check_levels(self) -> None:
        """Raise a ValueError if ``peak`` is not positive."""
        super().check_levels()
        if np.min(self.peak) == 0:
            raise ValueError(f"PoissonNoise(peak=…) is {self.peak!r}; a peak must be above 0.")

    def _corrupt(self, images, generator):
        peak = _level(self.peak, images, generator)
        return _poisson(images.clamp(min=0) * peak, generator) / peak


class SaltAndPepperNoise(NoiseModel):
    """Replace a share of the values by white (salt) or black (pepper), each channel on its own.

    Parameters
    ----------
    amount : float or tuple (low, high), default=0.1
        Probability that a value is replaced, from 0 to 1.
    salt_ratio : float or tuple (low, high), default=0.5
        Share of salt among the replaced values, from 0 to 1.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import SaltAndPepperNoise
    >>> gray = torch.full((1, 1, 64, 64), 0.5)
    >>> noisy = SaltAndPepperNoise(0.3).corrupt(gray, torch.Generator().manual_seed(0))
    >>> round(float((noisy == 0.5).float().mean()), 1)
    0.7
    """

    _upper_limits = {"amount": 1, "salt_ratio": 1}

    def __init__(self, amount: Level = 0.1, salt_ratio: Level = 0.5, *, clip: bool = True):
        self.amount = amount
        self.salt_ratio = salt_ratio
        self.clip = clip

    def _corrupt(self, images, generator):
        amount = _level(self.amount, images, generator)
        salt = amount * _level(self.salt_ratio, images, generator)
        draw = _uniform(images, generator)
        noisy = torch.where(draw < salt, 1.0, images)
        return torch.where((draw >= salt) & (draw < amount), 0.0, noisy)


class MaskingNoise(NoiseModel):
    """Set a share of the pixels to black, all channels of a pixel together.

    The corruption of the first denoising autoencoders, Vincent et al., "Extracting and composing
    robust features with denoising autoencoders" (ICML 2008).

    Parameters
    ----------
    fraction : float or tuple (low, high), default=0.25
        Probability that a pixel is masked, from 0 to 1.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import MaskingNoise
    >>> white = torch.ones(1, 3, 64, 64)
    >>> noisy = MaskingNoise(0.25).corrupt(white, torch.Generator().manual_seed(0))
    >>> round(float(noisy.mean()), 1)
    0.8
    """

    _upper_limits = {"fraction": 1}

    def __init__(self, fraction: Level = 0.25, *, clip: bool = True):
        self.fraction = fraction
        self.clip = clip

    def _corrupt(self, images, generator):
        draw = _uniform(images[:, :1], generator)
        return torch.where(draw < _level(self.fraction, images, generator), 0.0, images)


class GaussianBlur(NoiseModel):
    """Gaussian blur, as :func:`skimage.filters.gaussian` with its defaults.

    The border repeats its last pixel and the kernel ends at four standard deviations.

    Parameters
    ----------
    std : float or tuple (low, high), default=1.0
        Standard deviation of the kernel in pixels.
    clip : bool, default=True
        Clip to the data range.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import GaussianBlur
    >>> dot = torch.zeros(1, 1, 9, 9)
    >>> dot[..., 4, 4] = 1
    >>> blurred = GaussianBlur(1.0).corrupt(dot, torch.Generator())
    >>> round(float(blurred[0, 0, 4, 4]), 3)
    0.159
    """

    _upper_limits = {"std": math.inf}

    def __init__(self, std: Level = 1.0, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        weights = _gaussian_weights(_level(self.std, images, generator), np.max(self.std), images)
        radius = len(weights) // 2
        for axis, pad in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
            padded = F.pad(images, pad, mode="replicate")
            # Shift by shift: a convolution rounds differently in batches of different size.
            images = sum(
                weight * padded.narrow(axis, shift, images.shape[axis])
                for shift, weight in enumerate(weights)
            )
        return images


def _gaussian_weights(std, largest_std, images):
    """Normalised weights (2 * radius + 1, n, 1, 1, 1), cut at four standard deviations each."""
    radius = int(4 * largest_std + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64).reshape(-1, 1, 1, 1, 1)
    # On the CPU, because not every device has float64.
    std = torch.as_tensor(std, device="cpu", dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / std.clamp(min=1e-6)) ** 2)
    weights = torch.where(offsets.abs() <= torch.floor(4 * std + 0.5), weights, 0.0)
    return (weights / weights.sum(0)).to(images)


class NoiseChain(NoiseModel):
    """Several noise models, one after the other; an empty chain leaves images as they are.

    Parameters
    ----------
    models : list of NoiseModel
        The noise models in the order of their application.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import GaussianBlur, GaussianNoise, NoiseChain
    >>> camera = NoiseChain([GaussianBlur(1.0), GaussianNoise(0.05)])
    >>> camera.corrupt(torch.ones(1, 1, 8, 8), torch.Generator()).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, models: Sequence[NoiseModel]):
        self.models = models

    @property
    def clip(self) -> bool:  # type: ignore[override]
        """Whether the images that come out are within the data range."""
        return not self.models or self.models[-1].clip

    def check_levels(self) -> None:
        """Raise a ValueError if one is no noise model, or a level is out of its limits."""
        for model in self.models:
            if not isinstance(model, NoiseModel):
                raise ValueError(
                    f"NoiseChain(models=…) holds {model!r}; expected noise models such as "
                    "GaussianNoise(0.2). Names are understood in lists, noise=['blur', 'gaussian']."
                )
            model.check_levels()

    def _corrupt(self, images, generator):
        for model in self.models:
            images = model.corrupt(images, generator)
        return images


NOISE_MODELS = {
    "gaussian": GaussianNoise,
    "salt_and_pepper": SaltAndPepperNoise,
    "blur": GaussianBlur,
    "poisson": PoissonNoise,
    "speckle": SpeckleNoise,
    "masking": MaskingNoise,
}


def resolve_noise(noise: NoiseModel | str | Sequence[NoiseModel | str] | None) -> NoiseModel:
    """Turn what users may write for a noise into a checked ``NoiseModel`` of its own.

    Parameters
    ----------
    noise : NoiseModel, str, list of these, or None
        A name stands for the model with its defaults, "none" for no noise, a list for a chain and
        ``None`` for ``GaussianNoise(0.1)``.

    Returns
    -------
    model : NoiseModel
        The noise model, its levels checked; a copy of a model that was given.

    Examples
    --------
    >>> from sklearn_cae.noise import resolve_noise
    >>> resolve_noise("salt_and_pepper")
    SaltAndPepperNoise()
    """
    if noise is None:
        return GaussianNoise()
    if isinstance(noise, str) and noise == "none":
        return NoiseChain([])
    if isinstance(noise, str) and noise in NOISE_MODELS:
        return NOISE_MODELS[noise]()
    if isinstance(noise, (list, tuple)):
        return NoiseChain([resolve_noise(model) for model in noise])
    if isinstance(noise, NoiseModel):
        noise.check_levels()
        return clone(noise)
    raise ValueError(
        f"noise={noise!r}; allowed are None, a NoiseModel such as GaussianNoise(0.2), a list of "
        f"them, and the names {sorted(NOISE_MODELS)} and 'none'."
    )


def _level(level, images, generator):
    """The level itself, or for a range one of shape (n, 1, 1, 1) for each image."""
    if not isinstance(level, (tuple, list)):
        return level
    low, high = level
    return low + (high - low) * _uniform(images[:, :1, :1, :1], generator)


def _normal(like, generator):
    return _draw(torch.randn, like, generator)


def _uniform(like, generator):
    return _draw(torch.rand, like, generator)


def _draw(draw, like, generator):
    if isinstance(generator, torch.Generator):
        return draw(like.shape, generator=generator, device=like.device)
    return torch.stack(
        [
            draw(image.shape, generator=one, device=like.device)
            for image, one in zip(like, generator, strict=True)
        ]
    )


def _poisson(rates, generator):
    if isinstance(generator, torch.Generator):
        return torch.poisson(rates, generator)
    return torch.stack(
        [torch.poisson(rate, one) for rate, one in zip(rates, generator, strict=True)]
    )
