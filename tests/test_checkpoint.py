"""Trainings that are broken off and taken up again."""

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from small import assert_same_weights, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import GaussianNoise, Patches, ResUNet, load
from sklearn_cae._checkpoint import TrainingCheckpoint
from sklearn_cae.files import _container

X = gray()


class Stopped(Exception):
    pass


class StopAfter(Callback):
    """Breaks a training off in the middle of an epoch."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) > self.n_epochs and training:
            raise Stopped


def cae_with(folder, *callbacks, **params):
    checkpoint = TrainingCheckpoint(folder, **params.pop("checkpoint", {}))
    return small_cae(callbacks=[checkpoint, *callbacks], **{"max_epochs": 6} | params)


def break_off(folder, n_epochs, **params):
    with pytest.raises(Stopped):
        cae_with(folder, StopAfter(n_epochs), **params).fit(X)


def names(folder):
    return sorted(os.listdir(folder))


TRAININGS = {
    "one cycle": {},
    "cosine": {"lr_schedule": "cosine"},
    "constant": {"lr_schedule": "constant"},
    "muon": {"optimizer": "muon"},
    "momentum": {"optimizer": partial(torch.optim.SGD, momentum=0.9)},
    "validation": {"validation_fraction": 0.25},
    "flat code": {"network": small_autoencoder(latent_dim=3)},
    "residual U-Net": {"network": ResUNet((4,), blocks=1)},
    "patches": {"patches": Patches(4), "network": small_unet()},
    "masked": {"target": "masked", "noise": None},
    "a range of noise": {"noise": GaussianNoise((0, 0.2))},
}


@pytest.mark.parametrize("params", TRAININGS.values(), ids=TRAININGS)
@pytest.mark.filterwarnings("ignore:The noise of")
def test_a_training_that_goes_on_ends_as_one_that_was_not_interrupted(tmp_path, params):
    whole = small_cae(**{"max_epochs": 6} | params).fit(X)
    break_off(tmp_path, 3, **params)
    resumed = cae_with(tmp_path, **params).fit(X)
    assert_same_weights(resumed, whole)
    for name, curve in whole.history_.items():
        if name != "duration":
            np.testing.assert_array_equal(resumed.history_[name], curve)


def test_early_stopping_stops_at_the_same_epoch(tmp_path):
    params = {"early_stopping": True, "validation_fraction": 0.25, "patience": 2}
    params |= {"max_epochs": 40, "lr_schedule": "constant"}
    whole = small_cae(**params).fit(X)
    n_epochs = len(whole.history_["train_loss"])
    assert 4 < n_epochs < 40
    # In the last epoch, with one miss so far.
    break_off(tmp_path, n_epochs - 1, **params)
    resumed = cae_with(tmp_path, **params).fit(X)
    assert_same_weights(resumed, whole)
    assert len(resumed.history_["train_loss"]) == n_epochs


def test_the_optimizer_too_goes_on_as_if_nothing_had_been(tmp_path):
    whole = small_cae(max_epochs=6).fit(X)
    break_off(tmp_path, 3)
    resumed = cae_with(tmp_path).fit(X)
    assert_same_weights(resumed.partial_fit(X), whole.partial_fit(X))


def test_only_what_is_left_is_trained(tmp_path):
    break_off(tmp_path, 4)
    counted = []

    class Counting(Callback):
        def on_epoch_begin(self, net, **kwargs):
            counted.append(len(net.history))

    cae_with(tmp_path, Counting()).fit(X)
    assert len(counted) == 2


def test_a_schedule_of_the_user_goes_on(tmp_path):
    def schedule():
        return LRScheduler("StepLR", step_size=2, gamma=0.5)

    whole = small_cae(max_epochs=6, callbacks=[schedule()], lr_schedule="constant").fit(X)
    with pytest.raises(Stopped):
        cae_with(tmp_path, schedule(), StopAfter(3), lr_schedule="constant").fit(X)
    resumed = cae_with(tmp_path, schedule(), lr_schedule="constant").fit(X)
    assert_same_weights(resumed, whole)


def test_without_a_seed_that_of_the_checkpoint_is_taken(tmp_path):
    break_off(tmp_path, 3, random_state=None)
    one = cae_with(tmp_path, random_state=None, checkpoint={"keep": 1, "every": 100}).fit(X)
    two = cae_with(tmp_path, random_state=None, checkpoint={"keep": 1, "every": 100}).fit(X)
    assert_same_weights(one, two)
    assert one.seed_ == two.seed_


def test_a_warm_start_goes_on(tmp_path):
    start = small_cae(max_epochs=2, warm_start=True).fit(X)
    start.save(tmp_path / "start.safetensors")
    whole = load(tmp_path / "start.safetensors").set_params(max_epochs=4).fit(X)
    folder = tmp_path / "checkpoints"
    for callbacks in ([StopAfter(4)], []):
        cae = load(tmp_path / "start.safetensors").set_params(max_epochs=4)
        cae.set_params(callbacks=[TrainingCheckpoint(folder), *callbacks])
        with suppress(Stopped):
            cae.fit(X)
    assert_same_weights(cae, whole)
    assert len(cae.history_["train_loss"]) == 6


def test_a_checkpoint_changes_nothing_of_a_training(tmp_path):
    assert_same_weights(cae_with(tmp_path).fit(X), small_cae(max_epochs=6).fit(X))


def test_a_training_that_has_ended_is_not_repeated(tmp_path):
    first = cae_with(tmp_path).fit(X)
    again = cae_with(tmp_path, StopAfter(0)).fit(X)
    assert_same_weights(again, first)


def test_partial_fit_writes_none(tmp_path):
    cae_with(tmp_path).partial_fit(X).partial_fit(X)
    assert names(tmp_path) == []


# --- when and what


def test_checkpoints_come_so_many_epochs_apart_and_the_last_are_kept(tmp_path):
    cae_with(tmp_path, checkpoint={"every": 2, "keep": 2}, max_epochs=7).fit(X)
    assert names(tmp_path) == ["epoch_000004.safetensors", "epoch_000006.safetensors"]


def test_checkpoints_come_so_much_time_apart(tmp_path, monkeypatch):
    clock = iter(range(0, 1000, 60))
    monkeypatch.setattr("sklearn_cae._checkpoint.time.monotonic", lambda: next(clock))
    every = {"every": timedelta(seconds=150), "keep": 9}
    cae_with(tmp_path, checkpoint=every).fit(X)
    assert names(tmp_path) == ["epoch_000003.safetensors", "epoch_000006.safetensors"]


def test_what_is_half_written_is_removed(tmp_path):
    (tmp_path / "epoch_000001.safetensors.12ab34cd.part").write_bytes(b"half")
    cae_with(tmp_path).fit(X)
    assert not [name for name in names(tmp_path) if name.endswith(".part")]


def test_a_damaged_checkpoint_is_left_for_the_one_before(tmp_path):
    whole = small_cae(max_epochs=6).fit(X)
    break_off(tmp_path, 4)
    last = tmp_path / names(tmp_path)[-1]
    last.write_bytes(last.read_bytes()[:500])
    with pytest.warns(UserWarning, match=r"000004.safetensors .* The checkpoint before it is us"):
        resumed = cae_with(tmp_path).fit(X)
    assert_same_weights(resumed, whole)


def test_checkpoints_that_are_all_damaged_are_an_error(tmp_path):
    break_off(tmp_path, 1)
    (tmp_path / names(tmp_path)[0]).write_bytes(b"")
    with pytest.raises(ValueError, match=r"epoch_000001.safetensors cannot be read"):
        cae_with(tmp_path).fit(X)


OTHERS = {
    "seed": {"random_state": 1},
    "epochs": {"max_epochs": 9},
    "lr": {"lr": 0.5},
    "batch_size": {"batch_size": 4},
    "optimizer": {"optimizer": "muon"},
    "loss": {"loss": "l1"},
    "precision": {"precision": "bfloat16"},
    "callbacks": {"lr_schedule": "cosine"},
    "network": {"network": small_autoencoder(latent_dim=3)},
    "images or noise": {"noise": GaussianNoise(0.3)},
}


@pytest.mark.parametrize(("named", "params"), OTHERS.items(), ids=OTHERS)
def test_another_training_is_refused_with_the_difference(tmp_path, named, params):
    break_off(tmp_path, 2)
    with pytest.raises(
        ValueError, match=f"checkpoints in .* are those of another .*{named}|{named}"
    ):
        cae_with(tmp_path, **params).fit(X)


def test_other_images_are_refused(tmp_path):
    break_off(tmp_path, 2)
    with pytest.raises(ValueError, match="of another training: images or noise"):
        cae_with(tmp_path).fit(gray(seed=1))


def test_a_refusal_changes_neither_estimator_nor_checkpoints(tmp_path):
    break_off(tmp_path, 2)
    before = names(tmp_path)
    cae = cae_with(tmp_path, lr=0.5)
    with pytest.raises(ValueError, match="of another training"):
        cae.fit(X)
    assert not hasattr(cae, "net_")
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"path": 3}, "path=3"),
        ({"every": 0}, "every=0"),
        ({"every": True}, "every=True"),
        ({"every": timedelta(0)}, "every=datetime.timedelta"),
        ({"keep": 0}, "keep=0"),
        ({"on_error": "never"}, "on_error='never'"),
    ],
)
def test_parameters_that_are_wrong_are_refused(tmp_path, params, message):
    checkpoint = TrainingCheckpoint(**{"path": tmp_path} | params)
    with pytest.raises(ValueError, match=message):
        small_cae(callbacks=[checkpoint]).fit(X)


def test_two_of_them_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds 2 objects TrainingCheckpoint; a training has one"):
        cae_with(tmp_path, ("other", TrainingCheckpoint(tmp_path))).fit(X)


# --- when it cannot be written


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full, until ``disk.full`` is False."""

    class Disk:
        full = True

    def sync(fd):
        if Disk.full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(_container.os, "fsync", sync)
    return Disk


def test_a_full_disk_is_told_at_the_end_when_the_model_is_fitted(tmp_path, disk):
    cae = cae_with(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        cae.fit(X)
    assert_same_weights(cae, small_cae(max_epochs=6).fit(X))
    assert names(tmp_path) == []


def test_a_full_disk_is_told_at_once_if_the_user_wants(tmp_path, disk):
    cae = cae_with(tmp_path, checkpoint={"on_error": "now"})
    with pytest.raises(OSError, match="No space left"):
        cae.fit(X)
    assert not hasattr(cae, "net_")


def test_a_disk_that_has_room_again_is_no_error(tmp_path, disk):

    class Emptied(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 4:
                disk.full = False

    cae_with(tmp_path, Emptied()).fit(X)
    assert names(tmp_path)[-1] == "epoch_000006.safetensors"


@pytest.mark.parametrize("on_error", ["end", "now"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, on_error):
    (tmp_path / "file").write_text("")
    cae = cae_with(tmp_path / "file" / "folder", checkpoint={"on_error": on_error})
    with pytest.raises(OSError, match="Not a directory"):
        cae.fit(X)
    assert hasattr(cae, "net_") == (on_error == "end")


# --- killed


def train_to(folder):
    torch.set_num_threads(1)
    (folder / "started").touch()
    cae = cae_with(folder / "checkpoints", max_epochs=60, checkpoint={"keep": 2})
    cae.fit(X).save(folder / "trained.safetensors")


def test_a_training_killed_at_twenty_random_moments_ends_as_one_that_was_not(tmp_path):
    """Each process is killed some moment after its start, the last one is left alone."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sklearn_cae", "test_checkpoint"])
    moments, n_killed = random.Random(0), 0
    for attempt in range(21):
        (tmp_path / "started").unlink(missing_ok=True)
        process = context.Process(target=train_to, args=(tmp_path,))
        process.start()
        if attempt < 20:
            while not (tmp_path / "started").exists():
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        n_killed += process.exitcode == -signal.SIGKILL
    assert n_killed >= 15
    assert_same_weights(load(tmp_path / "trained.safetensors"), small_cae(max_epochs=60).fit(X))
    assert not list(Path(tmp_path).glob("**/*.part"))
