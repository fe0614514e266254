"""Losses: names, classes, the perceptual one; validation and values."""

import math
import pickle
from functools import partial

import pytest
import torch
from sklearn.base import clone
from small import gray, small_cae
from torch import nn

from sklearn_cae.learning import LOSSES, PerceptualLoss, resolve_loss
from sklearn_cae.networks import VGG16


def name_of(value):
    """The same in each process, unlike the address that ``str`` gives of a function."""
    return value.__name__ if callable(value) and hasattr(value, "__name__") else str(value)


def images(n=2, channels=3, height=32, width=32, seed=0):
    return torch.rand(
        n, channels, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float
    )


def perceptual(weight=0.5, *, blocks=2):
    return PerceptualLoss(weight, blocks=blocks, weights=None).build()


class Weighted(nn.Module):
    """A loss whose constructor draws a weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1))


# --- names and what else describes a loss


@pytest.mark.parametrize(
    ("name", "expected"),
    # A difference of 0.3 at the target 0.5, so 0.8 for binary cross-entropy.
    [
        ("mse", 0.09),
        ("l1", 0.3),
        ("bce", -(math.log(0.8) + math.log(0.2)) / 2),
        ("charbonnier", math.sqrt(0.09 + 1e-6)),
    ],
)
def test_a_name_has_the_loss_of_its_formula(name, expected):
    target = torch.full((2, 1, 4, 4), 0.5)
    found = resolve_loss(name).build()(target + 0.3, target)
    # float32 rounding.
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_there_are_four_names():
    assert sorted(LOSSES) == ["bce", "charbonnier", "l1", "mse"]


def test_the_charbonnier_loss_is_smooth_at_zero():
    output = torch.zeros(1, 1, 2, 2, requires_grad=True)
    resolve_loss("charbonnier").build()(output, torch.zeros(1, 1, 2, 2)).backward()
    assert torch.equal(output.grad, torch.zeros(1, 1, 2, 2))


def test_a_class_is_called():
    assert isinstance(resolve_loss(nn.HuberLoss).build(), nn.HuberLoss)


def test_a_partial_keeps_its_arguments():
    assert resolve_loss(partial(nn.HuberLoss, delta=0.1)).build().delta == 0.1


def test_a_function_that_makes_a_loss_is_called():
    assert isinstance(resolve_loss(lambda: nn.L1Loss()).build(), nn.L1Loss)


def test_a_loss_is_copied_and_checked():
    loss = PerceptualLoss(0.1)
    assert resolve_loss(loss) is not loss
    with pytest.raises(ValueError, match="of PerceptualLoss must be a float in"):
        resolve_loss(PerceptualLoss(-1))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (3, r"loss=3; allowed are the names \['bce', 'charbonnier', 'l1', 'mse'\], a loss such as"),
        ("vgg", "loss='vgg'; allowed are the names"),
        (nn.L1Loss(), r"loss=L1Loss\(\) is an instance.*Give its class, or functools"),
        (nn.functional.mse_loss, "cannot be called without arguments: missing a required argument"),
        (PerceptualLoss, r"is a class. Call it: PerceptualLoss\(\)"),
        (int, "does not make a torch loss. Give a class of torch loss such as torch.nn.HuberLoss"),
    ],
    ids=name_of,
)
def test_anything_else_is_refused_with_a_cure(loss, message):
    with pytest.raises(ValueError, match=message):
        resolve_loss(loss)


def test_a_function_that_makes_something_else_is_named():
    with pytest.raises(ValueError, match=r"makes 3, expected a torch.nn.Module"):
        resolve_loss(lambda: 3).build()


class Rounding(nn.Module):
    """A loss that has no gradient."""

    def forward(self, output, target):
        return (output - target).detach().abs().mean()


NO_LOSSES = {
    "the base of all modules": (nn.Module, 'missing the required "forward" function'),
    "a loss of three": (nn.TripletMarginLoss, "missing 1 required positional argument: 'negative'"),
    "a layer": (nn.ReLU, "takes 2 positional arguments but 3 were given"),
    "a loss of categories": (nn.NLLLoss, "only batches of spatial targets supported"),
    "a loss without a gradient": (Rounding, "does not require grad"),
}


@pytest.mark.parametrize(("loss", "why"), NO_LOSSES.values(), ids=NO_LOSSES)
def test_what_cannot_compare_images_is_refused_before_it_trains(loss, why):
    with pytest.raises(ValueError, match=rf"cannot compare two batches of images .*: .*{why}"):
        small_cae(loss=loss).fit(gray())


def test_trying_a_loss_leaves_the_global_generator_alone():
    class Drawing(nn.Module):
        def forward(self, output, target):
            return (output - target + torch.rand(1)).mean()

    before = torch.get_rng_state()
    resolve_loss(Drawing).check_images(8, 8, 1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", True),
        (nn.BCELoss, True),
        (partial(nn.BCELoss, reduction="sum"), True),
        (nn.BCEWithLogitsLoss, False),
        ("mse", False),
        (lambda: nn.L1Loss(), False),
        (PerceptualLoss(), False),
    ],
    ids=name_of,
)
def test_binary_cross_entropy_alone_needs_outputs_within_0_and_1(loss, expected):
    assert resolve_loss(loss).needs_bounded is expected


@pytest.mark.parametrize("loss", ["mse", nn.HuberLoss, PerceptualLoss(weights=None)], ids=name_of)
def test_a_loss_is_cloned_and_pickled(loss):
    spec = resolve_loss(loss)
    assert repr(clone(spec)) == repr(pickle.loads(pickle.dumps(spec))) == repr(spec)


@pytest.mark.parametrize("loss", [Weighted, PerceptualLoss(blocks=1, weights=None)], ids=name_of)
def test_a_loss_is_the_same_in_each_fit(loss):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        before = torch.get_rng_state()
        one = resolve_loss(loss).build()
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(6)
        other = resolve_loss(loss).build()
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("loss", "changes"),
    [
        (PerceptualLoss(0.1), []),
        (PerceptualLoss(blocks=1), ["blocks from 2 to 1"]),
        (PerceptualLoss(weights=None), ["weights from 'imagenet' to None"]),
        (resolve_loss("l1"), ["class from PerceptualLoss to NamedLoss"]),
    ],
    ids=name_of,
)
def test_changes_that_need_other_weights_are_told(loss, changes):
    assert loss.changes_since(PerceptualLoss()) == changes


# --- the perceptual loss: parameters


@pytest.mark.parametrize(
    ("params", "name"),
    [({"weight": -1}, "weight"), ({"blocks": 6}, "blocks"), ({"weights": 3}, "weights")],
)
def test_a_wrong_parameter_is_named_by_its_owner(params, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of PerceptualLoss must be"):
        PerceptualLoss(**params).check()


@pytest.mark.parametrize("image", [(31, 32, 3), (32, 32, 2)])
def test_images_that_vgg16_does_not_take_are_refused(image):
    with pytest.raises(ValueError, match="the losses by name take images of any size and channels"):
        PerceptualLoss().check_images(*image)


@pytest.mark.parametrize("loss", ["mse", nn.HuberLoss])
def test_other_losses_take_any_images(loss):
    resolve_loss(loss).check_images(1, 1, 7)


def test_pretrained_weights_are_those_of_the_file(tmp_path):
    expected = VGG16(1, generator=torch.Generator().manual_seed(1)).state_dict()
    torch.save(expected, tmp_path / "a.pth")
    spec = PerceptualLoss(blocks=1, weights=str(tmp_path / "a.pth"))
    criterion = spec.build()
    spec.load_pretrained(criterion)
    state = criterion.vgg.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


# --- the perceptual loss: values


def test_gray_images_are_compared():
    gray = images(channels=1)
    assert perceptual()(gray, images(channels=1, seed=1)) > 0


def test_equal_images_have_no_loss():
    assert perceptual()(images(), images()) == 0


def test_without_weight_the_loss_is_the_mean_squared_error():
    loss = perceptual(weight=0)(images(), images(seed=1))
    assert loss == nn.functional.mse_loss(images(), images(seed=1))


def test_the_loss_is_linear_in_its_weight():
    pixels, one, three = (
        perceptual(weight=weight)(images(), images(seed=1)) for weight in (0, 1, 3)
    )
    # float32 rounding.
    torch.testing.assert_close(three - pixels, 3 * (one - pixels), rtol=1e-5, atol=0)


def test_the_perceptual_part_is_the_distance_of_scaled_feature_maps():
    loss, one, other = perceptual(1, blocks=1), images(), images(seed=1)
    maps = [loss.vgg(batch)[1][0] for batch in (one, other)]
    scaled = [nn.functional.normalize(m, dim=1) for m in maps]
    expected = (scaled[0] - scaled[1]).square().sum(dim=1).mean()
    part = loss(one, other) - nn.functional.mse_loss(one, other)
    # 1e-6 is added to squared lengths of about 1.
    torch.testing.assert_close(part, expected, rtol=1e-4, atol=0)


def test_the_scale_of_the_weights_does_not_matter():
    loss = perceptual(blocks=1)
    before = loss(images(), images(seed=1))
    with torch.no_grad():
        loss.vgg.features[2].weight.mul_(50)
    # 1e-6 is added to squared lengths of about 1; biases are zero.
    torch.testing.assert_close(loss(images(), images(seed=1)), before, rtol=1e-4, atol=0)


def test_the_gradient_reaches_the_output_through_the_frozen_layers():
    loss, output = perceptual(weight=1e6), images().requires_grad_()
    loss(output, images(seed=1)).backward()
    assert (output.grad != 0).float().mean() > 0.9
    assert [p.grad for p in loss.parameters()] == [None] * 8


def test_pixels_without_features_leave_the_gradient_finite():
    loss, output = perceptual(blocks=1), images().requires_grad_()
    with torch.no_grad():
        loss.vgg.features[2].bias.fill_(-1e3)
    loss(output, images(seed=1)).backward()
    assert output.grad.isfinite().all()


def test_blur_is_perceived_more_than_a_shift_of_brightness_of_the_same_error():
    # Stripes of one pixel: blur takes their edges away.
    sharp = torch.zeros(1, 1, 32, 32)
    sharp[..., ::2] = 1
    blurred = nn.functional.avg_pool2d(nn.functional.pad(sharp, (1, 1, 1, 1), "reflect"), 3, 1)
    error = nn.functional.mse_loss(blurred, sharp)
    shifted = sharp + error.sqrt()
    loss = perceptual(1, blocks=2)
    assert loss(blurred, sharp) > loss(shifted, sharp)
