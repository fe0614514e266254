"""How it learns: seeds, epochs, schedules, early stopping, warm starts, callbacks, progress."""

import copy
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, LRScheduler
from small import (
    STILL,
    BatchRecorder,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_unet,
    weights,
)

from sklearn_cae import (
    Autoencoder,
    ConvEncoder,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    TorchNetwork,
    UNet,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio

X = gray()
PLAIN = small_autoencoder(normalization=None)

# --- randomness


def test_one_seed_learns_bitwise_the_same():
    assert_same_weights(small_cae(max_epochs=2).fit(X), small_cae(max_epochs=2).fit(X))


def test_another_seed_learns_something_else():
    one, other = weights(small_cae().fit(X)), weights(small_cae(random_state=1).fit(X))
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_without_a_seed_each_fit_is_different():
    cae = small_cae(random_state=None)
    first, second = weights(cae.fit(X)), weights(cae.fit(X))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


def test_a_generator_of_numpy_is_drawn_from():
    one, other = (small_cae(random_state=np.random.RandomState(5)) for _ in range(2))
    assert_same_weights(one.fit(X), other.fit(X))


def test_a_generator_of_numpy_moves_on():
    cae = small_cae(random_state=np.random.RandomState(5))
    first, second = weights(cae.fit(X)), weights(cae.fit(X))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


def test_the_global_random_state_is_not_used():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        one = small_cae().fit(X)
        torch.manual_seed(2)
        assert_same_weights(small_cae().fit(X), one)


def test_fits_in_threads_learn_what_they_learn_alone():
    # Another thread draws from torch's global generator meanwhile.
    alone = [small_cae(random_state=seed, max_epochs=3).fit(X) for seed in (0, 1)]
    done = Event()

    def draw():
        while not done.is_set():
            torch.rand(10)

    with ThreadPoolExecutor(3) as pool:
        drawing = pool.submit(draw)
        together = list(pool.map(lambda cae: clone(cae).fit(X), alone))
        done.set()
        drawing.result()
    for one, other in zip(alone, together, strict=True):
        assert_same_weights(one, other)


class Dropout(torch.nn.Module):
    """A network that draws in training, and normalises by statistics of what it has drawn."""

    def __init__(self, n_channels):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(n_channels, 4, 3, padding=1),
            torch.nn.BatchNorm2d(4),
            torch.nn.Dropout(0.5),
            torch.nn.Conv2d(4, n_channels, 3, padding=1),
        )

    def forward(self, images):
        return self.layers(images)


class NoisyLoss(torch.nn.Module):
    """A loss that draws."""

    def forward(self, output, target):
        return (output - target + 0.1 * torch.randn_like(output)).square().mean()


DRAWING = {
    "network": {"network": TorchNetwork(Dropout)},
    "loss": {"loss": NoisyLoss},
}


@pytest.mark.parametrize("drawing", DRAWING.values(), ids=DRAWING)
def test_layers_that_draw_follow_the_seed_and_leave_the_global_generator_alone(drawing):
    before = torch.get_rng_state()
    one = small_cae(**drawing, max_epochs=2).fit(X)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert_same_weights(one, small_cae(**drawing, max_epochs=2).fit(X))


def test_layers_draw_anew_in_each_step_and_epoch():
    masks = []

    class Watched(Dropout):
        def forward(self, images):
            if self.training:
                masks.append(torch.rand(3).tolist())
            return super().forward(images)

    # Three batches in each epoch; those after them are for the statistics of normalisation.
    small_cae(TorchNetwork(Watched), max_epochs=2, validation_fraction=0).fit(X)
    assert len(set(map(tuple, masks[:6]))) == 6


def test_networks_that_draw_learn_in_threads_what_they_learn_alone():
    alone = [small_cae(TorchNetwork(Dropout), random_state=seed).fit(X) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda cae: clone(cae).fit(X), alone))
    for one, other in zip(alone, together, strict=True):
        assert_same_weights(one, other)


# --- what is learned


@pytest.mark.parametrize(
    ("optimizer", "loss"),
    [
        ("adam", "mse"),
        ("adamw", "l1"),
        ("sgd", "bce"),
        (partial(torch.optim.SGD, momentum=0.9), "charbonnier"),
        (torch.optim.RMSprop, torch.nn.SmoothL1Loss),
        ("adam", partial(torch.nn.HuberLoss, delta=0.1)),
    ],
)
def test_every_optimizer_and_every_loss_learns(optimizer, loss):
    images = gray(60)
    cae = small_cae(
        optimizer=optimizer, loss=loss, lr=0.01, lr_schedule="constant", max_epochs=8
    ).fit(images)
    loss_curve = cae.history_["train_loss"]
    assert loss_curve[-1] < loss_curve[0]


@pytest.mark.parametrize(
    ("lr_schedule", "last_over_largest"), [("one_cycle", 0), ("cosine", 0), ("constant", 1)]
)
def test_schedules_end_where_they_should(lr_schedule, last_over_largest):
    rates = RateRecorder()
    small_cae(lr_schedule=lr_schedule, max_epochs=4, callbacks=[rates]).fit(X)
    # The last step of cosine and of one_cycle is about as small as one part in ten.
    assert rates.seen[-1] / max(rates.seen) == pytest.approx(last_over_largest, abs=0.1)


class RateRecorder(Callback):
    def __init__(self):
        self.seen = []

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.seen.append(net.optimizer_.param_groups[0]["lr"])


def test_the_peak_of_one_cycle_is_the_learning_rate():
    rates = RateRecorder()
    small_cae(lr=0.02, lr_schedule="one_cycle", max_epochs=10, callbacks=[rates]).fit(X)
    # The steps need not meet the peak exactly.
    assert max(rates.seen) == pytest.approx(0.02, rel=0.05)


# --- results


def test_history_has_one_value_for_each_epoch():
    cae = small_cae(max_epochs=3, validation_fraction=0.25).fit(X)
    assert {name: len(curve) for name, curve in cae.history_.items()} == {
        "train_loss": 3,
        "valid_loss": 3,
        "valid_psnr": 3,
        "noisy_psnr": 3,
        "duration": 3,
    }


def test_history_has_no_validation_without_images_to_validate():
    assert set(small_cae(validation_fraction=0).fit(X).history_) == {"train_loss", "duration"}


def test_noisy_psnr_is_that_of_the_noisy_images():
    # Unclipped noise of a tenth of the range is 20 dB; of 3072 values its variance is 2.6 % off.
    noise = GaussianNoise(0.1, clip=False)
    cae = small_cae(validation_fraction=0.5, noise=noise).fit(gray(96))
    assert cae.history_["noisy_psnr"][0] == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize(("n", "n_valid"), [(3, 0), (4, 1), (9, 1), (19, 1), (20, 2)])
def test_the_share_to_validate_is_rounded_down_but_to_one_of_four(n, n_valid):
    recorder = BatchRecorder()
    small_cae(validation_fraction=0.1, callbacks=[recorder]).fit(X[:n])
    # An image alone comes twice.
    assert len({image.tobytes() for _, clean in recorder.valid for image in clean}) == n_valid


def test_valid_psnr_belongs_to_valid_loss():
    images = np.full((20, 8, 8), 0.5)
    cae = small_cae(validation_fraction=0.5).fit(images)
    # One batch of equal images: the mean PSNR is nearly that of the mean squared error; the
    # noise makes the images differ a little.
    expected = -10 * np.log10(cae.history_["valid_loss"])
    np.testing.assert_allclose(cae.history_["valid_psnr"], expected, atol=0.5)


def test_the_default_network_of_the_source_has_333955_parameters():
    network = Autoencoder(normalization=None)
    cae = DenoisingCAE(network, max_epochs=1, for_codes=True).fit(colour(2, 32, 32))
    assert cae.n_parameters_ == 333_955


def test_net_is_a_skorch_net_with_its_history():
    cae = small_cae(max_epochs=2).fit(X)
    assert cae.net_.history[:, "train_loss"] == list(cae.history_["train_loss"])


# --- early stopping


class SpoilAfter(Callback):
    """Spoils all weights after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) > self.epoch:
            with torch.no_grad():
                for parameter in net.module_.parameters():
                    parameter.add_(1000)


def stopped_early():
    return small_cae(
        early_stopping=True,
        patience=2,
        max_epochs=20,
        validation_fraction=0.25,
        callbacks=[SpoilAfter(3)],
    ).fit(X)


def test_early_stopping_stops_after_its_patience():
    cae = stopped_early()
    best = int(np.argmin(cae.history_["valid_loss"]))
    assert best < 3
    assert len(cae.history_["valid_loss"]) == best + 1 + 2


def test_early_stopping_restores_the_best_epoch():
    cae = stopped_early()
    assert max(abs(values).max() for values in weights(cae).values()) < 1000


def test_without_early_stopping_the_last_epoch_counts():
    network = small_autoencoder(normalization=None)
    cae = small_cae(network, max_epochs=5, callbacks=[SpoilAfter(3)]).fit(X)
    assert max(abs(values).max() for values in weights(cae).values()) > 900


def test_early_stopping_without_images_to_validate_is_refused():
    message = (
        r"early_stopping=True needs images to validate.*0.1 of 3 image\(s\) is none. Give more"
    )
    with pytest.raises(ValueError, match=message):
        small_cae(early_stopping=True, validation_fraction=0.1).fit(X[:3])


# --- how long


def test_automatic_epochs_make_500_steps_of_few_images():
    recorder = BatchRecorder()
    network = Autoencoder(ConvEncoder((1,), code_channels=1), normalization=None)
    cae = small_cae(network, max_epochs="auto", validation_fraction=0, callbacks=[recorder])
    cae.fit(gray(20, 2, 2))
    # 20 images in batches of 8 are 3 steps an epoch, and 167 epochs.
    assert len(recorder.train) == 167 * 3


# --- images made worse


def test_a_network_that_makes_images_worse_says_so_with_both_figures():
    noisy = np.clip(X + np.random.default_rng(0).normal(0, 0.05, X.shape), 0, 1)
    cae = small_cae(for_codes=False, validation_fraction=0)
    with pytest.warns(ConvergenceWarning, match="makes its training images worse") as record:
        cae.fit(noisy, X)
    (message,) = (str(warning.message) for warning in record)
    before = peak_signal_noise_ratio(X, noisy, data_range=1)
    after = peak_signal_noise_ratio(X, cae.predict(noisy), data_range=1)
    assert f"PSNR {after:.1f} dB, {before:.1f} dB before. What may help: train longer" in message


def test_the_warning_is_of_the_images_to_validate_where_there_are_any():
    with pytest.warns(ConvergenceWarning, match=r"its validation images worse.*for_codes=True"):
        small_cae(for_codes=False, noise=GaussianNoise(0.02)).fit(X)


@pytest.mark.parametrize("params", [{"for_codes": True}, {"noise": "none"}], ids=str)
def test_a_network_for_codes_and_one_without_noise_say_nothing(params):
    small_cae(**{"for_codes": False, "noise": GaussianNoise(0.02)} | params).fit(X)


def test_partial_fit_does_not_judge():
    small_cae(for_codes=False, noise=GaussianNoise(0.02)).partial_fit(X)


# --- real images


def patches(n, subset):
    return load_natural_patches(16, n_patches=n, subset=subset).images


TEST = patches(60, "test")
NOISY_TEST = np.asarray(NoiseInjector(GaussianNoise(0.1), random_state=0).fit_transform(TEST))


def quality(images):
    return peak_signal_noise_ratio(TEST, images, data_range=255)


@pytest.fixture(scope="module")
def denoiser():
    """A small U-Net trained on 300 patches of photographs."""
    return DenoisingCAE(UNet((8, 16)), max_epochs=10, random_state=0).fit(patches(300, "train"))


def test_a_trained_network_beats_its_noisy_input_by_3_db(denoiser):
    # 20.5 dB before.
    assert quality(denoiser.predict(NOISY_TEST)) > quality(NOISY_TEST) + 3


def test_ten_images_do_not_make_images_worse():
    cae = DenoisingCAE(UNet((4, 8)), random_state=0).fit(patches(10, "train"))
    assert quality(cae.predict(NOISY_TEST)) > quality(NOISY_TEST)


def test_a_few_steps_leave_the_network_that_was_trained():
    # In training it normalises by the batch; afterwards by the statistics that it remembers, of
    # which three steps of running means leave three quarters at their start.
    cae = small_cae(validation_fraction=0, noise="none").fit(X)
    images = torch.from_numpy(X[:, np.newaxis])
    module = copy.deepcopy(cae.net_.module_)
    with torch.no_grad():
        remembered, of_the_batch = module.eval()(images), module.train()(images)
    # A tenth of the spread of the images here; without settling it is nine tenths.
    assert (remembered - of_the_batch).square().mean().sqrt() < of_the_batch.std() / 4


@pytest.mark.parametrize("way", ["warm start", "partial_fit"])
def test_training_that_goes_on_loses_nothing(denoiser, way):
    before = quality(denoiser.predict(NOISY_TEST))
    cae = copy.copy(denoiser).set_params(warm_start=True, max_epochs=1)
    X = patches(300, "train")
    cae.fit(X) if way == "warm start" else cae.partial_fit(X)
    # Other noise and another order: some tenths of a dB either way.
    assert quality(cae.predict(NOISY_TEST)) > before - 0.3


# --- partial_fit


def test_partial_fit_returns_the_estimator():
    cae = small_cae()
    assert cae.partial_fit(X) is cae


def test_partial_fit_is_one_pass():
    cae = small_cae(max_epochs=5).partial_fit(X).partial_fit(X)
    assert len(cae.history_["train_loss"]) == 2


def test_partial_fit_trains_on_every_image():
    recorder = BatchRecorder()
    small_cae(callbacks=[recorder], validation_fraction=0.5).partial_fit(X)
    assert sum(len(clean) for _, clean in recorder.train) == len(X)
    assert recorder.valid == []


def test_partial_fit_keeps_the_state_of_the_optimizer():
    cae = small_cae(optimizer="adam").partial_fit(X).partial_fit(X)
    steps = {int(state["step"]) for state in cae.net_.optimizer_.state_dict()["state"].values()}
    # 24 images in batches of 8, twice.
    assert steps == {6}


def test_partial_fit_keeps_the_weights():
    cae = small_cae(PLAIN, **STILL).fit(X)
    before = weights(cae)
    after = weights(cae.partial_fit(X))
    for name in before:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)


def test_partial_fit_draws_new_noise_in_each_call():
    recorder = BatchRecorder()
    small_cae(callbacks=[recorder]).partial_fit(X).partial_fit(X)
    first, second = (
        np.sort(np.concatenate([noisy.ravel() for noisy, _ in batches]))
        for batches in (recorder.train[:3], recorder.train[3:])
    )
    assert not np.array_equal(first, second)


def test_partial_fit_learns_as_one_net_would():
    cae = small_cae(PLAIN, lr_schedule="constant", validation_fraction=0)
    at_once = clone(cae).set_params(max_epochs=2).fit(X)
    assert_same_weights(cae.partial_fit(X).partial_fit(X), at_once)


def test_partial_fit_hands_its_history_on_without_a_copy():
    # A copy of all rows in each call would make a stream slower and slower.
    cae = small_cae().partial_fit(X)
    first = cae.net_.history[0]
    assert cae.partial_fit(X).partial_fit(X).net_.history[0] is first


def test_partial_fit_leaves_the_history_of_a_copy_alone():
    cae = small_cae().partial_fit(X)
    other = copy.copy(cae).partial_fit(X)
    assert (len(cae.net_.history), len(other.net_.history)) == (1, 2)


def test_partial_fit_takes_pairs_after_clean_images():
    cae = small_cae().partial_fit(X).partial_fit(X, X)
    assert cae.noise_ is None


def test_the_first_partial_fit_fixes_the_data_range():
    cae = small_cae().partial_fit(X)
    message = "X has values .* but the data range is 0 to 1.*give data_range"
    with pytest.raises(ValueError, match=message):
        cae.partial_fit(X * 2)


def test_a_stream_may_leave_a_range_that_was_learned():
    cae = small_cae().partial_fit(X * 10)
    data_range = cae.data_range_
    assert cae.partial_fit(X * 20).data_range_ == data_range


def test_partial_fit_refuses_other_features():
    cae = small_cae().partial_fit(X.reshape(24, 64))
    with pytest.raises(ValueError, match="X has 49 features, but DenoisingCAE is expecting 64"):
        cae.partial_fit(X[:, :7, :7].reshape(24, 49))


def test_partial_fit_goes_on_after_fit():
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(X).partial_fit(X)
    assert len(cae.history_["train_loss"]) == 3
    np.testing.assert_array_equal(np.isnan(cae.history_["valid_loss"]), [False, False, True])


# --- warm_start


def test_a_warm_start_goes_on():
    cae = small_cae(warm_start=True, max_epochs=2)
    assert len(cae.fit(X).fit(X).history_["train_loss"]) == 4


def test_a_warm_start_keeps_the_weights():
    cae = small_cae(PLAIN, warm_start=True, **STILL).fit(X)
    before = weights(cae)
    after = weights(cae.fit(X))
    for name in before:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)


def test_two_halves_of_a_constant_schedule_are_bitwise_the_whole():
    params = {"lr_schedule": "constant", "validation_fraction": 0.25}
    halves = small_cae(max_epochs=3, warm_start=True, **params).fit(X).fit(X)
    assert_same_weights(halves, small_cae(max_epochs=6, **params).fit(X))


@pytest.mark.parametrize(("lr_schedule", "share"), [("one_cycle", 0.1), ("constant", 1)])
def test_training_goes_on_at_a_tenth_of_a_rate_that_has_come_down(lr_schedule, share):
    rates = RateRecorder()
    cae = small_cae(lr=0.02, lr_schedule=lr_schedule, warm_start=True).fit(X)
    cae.set_params(callbacks=[rates]).fit(X)
    assert rates.seen[0] == pytest.approx(0.02 * share)


def test_a_warm_start_may_train_with_other_noise_and_rate():
    cae = small_cae(warm_start=True).fit(X)
    cae.set_params(noise=GaussianNoise(0.3), lr=1e-4, max_epochs=2).fit(X)
    assert cae.noise_.std == 0.3
    assert len(cae.history_["train_loss"]) == 3


def test_a_warm_start_takes_the_seed_that_is_set():
    def going_on(random_state):
        cae = small_cae(warm_start=True).fit(X).set_params(random_state=random_state).fit(X)
        return cae.seed_, weights(cae)["encoder.stages.0.0.weight"]

    (first, same), (second, other), (kept, _) = map(going_on, [0, 5, None])
    assert (first, second, kept) == (0, 5, 0)
    assert not np.array_equal(same, other)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_in_another_data_range_is_refused(method):
    cae = small_cae(warm_start=True).fit(X).set_params(data_range=(0, 2))
    with pytest.raises(ValueError, match=r"data_range=\(0, 2\), but .* the range \(0.0, 1.0\)"):
        getattr(cae, method)(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_another_network_is_refused(method):
    cae = small_cae(warm_start=True).fit(X).set_params(network=Autoencoder((4,), latent_dim=2))
    message = (
        r"Training cannot go on.*encoder.channels from \(4, 8\) to \(4,\).*latent_dim from None to "
        r"2. Set it back, or make a new estimator"
    )
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(X)


def test_without_a_warm_start_another_network_is_trained():
    cae = small_cae().fit(X).set_params(network=Autoencoder(ConvEncoder((4,), code_channels=3)))
    assert cae.fit(X).transform(X).shape == (24, 4 * 4 * 3)


# --- Ctrl-C

HOOKS = ["on_train_begin", "on_epoch_begin", "on_batch_begin", "on_grad_computed", "on_batch_end"]
HOOKS += ["on_epoch_end", "on_train_end"]


class CtrlC(Callback):
    def __init__(self, hook):
        self.hook = hook


def interrupting(hook):
    def interrupt(self, net, *args, **kwargs):
        if self.hook == hook:
            raise KeyboardInterrupt

    return interrupt


for name in HOOKS:
    setattr(CtrlC, name, interrupting(name))


@pytest.mark.parametrize("hook", HOOKS)
def test_ctrl_c_reaches_the_caller_and_changes_nothing(hook):
    cae = small_cae(warm_start=True, max_epochs=2, validation_fraction=0.25).fit(X)
    expected = cae.predict(X)
    before = vars(cae.set_params(callbacks=[CtrlC(hook)])).copy()
    for method in ("fit", "partial_fit"):
        with pytest.raises(KeyboardInterrupt):
            getattr(cae, method)(X)
    assert vars(cae) == before
    np.testing.assert_array_equal(cae.predict(X), expected)


def test_ctrl_c_in_the_first_fit_leaves_an_estimator_unfitted():
    cae = small_cae(callbacks=[CtrlC("on_batch_end")])
    with pytest.raises(KeyboardInterrupt):
        cae.fit(X)
    assert not hasattr(cae, "net_")


def test_ctrl_c_stops_a_search():
    cae = small_cae(callbacks=[CtrlC("on_batch_end")])
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(cae, {"lr": [1e-2, 1e-3]}, cv=2).fit(X)


def test_ctrl_c_closes_the_bar(capsys):
    with pytest.raises(KeyboardInterrupt):
        small_cae(callbacks=[CtrlC("on_epoch_end")], verbose=1).fit(X)
    # tqdm ends the line of a bar that it closes.
    assert capsys.readouterr().err.endswith("\n")


# --- callbacks and progress


def test_callbacks_are_passed_on():
    recorder = BatchRecorder()
    small_cae(callbacks=[recorder]).fit(X)
    assert recorder.train


def test_callbacks_may_have_names():
    cae = small_cae(callbacks=[("mine", BatchRecorder())]).fit(X)
    assert "mine" in dict(cae.net_.callbacks_)


def test_a_schedule_of_skorch_takes_the_place_of_ours():
    schedule = LRScheduler("ExponentialLR", gamma=0.5)
    rates = RateRecorder()
    small_cae(lr=0.04, lr_schedule="constant", callbacks=[schedule, rates], max_epochs=3).fit(X)
    # Three steps in each epoch.
    assert rates.seen[::3] == [0.04, 0.02, 0.01]


def test_it_is_silent_by_default(capsys):
    cae = small_cae(early_stopping=True, validation_fraction=0.25, max_epochs=2).fit(X)
    cae.partial_fit(X).predict(X)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shown", ["2/2", "valid_psnr", "noisy_psnr"])
def test_verbose_shows_a_bar_over_epochs(capsys, shown):
    small_cae(verbose=1, max_epochs=2, validation_fraction=0.25).fit(X)
    assert shown in capsys.readouterr().err


def test_verbose_tells_device_images_batches_and_weights_first(capsys):
    cae = small_cae(verbose=1, max_epochs=1, validation_fraction=0.25, batch_size=8).fit(X)
    assert capsys.readouterr().out == (
        "Training on cpu in float32: 18 images in an epoch, 6 to validate, batches of 8, "
        f"{cae.n_parameters_:,} weights\n"
    )


def test_verbose_tells_the_number_of_patches(capsys):
    patches = Patches(8, per_image=3)
    options = {"patches": patches, "verbose": 1, "max_epochs": 1, "validation_fraction": 0}
    small_cae(small_unet(), **options).fit(X[:10])
    assert ": 10 images (30 patches) in an epoch, 0 to validate" in capsys.readouterr().out


def test_the_bar_moves_within_an_epoch(capsys):
    class Steps(Callback):
        def on_train_begin(self, net, **kwargs):
            self.seen_ = []

        def on_batch_end(self, net, training=False, **kwargs):
            bar = dict(net.callbacks_)["progress"].bar
            if training:
                self.seen_.append(bar.n)

    steps = Steps()
    small_cae(verbose=1, max_epochs=2, batch_size=4, callbacks=[steps]).fit(X[:16])
    # A callback of the user comes before the bar, which then is one of four batches behind.
    assert steps.seen_ == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]
    assert "2/2" in capsys.readouterr().err
