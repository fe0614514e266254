"""Memory of a training step serves the next one."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS_OF_A_FIT = """
import resource
import numpy as np
from sklearn_cae import DenoisingCAE

images = np.random.default_rng(0).integers(0, 256, (640, 28, 28), dtype=np.uint8)
cae = DenoisingCAE(noise="gaussian", max_epochs=5, validation_fraction=0, random_state=0)
cae.fit(images)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
cae.fit(images)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep other memory")
def test_steps_do_not_ask_the_system_for_memory_again():
    """Without it each of the 100 steps asks for hundreds of pages."""
    # Workers of dask have set a threshold, which then stays as it is.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    printed = subprocess.run(
        [sys.executable, "-c", FAULTS_OF_A_FIT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env=environment,
    )
    assert int(printed.stdout) < 4000
