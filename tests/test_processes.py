"""Fitted estimators in other processes, and many fits in one."""

import gc
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from small import gray, small_cae

from sklearn_cae import CAEOutlierDetector, LatentSampler, load

X = gray()


@pytest.fixture(scope="module")
def fitted():
    cae = small_cae().fit(X)
    frozen = FrozenEstimator(cae)
    return {
        "cae": cae,
        "detector": CAEOutlierDetector(frozen, random_state=0).fit(X),
        "sampler": LatentSampler(frozen, GaussianMixture(2), random_state=0).fit(X),
    }


def results(fitted):
    return [
        fitted["cae"].predict(X),
        fitted["cae"].transform(X),
        fitted["cae"].feature_maps(X),
        fitted["detector"].score_samples(X),
        fitted["sampler"].sample(3, random_state=0),
    ]


def results_of_a_fit():
    torch.set_num_threads(1)
    return [small_cae(max_epochs=2).fit(X).predict(X)]


def results_of_pickle(stored):
    torch.set_num_threads(1)
    return results(pickle.loads(stored))


def results_of_file(path):
    torch.set_num_threads(1)
    return [load(path).predict(X)]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_results_and_fits_are_the_same_in_a_process_of_its_own(fitted, tmp_path):
    fitted["cae"].save(tmp_path / "cae.safetensors")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert_equal(pool.submit(results_of_pickle, pickle.dumps(fitted)).result(), results(fitted))
        found = pool.submit(results_of_file, tmp_path / "cae.safetensors").result()
        assert_equal(found, [fitted["cae"].predict(X)])
        assert_equal(pool.submit(results_of_a_fit).result(), results_of_a_fit())


# Python tells of forks beside threads, which libraries start; here torch has one.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_results_and_fits_are_the_same_in_a_copy_of_the_process(fitted):
    def work(connection):
        connection.send((results(fitted), results_of_a_fit()))

    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=work, args=(there,))
    process.start()
    assert here.poll(60), "The copy hangs."
    found = here.recv()
    process.join()
    assert_equal(found[0], results(fitted))
    assert_equal(found[1], results_of_a_fit())


def n_tensors():
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


@pytest.mark.parametrize("refit", [False, True], ids=["new estimators", "one estimator"])
def test_many_fits_leave_nothing_behind(refit):
    cae = small_cae(validation_fraction=0.25)

    def fit():
        (cae if refit else small_cae(validation_fraction=0.25)).fit(X).predict(X)

    fit()
    before = n_tensors()
    for _ in range(10):
        fit()
    assert n_tensors() == before
