"""Specs of networks: parameters, validation, comparison, initial weights, modules of the user's."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_cae.networks import (
    NETWORKS,
    Autoencoder,
    ConvEncoder,
    ResUNet,
    TorchNetwork,
    UNet,
    VGG16Encoder,
    resolve_network,
)


class OneConvolution(nn.Module):
    """A user's network, which wants to know the channels."""

    def __init__(self, n_channels, kernel_size=3, padding="same"):
        super().__init__()
        self.conv = nn.Conv2d(n_channels, n_channels, kernel_size, padding=padding)

    def forward(self, images):
        return self.conv(images)


class Lazy(nn.Module):
    """A user's network that learns the channels, and draws weights, from the first images."""

    def __init__(self):
        super().__init__()
        self.maps = nn.LazyConv2d(4, 3, padding=1)
        self.image = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, images):
        return self.image(self.maps(images))


class Gain(nn.Module):
    """A user's network for any channels."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, images):
        return self.gain * images


class Pair(nn.Module):
    """Gives two things."""

    def forward(self, images):
        return images, images


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def state(network, seed=0, size=(32, 32), n_channels=3):
    return network.build(size, n_channels, seeded(seed)).state_dict()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


USERS = TorchNetwork(OneConvolution, {"kernel_size": 5})
SPECS = [
    Autoencoder((4, 8), latent_dim=3, upsampling="transpose"),
    UNet(ConvEncoder((4, 8), downsampling="stride"), normalization=None),
    ResUNet((4, 8), blocks=1),
    Autoencoder(VGG16Encoder(1, weights=None)),
    USERS,
    TorchNetwork(Lazy),
]


# --- parameters


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_clone_is_another_object_of_the_same_parameters(spec):
    cloned = clone(spec)
    assert cloned is not spec
    assert repr(cloned) == repr(spec)
    assert cloned.changes_since(spec) == []


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_spec_is_pickled(spec):
    assert pickle.loads(pickle.dumps(spec)).changes_since(spec) == []


def test_nested_parameters_are_read_and_set_by_double_underscores():
    network = Autoencoder(VGG16Encoder(1))
    assert network.get_params()["encoder__blocks"] == 1
    network.set_params(encoder__blocks=3, latent_dim=5)
    assert (network.encoder.blocks, network.latent_dim) == (3, 5)


def test_what_is_written_is_what_is_not_the_default():
    assert repr(Autoencoder()) == "Autoencoder()"
    assert repr(UNet(VGG16Encoder(1), kernel_size=5)) == (
        "UNet(encoder=VGG16Encoder(blocks=1), kernel_size=5)"
    )


def test_a_tuple_of_channels_is_short_for_an_encoder():
    assert same(state(UNet((4, 8))), state(UNet(ConvEncoder((4, 8)))))


def test_no_encoder_is_the_convolutional_one():
    assert same(state(Autoencoder()), state(Autoencoder(ConvEncoder())))


# --- validation

ODD = "'kernel_size' parameter of {} must be odd, so that a kernel has a centre. Got 4 instead"
CHANNELS = "'channels' parameter of {} must hold a positive integer for each stage"
WRONG = [
    (
        Autoencoder(32),
        r"an encoder such as ConvEncoder\(\), the channels of one such as \(16, 32\) or None",
    ),
    (Autoencoder(latent_dim=0), r"'latent_dim' parameter of Autoencoder must be an int in"),
    (UNet(upsampling="x"), "'upsampling' parameter of UNet must be a str among"),
    (UNet(normalization="layer"), "'normalization' parameter of UNet must be"),
    (Autoencoder(kernel_size=4), ODD.format("Autoencoder")),
    (UNet(kernel_size=4), ODD.format("UNet")),
    (UNet(()), CHANNELS.format("ConvEncoder") + r", and at least one. Got \(\) instead"),
    (UNet((4, 0)), CHANNELS.format("ConvEncoder")),
    (UNet((4, 1.5)), CHANNELS.format("ConvEncoder")),
    (Autoencoder([True]), CHANNELS.format("ConvEncoder")),
    (ResUNet(()), CHANNELS.format("ResUNet") + r", and at least one. Got \(\) instead"),
    (ResUNet((8, 0)), CHANNELS.format("ResUNet")),
    (ResUNet(8), r"'channels' parameter of ResUNet must be a tuple such as \(32, 64\). Got 8"),
    (ResUNet(blocks=0), r"'blocks' parameter of ResUNet must be an int in the range \[1, inf\)"),
    (Autoencoder(ConvEncoder(code_channels=0)), "'code_channels' parameter of ConvEncoder must be"),
    (Autoencoder(ConvEncoder(downsampling="x")), "'downsampling' parameter of ConvEncoder must be"),
    (
        Autoencoder(VGG16Encoder(7)),
        r"'blocks' parameter of VGG16Encoder must be an int in the range \[1, 5\]. Got 7 instead",
    ),
    (
        UNet(VGG16Encoder(1, trainable_blocks=2)),
        "'trainable_blocks' parameter of VGG16Encoder must be at most blocks=1. Got 2 instead",
    ),
    (UNet(VGG16Encoder(weights=3)), "'weights' parameter of VGG16Encoder must be"),
    (TorchNetwork(Gain()), r"'module' parameter of TorchNetwork must be a class .* Got Gain\(\)"),
    (TorchNetwork(int), "'module' parameter of TorchNetwork must be a class derived from"),
    (TorchNetwork(Gain, [1]), "'params' parameter of TorchNetwork must be an instance of 'dict'"),
    (TorchNetwork(Gain, {"g": 1}), r"does not fit Gain\(gain=1.0\): got an unexpected keyword"),
    (TorchNetwork(Gain, bounded="x"), "'bounded' parameter of TorchNetwork must be"),
]


@pytest.mark.parametrize(("spec", "message"), WRONG, ids=[str(spec) for spec, _ in WRONG])
def test_a_wrong_parameter_is_named_by_its_owner(spec, message):
    with pytest.raises(ValueError, match=message):
        spec.check()


@pytest.mark.parametrize(
    "spec", [*SPECS, UNet([np.int64(4)]), ResUNet([8]), TorchNetwork(Gain)], ids=str
)
def test_right_parameters_pass(spec):
    spec.check()


# --- names and what else describes a network


def test_every_name_is_a_network_of_its_defaults():
    assert {name: type(resolve_network(name)) for name in NETWORKS} == NETWORKS


def test_nothing_is_the_autoencoder():
    assert repr(resolve_network(None)) == "Autoencoder()"


def test_a_network_is_copied_and_checked():
    network = UNet((4,))
    assert resolve_network(network) is not network
    with pytest.raises(ValueError, match="of UNet must be odd"):
        resolve_network(UNet(kernel_size=2))


@pytest.mark.parametrize(
    ("network", "cure"),
    [
        (
            "u-net",
            r"'u-net'; allowed are None, the names \['autoencoder', 'res_unet', 'unet'\], and a",
        ),
        (3, "network=3; allowed are None"),
        ((4, 8), r"Put the channels into a network: Autoencoder\(\(4, 8\)\)"),
        (VGG16Encoder(1), r"Put the encoder into a network: Autoencoder\(VGG16Encoder\(blocks=1"),
        (UNet, r"Call it: UNet\(\)"),
        (Gain, r"Wrap the class: TorchNetwork\(Gain\)"),
        (Gain(), r"Give the class of the module: TorchNetwork\(Gain\)"),
    ],
    ids=str,
)
def test_anything_else_is_refused_with_a_cure(network, cure):
    with pytest.raises(ValueError, match=cure):
        resolve_network(network)


# --- comparison


@pytest.mark.parametrize(
    ("new", "old", "changes"),
    [
        (Autoencoder(), Autoencoder(latent_dim=3), ["latent_dim from 3 to None"]),
        (Autoencoder(), UNet(), ["class from UNet to Autoencoder"]),
        (UNet((4, 8)), UNet(ConvEncoder([4, 8])), []),
        (UNet(), UNet((32, 64, 128)), []),
        (ResUNet((4, 8)), ResUNet([4, 8]), []),
        (ResUNet((4,)), ResUNet((4,), blocks=1), ["blocks from 1 to 6"]),
        (UNet((4,)), UNet((8,)), ["encoder.channels from (8,) to (4,)"]),
        (
            Autoencoder(VGG16Encoder(2), kernel_size=5),
            Autoencoder(VGG16Encoder(1)),
            ["encoder.blocks from 1 to 2", "kernel_size from 3 to 5"],
        ),
        (
            UNet(VGG16Encoder()),
            UNet(),
            ["encoder from ConvEncoder() to VGG16Encoder()"],
        ),
        (
            UNet(VGG16Encoder(trainable_blocks=1, weights=None)),
            UNet(VGG16Encoder(weights="a.pth")),
            [],
        ),
        (TorchNetwork(Gain), TorchNetwork(Gain, bounded=True), ["bounded from True to False"]),
        (
            TorchNetwork(Gain, {"gain": 2}),
            TorchNetwork(Gain, {"gain": 1}),
            ["params from {'gain': 1} to {'gain': 2}"],
        ),
        (
            TorchNetwork(Gain, {"gain": np.ones(2)}),
            TorchNetwork(Gain, {"gain": np.zeros(2)}),
            ["params from {'gain': array([0., 0.])} to {'gain': array([1., 1.])}"],
        ),
    ],
    ids=str,
)
def test_changes_that_forbid_to_go_on_are_told(new, old, changes):
    assert new.changes_since(old) == changes


def test_copies_of_arrays_and_modules_are_no_change():
    network = TorchNetwork(Gain, {"a": np.ones(2), "b": nn.ReLU()})
    assert clone(network).changes_since(network) == []


# --- initial weights


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_same_seed_gives_the_same_weights(spec):
    assert same(state(spec), state(spec))
    assert not same(state(spec), state(spec, seed=1))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_global_generator_is_neither_read_nor_moved(spec):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        before = torch.get_rng_state()
        one = state(spec)
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(6)
        assert same(state(spec), one)


@contextmanager
def other_defaults():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("spec", SPECS[:4], ids=str)
def test_the_default_dtype_and_device_of_torch_do_not_matter(spec):
    expected = state(spec)
    with other_defaults():
        found = state(spec)
    assert same(found, expected)


def test_a_module_of_the_user_becomes_float32_on_the_cpu():
    with other_defaults():
        weight = state(USERS)["conv.weight"]
    assert (weight.dtype, weight.device.type) == (torch.float32, "cpu")


def test_modules_of_the_user_are_the_same_in_several_threads():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(state, [USERS] * 16))
    assert all(same(one, found[0]) for one in found)


# --- modules of the user's


def test_a_module_that_takes_channels_is_told_them():
    net = USERS.build((8, 8), 2, seeded())
    assert net.conv.weight.shape == (2, 2, 5, 5)


def test_a_module_that_takes_no_channels_is_made_of_its_parameters():
    net = TorchNetwork(Gain, {"gain": 3.0}).build((8, 8), 2, seeded())
    assert net.gain == 3


@pytest.mark.parametrize("bounded", [False, True])
def test_a_module_of_the_user_is_told_to_be_bounded(bounded):
    net = TorchNetwork(Gain, bounded=bounded).build((8, 8), 1, seeded())
    assert (net.bounded, net.fixed_size) == (bounded, False)


def test_a_module_stays_in_training_mode():
    assert TorchNetwork(Gain).build((8, 8), 1, seeded()).training


def test_outputs_of_another_shape_are_refused():
    network = TorchNetwork(OneConvolution, {"padding": 0})
    message = r"OneConvolution makes \(2, 1, 6, 6\) of images of shape \(2, 1, 8, 8\), expected a"
    with pytest.raises(ValueError, match=message):
        network.build((8, 8), 1, seeded())


def test_a_module_that_fails_with_the_images_is_named():
    network = TorchNetwork(nn.Linear, {"in_features": 3, "out_features": 3})
    message = r"Linear fails with images of shape \(2, 1, 8, 8\): .*A network takes float32 images"
    with pytest.raises(ValueError, match=message):
        network.build((8, 8), 1, seeded())


def test_outputs_that_are_no_tensor_are_refused():
    with pytest.raises(ValueError, match="Pair makes <class 'tuple'> of images"):
        TorchNetwork(Pair).build((8, 8), 1, seeded())


# --- images


@pytest.mark.parametrize("network", [Autoencoder(), UNet(), ResUNet(), TorchNetwork(Gain)], ids=str)
def test_images_of_any_size_and_channels_are_taken(network):
    network.check_images(1, 1, 7)


@pytest.mark.parametrize("network", [Autoencoder(VGG16Encoder()), UNet(VGG16Encoder())], ids=str)
def test_an_encoder_says_which_images_its_network_takes(network):
    with pytest.raises(ValueError, match="an Autoencoder with a ConvEncoder takes images of any"):
        network.check_images(31, 32, 3)
