"""Losses: specs without tensors that build torch modules, and what describes them by name.

A loss compares images (n, C, H, W) with the wanted ones in [0, 1].
"""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from inspect import signature
from numbers import Integral, Real
from os import PathLike
from typing import Any

import torch
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from torch import nn

from ..networks import (
    VGG16,
    VGG16_BLOCKS,
    Spec,
    check_vgg16_images,
    drawing_from,
    read_vgg16_weights,
)

# Added to squared lengths, so that pixels where all of a block's feature maps are zero have one.
EPS = 1e-6


class LossSpec(Spec):
    """Base of the losses: plain parameters that build a torch module.

    The built module maps the network's output and the wanted images, both (n, C, H, W), to a
    number.
    """

    @property
    def needs_bounded(self) -> bool:
        """Whether it takes outputs within [0, 1] only."""
        return False

    @abstractmethod
    def build(self) -> nn.Module:
        """Make the torch module, float32 on the CPU; the same one in each call."""


class NamedLoss(LossSpec):
    """Loss of a name in ``LOSSES``, so that no pickle names a class of torch.

    Parameters
    ----------
    name : str
        The name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def needs_bounded(self):
        return LOSSES[self.name] is nn.BCELoss

    def build(self):
        return LOSSES[self.name]()


class TorchLoss(LossSpec):
    """Loss of a torch module that is made without arguments.

    Parameters
    ----------
    make : callable
        Class of a loss, or :func:`functools.partial` of one.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self.make = make

    @property
    def needs_bounded(self):
        made = self.make.func if isinstance(self.make, partial) else self.make
        return isinstance(made, type) and issubclass(made, nn.BCELoss)

    def check(self):
        super().check()
        if isinstance(self.make, nn.Module):
            raise ValueError(
                f"loss={self.make!r} is an instance, which several fits would share. Give its "
                "class, or functools.partial of it with its arguments."
            )
        if not callable(self.make) or _is_other_class(self.make):
            raise ValueError(
                f"loss={self.make!r} does not make a torch loss. Give a class of torch loss such "
                "as torch.nn.HuberLoss, or functools.partial of one with its arguments."
            )
        try:
            signature(self.make).bind()
        except TypeError as error:
            raise ValueError(
                f"loss={self.make!r} cannot be called without arguments: {error}. Give a class of "
                "torch loss such as torch.nn.HuberLoss, or functools.partial of one with its "
                "arguments."
            ) from error

    def check_images(self, height, width, n_channels):
        """Refuse what cannot compare a batch of images with another, before a training in vain."""
        shape, module = (2, n_channels, height, width), self.build()
        images = torch.full(shape, 0.5, dtype=torch.float32, device="cpu")
        try:
            with drawing_from(_fixed_generator()), torch.enable_grad():
                output = images.clone().requires_grad_()
                module(output, images).sum().backward()
        except Exception as error:
            raise ValueError(
                f"loss={self.make!r} cannot compare two batches of images of shape {shape}: "
                f"{error} A loss is called with the output and the wanted images, and gives a "
                "tensor with a gradient, as torch.nn.HuberLoss does."
            ) from error

    def build(self):
        with drawing_from(_fixed_generator()):
            module = self.make()
        if not isinstance(module, nn.Module):
            raise ValueError(f"loss={self.make!r} makes {module!r}, expected a torch.nn.Module.")
        return module.float()


class CharbonnierCriterion(nn.Module):
    r"""Mean of :math:`\sqrt{d^2 + 10^{-6}}` over the differences d: smooth at zero, L1 elsewhere.

    Source: Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for
    computed imaging" (ICIP 1994).
    """

    def forward(self, output, target):
        """Compare images (n, C, H, W) with the wanted ones."""
        return torch.sqrt((output - target).square() + EPS).mean()


class PerceptualLoss(LossSpec):
    r"""Mean squared error of the pixels and of VGG16's feature maps, for sharper edges.

    .. math:: L(x, y) = \mathrm{MSE}(x, y)
        + w \operatorname{mean}_{b,\, p} \lVert \phi_{bp}(x) - \phi_{bp}(y) \rVert^2

    Here :math:`\phi_{bp}` are the last feature maps of block b at pixel p. The loss is that of
    [1]_, with feature maps that are scaled to vectors of length 1 as in [2]_. It takes gray and RGB
    images of at least 32 x 32 pixels, in any units.

    Parameters
    ----------
    weight : float, default=0.01
        Weight w of the feature maps. As these are scaled, their squared error is between 0 and 2,
        for any weights of VGG16.
    blocks : int, default=2
        Blocks of VGG16 to use, 1 to 5.
    weights : "imagenet", str, path-like or None, default="imagenet"
        Weights of VGG16, as in :class:`VGG16Encoder`. ``None`` is random weights, the same in each
        fit.

    References
    ----------
    .. [1] J. Johnson, A. Alahi, L. Fei-Fei, "Perceptual losses for real-time style transfer and
       super-resolution", ECCV 2016.
    .. [2] R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness
       of deep features as a perceptual metric", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.learning import PerceptualLoss
    >>> criterion = PerceptualLoss(weight=0.1, weights=None).build()
    >>> images = torch.rand(2, 1, 32, 32)
    >>> float(criterion(images, images))
    0.0
    """

    _parameter_constraints = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "blocks": [Interval(Integral, 1, len(VGG16_BLOCKS), closed="both")],
        "weights": [str, PathLike, None],
    }
    changeable = frozenset({"weight"})

    def __init__(
        self,
        weight: float = 0.01,
        *,
        blocks: int = 2,
        weights: str | PathLike[str] | None = "imagenet",
    ) -> None:
        self.weight = weight
        self.blocks = blocks
        self.weights = weights

    def check_images(self, height, width, n_channels):
        cure = "the losses by name take images of any size and channels."
        check_vgg16_images(height, width, n_channels, cure=cure)

    def build(self):
        return PerceptualCriterion(self.blocks, self.weight, _fixed_generator())

    def load_pretrained(self, module, *, progress=False):
        if self.weights is not None:
            module.vgg.load_state_dict(
                read_vgg16_weights(self.weights, self.blocks, progress=progress)
            )


class PerceptualCriterion(nn.Module):
    r"""Mean squared error of the pixels and, weighted, of VGG16's feature maps.

    .. math:: L(x, y) = \mathrm{MSE}(x, y)
        + w \operatorname{mean}_{b,\, p} \lVert \phi_{bp}(x) - \phi_{bp}(y) \rVert^2

    :math:`\phi_{bp}` are the last feature maps of block b at pixel p, scaled to a vector of length
    1, so that the weight means the same for any weights of VGG16.

    Parameters
    ----------
    n_blocks : int
        Number of VGG16's blocks.
    weight : float
        Weight w of the feature maps.
    generator : torch.Generator
        Source of the initial weights, on the CPU.
    """

    def __init__(self, n_blocks, weight, generator):
        super().__init__()
        self.vgg = VGG16(n_blocks, generator=generator)
        self.weight = weight

    def forward(self, output, target):
        """Compare images ``(n, 1 or 3, H, W)`` in [0, 1] with the wanted ones."""
        _, maps = self.vgg(output)
        with torch.no_grad():
            _, wanted = self.vgg(target)
        distances = [_scaled_distance(*pair) for pair in zip(maps, wanted, strict=True)]
        perceptual = torch.stack(distances).mean()
        return nn.functional.mse_loss(output, target) + self.weight * perceptual


def _scaled_distance(maps, wanted):
    return (_scaled(maps) - _scaled(wanted)).square().sum(dim=1).mean()


def _scaled(maps):
    return maps * torch.rsqrt(maps.square().sum(dim=1, keepdim=True) + EPS)


LOSSES: dict[str, type[nn.Module]] = {
    "mse": nn.MSELoss,
    "l1": nn.L1Loss,
    "bce": nn.BCELoss,
    "charbonnier": CharbonnierCriterion,
}


def resolve_loss(loss: LossSpec | Callable[[], nn.Module] | str) -> LossSpec:
    """Turn what describes a loss into a checked spec.

    Parameters
    ----------
    loss : LossSpec, str or callable
        A name is one of ``LOSSES``; a callable without arguments makes a torch loss: its class, or
        :func:`functools.partial` of one.

    Returns
    -------
    spec : LossSpec
        The spec, its parameters checked; a copy of one that was given.

    Raises
    ------
    ValueError
        If it is none of these, or a parameter is wrong.

    Examples
    --------
    >>> from functools import partial
    >>> import torch
    >>> from sklearn_cae.learning import resolve_loss
    >>> resolve_loss("l1").build()
    L1Loss()
    >>> resolve_loss(partial(torch.nn.HuberLoss, delta=0.1)).build()
    HuberLoss()
    """
    if isinstance(loss, str) and loss in LOSSES:
        return NamedLoss(loss)
    if isinstance(loss, type) and issubclass(loss, LossSpec):
        raise ValueError(f"loss={loss.__name__} is a class. Call it: {loss.__name__}().")
    if isinstance(loss, LossSpec) or callable(loss):
        spec = loss if isinstance(loss, LossSpec) else TorchLoss(loss)
        spec.check()
        return clone(spec)
    raise ValueError(
        f"loss={loss!r}; allowed are the names {sorted(LOSSES)}, a loss such as PerceptualLoss(), "
        "and a class of torch loss such as torch.nn.HuberLoss, or functools.partial of one."
    )


def _is_other_class(value: Any) -> bool:
    return isinstance(value, type) and not issubclass(value, nn.Module)


def _fixed_generator() -> torch.Generator:
    """Generator of one seed: a loss is the same measure in each fit."""
    return torch.Generator("cpu").manual_seed(0)


def check_bounds(loss, network, module, target, images):
    """Refuse outputs and targets that may leave the data range, for a loss that takes no others.

    Parameters
    ----------
    loss, network, target : object
        What the user chose.
    module : torch.nn.Module
        The network as it was built.
    images : TrainingImages
        What it learns from.
    """
    if not module.bounded:
        raise ValueError(
            f"loss={loss!r} needs outputs between 0 and 1, but those of {network!r} have no "
            "bounds. Take another loss, such as 'mse', or an Autoencoder."
        )
    if not images.bounded_targets:
        raise ValueError(
            f"loss={loss!r} needs targets between 0 and 1, but target={target!r} makes some beyond "
            "them. Take another loss, such as 'mse'."
        )
