import numpy as np
import pytest
import torch

from sklearn_cae._random import derived_seed, generator_on, generators_by_content, resolve_seed


def draws(generators):
    return [torch.rand(1, generator=generator).item() for generator in generators]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(256, size=(4, 5, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 2**32 - 1])
def test_an_integer_is_its_own_seed(seed):
    assert resolve_seed(seed) == seed


def test_no_random_state_takes_a_fresh_seed_each_time():
    assert resolve_seed(None) != resolve_seed(None)


def test_no_random_state_does_not_follow_the_global_seed_of_numpy():
    np.random.seed(0)  # noqa: NPY002
    first = resolve_seed(None)
    np.random.seed(0)  # noqa: NPY002
    assert resolve_seed(None) != first


def test_equal_random_states_give_equal_seeds():
    one, other = np.random.RandomState(3), np.random.RandomState(3)
    assert resolve_seed(one) == resolve_seed(other)


def test_a_random_state_gives_another_seed_at_each_use():
    state = np.random.RandomState(3)
    assert resolve_seed(state) != resolve_seed(state)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", True, np.random.default_rng(0)])
def test_anything_else_is_refused_as_random_state(seed):
    with pytest.raises(ValueError, match=r"allowed are None, an integer from 0 to 2\*\*32 - 1"):
        resolve_seed(seed)


def test_streams_of_one_seed_differ():
    seeds = {derived_seed(0), derived_seed(0, 0, 1), derived_seed(0, 1), derived_seed(0, 1, 1)}
    assert len(seeds) == 4


def test_a_derived_seed_is_always_the_same():
    assert derived_seed(5, 2, 3) == derived_seed(5, 2, 3)


def test_a_derived_seed_fits_a_generator():
    assert generator_on("cpu", derived_seed(5, 2)).initial_seed() == derived_seed(5, 2)


def test_an_image_has_its_own_generator_whatever_its_neighbours(images):
    assert (
        draws(generators_by_content(images[2:3], 0)) == draws(generators_by_content(images, 0))[2:3]
    )


def test_different_images_have_different_generators(images):
    assert len(set(draws(generators_by_content(images, 0)))) == len(images)


def test_another_seed_gives_an_image_another_generator(images):
    assert draws(generators_by_content(images, 0)) != draws(generators_by_content(images, 1))


def test_the_memory_layout_of_an_image_does_not_change_its_generator(images):
    fortran = np.ascontiguousarray(images.transpose(0, 3, 2, 1)).transpose(0, 3, 2, 1)
    assert draws(generators_by_content(fortran, 0)) == draws(generators_by_content(images, 0))
