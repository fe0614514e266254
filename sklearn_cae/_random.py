"""Seeds and generators that leave the global random state of torch and numpy alone."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

_GLOBAL_GENERATORS = Lock()


def resolve_seed(random_state):
    """Turn a ``random_state`` of scikit-learn into an integer seed.

    ``None`` takes fresh entropy, an int is itself, a generator is drawn from.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**32))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool):
        if 0 <= random_state < 2**32:
            return int(random_state)
    elif isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**32, dtype=np.uint32))
    raise ValueError(
        f"random_state={random_state!r}; allowed are None, an integer from 0 to 2**32 - 1 and a "
        "numpy.random.RandomState."
    )


def seeded(estimator, seed):
    """Give a seed to every part of an unfitted estimator that has none."""
    if isinstance(estimator, FrozenEstimator):
        return estimator
    params = estimator.get_params().items()
    unseeded = [
        name
        for name, value in params
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    return estimator.set_params(**dict.fromkeys(unseeded, seed))


def derived_seed(seed, *stream):
    """Mix a seed with the numbers that name one of its streams."""
    return int(np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0])


def generator_on(device, seed):
    return torch.Generator(device).manual_seed(seed)


@contextmanager
def global_generators_seeded_by(generator: torch.Generator, device: str = "cpu") -> Iterator[None]:
    """Have torch's global generators go on from a given one, for what draws from no other.

    Afterwards they are as they were before. Other threads that do the same wait.

    Parameters
    ----------
    generator : torch.Generator
        Source of the seed, on the CPU.
    device : str, default="cpu"
        Whose generator is seeded besides that of the CPU: that of a CUDA device.
    """
    seed = torch.empty((), dtype=torch.int64, device="cpu").random_(generator=generator).item()
    on_gpu = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with _GLOBAL_GENERATORS, torch.random.fork_rng(devices=on_gpu):
        torch.default_generator.manual_seed(int(seed))
        for gpu in on_gpu:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(int(seed))
        yield


def generators_by_content(images, seed):
    """One generator for each image, keyed by its pixels: no batch changes its noise."""
    salt = seed.to_bytes(8, "little")
    return [generator_on("cpu", int.from_bytes(_digest(image, salt), "little")) for image in images]


def _digest(image, salt):
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=8, salt=salt).digest()
