import hashlib
import sys

import pooch
import pytest
import requests

from sklearn_cae.datasets._remote import RemoteFile, locate

CONTENT = b"what was published"
REMOTE = RemoteFile(
    "letters.gz", "https://example.org/letters.gz", "md5:" + hashlib.md5(CONTENT).hexdigest()
)
OWN_FOLDER = ("sklearn_cae", "letters")


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def publisher(monkeypatch):
    """Stands for the network: what `publisher["sends"]` holds, or a connection cut half-way."""
    state = {"sends": CONTENT, "breaks": False, "requests": 0}

    def send(self, url, output_file, *args, **kwargs):
        state["requests"] += 1
        with open(output_file, "wb") as file:
            file.write(state["sends"][:9] if state["breaks"] else state["sends"])
        if state["breaks"]:
            raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", send)
    return state


def put(folder, content=CONTENT):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REMOTE.name).write_bytes(content)
    return folder / REMOTE.name


@pytest.mark.parametrize("parts", [(), OWN_FOLDER], ids=["data_home", "own_folder"])
def test_a_file_on_disk_is_found(tmp_path, parts):
    path = put(tmp_path.joinpath(*parts))
    assert locate(REMOTE, folder="letters", data_home=tmp_path) == path


def test_a_file_on_disk_is_not_downloaded(tmp_path, publisher):
    put(tmp_path)
    locate(REMOTE, folder="letters", data_home=tmp_path)
    assert publisher["requests"] == 0


def test_none_as_data_home_is_the_data_home_of_scikit_learn(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    path = put(tmp_path.joinpath(*OWN_FOLDER))
    assert locate(REMOTE, folder="letters") == path


def test_the_folder_of_the_dataset_comes_before_data_home_itself(tmp_path):
    put(tmp_path, b"of another dataset with the same file names")
    path = put(tmp_path.joinpath(*OWN_FOLDER))
    assert locate(REMOTE, folder="letters", data_home=tmp_path) == path


def test_a_missing_file_is_downloaded_to_the_folder_of_the_dataset(tmp_path, publisher):
    path = locate(REMOTE, folder="letters", data_home=tmp_path)
    assert (path, path.read_bytes()) == (tmp_path.joinpath(*OWN_FOLDER, REMOTE.name), CONTENT)


def test_a_download_is_found_by_the_next_call(tmp_path, publisher):
    for _ in range(2):
        locate(REMOTE, folder="letters", data_home=tmp_path)
    assert publisher["requests"] == 1


def test_without_download_the_error_names_file_folders_and_source(tmp_path):
    message = (
        r"letters\.gz is neither in .*letters nor in .*, and download_if_missing is False\. "
        r".*https://example\.org/letters\.gz by hand and put letters\.gz into .*letters, or pass"
    )
    with pytest.raises(FileNotFoundError, match=message):
        locate(REMOTE, folder="letters", data_home=tmp_path, download_if_missing=False)


def test_without_download_nothing_is_asked_of_the_publisher(tmp_path, publisher):
    with pytest.raises(FileNotFoundError):
        locate(REMOTE, folder="letters", data_home=tmp_path, download_if_missing=False)
    assert publisher["requests"] == 0


def test_a_broken_connection_is_an_error_that_names_file_folder_and_source(tmp_path, publisher):
    publisher["breaks"] = True
    message = (
        r"letters\.gz could not be downloaded from https://example\.org/letters\.gz "
        r"\(no route to host\)\. .* put letters\.gz into .*letters, or pass"
    )
    with pytest.raises(OSError, match=message):
        locate(REMOTE, folder="letters", data_home=tmp_path)


def test_a_broken_connection_leaves_no_file(tmp_path, publisher):
    publisher["breaks"] = True
    with pytest.raises(OSError, match="could not be downloaded"):
        locate(REMOTE, folder="letters", data_home=tmp_path)
    assert files_below(tmp_path) == []


def test_a_download_with_another_checksum_is_an_error(tmp_path, publisher):
    publisher["sends"] = b"something else"
    with pytest.raises(OSError, match=r"could not be downloaded .*hash"):
        locate(REMOTE, folder="letters", data_home=tmp_path)


def test_a_download_with_another_checksum_leaves_no_file(tmp_path, publisher):
    publisher["sends"] = b"something else"
    with pytest.raises(OSError, match="could not be downloaded"):
        locate(REMOTE, folder="letters", data_home=tmp_path)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("parts", [(), OWN_FOLDER], ids=["data_home", "own_folder"])
def test_a_file_on_disk_with_another_checksum_is_an_error_with_both(tmp_path, parts):
    path = put(tmp_path.joinpath(*parts), b"damaged")
    found = hashlib.md5(b"damaged").hexdigest()
    message = rf"{path.name} is not the file published at .*expected {REMOTE.checksum[:3]} "
    message += rf"{REMOTE.checksum[4:]}, found {found}\. It was left as it is"
    with pytest.raises(OSError, match=message):
        locate(REMOTE, folder="letters", data_home=tmp_path)


def test_a_file_on_disk_with_another_checksum_is_not_replaced(tmp_path, publisher):
    path = put(tmp_path, b"damaged")
    with pytest.raises(OSError, match="is not the file published"):
        locate(REMOTE, folder="letters", data_home=tmp_path)
    assert (files_below(tmp_path), path.read_bytes()) == ([path], b"damaged")


def test_without_pooch_the_error_gives_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    message = r"Downloading letters\.gz needs the optional package pooch.*sklearn-cae\[datasets\]"
    with pytest.raises(ImportError, match=message):
        locate(REMOTE, folder="letters", data_home=tmp_path)


def test_without_pooch_a_file_on_disk_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    path = put(tmp_path)
    assert locate(REMOTE, folder="letters", data_home=tmp_path) == path
