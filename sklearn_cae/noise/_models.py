"""Noise models: they corrupt batches of tensors given a generator."""

from collections.abc import Sequence
from itertools import product
from numbers import Real

import numpy as np
import torch
from sklearn.base import clone
from torch.nn import functional as F

from ._base import Level, NoiseModel, as_tensor, draw_level, draw_normal, draw_uniform
from ._cut_out import CutOut
from ._poisson import draw_poisson
from ._quantiles import draw_quantiles
from ._restorable import EraseColor, Flip, QuarterTurns

# float32 counts one by one up to 2**24, which is 1.7e7.
LARGEST_PEAK = 1e7
# Noise of a smaller gain is that of this one, made smaller: counts stay below the largest peak.
SMALLEST_GAIN = 1 / LARGEST_PEAK
# Pixels; a wider blur leaves nothing but the mean brightness of most images, and is slow.
WIDEST_BLUR = 100


class GaussianNoise(NoiseModel):
    r"""Additive white Gaussian noise, :math:`x + \sigma n` with :math:`n \sim N(0, 1)`.

    Parameters
    ----------
    std : float or tuple (low, high), default=0.1
        Standard deviation in units of the data range, from 0 to 1; 0.1 is a PSNR of 20 dB before
        clipping. A level of 25 on uint8 images is 25 / 255.
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

    limits = {"std": 1}
    units = {"std": "in units of the data range: a level of 25 on uint8 images is 25 / 255"}

    def __init__(self, std: Level = 0.1, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        return images + draw_level(self.std, images, generator) * draw_normal(images, generator)

    def _std_at(self, images):
        return self.std


class SpeckleNoise(NoiseModel):
    r"""Multiplicative Gaussian noise, :math:`x + \sigma x n` with :math:`n \sim N(0, 1)`.

    Parameters
    ----------
    std : float or tuple (low, high), default=0.1
        Standard deviation relative to the pixel, so 0.1 is 10 % of its value above black; at most
        1, beyond which bright pixels would turn negative more often than in one case of six.
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

    limits = {"std": 1}
    units = {"std": "relative to the pixel: 0.1 is 10 % of its value above black"}

    def __init__(self, std: Level = 0.1, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def _corrupt(self, images, generator):
        return images * (
            1 + draw_level(self.std, images, generator) * draw_normal(images, generator)
        )


class PoissonNoise(NoiseModel):
    r"""Shot noise, :math:`\mathrm{Poisson}(p x) / p`: the photons counted by a sensor.

    Parameters
    ----------
    peak : float or tuple (low, high), default=100.0
        Expected count of a white pixel; fewer photons are more noise. Above 0, at most 1e7.
    clip : bool, default=True
        Clip to the data range.

    Notes
    -----
    On a CPU, counts are drawn faster than by torch. Their probabilities are Poisson's to 1.3e-4 in
    sum.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import PoissonNoise
    >>> gray = torch.full((1, 1, 64, 64), 0.5)
    >>> noisy = PoissonNoise(100).corrupt(gray, torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 2)
    0.07
    """

    limits = {"peak": LARGEST_PEAK}
    units = {"peak": "of photons in a white pixel"}

    def __init__(self, peak: Level = 100.0, *, clip: bool = True):
        self.peak = peak
        self.clip = clip

    def check_levels(self) -> None:
        """Raise a ValueError if ``peak`` is not positive."""
        super().check_levels()
        if np.min(self.peak) == 0:
            raise ValueError(f"PoissonNoise(peak=…) is {self.peak!r}; a peak must be above 0.")

    def _corrupt(self, images, generator):
        peak = draw_level(self.peak, images, generator)
        return draw_poisson(images.clamp(min=0) * peak, generator) / peak

    def _std_at(self, images):
        return (images.clamp(min=0) / self.peak).sqrt()


class PoissonGaussianNoise(NoiseModel):
    r"""Noise of a sensor: counted photons, and the electronics that read them.

    The noisy value is :math:`g\,\mathrm{Poisson}((x - o) / g) + o + r n` for :math:`x` above the
    offset, with gain :math:`g`, offset :math:`o`, read noise :math:`r` and :math:`n \sim N(0, 1)`.
    Its variance is :math:`g (x - o) + r^2`. Below the offset there is only read noise.

    Parameters
    ----------
    gain : float or tuple (low, high), default=0.01
        Brightness of one photon in units of the data range, from 0 to 1: 0.01 is 100 photons in a
        white pixel, ``PoissonNoise(100)``. 0 is read noise alone.
    offset : float or tuple (low, high), default=0.0
        Brightness without light in units of the data range, from 0 to 1.
    read_std : float or tuple (low, high), default=0.0
        Standard deviation of the read noise in units of the data range, from 0 to 1.
    clip : bool, default=True
        Clip to the data range.

    See Also
    --------
    estimate_noise : Finds the levels in noisy images.

    Notes
    -----
    A sensor of 16 bits, whose data range is 0 to 65535, with 2 counts an electron, a black level of
    500 counts and a read noise of 3 electrons is
    ``PoissonGaussianNoise(2 / 65535, offset=500 / 65535, read_std=6 / 65535)``. With
    ``data_range=(low, high)`` a gain of counts is divided by ``high - low``, as is the read noise,
    and the offset is ``(500 - low) / (high - low)``. Photons are drawn as those of
    :class:`PoissonNoise`. On a CPU the read noise is drawn from a table of 65,536 normal quantiles.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import PoissonGaussianNoise
    >>> gray = torch.full((1, 1, 64, 64), 0.5)
    >>> sensor = PoissonGaussianNoise(0.01, offset=0.1, read_std=0.05)
    >>> noisy = sensor.corrupt(gray, torch.Generator().manual_seed(0))
    >>> round(float(noisy.std()), 2)  # the root of 0.01 * 0.4 + 0.05**2
    0.08
    """

    limits = {"gain": 1, "offset": 1, "read_std": 1}
    units = {
        "gain": "in units of the data range: 2 counts a photon of 16 bits are 2 / 65535",
        "offset": "in units of the data range: 500 counts of 16 bits are 500 / 65535",
        "read_std": "in units of the data range: 6 counts of 16 bits are 6 / 65535",
    }

    def __init__(
        self,
        gain: Level = 0.01,
        offset: Level = 0.0,
        read_std: Level = 0.0,
        *,
        clip: bool = True,
    ):
        self.gain = gain
        self.offset = offset
        self.read_std = read_std
        self.clip = clip

    def _corrupt(self, images, generator):
        gain = as_tensor(draw_level(self.gain, images, generator), images)
        signal = (images - draw_level(self.offset, images, generator)).clamp_(min=0)
        counted = gain.clamp(min=SMALLEST_GAIN)
        counts = draw_poisson(signal / counted, generator)
        shot = counts.mul_(counted).sub_(signal)
        read_std = as_tensor(draw_level(self.read_std, images, generator), images)
        noisy = images.addcmul(shot, (gain / counted).sqrt())
        return noisy.addcmul_(draw_quantiles(images, generator), read_std)

    def _std_at(self, images):
        signal = (images - self.offset).clamp(min=0)
        return (self.gain * signal + np.square(self.read_std)).sqrt()


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

    limits = {"amount": 1, "salt_ratio": 1}

    def __init__(self, amount: Level = 0.1, salt_ratio: Level = 0.5, *, clip: bool = True):
        self.amount = amount
        self.salt_ratio = salt_ratio
        self.clip = clip

    def _corrupt(self, images, generator):
        amount = draw_level(self.amount, images, generator)
        salt = amount * draw_level(self.salt_ratio, images, generator)
        draw = draw_uniform(images, generator)
        noisy = images.clone().masked_fill_(draw < salt, 1.0)
        return noisy.masked_fill_((draw >= salt) & (draw < amount), 0.0)


class MaskingNoise(NoiseModel):
    """Set a share of the pixels to black, all channels of a pixel together.

    This is the corruption of the first denoising autoencoders, Vincent et al., "Extracting and
    composing robust features with denoising autoencoders" (ICML 2008).

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

    limits = {"fraction": 1}

    def __init__(self, fraction: Level = 0.25, *, clip: bool = True):
        self.fraction = fraction
        self.clip = clip

    def _corrupt(self, images, generator):
        draw = draw_uniform(images[:, :1], generator)
        masked = draw < draw_level(self.fraction, images, generator)
        return images.clone().masked_fill_(masked, 0.0)


class GaussianBlur(NoiseModel):
    """Gaussian blur, as :func:`skimage.filters.gaussian` with its defaults.

    The last pixel is repeated beyond the border, and the kernel ends at four standard deviations.

    Parameters
    ----------
    std : float or tuple (low, high), default=1.0
        Standard deviation of the kernel in pixels, from 0 to 100.
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

    limits = {"std": WIDEST_BLUR}
    units = {"std": "in pixels"}

    def __init__(self, std: Level = 1.0, *, clip: bool = True):
        self.std = std
        self.clip = clip

    def variants(self):
        """Itself, as it draws nothing but its level. See :meth:`NoiseModel.variants`."""
        return None if isinstance(self.std, Sequence) else [self]

    def _corrupt(self, images, generator):
        std = draw_level(self.std, images, generator)
        kernel = _gaussian_weights(std, np.max(self.std), images.device)
        for axis in (3, 2):
            weights = _fold(kernel, images.shape[axis]).to(images)
            images = _blurred(images, weights, axis)
        return images


def _blurred(images, weights, axis):
    """Blur along an axis, with the last pixel repeated."""
    # Shift by shift: a convolution rounds differently in batches of different size.
    radius, size = len(weights) // 2, images.shape[axis]
    pad = (radius, radius, 0, 0) if axis == 3 else (0, 0, radius, radius)
    padded = F.pad(images, pad, mode="replicate")
    blurred = weights[radius] * images
    for shift in range(1, radius + 1):
        ends = (padded.narrow(axis, start, size) for start in (radius - shift, radius + shift))
        blurred += torch.add(*ends).mul_(weights[radius + shift])
    return blurred


def _gaussian_weights(std, largest_std, device):
    """Normalised weights (2 * radius + 1, n, 1, 1, 1), cut at four standard deviations each."""
    radius = int(4 * largest_std + 0.5)
    # MPS has no float64.
    device = torch.device("cpu") if device.type == "mps" else device
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64, device=device)
    std = std.to(offsets) if isinstance(std, torch.Tensor) else offsets.new_full((), std)
    offsets = offsets.reshape(-1, 1, 1, 1, 1)
    weights = torch.exp(-0.5 * (offsets / std.clamp(min=1e-6)) ** 2)
    weights = torch.where(offsets.abs() <= torch.floor(4 * std + 0.5), weights, 0.0)
    return weights / weights.sum(0)


def _fold(weights, size):
    """Gather the weights that meet nothing but the last pixel of ``size`` and its repetitions."""
    beyond = len(weights) // 2 - (size - 1)
    if beyond <= 0:
        return weights
    folded = weights[beyond:-beyond].clone()
    folded[0] += weights[:beyond].sum(0)
    folded[-1] += weights[-beyond:].sum(0)
    return folded


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

    @property
    def reorients(self) -> bool:  # type: ignore[override]
        """Whether one of the models turns or mirrors images."""
        return any(model.reorients for model in self.models)

    def check_images(self, height, width, n_channels):
        """Raise a ValueError if one of the models cannot corrupt images of this shape."""
        for model in self.models:
            model.check_images(height, width, n_channels)

    def variants(self):
        """A chain for each choice of a variant of each model. See :meth:`NoiseModel.variants`."""
        choices = []
        for model in self.models:
            variants = model.variants()
            if variants is None:
                return None
            choices.append(variants)
        return [NoiseChain(list(models)) for models in product(*choices)]

    def corrupt(self, images, generator, limits=(0.0, 1.0)):
        """Corrupt a batch of images; each model clips by itself. See :meth:`NoiseModel.corrupt`."""
        self.check_levels()
        for model in self.models:
            images = model.corrupt(images, generator, limits)
        return images

    def _corrupt(self, images, generator):
        return self.corrupt(images, generator)


NOISE_MODELS = {
    "gaussian": GaussianNoise,
    "salt_and_pepper": SaltAndPepperNoise,
    "blur": GaussianBlur,
    "poisson": PoissonNoise,
    "poisson_gaussian": PoissonGaussianNoise,
    "speckle": SpeckleNoise,
    "masking": MaskingNoise,
    "cut_out": CutOut,
    "erase_color": EraseColor,
    "quarter_turns": QuarterTurns,
    "flip": Flip,
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
    if isinstance(noise, (list, tuple)) and not _is_range(noise):
        return NoiseChain([resolve_noise(model) for model in noise])
    if isinstance(noise, NoiseModel):
        noise.check_levels()
        return clone(noise)
    if _is_number(noise) or _is_range(noise):
        std = f"({', '.join(map(_in_range, noise))})" if _is_range(noise) else _in_range(noise)
        raise ValueError(
            f"noise={noise!r} is a level without its noise: write GaussianNoise({std})."
        )
    if isinstance(noise, type) and issubclass(noise, NoiseModel):
        raise ValueError(f"noise={noise.__name__} is a class. Call it: {noise.__name__}().")
    raise ValueError(
        f"noise={noise!r}; allowed are None, a NoiseModel such as GaussianNoise(0.2), a list of "
        f"them, and the names {sorted(NOISE_MODELS)} and 'none'."
    )


def _is_number(noise):
    return isinstance(noise, Real) and not isinstance(noise, bool)


def _is_range(noise):
    """Whether this is the pair of numbers from which a level is drawn."""
    return isinstance(noise, (list, tuple)) and len(noise) == 2 and all(map(_is_number, noise))


def _in_range(level):
    """A level as it is written in units of the data range: beyond 1 it is one of 255."""
    return f"{level:g}" if level <= 1 else f"{level:g} / 255"
