"""How it learns: seeds, epochs, schedules, early stopping, warm starts, callbacks, progress."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from small import STILL, BatchRecorder, assert_same_weights, colour, gray, small_cae, weights

from sklearn_cae import DenoisingCAE, GaussianNoise

X = gray()

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


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "transform", "score"])
def test_the_global_random_states_are_left_as_they_were(method):
    cae = small_cae(random_state=None).fit(X)
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    getattr(cae, method)(X)
    after = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1][1], after[1][1])
    assert before[1][2:] == after[1][2:]


def test_the_global_random_state_is_not_used():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        one = small_cae().fit(X)
        torch.manual_seed(2)
        assert_same_weights(small_cae().fit(X), one)


# --- what is learned


def test_training_lowers_the_error():
    cae = small_cae(channels=(8,), max_epochs=15, validation_fraction=0.25).fit(gray(60))
    loss = cae.history_["valid_loss"]
    assert loss[-1] < loss[0] / 2


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", torch.optim.RMSprop])
@pytest.mark.parametrize("loss", ["mse", "l1", "bce", torch.nn.SmoothL1Loss])
def test_every_optimizer_learns_by_every_loss(optimizer, loss):
    images = gray(60)
    cae = small_cae(
        optimizer=optimizer, loss=loss, lr=0.01, lr_schedule="constant", max_epochs=8
    ).fit(images)
    loss_curve = cae.history_["train_loss"]
    assert loss_curve[-1] < loss_curve[0]


@pytest.mark.parametrize("lr_schedule", ["one_cycle", "cosine", "constant"])
def test_every_schedule_trains(lr_schedule):
    assert len(small_cae(lr_schedule=lr_schedule, max_epochs=2).fit(X).history_["train_loss"]) == 2


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
        "duration": 3,
    }


def test_history_has_no_validation_without_images_to_validate():
    assert set(small_cae(validation_fraction=0).fit(X).history_) == {"train_loss", "duration"}


def test_the_share_to_validate_is_rounded_down():
    assert "valid_loss" not in small_cae(validation_fraction=0.1).fit(X[:9]).history_


def test_valid_psnr_belongs_to_valid_loss():
    images = np.full((20, 8, 8), 0.5)
    cae = small_cae(validation_fraction=0.5).fit(images)
    # One batch of equal images: the mean PSNR is nearly that of the mean squared error; the
    # noise makes the images differ a little.
    expected = -10 * np.log10(cae.history_["valid_loss"])
    np.testing.assert_allclose(cae.history_["valid_psnr"], expected, atol=0.5)


def test_the_default_network_of_the_source_has_333955_parameters():
    cae = DenoisingCAE(normalization=None, max_epochs=1).fit(colour(2, 32, 32))
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


def stopped_early(**params):
    return small_cae(
        early_stopping=True,
        patience=2,
        max_epochs=20,
        validation_fraction=0.25,
        callbacks=[SpoilAfter(3)],
        **params,
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
    cae = small_cae(max_epochs=5, callbacks=[SpoilAfter(3)], normalization=None).fit(X)
    assert max(abs(values).max() for values in weights(cae).values()) > 900


def test_early_stopping_without_images_to_validate_is_refused():
    message = (
        r"early_stopping=True needs images to validate.*0.1 of 5 image\(s\) is none. Give more"
    )
    with pytest.raises(ValueError, match=message):
        small_cae(early_stopping=True, validation_fraction=0.1).fit(X[:5])


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
    cae = small_cae(**STILL).fit(X)
    before = weights(cae)
    after = weights(cae.partial_fit(X))
    for name in before:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)


def test_partial_fit_draws_new_noise_in_each_call():
    recorder = BatchRecorder()
    cae = small_cae(callbacks=[recorder], batch_size=24).partial_fit(X).partial_fit(X)
    (first, _), (second, _) = recorder.train
    assert not np.array_equal(np.sort(first.ravel()), np.sort(second.ravel()))
    assert len(cae.history_["train_loss"]) == 2


def test_partial_fit_learns_as_one_net_would():
    cae = small_cae(lr_schedule="constant", validation_fraction=0)
    twice = cae.partial_fit(X).partial_fit(X)
    at_once = small_cae(lr_schedule="constant", validation_fraction=0, max_epochs=2).fit(X)
    assert_same_weights(twice, at_once)


def test_partial_fit_takes_pairs_after_clean_images():
    cae = small_cae().partial_fit(X).partial_fit(X, X)
    assert cae.noise_ is None


def test_the_first_partial_fit_fixes_the_data_range():
    cae = small_cae().partial_fit(X * 10)
    with pytest.raises(
        ValueError, match=r"X has values .* but the data range is .*give data_range"
    ):
        cae.partial_fit(X * 20)


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
    cae = small_cae(warm_start=True, **STILL).fit(X)
    before = weights(cae)
    after = weights(cae.fit(X))
    for name in before:
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)


def test_a_warm_start_may_train_with_other_noise_and_rate():
    cae = small_cae(warm_start=True).fit(X)
    cae.set_params(noise=GaussianNoise(0.3), lr=1e-4, max_epochs=2).fit(X)
    assert cae.noise_.std == 0.3
    assert len(cae.history_["train_loss"]) == 3


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_another_network_is_refused(method):
    cae = small_cae(warm_start=True).fit(X).set_params(channels=(4,), latent_dim=2)
    message = (
        r"Training cannot go on.*channels from \(4, 8\) to \(4,\), latent_dim from None to 2. "
        r"Set it back, or make a new estimator"
    )
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(X)


def test_without_a_warm_start_another_network_is_trained():
    cae = small_cae().fit(X).set_params(channels=(4,)).fit(X)
    assert cae.transform(X).shape == (24, 4 * 4 * 4)


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
    small_cae(
        lr=0.04, lr_schedule="constant", callbacks=[schedule, rates], max_epochs=3, batch_size=24
    ).fit(X)
    assert rates.seen == [0.04, 0.02, 0.01]


def test_it_is_silent_by_default(capsys):
    cae = small_cae(early_stopping=True, validation_fraction=0.25, max_epochs=2).fit(X)
    cae.partial_fit(X).predict(X)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shown", ["2/2", "train_loss", "valid_loss", "valid_psnr"])
def test_verbose_shows_a_bar_over_epochs(capsys, shown):
    small_cae(verbose=1, max_epochs=2, validation_fraction=0.25).fit(X)
    assert shown in capsys.readouterr().err
