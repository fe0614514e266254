"""Batch normalisation over several parts of a batch, here one or two that are alike."""

import copy

import pytest
import torch
from torch import nn

from sklearn_cae.training._batch_norm import JoinedBatchNorm

LAYERS = {
    "maps": nn.BatchNorm2d(3),
    "codes": nn.BatchNorm1d(3),
    "without weights": nn.BatchNorm2d(3, affine=False),
    "without running statistics": nn.BatchNorm2d(3, track_running_stats=False),
    "mean of all steps": nn.BatchNorm2d(3, momentum=None),
}


def values(layer, seed=0):
    """Images (n, C, H, W), or codes (n, C), whose mean is larger than their standard deviation."""
    shape = (5, 3) if isinstance(layer, nn.BatchNorm1d) else (5, 3, 4, 6)
    return 7 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def step(layer, images, add_up=None):
    """Output, gradients and running statistics of a layer after a training step."""
    layer = copy.deepcopy(layer).train()
    images = images.clone().requires_grad_()
    if add_up is None:
        output = layer(images)
    else:
        with JoinedBatchNorm(add_up):
            output = layer(images)
    # Not a sum: the gradient of that is zero.
    (output * values(layer, seed=1)[: len(images)]).square().sum().backward()
    learned = [p.grad for p in layer.parameters()]
    return output.detach(), images.grad, *learned, *layer.buffers()


@pytest.mark.parametrize("name", LAYERS)
def test_one_part_gives_what_torch_gives(name):
    layer = LAYERS[name]
    found = step(layer, values(layer), add_up=lambda sums: sums)
    for one, other in zip(found, step(layer, values(layer)), strict=True):
        # float32; gradients are of the size of 100.
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["maps", "codes"])
def test_two_parts_that_are_alike_give_the_variance_of_both(name):
    layer = LAYERS[name]
    images = values(layer)
    _, _, _, _, mean, variance, _ = step(layer, images, add_up=lambda sums: sums.mul_(2))
    both = copy.deepcopy(layer).train()
    both(torch.cat([images, images]))
    torch.testing.assert_close(mean, both.running_mean)
    torch.testing.assert_close(variance, both.running_var)


def test_bfloat16_keeps_statistics_in_float32():
    layer = LAYERS["maps"]
    images = values(layer).bfloat16()
    found = step(layer, images, add_up=lambda sums: sums)
    expected = step(layer, images)
    assert [tensor.dtype for tensor in found] == [tensor.dtype for tensor in expected]
    for one, other in zip(found, expected, strict=True):
        # bfloat16 has 8 bits.
        assert (one - other).abs().max() <= 2**-6 * other.abs().max()


def test_a_layer_in_evaluation_stays_as_it_is():
    layer = copy.deepcopy(LAYERS["maps"]).eval()
    images = values(layer)

    def fail(sums):
        raise AssertionError("nothing is to be added up")

    with JoinedBatchNorm(fail):
        assert torch.equal(layer(images), copy.deepcopy(layer)(images))
