"""Packages that only some features need: how they are imported, and that most work goes without."""

import math
import subprocess
import sys

import pytest

from sklearn_cae._optional import import_optional

OPTIONAL = ["bm3d", "IPython", "matplotlib", "pandas", "polars", "pooch", "pyarrow", "torchvision"]
OPTIONAL += ["umap"]

KEPT_AWAY = f"""
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        missing = name.partition(".")[0] in {OPTIONAL!r}
        return None if missing else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""

WORK = """
import numpy as np
import sklearn_cae
from sklearn_cae import CAEOutlierDetector, ClassicalDenoiser, DenoisingCAE, LatentSampler
from sklearn_cae import Autoencoder, NoiseInjector, PerceptualLoss, UNet, VGG16Encoder

X = np.random.default_rng(0).random((24, 8, 8))
options = dict(max_epochs=1, for_codes=True)
cae = DenoisingCAE(Autoencoder((4,)), **options).fit(X)
cae.predict(X), cae.transform(X), cae.score(X)
DenoisingCAE(UNet((4,)), **options).fit(NoiseInjector().fit_transform(X))
CAEOutlierDetector(cae).fit(X).predict(X)
LatentSampler(cae).fit(X).sample(2)
ClassicalDenoiser("median").fit(NoiseInjector().fit_transform(X))
large = np.random.default_rng(0).random((4, 32, 32))
loss = PerceptualLoss(blocks=1, weights=None)
DenoisingCAE(Autoencoder(VGG16Encoder(1, weights=None)), loss=loss, **options).fit(large)
sklearn_cae.datasets.load_natural_patches(8, n_patches=2)
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_work_is_done_without_the_optional_packages():
    result = run(KEPT_AWAY + WORK)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["pandas", "matplotlib.pyplot"])
def test_a_package_that_is_kept_away_is_missed(name):
    # What the test above would say of an import too many.
    result = run(f"{KEPT_AWAY}\nimport {name}\n")
    assert result.returncode == 1
    assert f"No module named {name.partition('.')[0]!r}" in result.stderr


def test_an_installed_package_is_returned():
    assert import_optional("math", extra="datasets", purpose="Rounding") is math


def test_a_missing_package_gives_the_purpose_and_the_pip_lines():
    message = (
        r"Downloading x needs the optional package not_there_at_all.* "
        r'`pip install "sklearn-cae\[datasets\]"` or `pip install not_there_at_all`'
    )
    with pytest.raises(ImportError, match=message):
        import_optional("not_there_at_all", extra="datasets", purpose="Downloading x")
