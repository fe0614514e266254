"""Networks: specs without tensors that build torch modules, and what describes them by name."""

from ._autoencoder import Autoencoder
from ._encoders import ConvEncoder
from ._fused import fused
from ._layers import check_layer, layer_output, layer_outputs
from ._res_unet import ResUNet
from ._spec import EncoderSpec, NetworkSpec, Spec
from ._table import NETWORKS, resolve_network
from ._torch import TorchNetwork, drawing_from
from ._unet import UNet
from ._vgg16 import VGG16, VGG16_BLOCKS, VGG16Encoder, check_vgg16_images
from ._vgg16_weights import read_vgg16_weights

__all__ = [
    "NETWORKS",
    "VGG16",
    "VGG16_BLOCKS",
    "Autoencoder",
    "ConvEncoder",
    "EncoderSpec",
    "NetworkSpec",
    "ResUNet",
    "Spec",
    "TorchNetwork",
    "UNet",
    "VGG16Encoder",
    "check_layer",
    "check_vgg16_images",
    "drawing_from",
    "fused",
    "layer_output",
    "layer_outputs",
    "read_vgg16_weights",
    "resolve_network",
]
