"""Several processes of ``torch.distributed`` for tests, which end in any case."""

import multiprocessing
import pickle
import time

import torch
from torch import distributed as dist

# Seconds after which the processes are ended.
LIMIT = 120


def run_together(works, folder, size=2):
    """Run functions one after the other in each of several processes.

    Parameters
    ----------
    works : dict of callable
        Functions of modules; each is called with the rank and the folder.
    folder : Path
        A folder of their own.
    size : int, default=2
        Number of processes.

    Returns
    -------
    results : dict of list
        What each function gave, or the exception that it raised, in each process.
    """
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(works, folder, rank, size)) for rank in range(size)
    ]
    for process in processes:
        process.start()
    end = time.monotonic() + LIMIT
    for process in processes:
        process.join(max(0, end - time.monotonic()))
    stuck = [process for process in processes if process.is_alive()]
    for process in stuck:
        process.kill()
    assert not stuck, f"{len(stuck)} processes hang."
    found = [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(size)]
    return {name: [results[name] for results in found] for name in works}


def _work(works, folder, rank, size):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size
    )
    results = {}
    for name, work in works.items():
        try:
            results[name] = work(rank, folder)
        except Exception as error:
            results[name] = error
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(results))
    dist.barrier()
    dist.destroy_process_group()
