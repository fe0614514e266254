"""Batches, noise, loss and step: the skorch net without its estimator."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.utils import to_numpy
from small import as_uint, colour, small_cae
from torch import nn

from sklearn_cae import GaussianNoise
from sklearn_cae._training import (
    LR_SCHEDULES,
    BatchIterator,
    DenoisingNet,
    ImagePairs,
    initialize_with_seed,
    resolve_device,
    train,
)

X = colour(20)
LEVELS = as_uint(X, np.uint8)
UNIT = (0.0, 1.0)


class Plain(nn.Module):
    """One convolution and a sigmoid."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images):
        return torch.sigmoid(self.conv(images))


def plain_net(**params):
    defaults = {
        "criterion": nn.MSELoss,
        "optimizer": torch.optim.Adam,
        "lr": 0.01,
        "batch_size": 8,
        "max_epochs": 2,
        "noise": GaussianNoise(0.1),
        "seed": 3,
        "callbacks": [],
        "device": "cpu",
        "verbose": 0,
    }
    return initialize_with_seed(DenoisingNet(Plain, **defaults | params), 3)


# --- pairs


def test_a_batch_is_scaled_to_the_unit_range():
    _, clean = ImagePairs(LEVELS, None, (0, 255)).batch(np.array([4, 2]), "cpu")
    assert clean.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(clean[0].numpy(), LEVELS[4].transpose(2, 0, 1) / 255, atol=1e-6)


def test_images_that_are_to_be_corrupted_have_no_noisy_ones():
    assert ImagePairs(X, None, UNIT).batch(np.arange(3), "cpu")[0] is None


def test_pairs_have_both():
    noisy, clean = ImagePairs(X, 1 - X, UNIT).batch(np.arange(3), "cpu")
    np.testing.assert_allclose((noisy + clean).numpy(), 1, atol=1e-6)


def test_a_batch_is_a_copy():
    images = X.copy()
    ImagePairs(images, None, UNIT).batch(np.arange(3), "cpu")[1].zero_()
    np.testing.assert_array_equal(images, X)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_split_gives_every_image_to_one_side(fraction):
    train_pairs, valid_pairs = ImagePairs(X, None, UNIT).split(fraction, seed=0)
    assert len(valid_pairs) == int(20 * fraction)
    assert sorted([*train_pairs.rows, *valid_pairs.rows]) == list(range(20))


def test_a_split_is_random_and_repeatable():
    pairs = ImagePairs(X, None, UNIT)
    splits = [tuple(pairs.split(0.5, seed)[1].rows) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_a_split_shares_the_images():
    for part in ImagePairs(LEVELS, None, (0, 255)).split(0.5, seed=0):
        assert part.clean is LEVELS


def test_a_split_of_nothing_has_no_images_to_validate():
    assert ImagePairs(X, None, UNIT).split(0.04, seed=0)[1] is None


# --- batches


def iterate(pairs, batch_size=8, *, order_seed=None, noise_seed=0):
    return list(
        BatchIterator(
            pairs,
            batch_size,
            noise=GaussianNoise(0.1),
            device="cpu",
            seeds=lambda: (order_seed, noise_seed),
        )
    )


def test_batches_are_about_equally_large():
    assert [len(clean) for _, clean in iterate(ImagePairs(X, None, UNIT))] == [7, 7, 6]


def test_batches_hold_every_image_once():
    batches = iterate(ImagePairs(X, None, UNIT), order_seed=1)
    seen = np.concatenate([clean.numpy().transpose(0, 2, 3, 1) for _, clean in batches])
    assert sorted(image.tobytes() for image in seen) == sorted(image.tobytes() for image in X)


def test_the_order_is_that_of_its_seed():
    first, again, other = (
        iterate(ImagePairs(X, None, UNIT), order_seed=seed)[0][1] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_a_seed_the_order_is_kept():
    _, clean = iterate(ImagePairs(X, None, UNIT))[0]
    np.testing.assert_array_equal(clean.numpy().transpose(0, 2, 3, 1), X[:7])


def test_the_noise_is_that_of_its_seed():
    first, again, other = (
        iterate(ImagePairs(X, None, UNIT), noise_seed=seed)[0][0] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_image_comes_twice_so_that_it_can_be_normalised():
    (batch,) = iterate(ImagePairs(X[:1], None, UNIT))
    assert len(batch[1]) == 2


def test_no_batch_holds_a_single_image():
    # Batch normalisation of a code of one pixel needs two.
    for n, batch_size in [(3, 2), (5, 2), (7, 2), (9, 8), (17, 16), (3, 1)]:
        sizes = [len(clean) for _, clean in iterate(ImagePairs(X[:n], None, UNIT), batch_size)]
        assert min(sizes) >= 2, (n, batch_size)


def test_images_are_not_asked_for_one_by_one():
    with pytest.raises(NotImplementedError):
        ImagePairs(X, None, UNIT)[0]


# --- the net


def test_training_noise_changes_with_the_epoch():
    net = plain_net()
    pairs = ImagePairs(X, None, UNIT)
    net.history.new_epoch()
    first = next(iter(net.get_iterator(pairs, training=True)))[0]
    net.history.new_epoch()
    second = next(iter(net.get_iterator(pairs, training=True)))[0]
    assert not torch.equal(first, second)


def test_validation_batches_stay_the_same():
    net = plain_net()
    pairs = ImagePairs(X, None, UNIT)
    net.history.new_epoch()
    first = next(iter(net.get_iterator(pairs, training=False)))
    net.history.new_epoch()
    second = next(iter(net.get_iterator(pairs, training=False)))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_training_and_validation_have_noise_of_their_own():
    net = plain_net(batch_size=20)
    pairs = ImagePairs(X, None, UNIT)
    net.history.new_epoch()
    noises = []
    for training in (True, False):
        noisy, clean = next(iter(net.get_iterator(pairs, training=training)))
        order = np.lexsort(to_numpy(clean).reshape(20, -1).T)
        noises.append(to_numpy(noisy - clean)[order])
    assert not np.isclose(noises[0], noises[1]).all(axis=(1, 2, 3)).any()


def test_epochs_are_recorded():
    net = plain_net()
    train(net, *ImagePairs(X, None, UNIT).split(0.25, seed=0))
    assert len(net.history) == 2
    assert {"train_loss", "valid_loss", "valid_psnr", "dur"} <= net.history[-1].keys()


def test_valid_psnr_is_the_mean_over_the_images():
    net = plain_net(max_epochs=1)
    pairs = ImagePairs(X, 1 - X, UNIT)
    train(net, pairs, pairs)
    with torch.no_grad():
        output = net.module_(torch.from_numpy((1 - X).transpose(0, 3, 1, 2))).numpy()
    mse = ((output - X.transpose(0, 3, 1, 2)) ** 2).mean(axis=(1, 2, 3))
    # The network is that of the end of the epoch; batches of 7, 7 and 6 count by their size.
    assert net.history[-1, "valid_psnr"] == pytest.approx((-10 * np.log10(mse)).mean(), abs=1e-4)


def test_a_perfect_reconstruction_has_a_finite_psnr():
    net = plain_net(max_epochs=1)
    net.module_.forward = lambda images: images + 0 * net.module_.conv.bias.sum()
    pairs = ImagePairs(X, X, UNIT)
    train(net, pairs, pairs)
    assert net.history[-1, "valid_psnr"] == pytest.approx(100, abs=1e-3)


def test_the_network_is_initialised_by_its_seed():
    one, other = plain_net(), plain_net()
    assert torch.equal(one.module_.conv.weight, other.module_.conv.weight)


def test_initialising_leaves_the_global_random_state_as_it_was():
    before = torch.get_rng_state()
    plain_net()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_in_the_channels_last_format():
    weight = plain_net().module_.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_batches_are_in_the_channels_last_format():
    noisy, clean = iterate(ImagePairs(X, None, UNIT))[0]
    for batch in (noisy, clean):
        assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.L1Loss, nn.BCELoss])
def test_a_loss_that_is_no_number_is_an_error(loss):
    net = plain_net(criterion=loss, lr=0.5)
    with torch.no_grad():
        net.module_.conv.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"training loss became .* in epoch 1. Lower lr=0.5"):
        train(net, ImagePairs(X, None, UNIT), None)


def test_weights_that_are_no_numbers_at_the_end_are_an_error():
    net = plain_net(max_epochs=1, batch_size=20, optimizer=torch.optim.SGD, lr=float("inf"))
    with pytest.raises(ValueError, match=r"Weights became infinite in training. Lower lr"):
        train(net, ImagePairs(X, None, UNIT), None)


# --- devices


def test_an_automatic_device_is_there():
    torch.empty(0, device=resolve_device("auto"))


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_device_that_is_there_is_kept(device):
    assert resolve_device(device) == device


@pytest.mark.parametrize("device", ["abacus", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(device):
    message = f"device={device!r} is not to be had here .* Use device='auto' or 'cpu'"
    with pytest.raises(ValueError, match=message):
        resolve_device(device)


def test_threads_that_train_at_once_do_not_mix_their_seeds():
    def first_weights(_):
        net = initialize_with_seed(plain_net(), seed=0)
        return net.module_.conv.weight.detach().numpy().tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first_weights, range(64)))) == 1


@pytest.mark.parametrize("optimizer", ["adam", "sgd", torch.optim.Adagrad])
@pytest.mark.parametrize("schedule", LR_SCHEDULES)
def test_each_schedule_works_with_optimizers_with_and_without_momentum(schedule, optimizer):
    cae = small_cae(lr_schedule=schedule, optimizer=optimizer).fit(X)
    assert np.isfinite(cae.history_["train_loss"]).all()


def test_one_cycle_ends_near_zero_whatever_the_batch_size():
    cae = small_cae(lr_schedule="one_cycle", lr=0.1, batch_size=1).fit(X)
    # The schedule steps once past its end, where the cosine rises again; half-way it is at 0.81.
    assert cae.net_.optimizer_.param_groups[0]["lr"] < 0.1 * 0.1


def test_clean_images_a_rounding_above_white_are_white():
    clean = np.full((4, 8, 8, 1), 1 + 1e-7)
    _, batch = ImagePairs(clean, None, UNIT).batch(np.arange(4), "cpu")
    assert batch.max() == 1


def test_noisy_integer_images_hold_whole_levels():
    (noisy, _), *_ = iterate(ImagePairs(LEVELS, None, (0.0, 255.0)))
    # float32 of a value up to 255
    assert torch.allclose(255 * noisy, (255 * noisy).round(), atol=1e-4)


@pytest.mark.parametrize("images", [X, LEVELS], ids=["floats", "unclipped noise"])
def test_other_noisy_images_are_not_rounded(images):
    noise = GaussianNoise(0.1, clip=images.dtype != np.uint8)
    pairs = ImagePairs(images, None, UNIT if noise.clip else (0.0, 255.0))
    _, clean = pairs.batch(np.arange(4), "cpu")
    noisy = pairs.corrupt(clean, noise, torch.Generator().manual_seed(0))
    assert torch.equal(noisy, noise.corrupt(clean, torch.Generator().manual_seed(0)))
