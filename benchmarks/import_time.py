"""What ``import sklearn_cae`` costs beside torch, skorch and scikit-learn.

Each turn starts a Python for either and takes the ratio of their processor times. The sources are
compiled once, as after an installation.

    python benchmarks/import_time.py
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np

NEEDED = "import torch, skorch, sklearn"
OURS = "import sklearn_cae"


def seconds_of(code, folder):
    """Processor seconds of a Python that runs this code, with bytecode kept in a folder."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for code in (NEEDED, OURS):
            seconds_of(code, folder)
        turns = [[seconds_of(code, folder) for code in (NEEDED, OURS)] for _ in range(args.repeats)]
    needed, ours = np.transpose(turns)
    ratios = ours / needed
    print(f"{OURS}: {np.median(ours):.2f} s, {NEEDED}: {np.median(needed):.2f} s")
    print(f"ratio {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})")


if __name__ == "__main__":
    main()
