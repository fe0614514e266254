"""The skorch net: seeds, what it records, and a loss that is no number."""

import numpy as np
import pytest
import torch
from skorch.utils import to_numpy
from small import colour
from torch import nn

from sklearn_cae import GaussianNoise
from sklearn_cae.images import ImageSource, learn_spec
from sklearn_cae.learning import CorruptedImages, ImagePairs, Pictures
from sklearn_cae.training import make_net

X = colour(20)
SPEC = learn_spec(ImageSource(X))
IMAGES = CorruptedImages(Pictures((X,)), SPEC, GaussianNoise(0.1))
PAIRS = ImagePairs(Pictures((1 - X, X)), SPEC, (0, 1))


class Plain(nn.Module):
    """One convolution and a sigmoid."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images):
        return torch.sigmoid(self.conv(images))


def plain_net(criterion=nn.MSELoss, module=None, optimizer=torch.optim.SGD, **params):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Plain() if module is None else module
    defaults = {"lr": 0.01, "batch_size": 8, "max_epochs": 1, "seed": 3, "verbose": 0}
    defaults |= {"train_split": None, "callbacks": []}
    return make_net(module, criterion(), optimizer, **defaults | params)


def test_training_noise_changes_with_the_epoch():
    net = plain_net()
    firsts = []
    for _ in range(2):
        net.history.new_epoch()
        firsts.append(next(iter(net.get_iterator(IMAGES, training=True))).input)
    assert not torch.equal(*firsts)


def test_validation_batches_stay_the_same():
    net = plain_net()
    firsts = []
    for _ in range(2):
        net.history.new_epoch()
        firsts.append(next(iter(net.get_iterator(IMAGES, training=False))))
    one, other = firsts
    assert torch.equal(one.input, other.input)
    assert torch.equal(one.target.images, other.target.images)


def test_training_and_validation_have_noise_of_their_own():
    net = plain_net(batch_size=20)
    net.history.new_epoch()
    noises = []
    for training in (True, False):
        noisy, target = next(iter(net.get_iterator(IMAGES, training=training)))
        clean = target.images
        order = np.lexsort(to_numpy(clean).reshape(20, -1).T)
        noises.append(to_numpy(noisy - clean)[order])
    assert not np.isclose(noises[0], noises[1]).all(axis=(1, 2, 3)).any()


def psnr_of_each(images):
    """PSNR of images (n, C, H, W) to X, by its definition."""
    mse = ((images - X.transpose(0, 3, 1, 2)) ** 2).mean(axis=(1, 2, 3))
    return -10 * np.log10(mse)


def output_of(net):
    with torch.no_grad():
        return net.module_(torch.from_numpy((1 - X).transpose(0, 3, 1, 2))).numpy()


def test_quality_is_that_of_each_image():
    net = plain_net()
    denoised, noisy = net.quality(PAIRS)
    # Rounding of float32.
    np.testing.assert_allclose(denoised, psnr_of_each(output_of(net)), atol=1e-4)
    np.testing.assert_allclose(noisy, psnr_of_each((1 - X).transpose(0, 3, 1, 2)), atol=1e-4)


def test_epochs_record_the_psnr_of_the_network_at_their_end():
    net = plain_net()
    net.train_split = lambda images, y=None, **kwargs: (images, PAIRS)
    net.fit_loop(PAIRS)
    assert net.history[-1, "valid_psnr"] == pytest.approx(
        psnr_of_each(output_of(net)).mean(), abs=1e-4
    )
    assert net.history[-1, "noisy_psnr"] == pytest.approx(net.quality(PAIRS)[1].mean(), abs=1e-4)


def test_a_perfect_reconstruction_has_a_finite_psnr():
    net = plain_net(module=nn.Sequential(nn.Identity(), nn.Conv2d(3, 3, 1)))
    net.module_[1].forward = lambda images: images
    same = ImagePairs(Pictures((X, X)), SPEC, (0, 1))
    np.testing.assert_allclose(net.quality(same)[0], 100, atol=1e-3)


def test_what_leaves_the_range_is_clipped_for_the_psnr():
    net = plain_net(module=nn.Sequential(nn.Conv2d(3, 3, 1)))
    net.module_[0].forward = lambda images: images * 1000
    white = ImagePairs(Pictures((np.ones_like(X), np.ones_like(X))), SPEC, (0, 1))
    np.testing.assert_allclose(net.quality(white)[0], 100, atol=1e-3)


def test_weights_are_in_the_channels_last_format():
    weight = plain_net().module_.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_the_state_of_an_optimizer_is_read_in_the_order_of_the_weights():
    net = plain_net(optimizer=torch.optim.Adam).partial_fit(IMAGES)
    held = net.optimizer_.state[net.module_.conv.weight]
    square = held["exp_avg_sq"].clone()
    read = net.optimizer_.state_dict()
    for values in read["state"].values():
        values.update({name: value.contiguous() for name, value in values.items()})
    net.optimizer_.load_state_dict(read)
    held = net.optimizer_.state[net.module_.conv.weight]
    assert torch.equal(held["exp_avg_sq"], square)
    assert held["exp_avg_sq"].stride() == net.module_.conv.weight.stride()


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_steps_are_taken_in_one_call(optimizer):
    (group,) = plain_net(optimizer=optimizer).optimizer_.param_groups
    assert group["fused"] is True


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.BCELoss])
def test_a_loss_that_is_no_number_is_an_error(loss):
    net = plain_net(loss, lr=0.5)
    with torch.no_grad():
        net.module_.conv.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"training loss became nan in epoch 1. Lower lr=0.5"):
        net.fit_loop(IMAGES)


def test_frozen_weights_are_none_to_learn():
    net = plain_net()
    net.module_.conv.bias.requires_grad_(False)
    assert [name for name, _ in net.get_all_learnable_params()] == ["conv.weight"]
