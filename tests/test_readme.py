"""The README runs as it is written, and the documentation lists every name that is taken."""

import re
from pathlib import Path

import pytest

from sklearn_cae import CAEOutlierDetector, ClassicalDenoiser, DenoisingCAE, NoiseInjector
from sklearn_cae.classical import FILTERS
from sklearn_cae.learning import LOSSES
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
SAID = [(20.6, 29.9, 0.1), (20.5, 29.3, 0.8)]


def python_blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_readme_has_code():
    assert python_blocks()


@pytest.fixture(scope="module")
def names():
    """What the blocks define, one after the other."""
    return {}


@pytest.mark.parametrize(
    ("code", "noisy", "denoised", "worse"),
    [(code, *said) for code, said in zip(python_blocks(), SAID, strict=True)],
)
def test_the_code_of_the_readme_denoises_as_it_says(code, noisy, denoised, worse, names, capsys):
    exec(compile(code, README.name, "exec"), names)
    printed = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == pytest.approx(noisy, abs=0.05)
    assert printed[1] > denoised - worse


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
