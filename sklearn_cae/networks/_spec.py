"""What describes a network, without torch until it is built."""

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import nn

from ._blocks import Layers


class Spec(BaseEstimator, metaclass=ABCMeta):
    """Base of objects that describe a torch module by plain parameters.

    They validate themselves, can be cloned, compared and searched, and hold no tensors.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {}
    # Names of parameters that may change between two trainings of the same weights.
    changeable: ClassVar[frozenset[str]] = frozenset()

    def check(self) -> None:
        """Raise a ValueError that names the parameter if one, or one of a nested spec, is wrong."""
        self._validate_params()
        for value in self.resolved_params().values():
            if isinstance(value, Spec):
                value.check()

    def check_images(self, height: int, width: int, n_channels: int) -> None:
        """Raise a ValueError if images of this size in pixels or these channels are not taken."""

    def load_pretrained(self, module: nn.Module, *, progress: bool = False) -> None:
        """Give a module, fresh from ``build``, the weights of a file; most need none.

        Called once: not when training goes on, nor for unpickling.

        Parameters
        ----------
        module : torch.nn.Module
            What ``build`` gave.
        progress : bool, default=False
            Show a bar while downloading.

        Raises
        ------
        OSError
            If the file is missing and cannot be downloaded.
        ValueError
            If the file is damaged or of another network.
        """

    def resolved_params(self) -> dict[str, Any]:
        """Parameters by name, what is short for something else replaced by that."""
        return self.get_params(deep=False)

    def changes_since(self, other: "Spec") -> list[str]:
        """Tell the differences that forbid going on with the weights of another spec's module.

        Parameters
        ----------
        other : Spec
            What the module of these weights was built from.

        Returns
        -------
        changes : list of str
            "latent_dim from 3 to None", for nested specs "encoder.blocks from 1 to 2". Empty if
            training may go on.

        Examples
        --------
        >>> from sklearn_cae.networks import Autoencoder, UNet
        >>> Autoencoder().changes_since(Autoencoder((16, 32), latent_dim=3))
        ['encoder.channels from (16, 32) to (32, 64, 128)', 'latent_dim from 3 to None']
        >>> UNet().changes_since(Autoencoder())
        ['class from Autoencoder to UNet']
        """
        if type(self) is not type(other):
            return [f"class from {type(other).__name__} to {type(self).__name__}"]
        changes, before = [], other.resolved_params()
        for name, new in self.resolved_params().items():
            old = before[name]
            if isinstance(new, Spec) and type(new) is type(old):
                changes += [f"{name}.{change}" for change in new.changes_since(old)]
            elif name not in self.changeable and not _equal(old, new):
                changes.append(f"{name} from {old!r} to {new!r}")
        return changes


def _equal(one: Any, other: Any) -> bool:
    """Whether two parameters are equal, or read alike as copies of arrays and modules do."""
    if repr(one) == repr(other):
        return True
    try:
        return bool(one == other)
    except (ValueError, RuntimeError):  # Arrays and tensors within have no truth value.
        return False


class NetworkSpec(Spec):
    """Base of the networks: from images to images of the same shape.

    A network of your own is a torch module in a :class:`TorchNetwork`, or derives from this class,
    lists its parameters in ``_parameter_constraints`` as estimators do, and writes ``build``.

    The built module has

    ``forward(images)``
        Images (n, C, H, W) in [0, 1] to images of the same shape.
    ``bounded`` : bool
        Whether its outputs are within [0, 1].
    ``fixed_size`` : bool
        Whether it takes images of one size only, that of ``build``.

    and may have

    ``encode(images)``, ``code_shape`` : tuple of int
        Images to codes ``(n, *code_shape)``.
    ``decode(codes, image_size)``
        Codes to images (n, C, H, W); only where the code alone makes an image: ``forward`` is then
        ``decode`` of ``encode``, and outlier scores rely on it.
    ``layer_names`` : list of str
        Names of its stages among its ``named_modules()``, from image to image.
    ``stage_maps(images)``, ``n_stages`` : int
        Images to the list of the feature maps of each stage of the encoder, finest first.
    ``object_layers``, ``place_layers`` : list of str
        Names of layers that tell objects, and places of an image, apart: for outlier scores.

    Attributes
    ----------
    decodes : bool or None
        Whether the module has ``decode``; ``None`` if only the module itself tells.
    optimizer : str
        What ``DenoisingCAE(optimizer="auto")`` trains it with.
    lr : float
        The learning rate of ``lr="auto"``, for that optimizer.
    learns_in_bfloat16 : bool
        Whether ``precision="auto"`` may train it in bfloat16.

    See Also
    --------
    EncoderSpec : Base of encoders, the first half of a network.
    """

    decodes: ClassVar[bool | None] = None
    optimizer: ClassVar[str] = "adam"
    lr: ClassVar[float] = 1e-2
    learns_in_bfloat16: ClassVar[bool] = False

    @abstractmethod
    def build(
        self, image_size: tuple[int, int], n_channels: int, generator: torch.Generator
    ) -> nn.Module:
        """Make the torch module, its initial weights drawn from a generator.

        Parameters
        ----------
        image_size : tuple of int
            Height and width of the training images in pixels.
        n_channels : int
            Number of channels of an image.
        generator : torch.Generator
            Source of the initial weights, on the CPU.

        Returns
        -------
        module : torch.nn.Module
            Module on the CPU, float32, of the protocol above.
        """


class EncoderSpec(Spec):
    """Base of the encoders of :class:`Autoencoder` and :class:`UNet`.

    The built module maps images (n, C, H, W) to a pair: the maps of the code
    ``(n, code_channels, h, w)``, and the list of the maps of its stages, finest first. Those of the
    first stage have the size of the image; each of the others, and the code after them, halves it,
    rounding up. The module has

    ``channels`` : tuple of int
        Number of feature maps of each stage.
    ``code_channels`` : int
        Number of feature maps of the code.
    ``stage_names`` : list of str
        Names of the stages among its ``named_modules()``.
    ``code`` : torch.nn.Module
        The layer that gives the code.

    and may have

    ``loses_noise`` : bool
        Whether its maps are frozen and smooth, so that the decoder of a U-Net needs the image, too.
    ``object_stages`` : sequence of int
        Stages, counted from 0, whose averages tell what an image shows better than the code does;
        those of an encoder that was trained on many kinds of images.
    ``place_stages`` : sequence of int
        Stages that describe the places of an image; the first two unless it says so.
    """

    @abstractmethod
    def build(self, n_channels: int, layers: Layers) -> nn.Module:
        """Make the torch module.

        Parameters
        ----------
        n_channels : int
            Number of channels of an image.
        layers : Layers
            Makes layers of the network's kernel size and normalisation; ``layers.generator`` is
            the source of the initial weights.

        Returns
        -------
        module : torch.nn.Module
            Module on the CPU, float32.
        """
