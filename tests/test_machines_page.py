"""The scripts of the page on several machines run, those whose launchers are installed."""

import re
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from small import gray, small_cae, small_unet

import sklearn_cae

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "machines.rst"


def script(name):
    """A script of the page by its name."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"\.\. code-block:: python\n   :name: {name}\n\n((?:   .*\n|\n)+)", text)
    return textwrap.dedent(found)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with images and a denoiser."""
    np.save(tmp_path / "images.npy", gray())
    np.save(tmp_path / "huge.npy", gray(1, 192, 128)[0])
    small_cae(small_unet()).fit(gray()).save(tmp_path / "denoiser.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name, change=lambda code: code):
    exec(compile(change(script(name)), PAGE.name, "exec"), {"__name__": "__main__"})


def test_every_script_can_be_compiled():
    text = PAGE.read_text(encoding="utf-8")
    scripts = re.findall(r"\.\. code-block:: python\n(?:   :.*\n)?\n((?:   .*\n|\n)+)", text)
    assert len(scripts) == 8
    for code in scripts:
        compile(textwrap.dedent(code), PAGE.name, "exec")


def test_the_script_for_torchrun_trains_one_network_in_two_processes(folder):
    (folder / "denoiser.safetensors").unlink()
    (folder / "train.py").write_text(script("train-torchrun"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", "train.py"], timeout=120, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    cae = sklearn_cae.load("denoiser.safetensors")
    # Of a training with other batches or noise, the PSNR would differ in the first decimal.
    alone = sklearn_cae.DenoisingCAE("unet", batch_size=64, max_epochs=20, random_state=0)
    X = gray()
    assert cae.score(X) == pytest.approx(alone.fit(X).score(X), abs=0.02)
    # One line and one bar: those of the first process.
    assert done.stdout.count(", in 2 processes: 22 images") == 1
    assert done.stderr.count("0/20 epochs [00:00<?, ?s/epoch]") == 1


def test_the_script_for_a_search_on_dask_runs(folder, monkeypatch):
    distributed = pytest.importorskip("dask.distributed")
    in_threads = partial(distributed.Client, processes=False, n_workers=2, dashboard_address=":0")
    monkeypatch.setattr(distributed, "Client", in_threads)
    run("search-dask")
    # The denoiser that was there has a narrower network.
    assert sklearn_cae.load("denoiser.safetensors").network == "unet"


@pytest.mark.parametrize("name", ["predict-blocks", "predict-tiles"])
def test_the_scripts_for_dask_arrays_denoise_as_predict_does(name, folder):
    da = pytest.importorskip("dask.array")
    run(name)
    images = np.load("images.npy") if name == "predict-blocks" else np.load("huge.npy")[None]
    expected = sklearn_cae.load("denoiser.safetensors").predict(images)
    np.testing.assert_allclose(da.from_npy_stack("denoised").compute(), expected, atol=1e-6)


# Multiples of the tiles and of 64 or not, with a rest below and above the margin, smaller than it.
SIZES = [(384, 256), (414, 256), (450, 391), (257, 127), (300, 40), (50, 45)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_script_for_tiles_gives_what_the_whole_image_gives(size, folder):
    da = pytest.importorskip("dask.array")
    cae = sklearn_cae.load("denoiser.safetensors")
    assert 64 <= cae.tile_margin_ <= 128
    image = gray(1, *size)
    np.save("huge.npy", image[0])
    run("predict-tiles", lambda code: code.replace("side=1024", "side=128"))
    denoised = da.from_npy_stack("denoised")
    assert len(denoised.chunks[1]) == max(size[0] // 128, 1)
    np.testing.assert_allclose(denoised.compute(), cae.predict(image), rtol=0, atol=1e-6)
