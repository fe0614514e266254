"""Two processes train one network."""

import re
import time
import warnings
import weakref
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import torch
from lazy import Slices
from sklearn.mixture import GaussianMixture
from skorch.callbacks import Callback, Checkpoint
from small import colour, gray, small_autoencoder, small_cae, small_unet, weights
from together import run_together
from torch import distributed as dist

from sklearn_cae import (
    CAEOutlierDetector,
    DensityScore,
    GaussianNoise,
    LatentSampler,
    NoiseInjector,
    Patches,
)
from sklearn_cae.callbacks import ReconstructionSnapshots, TrainingCheckpoint
from sklearn_cae.training import _processes, describe_call

X = gray(n=27)
# More than are compared of images that are read one by one.
MANY = gray(n=150)
PHOTOGRAPHS = [image[: 20 + 3 * i] for i, image in enumerate(colour(6, 40, 24))]
# Rounding of float32, over the steps of two epochs.
SAME = {"rtol": 0, "atol": 1e-4}
# Rounding of bfloat16, over as many steps.
ALIKE = {"rtol": 0, "atol": 3e-3}


def plain():
    return small_cae(small_autoencoder(normalization=None), max_epochs=2, lr=1e-3)


# Trainings that are the same in one process: batches of 6 or 7 of the 25 images that are left to
# train on are never divided equally.
TRAININGS = {
    "without normalisation": lambda: plain().fit(X),
    "batch normalisation": lambda: small_cae(max_epochs=2, lr=1e-3).fit(X),
    "a flat code": lambda: small_cae(small_autoencoder(latent_dim=3), lr=1e-3).fit(X),
    "pairs": lambda: plain().fit(np.sqrt(X), X),
    "masked": lambda: small_cae(small_unet(), target="masked", lr=1e-3).fit(X),
    "patches": lambda: small_cae(
        small_unet(), patches=Patches(8, per_image=3), lr=1e-3, validation_fraction=0.2
    ).fit(PHOTOGRAPHS),
    "partial_fit": lambda: plain().fit(X).partial_fit(X[:9]),
    "early stopping": lambda: small_cae(
        max_epochs=4, lr=1e-3, early_stopping=True, patience=1, validation_fraction=0.3
    ).fit(X),
}
# These differ from one process by the rounding of bfloat16, which is coarser.
ROUGH = {
    "bfloat16": lambda: plain().set_params(precision="bfloat16").fit(gray(27, 16, 16)),
    "bfloat16 with batch normalisation": lambda: small_cae(
        precision="bfloat16", max_epochs=2, lr=1e-3
    ).fit(gray(27, 16, 16)),
}


class Fails(Callback):
    """Fails in one process after a step."""

    def __init__(self, rank):
        self.rank = rank

    def on_batch_end(self, net, training=None, **kwargs):
        if training and dist.get_rank() == self.rank:
            raise OSError("The disk has vanished.")


class FailsInSecondEpoch(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            raise OSError("The power is off.")


class Sleeps(Callback):
    """Keeps the last process from answering."""

    def on_train_begin(self, net, **kwargs):
        if dist.get_rank() == 1:
            time.sleep(3)


class ShowsProgress(Callback):
    def on_train_begin(self, net, **kwargs):
        self.shows_progress_ = "progress" in dict(net.callbacks_)


class NotANumber(torch.nn.Module):
    """A loss that is NaN in the last process only."""

    def forward(self, output, target):
        return (output - target).square().mean() / (1 - dist.get_rank())


class Training:
    """One of the trainings, by its name so that it can be pickled."""

    def __init__(self, name):
        self.name = name

    def __call__(self, rank, folder):
        cae = (TRAININGS | ROUGH)[self.name]()
        return {
            "weights": weights(cae),
            "history": cae.history_,
            "optimizer": numbers_of(cae.net_.optimizer_),
            "seed": cae.seed_,
        }


def numbers_of(optimizer):
    states = optimizer.state_dict()["state"]
    return {
        f"{key} {name}": np.asarray(value)
        for key, state in states.items()
        for name, value in state.items()
    }


def without_a_seed(rank, folder):
    cae = plain().set_params(random_state=None).fit(X)
    return weights(cae), cae.seed_


def with_a_random_state(rank, folder):
    random_state = np.random.RandomState(0)
    plain().set_params(random_state=random_state).fit(X)
    return random_state.randint(1000)


def used_afterwards(rank, folder):
    """What one process does with a fitted estimator while the other one does nothing."""
    cae = plain().fit(X)
    if rank == 0:
        cae.save(folder / "cae.safetensors")
        return cae.predict(X), cae.transform(X), cae.score(X)
    return None


def detector_without_a_seed(rank, folder):
    return CAEOutlierDetector(plain()).fit(X).score_samples(X)


def sampler_without_a_seed(rank, folder):
    return LatentSampler(plain()).fit(X).sample(3, random_state=0)


def other_noise(rank, folder):
    noisy = NoiseInjector(GaussianNoise(0.1 + 0.1 * rank), random_state=0).fit_transform(X)
    small_cae(noise=None).fit(noisy)


def other_seed_of_a_detector(rank, folder):
    CAEOutlierDetector(plain(), random_state=None if rank else 0).fit(X)


def other_groups_of_a_detector(rank, folder):
    """An error of a detector before its autoencoder is trained."""
    CAEOutlierDetector(plain(), random_state=0).fit(X, groups=np.arange(len(X) - rank))


class FailsInLast(GaussianMixture):
    """A density that fails in the last process only."""

    def fit(self, X, y=None):
        if dist.get_rank() == 1:
            raise OSError("The disk has vanished.")
        return super().fit(X)


def density_of_a_detector_fails_in_last(rank, folder):
    """An error after the training of an autoencoder, and before that of the next one."""
    score = DensityScore(density=FailsInLast())
    CAEOutlierDetector(plain(), outlier_score=score, random_state=0).fit(X)


class Catches(GaussianMixture):
    """A density that trains a network, and goes on after its error."""

    def fit(self, X, y=None):
        with suppress(ValueError):
            plain().set_params(batch_size=-dist.get_rank() or 5).fit(gray(9))
        return super().fit(X)


def error_within_a_sampler_is_caught(rank, folder):
    LatentSampler(plain(), Catches(), random_state=0).fit(X)


def density_of_a_sampler_fails_in_last(rank, folder):
    """An error after all that is trained."""
    LatentSampler(plain(), FailsInLast(), random_state=0).fit(X)


def other_method(rank, folder):
    cae = plain().set_params(validation_fraction=0)
    cae.partial_fit(X) if rank else cae.fit(X)


def wrong_in_one(rank, folder):
    """A subclass of ValueError is one in the other process, too."""
    plain().set_params(batch_size=-rank or 5).fit(X)


def detector(rank, folder):
    return CAEOutlierDetector(plain(), random_state=0).fit(X).score_samples(X)


def writes(rank, folder):
    """What a process writes, into a folder of its own, and whether it shows progress."""
    own = folder / f"of {rank}"
    shows = ShowsProgress()
    callbacks = [
        shows,
        Checkpoint(dirname=own / "skorch", monitor=None),
        TrainingCheckpoint(own / "ours"),
        ReconstructionSnapshots(X[:2], path=own / "snapshots", every=2),
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain().set_params(callbacks=callbacks, verbose=1, for_codes=False).fit(X)
    written = {path.parent.name for path in own.rglob("*") if path.is_file()}
    # Not what old packages are warned of by new ones.
    told = [w.category.__name__ for w in caught if not issubclass(w.category, DeprecationWarning)]
    return written, shows.shows_progress_, told


def taken_up(rank, folder):
    """A training that was broken off, of which the first process alone sees the files."""
    own = folder / f"taken up by {rank}"
    with pytest.raises(OSError, match="The power is off"):
        plain().set_params(callbacks=[FailsInSecondEpoch(), TrainingCheckpoint(own)]).fit(X)
    again = plain().set_params(callbacks=[TrainingCheckpoint(own)], random_state=None)
    return weights(again.fit(X))


def other_data(rank, folder):
    changed = X.copy()
    changed[:, 0, 0] = rank / 2
    plain().fit(changed)


def inverted_in_last(rank, image):
    """Give one process another image, whose values have the same range."""
    if rank:
        image[:] = 1 - image


def other_image(rank, folder):
    """What is said where one image differs, half of which are held out: of each of six."""
    told = []
    for number in range(6):
        changed = MANY.copy()
        inverted_in_last(rank, changed[number])
        try:
            plain().set_params(validation_fraction=0.5).fit(changed)
        except ValueError as error:
            told.append(str(error))
    return told


def other_image_in_list(rank, folder):
    changed = [image.copy() for image in PHOTOGRAPHS]
    inverted_in_last(rank, changed[3])
    small_cae(small_unet(), patches=Patches(8, per_image=1, augment=False)).fit(changed)


def other_image_of_pairs(rank, folder):
    changed = X.copy()
    inverted_in_last(rank, changed[3])
    plain().fit(X, changed)


def other_image_read_lazily(rank, folder):
    """A sample of what is read block by block is compared, here each third image."""
    changed = MANY.copy()
    inverted_in_last(rank, changed[3])
    plain().fit(Slices(changed))


def other_number(rank, folder):
    plain().fit(X[rank:])


def other_params(rank, folder):
    plain().set_params(lr=(0.1, 0.2, 0.2)[rank]).fit(X)


def other_part_of_a_param(rank, folder):
    plain().set_params(network__latent_dim=2 + rank).fit(X)


def other_weights(rank, folder):
    """It also leaves the estimator as it was."""
    cae = plain().fit(X).set_params(warm_start=True)
    with torch.no_grad():
        next(cae.net_.module_.parameters()).add_(rank)
    before = weights(cae)
    try:
        cae.fit(X)
    finally:
        np.testing.assert_equal(weights(cae), before)


def bad_input_in_one(rank, folder):
    images = X.copy()
    images[0, 0, 0] = np.nan if rank else 0
    plain().fit(images)


def error_in_first(rank, folder):
    small_cae(callbacks=[Fails(0)]).fit(X)


def error_in_last(rank, folder):
    small_cae(callbacks=[Fails(1)]).fit(X)


def still_connected(rank, folder):
    """Whether a process whose error is kept holds the connections of the training."""
    groups = []

    def new_group(*args, **kwargs):
        group = dist.distributed_c10d.new_group(*args, **kwargs)
        groups.append(weakref.ref(group))
        return group

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dist, "new_group", new_group)
        with pytest.raises((OSError, RuntimeError), match="The disk has vanished") as kept:
            small_cae(callbacks=[Fails(1)]).fit(X)
    return kept.value is not None and groups[0]() is not None


def diverges_in_last(rank, folder):
    small_cae(loss=NotANumber).fit(X)


def last_is_stuck(rank, folder):
    with time_limit_of_a_second():
        plain().set_params(callbacks=[Sleeps()]).fit(X)


def last_does_not_call(rank, folder):
    if rank == 0:
        with time_limit_of_a_second():
            plain().fit(X)


def too_few(rank, folder):
    plain().fit(X[:2])


@contextmanager
def time_limit_of_a_second():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_processes, "TIME_LIMIT", timedelta(seconds=1))
        yield


def named(*works):
    return {work.__name__: work for work in works}


RESULTS = named(
    without_a_seed,
    with_a_random_state,
    used_afterwards,
    detector,
    detector_without_a_seed,
    sampler_without_a_seed,
    writes,
    taken_up,
    other_image,
)
LAMBDAS = {
    "the same": lambda: torch.nn.HuberLoss(delta=0.1),
    "another number": lambda: torch.nn.HuberLoss(delta=0.2),
    "another class": lambda: torch.nn.SmoothL1Loss(beta=0.1),
    "a lambda in it": lambda: (lambda: torch.nn.HuberLoss(delta=0.1))(),
    "another one in it": lambda: (lambda: torch.nn.HuberLoss(delta=0.2))(),
}


def other_lambda(rank, folder):
    plain().set_params(loss=list(LAMBDAS.values())[rank]).fit(X)


# What fails in both processes, and what each says.
DIFFER = "Processes that train one network differ"
OTHER_VALUES = rf"{DIFFER} \(values: .* in process 0, .* in process 1\)"
VANISHED = "OSError: The disk has vanished."
ERRORS = {
    other_data: [(ValueError, OTHER_VALUES)] * 2,
    other_image_in_list: [(ValueError, OTHER_VALUES)] * 2,
    other_image_of_pairs: [(ValueError, OTHER_VALUES)] * 2,
    other_image_read_lazily: [(ValueError, OTHER_VALUES)] * 2,
    other_number: [(ValueError, "number of training images: 25 in process 0, 24 in process 1")] * 2,
    other_noise: [(ValueError, r"\(noise: .*std=0.1.* in process 0, .*std=0.2")] * 2,
    other_seed_of_a_detector: [(ValueError, "random_state: 0 in process 0, None in process 1")] * 2,
    other_groups_of_a_detector: [
        (ValueError, "process 1 failed: ValueError: .*groups"),
        (ValueError, "groups"),
    ],
    density_of_a_detector_fails_in_last: [
        (RuntimeError, f"process 1 failed: {VANISHED}"),
        (OSError, "vanished"),
    ],
    density_of_a_sampler_fails_in_last: [
        (RuntimeError, f"process 1 failed: {VANISHED}"),
        (OSError, "vanished"),
    ],
    error_within_a_sampler_is_caught: [
        (RuntimeError, "has lost the others.*An error before has closed the connections")
    ]
    * 2,
    other_method: [(ValueError, "method: fit in process 0, partial_fit in process 1")] * 2,
    wrong_in_one: [
        (ValueError, "process 1 failed: InvalidParameterError: The 'batch_size' parameter"),
        (ValueError, "^The 'batch_size' parameter"),
    ],
    other_params: [(ValueError, r"\(lr: 0.1 in process 0, 0.2 in process 1\)")] * 2,
    other_part_of_a_param: [(ValueError, "latent_dim=2.*process 0.*latent_dim=3.*process 1")] * 2,
    other_lambda: [(ValueError, "loss: <lambda> of code .* in process 0, <lambda> of")] * 2,
    other_weights: [(ValueError, "other weights in process 1 than in process 0")] * 2,
    bad_input_in_one: [
        (ValueError, "The training ends because process 1 failed: ValueError: .*Input X contains"),
        (ValueError, "^X cannot be read"),
    ],
    error_in_first: [(OSError, "vanished"), (RuntimeError, f"process 0 failed: {VANISHED}")],
    error_in_last: [(RuntimeError, f"process 1 failed: {VANISHED}"), (OSError, "vanished")],
    diverges_in_last: [(ValueError, "failed.*loss became inf"), (ValueError, "^The training loss")],
    last_is_stuck: [
        (RuntimeError, r"Process 0 of 2 has lost the others: .* for 0:00:01"),
        (RuntimeError, "process 0 failed: RuntimeError: Process 0 of 2 has lost the others"),
    ],
    last_does_not_call: [
        (RuntimeError, "has lost the others.*Every process has to call fit"),
        None,
    ],
}
WORKS = {name: Training(name) for name in TRAININGS | ROUGH} | RESULTS | named(*ERRORS)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run_together(WORKS, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def results_of_three(tmp_path_factory):
    works = {"batch normalisation": Training("batch normalisation")}
    works |= named(too_few, error_in_last, still_connected)
    return run_together(works, tmp_path_factory.mktemp("three"), size=3)


@pytest.mark.parametrize("name", TRAININGS)
def test_two_processes_train_the_network_of_one(name, results):
    alone = Training(name)(0, None)
    for found in results[name]:
        for weight, expected in alone["weights"].items():
            np.testing.assert_allclose(found["weights"][weight], expected, **SAME, err_msg=weight)
        assert found["history"].keys() == alone["history"].keys()
        for curve in alone["history"].keys() - {"duration"}:
            # PSNR in dB, and losses of at most 1.
            expected = alone["history"][curve]
            np.testing.assert_allclose(found["history"][curve], expected, atol=1e-2, err_msg=curve)


@pytest.mark.parametrize("name", ROUGH)
def test_two_processes_in_bfloat16_train_about_the_network_of_one(name, results):
    alone = Training(name)(0, None)
    found = results[name][0]
    for weight, expected in alone["weights"].items():
        np.testing.assert_allclose(found["weights"][weight], expected, **ALIKE, err_msg=weight)
    np.testing.assert_allclose(
        found["history"]["valid_psnr"], alone["history"]["valid_psnr"], atol=0.05
    )


SEEDLESS = ("without_a_seed", "detector_without_a_seed", "sampler_without_a_seed")


@pytest.mark.parametrize("name", [*TRAININGS, *ROUGH, *SEEDLESS])
def test_two_processes_end_with_the_same_bits(name, results):
    np.testing.assert_equal(*results[name])


def test_three_processes_train_the_network_of_one(results_of_three):
    alone = Training("batch normalisation")(0, None)
    first, *others = results_of_three["batch normalisation"]
    for weight, expected in alone["weights"].items():
        np.testing.assert_allclose(first["weights"][weight], expected, **SAME, err_msg=weight)
    for other in others:
        np.testing.assert_equal(other, first)


def test_a_random_state_is_drawn_from_in_every_process(results):
    assert len(set(results["with_a_random_state"])) == 1


def test_a_fitted_estimator_needs_no_other_process(results):
    denoised, codes, score = results["used_afterwards"][0]
    alone = plain().fit(X)
    np.testing.assert_allclose(denoised, alone.predict(X), **SAME)
    np.testing.assert_allclose(codes, alone.transform(X), rtol=0, atol=1e-3)
    assert score == pytest.approx(alone.score(X), abs=1e-2)


def test_a_detector_scores_alike_in_every_process(results):
    np.testing.assert_array_equal(*results["detector"])


def test_the_first_process_alone_writes_shows_and_warns(results):
    first, other = results["writes"]
    assert first == ({"skorch", "ours", "snapshots"}, True, ["ConvergenceWarning"])
    assert other == (set(), False, [])


def test_a_training_is_taken_up_from_the_files_of_the_first_process(results):
    for found in results["taken_up"]:
        for name, expected in results["without normalisation"][0]["weights"].items():
            np.testing.assert_array_equal(found[name], expected, err_msg=name)


@pytest.mark.parametrize("work", ERRORS)
def test_an_error_is_told_in_every_process(work, results):
    for found, expected in zip(results[work.__name__], ERRORS[work], strict=True):
        if expected is None:
            assert found is None
            continue
        with pytest.raises(expected[0], match=expected[1]):
            raise found


def test_each_image_counts_also_those_held_out(results):
    for told in results["other_image"]:
        assert len(told) == 6
        assert all(re.search(OTHER_VALUES, message) for message in told)


def described(cae):
    return describe_call(cae, resume=False, one_pass=False)


def test_functions_are_compared_by_their_code():
    told = [described(small_cae(loss=loss))["loss"] for loss in LAMBDAS.values()]
    assert len(set(told)) == len(LAMBDAS)
    again = small_cae(loss=lambda: torch.nn.HuberLoss(delta=0.1))
    assert described(again)["loss"].split()[-1] == told[0].split()[-1]


@pytest.mark.parametrize(
    "make",
    [
        np.array,
        lambda values: np.array([*values, 0.5])[::-1],
        lambda values: np.array([[*values], None], dtype=object),
        torch.tensor,
        lambda values: torch.nn.Parameter(torch.tensor(values, dtype=torch.bfloat16)),
    ],
)
def test_numbers_in_a_parameter_are_compared(make):
    one, same, other = (
        described(small_cae(loss=partial(torch.nn.BCEWithLogitsLoss, pos_weight=make([weight]))))
        for weight in (1.0, 1.0, 2.0)
    )
    assert one["loss"] == same["loss"] != other["loss"]


def test_fewer_images_than_processes_are_refused_in_each(results_of_three):
    for found in results_of_three["too_few"]:
        with pytest.raises(ValueError, match=r"A batch of 2 image\(s\) is too few for 3 processes"):
            raise found


def test_an_error_in_one_of_three_ends_the_others(results_of_three):
    kinds = [type(found) for found in results_of_three["error_in_last"]]
    assert kinds == [RuntimeError, OSError, RuntimeError]


def test_an_error_that_is_kept_holds_no_connection(results_of_three):
    # Or else the others would wait for this process.
    assert results_of_three["still_connected"] == [False] * 3
