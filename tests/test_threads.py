from types import SimpleNamespace

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from skorch.callbacks import Callback
from small import assert_same_weights, gray, small_cae

from sklearn_cae import Autoencoder, ResUNet, UNet, _threads
from sklearn_cae._threads import SharedCores, threads_of_worker

X = gray()


@pytest.fixture(autouse=True)
def two_threads_by_default(monkeypatch):
    """As on a machine with two cores where nobody has set the number."""
    for variable in _threads.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(_threads, "DEFAULT_THREADS", 2)
    # What else this machine does is not to matter.
    monkeypatch.setattr(_threads, "FIRST_LOOK", float("inf"))
    monkeypatch.setattr(_threads, "LOOKS", _threads.Looks())
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Threads(Callback):
    """Keeps how many threads a training has."""

    def on_train_begin(self, net, **kwargs):
        self.number_ = torch.get_num_threads()


def number_in_fit():
    torch.set_num_threads(2)  # Of this thread; others may have changed what a new one takes.
    callback = Threads()
    small_cae(callbacks=[callback]).fit(X)
    return callback.number_, torch.get_num_threads()


def number_within():
    torch.set_num_threads(2)
    with threads_of_worker():
        return torch.get_num_threads()


def in_workers(function):
    return Parallel(2, backend="threading")(delayed(function)() for _ in range(2))


def test_a_fit_in_a_worker_has_one_thread_and_leaves_the_number_as_it_was():
    assert in_workers(number_in_fit) == [(1, 2)] * 2


def test_a_fit_outside_of_workers_has_all_threads():
    assert number_in_fit() == (2, 2)


def test_one_job_is_no_worker():
    assert Parallel(1)(delayed(number_within)() for _ in range(2)) == [2, 2]


@pytest.mark.parametrize("variable", _threads.VARIABLES)
def test_a_number_of_the_environment_is_kept(variable, monkeypatch):
    monkeypatch.setenv(variable, "2")
    assert in_workers(number_within) == [2, 2]


def test_a_number_that_torch_was_told_is_kept(monkeypatch):
    monkeypatch.setattr(_threads, "DEFAULT_THREADS", 4)
    assert in_workers(number_within) == [2, 2]


def number_meanwhile():
    torch.set_num_threads(1)  # As another worker does,
    with threads_of_worker():
        torch.set_num_threads(2)  # and sets it back.
    return torch.get_num_threads()


def test_the_number_that_another_worker_has_set_back_stays():
    assert in_workers(number_meanwhile) == [2, 2]


def number_after_an_error():
    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="lr"):
        small_cae(lr=-1).fit(X)
    return torch.get_num_threads()


def test_the_number_comes_back_after_an_error():
    assert in_workers(number_after_an_error) == [2, 2]


# --- cores that other programs use


def busy(monkeypatch, slowdown):
    """Cores on which a convolution takes so many times as long with two threads."""
    monkeypatch.setattr(_threads, "FIRST_LOOK", 0)
    monkeypatch.setattr(_threads, "INTERVAL", 0)

    def seconds(n_threads, limit):
        torch.set_num_threads(n_threads)
        return slowdown() if n_threads > 1 else 1

    monkeypatch.setattr(_threads, "_seconds_of_convolutions", seconds)


class ThreadsOfEachBatch(Callback):
    def on_train_begin(self, net, **kwargs):
        self.numbers_ = []

    def on_batch_end(self, net, **kwargs):
        self.numbers_.append(torch.get_num_threads())


def numbers_in_fit(**options):
    callback = ThreadsOfEachBatch()
    options = {"max_epochs": 2, "validation_fraction": 0, "batch_size": 8} | options
    small_cae(callbacks=[callback], **options).fit(gray(16))
    assert torch.get_num_threads() == 2
    return callback.numbers_


def test_a_fit_takes_fewer_threads_while_others_use_the_cores(monkeypatch):
    slowdowns = iter([9, 1, 9, 1.2])
    busy(monkeypatch, lambda: next(slowdowns))
    assert numbers_in_fit(random_state=None) == [1, 2, 1, 2]


def test_a_fit_that_is_to_be_repeated_keeps_its_threads_and_warns_once(monkeypatch):
    busy(monkeypatch, lambda: 9)
    with pytest.warns(UserWarning, match="takes 9 times as long as with 1") as warned:
        assert numbers_in_fit(random_state=0) == [2] * 4
    assert [warning.filename for warning in warned] == [__file__]


def test_a_short_fit_does_not_look(monkeypatch):
    busy(monkeypatch, lambda: pytest.fail("It looked."))
    monkeypatch.setattr(_threads, "FIRST_LOOK", 60)
    assert numbers_in_fit(random_state=None) == [2] * 4


def test_a_number_that_was_set_is_kept_on_busy_cores(monkeypatch):
    busy(monkeypatch, lambda: pytest.fail("It looked."))
    monkeypatch.setattr(_threads, "DEFAULT_THREADS", 4)
    assert numbers_in_fit(random_state=None) == [2] * 4


@pytest.mark.parametrize("method", ["predict", "transform", "score_samples"])
def test_results_are_made_with_fewer_threads_on_busy_cores(method, monkeypatch):
    cae = small_cae().fit(X)
    busy(monkeypatch, lambda: 9)
    numbers = []
    monkeypatch.setattr(
        "sklearn_cae._inference._padded",
        lambda batch, size: numbers.append(torch.get_num_threads()) or batch,
    )
    getattr(cae, method)(gray(64))
    assert numbers == [1]
    assert torch.get_num_threads() == 2


class ShortCalls:
    """Calls of 0.4 seconds in a row, on busy cores and by a clock of their own."""

    def __init__(self, monkeypatch):
        self.seconds = 1000.0
        self.n_looks = 0
        busy(monkeypatch, lambda: self.slowdown())
        monkeypatch.setattr(_threads, "FIRST_LOOK", 1)
        monkeypatch.setattr(_threads, "INTERVAL", 10)
        monkeypatch.setattr(_threads, "FORGOTTEN", 60)
        monkeypatch.setattr(_threads, "time", SimpleNamespace(monotonic=lambda: self.seconds))

    def slowdown(self):
        self.n_looks += 1
        return 9

    def threads(self, n_calls, keep=False):
        """The number of threads of each."""
        numbers = []
        for _ in range(n_calls):
            with threads_of_worker():
                SharedCores("cpu", keep=keep).look()
                numbers.append(torch.get_num_threads())
            self.seconds += 0.4
        return numbers


@pytest.fixture
def short_calls(monkeypatch):
    return ShortCalls(monkeypatch)


def test_short_calls_in_a_row_take_fewer_threads_on_busy_cores(short_calls):
    assert short_calls.threads(6) == [2, 2, 2, 1, 1, 1]
    assert torch.get_num_threads() == 2
    assert short_calls.n_looks == 1


def test_the_cores_are_looked_at_again_after_some_seconds_of_short_calls(short_calls):
    short_calls.threads(25)
    assert short_calls.n_looks == 1
    short_calls.slowdown = lambda: 1
    assert short_calls.threads(5) == [1, 1, 1, 1, 2]


def test_what_was_seen_is_forgotten_after_a_minute_without_a_call(short_calls):
    short_calls.threads(4)
    short_calls.seconds += 59
    assert short_calls.threads(1) == [1]
    assert short_calls.n_looks == 2
    short_calls.seconds += 61
    assert short_calls.threads(4) == [2, 2, 2, 1]
    assert short_calls.n_looks == 3


def test_short_trainings_that_are_to_be_repeated_keep_their_threads(short_calls):
    short_calls.threads(4)
    assert short_calls.threads(6, keep=True) == [2] * 6
    assert short_calls.n_looks == 1


def test_long_steps_of_a_training_are_looked_at(short_calls):
    with threads_of_worker():
        cores = SharedCores("cpu", keep=False)
        short_calls.seconds += 100
        cores.look()
        assert torch.get_num_threads() == 1


def test_the_fastest_number_of_threads_is_found(monkeypatch):
    seconds = {8: 3, 4: 1, 2: 2, 1: 4}
    monkeypatch.setattr(_threads, "_seconds_of_convolutions", lambda n, limit: seconds[n])
    assert _threads.fastest_threads(8) == (4, 3)
    seconds[4] = 2.1
    assert _threads.fastest_threads(8) == (8, 1)


def test_a_convolution_is_timed_with_the_number_of_threads():
    assert _threads.fastest_threads(1) == (1, 1)
    fastest, gain = _threads.fastest_threads(2)
    assert fastest == (1 if gain > 1 else 2)
    assert torch.get_num_threads() == 2


# --- what depends on the number of threads

NETWORKS = {
    "spatial code": Autoencoder((8, 16)),
    "flat code": Autoencoder((8, 16), latent_dim=8),
    "U-Net": UNet((8, 16)),
    "residual U-Net": ResUNet((8, 16), blocks=1),
}
# Large enough for torch to share them out.
IMAGES = gray(16, 32, 32)


def results(cae, n_threads):
    torch.set_num_threads(n_threads)
    codes = cae.transform(IMAGES)
    return {
        "predict": cae.predict(IMAGES),
        "score_samples": cae.score_samples(IMAGES),
        "transform": codes / max(1, np.abs(codes).max()),
    }


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_results_depend_on_the_number_of_threads_by_rounding_alone(network):
    torch.set_num_threads(1)
    cae = small_cae(network, batch_size=16).fit(IMAGES)
    one, two = results(cae, 1), results(cae, 2)
    for name, result in one.items():
        # float32 resolves 1e-7 of the range; sums are added up in another order.
        np.testing.assert_allclose(result, two[name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", ["flat code", "residual U-Net"])
def test_with_one_number_of_threads_a_training_is_the_same_each_time(name):
    one, other = (
        small_cae(NETWORKS[name], batch_size=16, random_state=0).fit(IMAGES) for _ in range(2)
    )
    assert torch.get_num_threads() == 2
    assert_same_weights(one, other)
