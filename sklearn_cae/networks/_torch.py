"""A torch module of the user's as a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import nn

from .._random import global_generators_seeded_by
from ._spec import NetworkSpec


class TorchNetwork(NetworkSpec):
    """Network of a torch module class of your own.

    The class is called as ``module(**params)``. If its constructor takes ``n_channels``, it also
    gets the number of channels of an image. The module maps float32 images (n, C, H, W) in [0, 1]
    to images of the same shape. It may have ``encode`` and ``code_shape``, ``decode``,
    ``layer_names``, ``stage_maps`` and ``n_stages``, or ``fixed_size``. These are used as
    :class:`NetworkSpec` describes them.

    Parameters
    ----------
    module : type
        Class derived from :class:`torch.nn.Module`. To pickle a fitted network, it must be
        importable.
    params : dict, default=None
        Parameters of its constructor; ``None`` for none.
    bounded : bool, default=False
        Whether its outputs are within [0, 1], as those of a sigmoid.

    Notes
    -----
    Constructors of torch, and layers such as dropout, draw from its global generator. It is seeded
    by that of ``build``, and in each step of a training by ``random_state``, and set back
    afterwards. Another thread that draws from it meanwhile disturbs both. Weights become float32.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.networks import TorchNetwork
    >>> class OneConvolution(torch.nn.Module):
    ...     def __init__(self, n_channels, kernel_size):
    ...         super().__init__()
    ...         self.conv = torch.nn.Conv2d(n_channels, n_channels, kernel_size, padding="same")
    ...
    ...     def forward(self, images):
    ...         return self.conv(images)
    >>> network = TorchNetwork(OneConvolution, {"kernel_size": 5})
    >>> network.build((28, 28), 3, torch.Generator().manual_seed(0)).conv.weight.shape
    torch.Size([3, 3, 5, 5])
    """

    _parameter_constraints = {"params": [dict, None], "bounded": ["boolean"]}

    def __init__(
        self,
        module: type[nn.Module],
        params: dict[str, Any] | None = None,
        *,
        bounded: bool = False,
    ) -> None:
        self.module = module
        self.params = params
        self.bounded = bounded

    def check(self):
        super().check()
        if not (isinstance(self.module, type) and issubclass(self.module, nn.Module)):
            raise ValueError(
                "The 'module' parameter of TorchNetwork must be a class derived from "
                f"torch.nn.Module, not an instance. Got {self.module!r} instead."
            )
        try:
            signature(self.module).bind(**self._arguments(n_channels=1))
        except TypeError as error:
            raise ValueError(
                f"The 'params' parameter of TorchNetwork does not fit "
                f"{self.module.__name__}{signature(self.module)}: {error}. Got {self.params!r}."
            ) from error

    def build(self, image_size, n_channels, generator):
        with drawing_from(generator):
            module = self.module(**self._arguments(n_channels)).float()
            self._check_shape(module, (2, n_channels, *image_size))
        fixed_size = getattr(module, "fixed_size", False)
        vars(module).update(bounded=self.bounded, fixed_size=fixed_size)
        return module

    def _arguments(self, n_channels):
        params = self.params or {}
        takes_channels = "n_channels" in signature(self.module).parameters
        return {"n_channels": n_channels} | params if takes_channels else params

    def _check_shape(self, module, shape):
        name, training = self.module.__name__, module.training
        images = torch.zeros(shape, dtype=torch.float32, device="cpu")
        try:
            with torch.no_grad():
                output = module.eval()(images)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"{name} fails with images of shape {shape}: {error}. A network takes float32 "
                "images (n, C, H, W) and gives images of the same shape."
            ) from error
        module.train(training)
        if not isinstance(output, torch.Tensor) or output.shape != shape:
            found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output)
            raise ValueError(
                f"{name} makes {found} of images of shape {shape}, expected a tensor of the same "
                "shape. Pad its convolutions (padding='same'), and give every halving a doubling."
            )


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Have constructors of torch, which draw from its global generator, draw from a given one.

    Other threads that do the same wait; what is made meanwhile is made on the CPU.

    Parameters
    ----------
    generator : torch.Generator
        Source of the seed, on the CPU.
    """
    with global_generators_seeded_by(generator), torch.device("cpu"):
        yield
