"""Networks and images small enough for tests."""

import numpy as np
import torch
from skorch.callbacks import Callback

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, UNet


def small_autoencoder(**options):
    """An autoencoder of 4 and 8 feature maps that halves images twice."""
    return Autoencoder(small_encoder(), **options)


def small_unet(**options):
    """A U-Net of 4 and 8 feature maps that halves images twice."""
    return UNet(small_encoder(), **options)


def small_encoder(**options):
    return ConvEncoder((4, 8), code_channels=4, **options)


def small_cae(network=None, **params):
    """A network of 4 and 8 feature maps, trained for one pass."""
    defaults = {"batch_size": 8, "max_epochs": 1, "random_state": 0, "for_codes": True}
    network = small_autoencoder() if network is None else network
    return DenoisingCAE(network, **defaults | params)


def gray(n=24, height=8, width=8, seed=0):
    """Gray images (n, H, W), float32 in [0, 1]: a ramp of its own for each image."""
    return colour(n, height, width, 1, seed)[..., 0]


def colour(n=24, height=8, width=8, n_channels=3, seed=0):
    """Images (n, H, W, C), float32 in [0, 1]: a ramp of its own for each image and channel."""
    rng = np.random.default_rng(seed)
    start, end = rng.random((2, n, 1, 1, n_channels))
    along = np.linspace(0, 1, height * width).reshape(1, height, width, 1)
    return (start + (end - start) * along).astype(np.float32)


def as_uint(images, dtype):
    """Images in [0, 1] as integers that fill the range of their dtype."""
    return np.rint(images * np.iinfo(dtype).max).astype(dtype)


# Images of all layouts, the parameters that tell them, and what a display shows of them.
LAYOUTS = {
    "rows": (gray().reshape(24, 64), {}, gray()[..., np.newaxis]),
    "gray uint16": (
        as_uint(gray(), np.uint16),
        {"data_range": (0, 65535)},
        gray()[..., np.newaxis],
    ),
    "colour uint8": (as_uint(colour(), np.uint8), {}, colour()),
    "floats of any range": (gray() * 6 - 3, {"data_range": (-3, 3)}, gray()[..., np.newaxis]),
    "channels first": (colour().transpose(0, 3, 1, 2), {"channel_axis": 1}, colour()),
    "rows of colour": (colour().reshape(24, 192), {"image_shape": (8, 8, 3)}, colour()),
    "RGBA": (colour(n_channels=4), {}, colour(n_channels=4)),
}
# uint8 holds images to half a level; float32 rounds.
UINT8_STEP = 0.5 / 255 + 1e-6


def weights(cae):
    """All numbers that a fitted network has learned, by name."""
    return {name: t.numpy().copy() for name, t in cae.net_.module_.state_dict().items()}


def assert_same_weights(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def identity_cae(X, **params):
    """A fitted network that gives back its input: a U-Net that adds nothing."""
    cae = small_cae(small_unet(), **params).fit(X)
    with torch.no_grad():
        for parameter in cae.net_.module_.parameters():
            parameter.zero_()
    return cae


class NoStep(Callback):
    """Lets no training begin."""

    def on_batch_begin(self, net, **kwargs):
        raise AssertionError("The training has begun.")


class BatchRecorder(Callback):
    """Keeps the batches of training and of validation, and the data that skorch was given.

    Attributes
    ----------
    train, valid : list of tuple
        Noisy and clean images (n, C, H, W) of each batch in units of the data range.
    images : TrainingImages
        The training data.
    """

    def __init__(self):
        self.train, self.valid = [], []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.images = X

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        batches = self.train if training else self.valid
        images = batch.input, batch.target.images
        batches.append(tuple(tensor.cpu().numpy().copy() for tensor in images))


# Parameters of a training that leaves the weights where they are; without normalisation the
# outputs too.
STILL = {"optimizer": "sgd", "lr": 1e-12, "lr_schedule": "constant"}


def step_of(module, images):
    """Output of a step of training, the gradients, and the statistics afterwards."""
    output = module.train()(images)
    (output * torch.linspace(-1, 1, output.numel()).reshape(output.shape)).sum().backward()
    gradients = {name: weight.grad for name, weight in module.named_parameters()}
    return output, gradients, dict(module.named_buffers())
