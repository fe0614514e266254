"""What several workers bring on this computer: two processes that train one network, and a search.

The two processes have one torch thread each, and are compared with one process of two threads; the
search has two workers (``n_jobs=2``), compared with one, both with the number of threads that they
get by default. The two ways take turns; what counts is the ratio of each turn. Nothing else should
run on the computer.

    python benchmarks/processes.py
"""

import argparse
import os
import tempfile
import time

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from torch import distributed as dist
from torch import multiprocessing

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, psnr_scorer

NETWORKS = {
    "default network": Autoencoder(),
    "small network": Autoencoder(ConvEncoder((8, 16), code_channels=16)),
}


def make(network, batch_size):
    return DenoisingCAE(
        NETWORKS[network],
        batch_size=batch_size,
        max_epochs=1,
        validation_fraction=0,
        for_codes=True,
        random_state=0,
    )


def random_images(n):
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def seconds_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def train_when_asked(rank, store, connections, n_images, batch_size):
    """A process of two, which trains the network whose name it gets."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    images = random_images(n_images)
    while (network := connections[rank].recv()) is not None:
        cae = make(network, batch_size)
        connections[rank].send(seconds_of(lambda cae=cae: cae.fit(images)))
    dist.destroy_process_group()


def compare_processes(args):
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = zip(*(multiprocessing.Pipe() for _ in range(2)), strict=True)
        options = (f"{folder}/store", theirs, args.n_images, args.batch_size)
        context = multiprocessing.spawn(train_when_asked, options, nprocs=2, join=False)

        def together(network):
            for end in ours:
                end.send(network)
            return max(end.recv() for end in ours)

        torch.set_num_threads(2)
        images = random_images(args.n_images)

        def alone(network):
            return seconds_of(lambda: make(network, args.batch_size).fit(images))

        for network in NETWORKS:
            compare(
                f"{network}, two threads: time of one process / time of two",
                lambda network=network: alone(network),
                lambda network=network: together(network),
                args.repeats,
            )
        for end in ours:
            end.send(None)
        context.join()


def compare_workers(args):
    torch.set_num_threads(args.threads_of_one)
    images = random_images(args.n_images)

    def search(n_jobs):
        cae = make("small network", args.batch_size)
        grid = {"lr": [1e-3, 2e-3, 5e-3, 1e-2]}
        found = GridSearchCV(cae, grid, scoring=psnr_scorer, cv=2, n_jobs=n_jobs, refit=False)
        return seconds_of(lambda: found.fit(images))

    compare(
        f"search of 8 fits: time of one worker with {args.threads_of_one} thread(s) / time of two",
        lambda: search(1),
        lambda: search(2),
        args.repeats,
    )


def compare(what, one, two, repeats):
    """Print the ratio of two times over several turns, after one to warm up."""
    turns = np.array([(one(), two()) for _ in range(repeats + 1)][1:])
    ratios = turns[:, 0] / turns[:, 1]
    print(
        f"{what}: median {np.median(ratios):.2f}, from {ratios.min():.2f} to {ratios.max():.2f} "
        f"in {repeats} turns; {np.median(turns[:, 0]):.2f} s and {np.median(turns[:, 1]):.2f} s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-images", type=int, default=3200)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads-of-one", type=int, default=os.cpu_count())
    args = parser.parse_args()
    compare_processes(args)
    compare_workers(args)


if __name__ == "__main__":
    main()
