import gzip
import hashlib

import numpy as np
import pytest

from sklearn_cae.datasets import _fetch, fetch_fashion_mnist, fetch_mnist
from sklearn_cae.datasets._idx import read_idx
from sklearn_cae.datasets._published import MNIST

IMAGES = {
    "train": np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28),
    "test": np.full((2, 28, 28), 7, dtype=np.uint8),
}
LABELS = {"train": np.array([5, 0, 4]), "test": np.array([9, 2])}


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def write_gzip(path, content):
    path.write_bytes(gzip.compress(content))
    return path


@pytest.fixture(params=[(fetch_mnist, "MNIST"), (fetch_fashion_mnist, "FASHION_MNIST")])
def fetch(request, tmp_path, monkeypatch):
    """The fetcher, reading five small images in the published format from `tmp_path`."""
    fetcher, name = request.param
    published = getattr(_fetch, name)
    files = {}
    for split, remotes in published.files.items():
        contents = idx(IMAGES[split]), idx(LABELS[split])
        paths = [
            write_gzip(tmp_path / remote.name, content)
            for remote, content in zip(remotes, contents, strict=True)
        ]
        files[split] = tuple(
            remote._replace(checksum="md5:" + hashlib.md5(path.read_bytes()).hexdigest())
            for remote, path in zip(remotes, paths, strict=True)
        )
    monkeypatch.setattr(_fetch, name, published._replace(files=files))
    return lambda **options: fetcher(tmp_path, **options)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_gives_its_images(fetch, split):
    np.testing.assert_array_equal(fetch(subset=split).images, IMAGES[split])


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_gives_its_labels(fetch, split):
    np.testing.assert_array_equal(fetch(subset=split).target, LABELS[split])


def test_the_training_images_are_the_default(fetch):
    np.testing.assert_array_equal(fetch().images, IMAGES["train"])


def test_all_is_the_training_images_followed_by_the_test_images(fetch):
    np.testing.assert_array_equal(fetch(subset="all").target, [5, 0, 4, 9, 2])


def test_images_are_uint8(fetch):
    assert fetch().images.dtype == np.uint8


def test_targets_are_int64(fetch):
    assert fetch().target.dtype == np.int64


def test_there_are_ten_target_names(fetch):
    assert len(fetch().target_names) == 10


def test_the_description_names_the_paper(fetch):
    assert fetch().DESCR.strip().endswith(("1998.", "2017."))


def test_return_x_y_gives_images_and_target(fetch):
    images, target = fetch(return_X_y=True, subset="test")
    np.testing.assert_array_equal(images, IMAGES["test"])
    np.testing.assert_array_equal(target, LABELS["test"])


def test_only_the_files_of_the_subset_are_needed(fetch, tmp_path):
    for path in tmp_path.glob("train-*"):
        path.unlink()
    assert len(fetch(subset="test", download_if_missing=False).images) == 2


def test_a_missing_file_is_an_error_without_download(fetch, tmp_path):
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte\.gz is neither in"):
        fetch(subset="test", download_if_missing=False)


def test_an_unknown_subset_is_refused(fetch):
    with pytest.raises(ValueError, match="subset='val' is unknown"):
        fetch(subset="val")


def test_the_files_of_one_dataset_are_not_taken_for_the_other(fetch, tmp_path):
    # The other dataset still has its published checksums.
    other = fetch_mnist if _fetch.MNIST is MNIST else fetch_fashion_mnist
    with pytest.raises(OSError, match="is not the file published at"):
        other(tmp_path)


def test_the_parsed_array_is_writable(tmp_path):
    path = write_gzip(tmp_path / "a.gz", idx(LABELS["test"]))
    assert read_idx(path, ndim=1).flags.writeable


def test_a_file_with_too_few_values_is_refused(tmp_path):
    path = write_gzip(tmp_path / "a.gz", idx(IMAGES["test"])[:-1])
    message = (
        r"a\.gz is truncated or damaged: .* shape \(2, 28, 28\), which takes 1568 bytes, .* 1567"
    )
    with pytest.raises(ValueError, match=message):
        read_idx(path, ndim=3)


def test_a_file_with_too_many_values_is_refused(tmp_path):
    path = write_gzip(tmp_path / "a.gz", idx(LABELS["test"]) + b"\0")
    with pytest.raises(ValueError, match=r"a\.gz is truncated or damaged"):
        read_idx(path, ndim=1)


def test_a_file_cut_within_its_header_is_refused(tmp_path):
    path = write_gzip(tmp_path / "a.gz", idx(IMAGES["test"])[:9])
    with pytest.raises(ValueError, match=r"a\.gz is truncated or damaged"):
        read_idx(path, ndim=3)


def test_a_gzip_stream_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(IMAGES["test"]))[:-9])
    with pytest.raises(ValueError, match=r"a\.gz is not a whole gzip file"):
        read_idx(path, ndim=3)


def test_a_file_that_is_not_gzip_is_refused(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(idx(IMAGES["test"]))
    with pytest.raises(ValueError, match=r"a\.gz is not a whole gzip file"):
        read_idx(path, ndim=3)


def test_labels_in_place_of_images_are_refused(tmp_path):
    path = write_gzip(tmp_path / "a.gz", idx(LABELS["test"]))
    with pytest.raises(ValueError, match="begins with 00000801, expected 00000803"):
        read_idx(path, ndim=3)
