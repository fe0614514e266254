import hashlib
import pickle
import tarfile

import numpy as np
import pytest
from archives import python2_batch, write_archive

from sklearn_cae.datasets import _fetch, fetch_cifar10
from sklearn_cae.datasets._cifar import read_cifar10
from sklearn_cae.datasets._published import CIFAR10

BATCHES = [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)]
TEST_BATCH = "cifar-10-batches-py/test_batch"


def planes(n, first_value):
    """Images whose red, green and blue planes are constant: value, value + 1, value + 2."""
    colours = first_value + np.arange(3, dtype=np.uint8)
    return np.tile(np.repeat(colours, 32 * 32), (n, 1))


@pytest.fixture
def archive(tmp_path):
    # The published archive does not hold its batches in order either.
    batches = {
        name: python2_batch(planes(1, 10 * number), [number])
        for number, name in reversed(list(enumerate(BATCHES, start=1)))
    }
    batches[TEST_BATCH] = python2_batch(planes(2, 100), [7, 8])
    return write_archive(tmp_path / "cifar-10-python.tar.gz", batches)


@pytest.fixture
def home(archive, monkeypatch):
    """A data_home with a small archive in the published format."""
    remote = CIFAR10.files["train"][0]
    remote = remote._replace(checksum="md5:" + hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(
        _fetch, "CIFAR10", CIFAR10._replace(files={"train": (remote,), "test": (remote,)})
    )
    return archive.parent


def test_the_training_batches_are_read_in_the_order_of_their_numbers(home):
    assert fetch_cifar10(home).target.tolist() == [1, 2, 3, 4, 5]


def test_the_test_batch_is_read_alone(home):
    assert fetch_cifar10(home, subset="test").target.tolist() == [7, 8]


def test_all_is_the_training_images_followed_by_the_test_images(home):
    assert fetch_cifar10(home, subset="all").target.tolist() == [1, 2, 3, 4, 5, 7, 8]


def test_images_go_with_their_labels(home):
    assert fetch_cifar10(home).images[:, 0, 0, 0].tolist() == [10, 20, 30, 40, 50]


def test_channels_come_last_in_the_order_red_green_blue(home):
    image = fetch_cifar10(home, subset="test").images[0]
    np.testing.assert_array_equal(image, np.broadcast_to([100, 101, 102], (32, 32, 3)))


def test_rows_of_a_plane_become_rows_of_the_image(tmp_path):
    ramp = np.tile(np.arange(1024) // 32, 3).astype(np.uint8).reshape(1, 3072)
    path = write_archive(tmp_path / "a.tar.gz", {TEST_BATCH: python2_batch(ramp, [0])})
    images, _ = read_cifar10(path, split="test")
    assert images[0, :, 5, 1].tolist() == list(range(32))


def test_images_are_uint8(home):
    assert fetch_cifar10(home).images.dtype == np.uint8


def test_targets_are_int64(home):
    assert fetch_cifar10(home).target.dtype == np.int64


def test_target_names_are_in_the_published_order(home):
    names = fetch_cifar10(home).target_names
    assert (names[0], names[3], names[9]) == ("airplane", "cat", "truck")


def test_return_x_y_gives_images_and_target(home):
    images, target = fetch_cifar10(home, subset="test", return_X_y=True)
    assert (images.shape, target.tolist()) == ((2, 32, 32, 3), [7, 8])


def test_a_missing_archive_is_an_error_without_download(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cifar-10-python\.tar\.gz is neither in"):
        fetch_cifar10(tmp_path, download_if_missing=False)


def test_an_archive_with_another_checksum_is_refused(archive):
    with pytest.raises(OSError, match="expected md5 c58f30108f718f92721af3b95e74349a, found"):
        fetch_cifar10(archive.parent)


def test_a_missing_batch_is_named(tmp_path):
    batches = {name: python2_batch(planes(1, 0), [0]) for name in BATCHES if "3" not in name}
    path = write_archive(tmp_path / "a.tar.gz", batches)
    with pytest.raises(ValueError, match=r"a\.tar\.gz does not hold .*data_batch_3\. Get"):
        read_cifar10(path, split="train")


def outcome(path):
    """What reading an archive says; a bit that is not read changes nothing."""
    try:
        read_cifar10(path, split="train")
    except (ValueError, pickle.UnpicklingError) as error:
        return f"{type(error).__name__}: {error}"
    return "images"


def test_a_damaged_archive_is_a_value_error_that_names_it(archive):
    whole = archive.read_bytes()
    rng = np.random.default_rng(0)
    said = []
    for _ in range(30):
        damaged = bytearray(whole)
        damaged[rng.integers(10, len(whole))] ^= 1 << rng.integers(8)
        for content in (damaged, whole[: rng.integers(len(whole))]):
            archive.write_bytes(content)
            said.append(outcome(archive))
    errors = [text for text in said if text.startswith("ValueError")]
    assert len(errors) >= 20
    assert all(str(archive) in text for text in errors)


BAD_BATCHES = {
    "another label": python2_batch(planes(2, 0), [3, 77]),
    "a label too few": python2_batch(planes(2, 0), [3]),
    "smaller images": python2_batch(planes(2, 0)[:, :3000], [3, 4]),
    "a list": b"\x80\x02].",
    "no images": b"\x80\x02}.",
}


@pytest.mark.parametrize("batch", BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_what_is_no_batch_of_images_and_labels_is_refused(tmp_path, batch):
    path = write_archive(tmp_path / "a.tar.gz", {TEST_BATCH: batch})
    with pytest.raises(ValueError, match=r"a\.tar\.gz holds a .*test_batch that is no batch of"):
        read_cifar10(path, split="test")


class Touch:
    """Makes a file when it is unpickled by an ordinary unpickler."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "the_pickle_was_run"


@pytest.fixture
def hostile_archive(tmp_path, marker):
    batches = {TEST_BATCH: pickle.dumps(Touch(marker), protocol=2)}
    return write_archive(tmp_path / "hostile.tar.gz", batches)


def test_code_in_the_archive_is_refused_by_its_name(hostile_archive):
    with pytest.raises(pickle.UnpicklingError, match=r"asks for \w+\.open; a CIFAR-10 batch needs"):
        read_cifar10(hostile_archive, split="test")


def test_code_in_the_archive_is_not_run(hostile_archive, marker):
    with pytest.raises(pickle.UnpicklingError):
        read_cifar10(hostile_archive, split="test")
    assert not marker.exists()


def test_the_hostile_pickle_would_run_in_an_ordinary_unpickler(hostile_archive, marker):
    with tarfile.open(hostile_archive) as archive:
        pickle.load(archive.extractfile(TEST_BATCH)).close()
    assert marker.exists()


def test_nothing_is_unpacked_beside_the_archive(home):
    fetch_cifar10(home)
    assert [path.name for path in home.iterdir()] == ["cifar-10-python.tar.gz"]
