"""Noise models: they corrupt batches of tensors given a generator."""

import math
from abc import ABCMeta, abstractmethod
from numbers import Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch.nn import functional as F


class NoiseModel(BaseEstimator, metaclass=ABCMeta):
    """Base of the noise models.

    A noise model of your own derives from it, lists its levels in ``_upper_limits`` and writes
    ``_corrupt``. A level is a number, or a range ``(low, high)`` from which each image draws its
    own level uniformly.

    See Also
    --------
    NoiseInjector : The transformer that applies a noise model to arrays of images.
    """

    _upper_limits = {}

    def corrupt(self, images, generator):
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

    def check_levels(self):
        """Raise a ValueError if a level is neither a number nor a range within its limits."""
        for name, limit in self._upper_limits.items():
            _check_level(f"{type(self).__name__}({name}=…)", getattr(self, name), limit)

    @abstractmethod
    def _corrupt(self, images, generator):
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
    return (
        isinstance(value, (Real, np.number)) and not isinstance(value, bool) and np.isfinite(value)
    )


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

    def __init__(self, std=0.1, *, clip=True):
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

    def __init__(self, std=0.1, *, clip=True):
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

    def __init__(self, peak=100.0, *, clip=True):
        self.peak = peak
        self.clip = clip

    def check_levels(self):
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

    def __init__(self, amount=0.1, salt_ratio=0.5, *, clip=True):
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

    def __init__(self, fraction=0.25, *, clip=True):
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

    def __init__(self, std=1.0, *, clip=True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        std = _level(self.std, images, generator)
        n, n_channels, height, width = images.shape
        kernels = _gaussian_kernels(std, np.max(self.std), images).expand(n, n_channels, -1)
        kernels = kernels.reshape(n * n_channels, 1, 1, -1)
        radius = kernels.shape[-1] // 2
        planes = images.reshape(1, n * n_channels, height, width)
        for kernel, pad in (
            (kernels, (radius, radius, 0, 0)),
            (kernels.transpose(2, 3), (0, 0, radius, radius)),
        ):
            padded = F.pad(planes, pad, mode="replicate")
            planes = F.conv2d(padded, kernel, groups=n * n_channels)
        return planes.reshape(images.shape)


def _gaussian_kernels(std, largest_std, images):
    """Normalised kernels (n, 1, 2 * radius + 1), each cut at four of its standard deviations."""
    radius = int(4 * largest_std + 0.5)
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float64)
    std = torch.as_tensor(std, device=images.device, dtype=torch.float64).reshape(-1, 1, 1)
    kernels = torch.exp(-0.5 * (offsets / std.clamp(min=1e-6)) ** 2)
    kernels = torch.where(offsets.abs() <= torch.floor(4 * std + 0.5), kernels, 0.0)
    return (kernels / kernels.sum(-1, keepdim=True)).to(images.dtype)


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

    def __init__(self, models):
        self.models = models

    @property
    def clip(self):
        """Whether the images that come out are within the data range."""
        return not self.models or self.models[-1].clip

    def check_levels(self):
        """Raise a ValueError if a level of one of the models is out of its limits."""
        for model in self.models:
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


def resolve_noise(noise):
    """Turn what users may write for a noise into a checked :class:`NoiseModel`.

    Parameters
    ----------
    noise : NoiseModel, str, list of these, or None
        A name stands for the model with its defaults, "none" for no noise, a list for a chain and
        ``None`` for ``GaussianNoise(0.1)``.

    Returns
    -------
    model : NoiseModel
        The noise model, its levels checked.

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
        return noise
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
    return torch.stack([draw(like.shape[1:], generator=one) for one in generator])


def _poisson(rates, generator):
    if isinstance(generator, torch.Generator):
        return torch.poisson(rates, generator)
    return torch.stack(
        [torch.poisson(rate, one) for rate, one in zip(rates, generator, strict=True)]
    )
