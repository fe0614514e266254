"""The networks by name."""

from typing import Any

from sklearn.base import clone
from torch import nn

from ._autoencoder import Autoencoder
from ._res_unet import ResUNet
from ._spec import EncoderSpec, NetworkSpec
from ._unet import UNet

NETWORKS: dict[str, type[NetworkSpec]] = {
    "autoencoder": Autoencoder,
    "res_unet": ResUNet,
    "unet": UNet,
}


def resolve_network(network: NetworkSpec | str | None) -> NetworkSpec:
    """Turn what describes a network into a checked spec.

    Parameters
    ----------
    network : NetworkSpec, str or None
        ``None`` is ``Autoencoder()``, a name is one of ``NETWORKS`` with its defaults.

    Returns
    -------
    spec : NetworkSpec
        The spec, its parameters checked; a copy of one that was given.

    Raises
    ------
    ValueError
        If it is none of these, or a parameter is wrong.

    Examples
    --------
    >>> from sklearn_cae.networks import resolve_network
    >>> resolve_network("unet")
    UNet()
    """
    if network is None:
        return Autoencoder()
    if isinstance(network, str) and network in NETWORKS:
        return NETWORKS[network]()
    if isinstance(network, NetworkSpec):
        network.check()
        return clone(network)
    raise ValueError(
        f"network={network!r}; allowed are None, the names {sorted(NETWORKS)}, and a network such "
        f"as Autoencoder((16, 32)).{_cure(network)}"
    )


def _cure(network: Any) -> str:
    if isinstance(network, EncoderSpec):
        return f" Put the encoder into a network: Autoencoder({network!r})."
    if isinstance(network, (tuple, list)):
        return f" Put the channels into a network: Autoencoder({network!r})."
    if isinstance(network, nn.Module):
        return f" Give the class of the module: TorchNetwork({type(network).__name__})."
    if isinstance(network, type) and issubclass(network, nn.Module):
        return f" Wrap the class: TorchNetwork({network.__name__})."
    if isinstance(network, type) and issubclass(network, NetworkSpec):
        return f" Call it: {network.__name__}()."
    return ""
