"""The convolutions of VGG16 as a plain torch module: a frozen encoder and a perceptual loss.

Sources: the network is that of Simonyan and Zisserman, "Very deep convolutional networks for
large-scale image recognition" (ICLR 2015), with the names of torchvision's layers; the loss is that
of Johnson et al., "Perceptual losses for real-time style transfer and super-resolution" (ECCV
2016), its feature maps scaled as by Zhang et al., "The unreasonable effectiveness of deep features
as a perceptual metric" (CVPR 2018).
"""

import torch
from torch import nn

# A row for each block: the index of a convolution in torchvision's `features`, its input and its
# output channels. A ReLU follows each convolution, a pooling each block.
VGG16_BLOCKS = (
    {0: (3, 64), 2: (64, 64)},
    {5: (64, 128), 7: (128, 128)},
    {10: (128, 256), 12: (256, 256), 14: (256, 256)},
    {17: (256, 512), 19: (512, 512), 21: (512, 512)},
    {24: (512, 512), 26: (512, 512), 28: (512, 512)},
)
VGG16_MIN_SIZE = 32
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Added to squared lengths, so that pixels where all of a block's feature maps are zero have one.
EPS = 1e-6


class VGG16(nn.Module):
    """The first blocks of VGG16's convolutions, frozen but for the last ones on demand.

    Its weights have torchvision's names, ``features.0.weight`` and so on. Pooling rounds up where
    torchvision's rounds down, so that a decoder can give every block its size back; images whose
    sides are multiples of 2 to the number of blocks make no difference.

    As frozen weights ask for no gradient, autograd records nothing for images that ask for none;
    those that do get theirs.

    Parameters
    ----------
    n_blocks : int
        Number of blocks, 1 to 5; each halves the image.
    n_trainable_blocks : int
        How many of them, counted from the last, are trained.
    """

    def __init__(self, n_blocks, n_trainable_blocks=0):
        super().__init__()
        blocks = VGG16_BLOCKS[:n_blocks]
        *layers, self.code = [layer for block in blocks for layer in _block_layers(block)]
        self.features = nn.Sequential(*layers)
        self.channels = tuple(block[max(block)][1] for block in blocks)
        self.code_channels = self.channels[-1]
        self.stage_names = [f"features.{max(block) + 1}" for block in blocks]
        n_frozen = sum(2 * len(block) + 1 for block in blocks[: n_blocks - n_trainable_blocks])
        self.frozen_layers = tuple(layers[:n_frozen])
        for layer in self.frozen_layers:
            layer.requires_grad_(False)
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images):
        """Give the code of images ``(n, 1 or 3, H, W)`` and each block's maps, finest first."""
        x, maps = self.normalize(images), []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        return self.code(x), [*maps, x]

    def normalize(self, images):
        """Turn images in [0, 1], gray or RGB, into three channels in units of ImageNet's."""
        return (images.expand(-1, 3, -1, -1) - self.mean) / self.std

    def train(self, mode=True):
        """Set the training mode of all layers but the frozen ones."""
        super().train(mode)
        for layer in self.frozen_layers:
            layer.eval()
        return self


class PerceptualLoss(nn.Module):
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
    """

    def __init__(self, n_blocks, weight):
        super().__init__()
        self.vgg = VGG16(n_blocks)
        self.weight = weight

    def forward(self, output, target):
        """Compare images ``(n, 1 or 3, H, W)`` in [0, 1] with the wanted ones."""
        _, maps = self.vgg(output)
        with torch.no_grad():
            _, wanted = self.vgg(target)
        distances = [_scaled_distance(*pair) for pair in zip(maps, wanted, strict=True)]
        perceptual = torch.stack(distances).mean()
        return nn.functional.mse_loss(output, target) + self.weight * perceptual


def vgg16_shapes(n_blocks=None):
    """Names and shapes of the weights and biases of VGG16's first blocks, ``None`` for all."""
    shapes: dict[str, tuple[int, ...]] = {}
    for block in VGG16_BLOCKS[:n_blocks]:
        for index, (n_in, n_out) in block.items():
            shapes[f"features.{index}.weight"] = (n_out, n_in, 3, 3)
            shapes[f"features.{index}.bias"] = (n_out,)
    return shapes


def check_vgg16_images(shape):
    """Refuse images (n, H, W, C) that VGG16 does not take."""
    _, height, width, n_channels = shape
    cure = "encoder='conv' and another loss than 'vgg' take images of any size and channels."
    if n_channels not in (1, 3):
        raise ValueError(
            f"X has images of {n_channels} channels, but VGG16 takes gray images or three colours. "
            f"Leave out the others; {cure}"
        )
    if min(height, width) < VGG16_MIN_SIZE:
        raise ValueError(
            f"X has images of {height} x {width} pixels, but VGG16 needs {VGG16_MIN_SIZE} x "
            f"{VGG16_MIN_SIZE} at least. Pad or resize them (skimage.transform.resize); {cure}"
        )


def _block_layers(convolutions):
    layers: list[nn.Module] = []
    for n_in, n_out in convolutions.values():
        conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.zeros_(conv.get_parameter("bias"))
        layers += [conv, nn.ReLU()]
    return [*layers, nn.MaxPool2d(2, ceil_mode=True)]


def _scaled_distance(maps, wanted):
    return (_scaled(maps) - _scaled(wanted)).square().sum(dim=1).mean()


def _scaled(maps):
    return maps * torch.rsqrt(maps.square().sum(dim=1, keepdim=True) + EPS)
