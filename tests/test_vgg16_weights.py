"""Files of VGG16's weights: where they are looked for, what is taken, what is refused."""

import hashlib
import io
import os
import pickle
import subprocess
import sys
import urllib.error
from email.message import Message
from http.client import IncompleteRead

import pytest
import torch
from torch import nn
from vgg16_files import OFFICIAL, save_as_official

from sklearn_cae.networks import VGG16, _vgg16_weights, read_vgg16_weights
from sklearn_cae.networks._vgg16_weights import vgg16_shapes


def vgg16(n_blocks, seed=0):
    return VGG16(n_blocks, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr("torch.hub.urlopen", refuse)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def state():
    """Weights of two blocks, random."""
    return vgg16(2, seed=1).state_dict()


def saved(state, path):
    torch.save(state, path)
    return path


def assert_same(weights, state):
    assert weights.keys() <= state.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, state[name]), name


# --- files of the user


def test_weights_come_back_as_they_were_saved(state, tmp_path):
    weights = read_vgg16_weights(saved(state, tmp_path / "a.pth"), 2)
    assert weights.keys() == state.keys()
    assert_same(weights, state)


def test_only_the_blocks_in_use_are_given(state, tmp_path):
    weights = read_vgg16_weights(saved(state, tmp_path / "a.pth"), 1)
    assert weights.keys() == vgg16_shapes(1).keys()


def test_a_path_may_be_a_string(state, tmp_path):
    assert_same(read_vgg16_weights(str(saved(state, tmp_path / "a.pth")), 1), state)


def test_a_path_may_begin_at_home(state, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(state, tmp_path / "a.pth")
    assert_same(read_vgg16_weights("~/a.pth", 1), state)


def test_the_whole_model_is_taken(state, tmp_path):
    whole = state | {"classifier.0.weight": torch.zeros(5, 2), "classifier.0.bias": torch.zeros(5)}
    assert_same(read_vgg16_weights(saved(whole, tmp_path / "a.pth"), 2), state)


def test_the_features_alone_are_taken(state, tmp_path):
    features = {name.removeprefix("features."): t for name, t in state.items()}
    assert_same(read_vgg16_weights(saved(features, tmp_path / "a.pth"), 2), state)


def test_the_format_of_old_versions_of_torch_is_taken(state, tmp_path):
    # That of the official file.
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert_same(read_vgg16_weights(tmp_path / "a.pth", 2), state)


def test_parameters_and_half_precision_are_taken(state, tmp_path):
    halves = {name: nn.Parameter(t.half()) for name, t in state.items()}
    weights = read_vgg16_weights(saved(halves, tmp_path / "a.pth"), 2)
    vgg16(2).load_state_dict(weights)


def test_safetensors_are_taken(state, tmp_path):
    from safetensors.torch import save_file

    save_file(state, tmp_path / "a.safetensors")
    assert_same(read_vgg16_weights(tmp_path / "a.safetensors", 2), state)


def test_the_library_does_not_import_torchvision():
    code = "import sys, sklearn_cae.networks; assert 'torchvision' not in sys.modules, 'imported'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_test_of_imports_can_fail():
    code = "import sys, safetensors; assert 'safetensors' not in sys.modules, 'imported'"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "AssertionError: imported" in result.stderr


# --- what is refused

FORMAT = "a state dict of VGG16 in torchvision's format"


def test_a_missing_file_is_named(tmp_path):
    message = (
        rf"weights='{tmp_path}/a.pth': there is no file {tmp_path}/a.pth. Give the path "
        rf"of {FORMAT}.*, or 'imagenet' for the official one"
    )
    with pytest.raises(FileNotFoundError, match=message):
        read_vgg16_weights(tmp_path / "a.pth", 1)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"there is no file {tmp_path}"):
        read_vgg16_weights(tmp_path, 1)


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"nonsense" * 10, b"PK\x03\x04" + bytes(50)])
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} cannot be read .*damaged.*Expected is {FORMAT}"):
        read_vgg16_weights(tmp_path / name, 1)


def test_a_file_cut_short_is_named(state, tmp_path):
    path = saved(state, tmp_path / "a.pth")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"a.pth cannot be read .*damaged"):
        read_vgg16_weights(path, 1)


class Hostile:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_file_that_would_run_code_is_refused_without_running_it(state, tmp_path, new_format):
    hostile = dict(state) | {"features.0.weight": Hostile(tmp_path / "trace")}
    torch.save(hostile, tmp_path / "a.pth", _use_new_zipfile_serialization=new_format)
    with pytest.raises(
        ValueError, match=r"holds more than tensors, which might run code and is re"
    ):
        read_vgg16_weights(tmp_path / "a.pth", 1)
    assert not (tmp_path / "trace").exists()


def test_a_bare_pickle_is_refused_without_running_it(tmp_path):
    (tmp_path / "a.pth").write_bytes(pickle.dumps(Hostile(tmp_path / "trace")))
    with pytest.raises(ValueError, match="might run code and is refused"):
        read_vgg16_weights(tmp_path / "a.pth", 1)
    assert not (tmp_path / "trace").exists()


def test_the_hostile_file_of_these_tests_does_run_code(tmp_path):
    pickle.loads(pickle.dumps(Hostile(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


def test_a_whole_module_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds more than tensors"):
        read_vgg16_weights(saved(vgg16(1), tmp_path / "a.pth"), 1)


NAN = torch.full((64,), torch.nan)
WRONG = {
    "a tensor": (lambda state: torch.zeros(3), f"holds a Tensor; expected {FORMAT}"),
    "a list": (lambda state: list(state.values()), f"holds a list; expected {FORMAT}"),
    "numbers for names": (lambda state: {0: torch.zeros(3)}, f"holds a dict; expected {FORMAT}"),
    "nothing": (lambda state: {}, "has no features.0.weight. Expected is"),
    "a state within": (lambda state: {"state_dict": dict(state)}, "has no features.0.weight"),
    "a weight missing": (
        lambda state: {name: t for name, t in state.items() if name != "features.2.bias"},
        "has no features.2.bias. Expected is",
    ),
    "too few blocks": (lambda state: vgg16(1).state_dict(), "has no features.5.weight"),
    "batch normalisation": (
        lambda state: state | {"features.1.weight": torch.zeros(64)},
        "is of another network: VGG16 has no features.1.weight. .*without batch normalisation",
    ),
    "VGG19": (
        lambda state: state | {"features.16.weight": torch.zeros(256, 256, 3, 3)},
        "is of another network: VGG16 has no features.16.weight",
    ),
    "a wrong shape": (
        lambda state: state | {"features.0.weight": torch.zeros(64, 1, 3, 3)},
        r"features.0.weight is torch.float32 \(64, 1, 3, 3\), expected .* of shape \(64, 3, 3",
    ),
    "integers": (
        lambda state: state | {"features.0.bias": torch.zeros(64, dtype=torch.int8)},
        r"features.0.bias is torch.int8 \(64,\), expected dense floats of 16, 32 or 64 bits of sha",
    ),
    "a sparse tensor": (
        lambda state: state | {"features.0.bias": torch.ones(64).to_sparse()},
        r"features.0.bias is torch.float32 \(64,\) torch.sparse_coo, expected dense floats",
    ),
    "a tensor without values": (
        lambda state: state | {"features.0.bias": torch.ones(64, device="meta")},
        r"features.0.bias is torch.float32 \(64,\) without values, expected dense floats",
    ),
    "floats of 8 bits": (
        lambda state: state | {"features.0.bias": torch.ones(64).to(torch.float8_e4m3fn)},
        r"features.0.bias is torch.float8_e4m3fn \(64,\), expected dense floats of 16, 32 or 64",
    ),
    "no tensor": (
        lambda state: state | {"features.0.bias": 1.5},
        r"features.0.bias is 1.5, expected dense floats",
    ),
    "NaN": (
        lambda state: state | {"features.0.bias": NAN},
        "features.0.bias holds values that are not finite numbers",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_file_is_said(state, tmp_path, change, message):
    path = saved(change(state), tmp_path / "a.pth")
    with pytest.raises(ValueError, match=rf"{path}.*{message}"):
        read_vgg16_weights(path, 2)


# --- the official file


def test_the_official_name_is_that_of_torchvision():
    assert OFFICIAL == "https://download.pytorch.org/models/vgg16-397923af.pth"


def test_the_official_file_is_found_in_the_cache(state, cache, monkeypatch):
    save_as_official(state, cache, monkeypatch)
    assert_same(read_vgg16_weights("imagenet", 2), state)


def test_a_file_of_another_sha256_is_refused_and_left(state, cache):
    cache.mkdir(parents=True)
    path = saved(state, cache / "vgg16-397923af.pth")
    found = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    message = (
        rf"{path} is not the file published at {OFFICIAL}: its sha256 begins with {found}, "
        "expected 397923af. It was left as it is; move it away to have it downloaded anew"
    )
    with pytest.raises(OSError, match=message):
        read_vgg16_weights("imagenet", 1)
    assert path.exists()


def test_without_a_network_the_error_says_which_file_from_where_and_where_to_put_it(cache, capsys):
    message = (
        rf"not in {cache}/vgg16-397923af.pth and could not be downloaded from {OFFICIAL} .*"
        "no network in tests.*download the file by hand and put it there, or give the path of "
        "another as weights; weights=None is random weights"
    )
    with pytest.raises(OSError, match=message):
        read_vgg16_weights("imagenet", 1)
    assert capsys.readouterr() == ("", "")


def test_a_failed_download_leaves_no_file(cache):
    with pytest.raises(OSError, match="could not be downloaded"):
        read_vgg16_weights("imagenet", 1)
    assert list(cache.iterdir()) == []


class Answer(io.BytesIO):
    """What a server sends."""

    def info(self):
        message = Message()
        message["Content-Length"] = str(len(self.getvalue()))
        return message


class BrokenAnswer(Answer):
    """A connection that breaks."""

    def read(self, *args):
        raise IncompleteRead(b"")


def serve(answer, monkeypatch):
    """Have a server answer, and list the addresses it is asked for."""
    asked = []

    def urlopen(request):
        asked.append(request.full_url)
        return answer

    monkeypatch.setattr("torch.hub.urlopen", urlopen)
    return asked


def test_the_official_file_is_downloaded_once(state, cache, tmp_path, monkeypatch, capsys):
    source = save_as_official(state, tmp_path, monkeypatch)
    asked = serve(Answer(source.read_bytes()), monkeypatch)
    for _ in range(2):
        assert_same(read_vgg16_weights("imagenet", 2), state)
    assert asked == [_vgg16_weights.IMAGENET_URL]
    assert [path.name for path in cache.iterdir()] == [source.name]
    assert capsys.readouterr() == ("", "")


def test_a_download_shows_a_bar_if_asked_for(state, tmp_path, monkeypatch, capsys):
    source = save_as_official(state, tmp_path, monkeypatch)
    serve(Answer(source.read_bytes()), monkeypatch)
    read_vgg16_weights("imagenet", 2, progress=True)
    assert "100%" in capsys.readouterr().err


def test_a_damaged_download_is_not_kept(cache, monkeypatch):
    serve(Answer(b"something else"), monkeypatch)
    message = r"could not be downloaded from .*invalid hash value \(expected .397923af."
    with pytest.raises(OSError, match=message):
        read_vgg16_weights("imagenet", 1)
    assert list(cache.iterdir()) == []


def test_a_connection_that_breaks_leaves_no_file(cache, monkeypatch):
    serve(BrokenAnswer(), monkeypatch)
    with pytest.raises(OSError, match=r"could not be downloaded from .* \(IncompleteRead"):
        read_vgg16_weights("imagenet", 1)
    assert list(cache.iterdir()) == []
