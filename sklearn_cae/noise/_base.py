"""The base of the noise models, and the draws that a noise model of one's own needs."""

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import TypeAlias

import numpy as np
import torch
from sklearn.base import BaseEstimator

# A number, or the two ends of a range.
Level: TypeAlias = float | Sequence[float]
Generators: TypeAlias = torch.Generator | Sequence[torch.Generator]


class NoiseModel(BaseEstimator, metaclass=ABCMeta):
    """Base of the noise models.

    To write a noise model of your own, derive a class, list its levels with their upper limits in
    ``limits``, and write one method, ``_corrupt``. A level is a number that is not negative, or a
    range ``(low, high)`` from which each image draws its own level uniformly. All random numbers
    must come from the generator, through :func:`~sklearn_cae.noise.draw_level`,
    :func:`~sklearn_cae.noise.draw_normal` and :func:`~sklearn_cae.noise.draw_uniform`. Then an
    image gets the same noise in every batch.

    Attributes
    ----------
    limits : dict of float
        Upper limit of each level, by the name of its parameter; ``math.inf`` for none.
    units : dict of str
        What a level is measured in, by the name of its parameter; errors tell it.
    reorients : bool
        Whether it turns or mirrors images, so that their orientation is what is restored.

    See Also
    --------
    NoiseInjector : The transformer that applies a noise model to arrays of images.

    Examples
    --------
    A lamp that flickers: each image becomes brighter or darker as a whole.

    >>> import torch
    >>> from sklearn_cae.noise import NoiseModel, draw_level, draw_normal
    >>> class Flicker(NoiseModel):
    ...     limits = {"std": 1}
    ...
    ...     def __init__(self, std=0.1, *, clip=True):
    ...         self.std = std
    ...         self.clip = clip
    ...
    ...     def _corrupt(self, images, generator):
    ...         std = draw_level(self.std, images, generator)
    ...         return images + std * draw_normal(images[:, :1, :1, :1], generator)
    >>> gray = torch.full((2, 1, 8, 8), 0.5)
    >>> noisy = Flicker((0, 0.2)).corrupt(gray, torch.Generator().manual_seed(0))
    >>> bool((noisy == noisy[:, :, :1, :1]).all())
    True
    """

    limits: dict[str, float] = {}
    units: dict[str, str] = {}
    reorients: bool = False
    clip: bool

    def corrupt(
        self,
        images: torch.Tensor,
        generator: Generators,
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> torch.Tensor:
        """Corrupt a batch of images.

        Parameters
        ----------
        images : torch.Tensor of shape (n, C, H, W)
            float32 images, black is 0 and white is 1. Left unchanged.
        generator : torch.Generator or list of torch.Generator
            Source of randomness on the device of ``images``; a list holds one for each image.
        limits : tuple of float, default=(0.0, 1.0)
            To what ``clip`` clips, in units of the data range; infinities are no limit.

        Returns
        -------
        noisy : torch.Tensor of shape (n, C, H, W)
            float32 images, within ``limits`` if ``clip``, in torch's memory format
            ``channels_last`` if ``images`` are.

        Raises
        ------
        ValueError
            If a level is neither a number nor a range within its limits, or the images are none
            that the model takes.
        """
        self.check_levels()
        n_channels, height, width = images.shape[1:]
        self.check_images(height, width, n_channels)
        noisy = self._corrupt(images, generator)
        if images.is_contiguous(memory_format=torch.channels_last):
            noisy = noisy.contiguous(memory_format=torch.channels_last)
        return noisy.clamp(*limits) if self.clip else noisy

    def check_levels(self) -> None:
        """Raise a ValueError if a level is neither a number nor a range within its limits."""
        model = type(self).__name__
        for name, limit in self.limits.items():
            level = getattr(self, name)
            if not _is_level(level, limit):
                allowed = "that is not negative" if limit == math.inf else f"from 0 to {limit:g}"
                unit = f", {self.units[name]}" if name in self.units else ""
                raise ValueError(
                    f"{model}({name}=…) is {level!r}; expected a number {allowed}, or a range "
                    f"(low, high) of such numbers{unit}."
                )
        if not isinstance(self.clip, (bool, np.bool_)):
            raise ValueError(f"{model}(clip=…) is {self.clip!r}; allowed are True and False.")

    def check_images(self, height: int, width: int, n_channels: int) -> None:
        """Raise a ValueError if images of this shape cannot be corrupted; most models take all."""

    def std_at(self, images: torch.Tensor) -> float | torch.Tensor | None:
        """Standard deviation of the noise in pixels of this brightness, if the model knows it.

        Parameters
        ----------
        images : torch.Tensor of shape (n, C, H, W)
            Images in units of the data range. Of a pixel that is noisy itself the variance is
            right on average.

        Returns
        -------
        std : float, torch.Tensor of the shape of ``images`` or None
            In units of the data range, without clipping. ``None`` for ranges of levels, and for
            models whose noise is not independent from pixel to pixel, of mean zero and of a
            variance that is linear in the brightness.
        """
        if any(isinstance(getattr(self, name), Sequence) for name in self.limits):
            return None
        return self._std_at(images)

    def _std_at(self, images: torch.Tensor) -> float | torch.Tensor | None:
        """What :meth:`std_at` gives where each level is a number."""
        return None

    def variants(self) -> "list[NoiseModel] | None":
        """All that the model may do to an image, if that is a short list.

        Returns
        -------
        variants : list of NoiseModel or None
            Models that draw nothing: the same image comes out of each whatever the generator.
            ``None`` if what the model does is drawn from more than a few possibilities.
        """
        return None

    @abstractmethod
    def _corrupt(self, images: torch.Tensor, generator: Generators) -> torch.Tensor:
        """Corrupt without clipping: the one method that a noise model writes.

        Parameters and result are those of :meth:`corrupt`; ``images`` is left unchanged.
        """


def _is_level(level, limit):
    ends = level if isinstance(level, (tuple, list)) else (level, level)
    return (
        len(ends) == 2 and all(_is_number(end) for end in ends) and 0 <= ends[0] <= ends[1] <= limit
    )


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def draw_level(level: Level, images: torch.Tensor, generator: Generators) -> float | torch.Tensor:
    """Draw the level of each image, if it is a range.

    Parameters
    ----------
    level : float or tuple (low, high)
        A number, or the ends of a range.
    images : torch.Tensor of shape (n, C, H, W)
        The images.
    generator : torch.Generator or list of torch.Generator
        Source of randomness; a list holds one for each image.

    Returns
    -------
    level : float or torch.Tensor of shape (n, 1, 1, 1)
        The number itself, or for a range float32 levels, uniform between its ends.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import draw_level
    >>> draw_level((0.1, 0.2), torch.zeros(5, 3, 8, 8), torch.Generator()).shape
    torch.Size([5, 1, 1, 1])
    """
    if not isinstance(level, Sequence):
        return level
    low, high = level
    return low + (high - low) * draw_uniform(images[:, :1, :1, :1], generator)


def as_tensor(level: float | torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Give a level that was drawn as a tensor like the images; a GPU is not waited for."""
    return level if isinstance(level, torch.Tensor) else images.new_full((), level)


def draw_normal(like: torch.Tensor, generator: Generators) -> torch.Tensor:
    """Draw float32 numbers from the standard normal distribution.

    Parameters
    ----------
    like : torch.Tensor of shape (n, ...)
        Tells shape and device.
    generator : torch.Generator or list of torch.Generator
        Source of randomness; a list holds one for each image.

    Returns
    -------
    numbers : torch.Tensor of the shape of ``like``
        Mean 0 and standard deviation 1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import draw_normal
    >>> draw_normal(torch.zeros(2, 1, 4, 4), torch.Generator()).shape
    torch.Size([2, 1, 4, 4])
    """
    return _draw(torch.randn, like, generator)


def draw_uniform(like: torch.Tensor, generator: Generators) -> torch.Tensor:
    """Draw float32 numbers uniformly from [0, 1).

    Parameters
    ----------
    like : torch.Tensor of shape (n, ...)
        Tells shape and device.
    generator : torch.Generator or list of torch.Generator
        Source of randomness; a list holds one for each image.

    Returns
    -------
    numbers : torch.Tensor of the shape of ``like``
        From 0, to 1 without 1 itself.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.noise import draw_uniform
    >>> bool((draw_uniform(torch.zeros(2, 1, 4, 4), torch.Generator()) < 1).all())
    True
    """
    return _draw(torch.rand, like, generator)


def _draw(draw, like, generator):
    # The dtype is said: torch.set_default_dtype would change the noise of a seed.
    options = {"dtype": torch.float32, "device": like.device}
    if isinstance(generator, torch.Generator):
        return draw(like.shape, generator=generator, **options)
    return torch.stack(
        [
            draw(image.shape, generator=one, **options)
            for image, one in zip(like, generator, strict=True)
        ]
    )
