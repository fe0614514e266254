"""VGG16's convolutions: topology, what is frozen, normalisation, as the encoder of a network."""

import pytest
import torch
from torch import nn

from sklearn_cae.networks import (
    VGG16,
    VGG16_BLOCKS,
    Autoencoder,
    UNet,
    VGG16Encoder,
    check_vgg16_images,
)
from sklearn_cae.networks._vgg16 import balance
from sklearn_cae.networks._vgg16_weights import vgg16_shapes


def vgg16(*args):
    return VGG16(*args, generator=torch.Generator().manual_seed(0))


def images(n=2, channels=3, height=32, width=32, seed=0):
    return torch.rand(
        n, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float
    )


def build(network, size=(32, 32), n_channels=3):
    network.check()
    return network.build(size, n_channels, torch.Generator().manual_seed(0))


def encoder(blocks=1, **params):
    return VGG16Encoder(blocks, weights=None, **params)


def build_encoder(**params):
    return build(Autoencoder(encoder(**params))).encoder


# --- topology


@pytest.fixture(scope="module")
def whole():
    return vgg16(5)


def test_all_blocks_have_14714688_weights_and_biases(whole):
    # torchvision's vgg16().features.
    assert sum(p.numel() for p in whole.parameters()) == 14_714_688


def test_there_are_thirteen_convolutions_of_3_x_3(whole):
    convolutions = [m for m in whole.modules() if isinstance(m, nn.Conv2d)]
    assert [conv.kernel_size for conv in convolutions] == [(3, 3)] * 13


def test_layers_stand_where_torchvision_has_them(whole):
    kinds = {nn.Conv2d: "conv", nn.ReLU: "relu", nn.MaxPool2d: "pool"}
    pair = "conv relu conv relu pool "
    triple = "conv relu conv relu conv relu pool "
    layers = [kinds[type(layer)] for layer in (*whole.features, whole.code)]
    assert layers == (2 * pair + 3 * triple).split()


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 4, 5])
def test_the_table_has_the_names_and_shapes_of_the_weights(n_blocks):
    state = {name: tuple(t.shape) for name, t in vgg16(n_blocks).state_dict().items()}
    assert state == vgg16_shapes(n_blocks)


def test_without_a_number_the_table_is_that_of_all_blocks():
    assert vgg16_shapes() == vgg16_shapes(5)


@pytest.mark.parametrize(
    ("n_blocks", "shape"),
    [(1, (64, 16, 16)), (2, (128, 8, 8)), (3, (256, 4, 4)), (4, (512, 2, 2)), (5, (512, 1, 1))],
)
def test_codes_of_32_x_32_pixels(whole, n_blocks, shape):
    code, maps = vgg16(n_blocks)(images())
    assert code.shape[1:] == shape
    assert len(maps) == n_blocks


@pytest.mark.parametrize("size", [(32, 32), (33, 40), (37, 51)])
def test_pooling_rounds_up(size):
    height, width = size
    code, maps = vgg16(2)(images(1, 3, *size))
    assert code.shape[2:] == (-(-height // 4), -(-width // 4))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (64, height, width),
        (128, -(-height // 2), -(-width // 2)),
    ]


def test_feature_maps_are_those_after_each_block_before_pooling():
    vgg, batch = vgg16(2), images()
    code, maps = vgg(batch)
    first = vgg.features[:4](vgg.normalize(batch))
    torch.testing.assert_close(maps[0], first, rtol=0, atol=0)
    second = vgg.features[4:](first)
    torch.testing.assert_close(maps[1], second, rtol=0, atol=0)
    torch.testing.assert_close(code, nn.functional.max_pool2d(second, 2), rtol=0, atol=0)


def test_random_weights_keep_the_size_of_the_signal(whole):
    # Initialised for ReLU after He et al.: neither vanishing nor exploding over thirteen layers.
    batch = images(4)
    before, after = whole.normalize(batch).square().mean(), whole(batch)[1][-1].square().mean()
    assert 0.05 < after / before < 20


# --- what it makes of images


def test_images_are_normalised_to_the_statistics_of_imagenet():
    # The mean colour of ImageNet is zero, and a standard deviation above it is one.
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    ones = vgg16(1).normalize((mean + std).expand(1, 3, 2, 2))
    # float32 rounding.
    torch.testing.assert_close(ones, torch.ones(1, 3, 2, 2), rtol=0, atol=1e-6)


def test_images_are_normalised_as_other_weights_take_them():
    # Those of Caffe take RGB from 0 to 255 minus a mean.
    mean = (123.68, 116.779, 103.939)
    vgg = build_encoder(mean=[value / 255 for value in mean], std=[1 / 255] * 3)
    batch = images()
    expected = 255 * batch - torch.tensor(mean).view(3, 1, 1)
    # float32 rounding of values up to 255.
    torch.testing.assert_close(vgg.normalize(batch), expected, rtol=0, atol=1e-4)


def test_gray_images_are_colour_images_of_three_equal_channels():
    vgg, gray = vgg16(1), images(channels=1)
    torch.testing.assert_close(vgg(gray)[0], vgg(gray.repeat(1, 3, 1, 1))[0], rtol=0, atol=0)


def test_the_statistics_are_no_weights():
    assert not {"mean", "std"} & vgg16(1).state_dict().keys()


def test_the_statistics_follow_the_precision_of_the_network():
    assert vgg16(1).double()(images().double())[0].dtype == torch.float64


CURE = "take something else."


@pytest.mark.parametrize("image", [(32, 32, 1), (32, 32, 3), (100, 33, 3)])
def test_gray_and_colour_images_of_32_pixels_and_more_are_taken(image):
    check_vgg16_images(*image, cure=CURE)


@pytest.mark.parametrize("n_channels", [2, 4])
def test_other_channels_are_refused(n_channels):
    message = f"{n_channels} channels, but VGG16 takes gray images or three colours.*; {CURE}"
    with pytest.raises(ValueError, match=message):
        check_vgg16_images(32, 32, n_channels, cure=CURE)


@pytest.mark.parametrize("size", [(31, 32), (32, 31), (1, 100)])
def test_small_images_are_refused(size):
    message = (
        rf"{size[0]} x {size[1]} pixels, but VGG16 needs 32 x 32 at least. Pad or resize.*; {CURE}"
    )
    with pytest.raises(ValueError, match=message):
        check_vgg16_images(*size, 3, cure=CURE)


# --- frozen


def blocks_that_are_trained(vgg):
    return [
        all(p.requires_grad for index in block for p in vgg.features[index].parameters())
        for block in VGG16_BLOCKS[: len(vgg.channels)]
    ]


@pytest.mark.parametrize("n_trainable", [0, 1, 2, 3])
def test_the_last_blocks_are_trained_if_asked_for(n_trainable):
    trained = blocks_that_are_trained(vgg16(3, n_trainable))
    assert trained == [False] * (3 - n_trainable) + [True] * n_trainable


@pytest.mark.parametrize("n_trainable", [0, 1, 3])
def test_what_is_frozen_stays_in_evaluation_mode(n_trainable):
    vgg = vgg16(3, n_trainable).train()
    n_frozen = sum(not trained for trained in blocks_that_are_trained(vgg))
    convolutions = [vgg.features[index] for block in VGG16_BLOCKS[:n_frozen] for index in block]
    assert not any(conv.training for conv in convolutions)
    rest = [vgg.features[index] for block in VGG16_BLOCKS[n_frozen:3] for index in block]
    assert all(conv.training for conv in rest)


def test_frozen_layers_record_nothing_for_a_backward_pass():
    code, maps = vgg16(2)(images())
    assert [t.grad_fn for t in (code, *maps)] == [None] * 3


def test_only_the_trained_blocks_are_recorded():
    code, maps = vgg16(2, 1)(images())
    assert maps[0].grad_fn is None
    assert code.grad_fn is not None


def test_images_that_ask_for_a_gradient_get_one():
    batch = images(channels=1).requires_grad_()
    vgg16(1)(batch)[0].sum().backward()
    assert batch.grad.abs().sum() > 0


# --- as an encoder


@pytest.mark.parametrize(
    ("network", "size", "n_channels"),
    [
        (Autoencoder(encoder(1)), (33, 47), 3),
        (Autoencoder(encoder(3)), (45, 32), 1),
        (Autoencoder(encoder(1), upsampling="transpose", kernel_size=5), (32, 32), 3),
        (Autoencoder(encoder(2), latent_dim=3), (33, 47), 3),
        (UNet(encoder(2)), (45, 32), 1),
        (UNet(encoder(2), normalization=None), (33, 47), 3),
    ],
    ids=str,
)
def test_an_image_comes_out_in_its_size(network, size, n_channels):
    net = build(network, size, n_channels).eval()
    batch = images(2, n_channels, *size)
    assert net(batch).shape == batch.shape
    assert net.encode(batch).shape == (2, *net.code_shape)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Autoencoder(encoder(3), normalization=None), [(256, 128), (128, 64), (64, 3)]),
        (
            UNet(encoder(3), normalization=None),
            [(256 + 256, 128), (128 + 128, 64), (64 + 64 + 3, 64), (64, 3)],
        ),
    ],
    ids=["autoencoder", "unet"],
)
def test_the_decoder_mirrors_the_feature_maps_of_the_encoder(network, expected):
    convolutions = [m for m in build(network).decoder.modules() if isinstance(m, nn.Conv2d)]
    assert [(conv.in_channels, conv.out_channels) for conv in convolutions] == expected


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_decoder_of_a_u_net_sees_the_image(n_channels):
    net = build(UNet(encoder(1)), (32, 32), n_channels).eval()
    nn.init.normal_(net.decoder.head.weight, generator=torch.Generator().manual_seed(0))
    batch = images(2, n_channels, 32, 32)
    code, maps = net.encoder(batch)
    dark = torch.zeros_like(code), [torch.zeros_like(part) for part in maps]
    with_noise = batch + 0.1 * torch.randn(batch.shape, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(net.decoder(*dark, batch), net.decoder(*dark, with_noise))


def test_a_u_net_begins_by_giving_back_its_input():
    assert torch.equal(build(UNet(encoder()))(images()), images())


def test_every_weight_that_is_not_frozen_is_trained():
    net = build(Autoencoder(encoder(2, trainable_blocks=1)))
    net(images(4)).square().sum().backward()
    trained = {name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    frozen = {f"encoder.features.{index}.{kind}" for index in (0, 2) for kind in ("weight", "bias")}
    assert {name for name, _ in net.named_parameters()} - trained == frozen


def test_layers_of_the_encoder_have_the_names_of_torchvision():
    assert build(Autoencoder(encoder(3))).layer_names[:4] == [
        "encoder.features.3",
        "encoder.features.8",
        "encoder.features.15",
        "encoder.code",
    ]


def test_stage_maps_are_those_of_each_block():
    maps = build(Autoencoder(encoder(2))).stage_maps(images())
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 32, 32), (128, 16, 16)]


@pytest.mark.parametrize("network", [Autoencoder, UNet])
def test_pretrained_weights_are_those_of_the_file(network, tmp_path):
    module = VGG16(1, generator=torch.Generator().manual_seed(1))
    balance(module)
    expected = module.state_dict()
    torch.save(expected, tmp_path / "a.pth")
    spec = network(VGG16Encoder(1, weights=tmp_path / "a.pth"))
    net = build(spec)
    assert not torch.equal(net.encoder.features[0].weight, expected["features.0.weight"])
    spec.load_pretrained(net)
    state = net.encoder.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def large_weights():
    """Weights with biases, whose maps are larger or smaller by hundreds, as published ones are."""
    module = VGG16(3, generator=torch.Generator().manual_seed(2))
    convolutions = [layer for layer in module.features if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for i, layer in enumerate(convolutions):
            layer.weight *= (300, 0.01, 50, 1, 7, 0.1, 20)[i]
            layer.bias += 0.1 * layer.weight.std()
    return module


def test_maps_of_any_weights_have_a_size_of_about_one(tmp_path):
    torch.save(large_weights().state_dict(), tmp_path / "a.pth")
    spec = Autoencoder(VGG16Encoder(3, weights=tmp_path / "a.pth"))
    net = build(spec)
    spec.load_pretrained(net)
    with torch.no_grad():
        sizes = [maps.square().mean().sqrt() for maps in net.stage_maps(images())]
    assert all(0.3 < size < 3 for size in sizes)


def test_balanced_weights_are_those_of_the_file_times_powers_of_two():
    module, balanced = large_weights(), large_weights()
    balance(balanced)
    with torch.no_grad():
        pairs = zip(module(images())[1], balanced(images())[1], strict=True)
        for maps, scaled in pairs:
            factor = maps.norm() / scaled.norm()
            power = 2.0 ** round(float(factor.log2()))
            torch.testing.assert_close(scaled * power, maps, rtol=1e-5, atol=1e-5 * power)
    for name, weights in balanced.state_dict().items():
        before = module.state_dict()[name]
        powers = (before / weights).log2()[before != 0]
        torch.testing.assert_close(powers, powers[0].round().expand_as(powers), rtol=0, atol=0)


def test_balanced_weights_are_left_as_they_are():
    module = large_weights()
    balance(module)
    before = {name: weights.clone() for name, weights in module.state_dict().items()}
    balance(module)
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)


def test_weights_of_endless_maps_are_refused():
    module = VGG16(1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        module.features[0].weight *= 1e30
    with pytest.raises(ValueError, match="weights that were read give feature maps that are not"):
        balance(module)


def test_dark_weights_stay_finite():
    module = VGG16(1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        module.features[0].weight.zero_()
    balance(module)
    assert all(weights.isfinite().all() for weights in module.state_dict().values())


def test_without_weights_the_random_ones_stay():
    spec = Autoencoder(encoder())
    net = build(spec)
    before = net.encoder.features[0].weight.clone()
    spec.load_pretrained(net)
    assert torch.equal(net.encoder.features[0].weight, before)


# --- the normalisation of a file


def test_the_normalisation_of_torchvision_is_the_default():
    expected, given = vgg16(1), build_encoder()
    assert torch.equal(given.mean, expected.mean)
    assert torch.equal(given.std, expected.std)


@pytest.mark.parametrize(
    "params",
    [
        {"mean": (123.68, 116.779, 103.939)},
        {"mean": (0.5,)},
        {"mean": (0.5, 0.5, float("nan"))},
        {"mean": ("a", "b", "c")},
        {"std": (0.2, 0.2, 0.0)},
        {"std": (58, 57, 57)},
        {"std": [True, True, True]},
    ],
    ids=str,
)
def test_a_normalisation_in_other_units_is_refused_with_the_cure(params):
    with pytest.raises(
        ValueError, match=r"of VGG16Encoder must hold three numbers.* divide by 255"
    ):
        encoder(**params).check()


def test_a_single_number_is_no_normalisation():
    with pytest.raises(ValueError, match="'std' parameter of VGG16Encoder must be a tuple of"):
        encoder(std=0.5).check()


@pytest.mark.parametrize(("other", "changes"), [([0.5, 0.5, 0.5], 0), ((0.4, 0.5, 0.5), 1)])
def test_training_goes_on_with_the_same_normalisation_alone(other, changes):
    first, second = encoder(mean=(0.5, 0.5, 0.5)), encoder(mean=other)
    assert len(second.changes_since(first)) == changes
