"""The README runs as it is written, and the documentation lists every name that is taken."""

import re
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from skimage.io import imread, imsave

from sklearn_cae import (
    CAEOutlierDetector,
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
)
from sklearn_cae.classical import FILTERS
from sklearn_cae.learning import LOSSES
from sklearn_cae.metrics import peak_signal_noise_ratio
from sklearn_cae.networks import NETWORKS
from sklearn_cae.noise import NOISE_MODELS
from sklearn_cae.outliers import SCORES
from sklearn_cae.training import LR_SCHEDULES, OPTIMIZERS

README = Path(__file__).parents[1] / "README.md"
# What each table of names is for, and where a reader looks its names up.
TABLES = {
    "network": (NETWORKS, DenoisingCAE),
    "loss": (LOSSES, DenoisingCAE),
    "optimizer": (OPTIMIZERS, DenoisingCAE),
    "lr_schedule": (LR_SCHEDULES, DenoisingCAE),
    "noise": (NOISE_MODELS, NoiseInjector),
    "filter": (FILTERS, ClassicalDenoiser),
    "outlier_score": (SCORES, CAEOutlierDetector),
}

# What the README says in dB of noisy and denoised images, and how much worse another version of
# torch may denoise: it trains another network.
NOISY, DENOISED, WORSE = 20.5, 29.3, 0.8


@pytest.fixture(scope="module")
def blocks():
    """The Python code of the README, block by block: a folder, then a training."""
    text = README.read_text(encoding="utf-8")
    folder, training = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return {"folder": folder, "training": training}


def run(code):
    exec(compile(code, README.name, "exec"), {})


def test_the_code_of_the_readme_denoises_a_folder(blocks, tmp_path, monkeypatch):
    cat = data.chelsea()
    clean = {"eye.png": cat[60:160, 100:240], "nose.png": cat[170:240, 220:300]}
    monkeypatch.chdir(tmp_path)
    Path("noisy").mkdir()
    noise = NoiseInjector(GaussianNoise(25 / 255), random_state=0)
    for name, image in clean.items():
        imsave(Path("noisy", name), np.asarray(noise.corrupt(image[np.newaxis]))[0])
    run(blocks["folder"])
    for name, image in clean.items():
        batch = imread(Path("denoised", name))[np.newaxis]
        # Of 20 dB in, by the network of the package.
        assert peak_signal_noise_ratio(image[np.newaxis], batch, data_range=255) > 28


def test_the_code_of_the_readme_trains_a_network_as_good_as_it_says(blocks, capsys):
    run(blocks["training"])
    printed = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == pytest.approx(NOISY, abs=0.05)
    assert printed[1] > DENOISED - WORSE


def test_what_the_readme_links_to_is_there():
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)|(?:href|src)=\"([^\"]+)\"", text)
    paths = [link for pair in links for link in pair if link and not link.startswith("https:")]
    assert paths
    assert [path for path in paths if not (README.parent / path).exists()] == []


@pytest.mark.parametrize("parameter", TABLES)
def test_the_docstring_lists_every_name(parameter):
    table, documented = TABLES[parameter]
    section = parameter_section(documented, parameter)
    assert [name for name in table if f'"{name}"' not in section] == []


def parameter_section(documented, parameter):
    """The description of one parameter in a numpydoc docstring."""
    doc = "\n".join(line.removeprefix("    ") for line in documented.__doc__.splitlines())
    _, _, rest = doc.partition(f"\n{parameter} : ")
    return re.split(r"\n(?=\S)", rest)[0]
