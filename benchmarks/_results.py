"""Results of jobs, kept as lines of JSON in a file."""

import json
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed


def resume(path, jobs, run, n_jobs=1):
    """Run the jobs that a file holds no result of, add theirs to it, and return all results.

    Parameters
    ----------
    path : str
        The file; it need not exist.
    jobs : list of dict
        What to run.
    run : callable
        Makes a result of a job: a dict with the items of the job and others.
    n_jobs : int, default=1
        Number of processes.

    Returns
    -------
    results : list of dict
        Those of the file, in its order.
    """
    path = Path(path)
    results = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    todo = [job for job in jobs if not any(job.items() <= result.items() for result in results)]
    runs = Parallel(n_jobs, return_as="generator_unordered")(delayed(run)(job) for job in todo)
    with path.open("a") as file:
        for result in runs:
            results.append(result)
            file.write(json.dumps(result) + "\n")
            file.flush()
    return results


def spread(values, digits):
    """Mean and, where there are several values, their standard deviation."""
    deviation = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{deviation}"
