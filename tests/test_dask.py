"""Searches on a cluster of dask, and arrays of dask as images."""

import os
from contextlib import contextmanager

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from small import colour, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import psnr_scorer
from sklearn_cae.images import read_images

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

X = gray()


@contextmanager
def two_workers(**options):
    """A cluster that talks through TCP: what goes there is pickled."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            # Any free port. With None it would be 8787, and a warning if that is taken.
            dashboard_address=":0",
            **options,
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def cluster():
    """Two workers that are threads."""
    with two_workers(processes=False, protocol="tcp://"):
        yield


def grid():
    return GridSearchCV(small_cae(), {"lr": [1e-3, 1e-2]}, cv=2, scoring=psnr_scorer)


def halving():
    options = {"factor": 2, "resource": "max_epochs", "max_resources": 2, "random_state": 0}
    return HalvingGridSearchCV(
        small_cae(), {"lr": [1e-3, 1e-2]}, cv=2, scoring=psnr_scorer, **options
    )


@pytest.mark.parametrize("make", [grid, halving])
def test_a_search_on_a_cluster_finds_what_it_finds_alone(make, cluster):
    assert_a_search_finds_the_same(make)


def test_a_search_in_processes_finds_what_it_finds_alone():
    """As those of a ``Client()``, which have imported nothing of this process."""
    with two_workers(processes=True) as client:
        pids = client.run(os.getpid).values()
        assert len({os.getpid(), *pids}) == 3
        assert_a_search_finds_the_same(grid)


def assert_a_search_finds_the_same(make):
    alone = make().fit(X)
    with parallel_config("dask"):
        search = make().fit(X)
    for name, found in search.cv_results_.items():
        if "time" not in name:
            np.testing.assert_array_equal(found, alone.cv_results_[name], err_msg=name)
    np.testing.assert_array_equal(search.predict(X), alone.predict(X))


def test_scores_on_a_cluster_are_those_without(cluster):
    alone = cross_val_score(small_cae(), X, cv=3, scoring=psnr_scorer)
    with parallel_config("dask"):
        scores = cross_val_score(small_cae(), X, cv=3, scoring=psnr_scorer)
    np.testing.assert_array_equal(scores, alone)


@pytest.mark.parametrize("images", [gray(), colour()], ids=["gray", "colour"])
def test_blocks_of_a_dask_array_are_denoised_on_a_cluster(images, cluster):
    cae = small_cae().fit(images)
    blocks = da.from_array(images, chunks=(7, *images.shape[1:]))
    denoised = blocks.map_blocks(cae.predict, dtype=images.dtype).compute()
    # The rounding of batches of other sizes.
    np.testing.assert_allclose(denoised, cae.predict(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rest", [0, 30, 100])
def test_tiles_of_a_large_image_are_denoised_as_the_whole_image_is(rest, cluster):
    cae = small_cae(small_unet(), max_epochs=3).fit(X)
    image = gray(1, 384 + rest, 192)
    margin = cae.tile_margin_
    tiles = da.from_array(image, chunks=(1, (128, 128, 128 + rest), 192))
    denoised = tiles.map_overlap(
        cae.predict, depth=(0, margin, margin), boundary="none", dtype=image.dtype
    ).compute()
    np.testing.assert_allclose(denoised, cae.predict(image), rtol=0, atol=1e-6)


def test_a_last_tile_that_is_shorter_than_the_margin_makes_dask_cut_elsewhere():
    """So the guide makes it longer."""
    cae = small_cae(small_unet(), max_epochs=3).fit(X)
    image = gray(1, 286, 192)
    margin = cae.tile_margin_
    denoised = da.from_array(image, chunks=(1, 128, 192)).map_overlap(
        cae.predict, depth=(0, margin, margin), boundary="none", dtype=image.dtype
    )
    assert any(chunk % 64 for chunk in denoised.chunks[1][:-1])
    assert np.abs(denoised.compute() - cae.predict(image)).max() > 1e-3


def test_tiles_without_a_margin_differ(cluster):
    """So the test above can fail."""
    cae = small_cae(small_unet(), max_epochs=3).fit(X)
    image = gray(1, 320, 192)
    denoised = da.from_array(image, chunks=(1, 128, 128)).map_blocks(cae.predict).compute()
    assert np.abs(denoised - cae.predict(image)).max() > 1e-3


def test_a_network_with_a_flat_code_has_no_margin_for_tiles():
    assert small_cae(small_autoencoder(latent_dim=3)).fit(X).tile_margin_ is None


@pytest.mark.parametrize("lazy", [False, True])
def test_masked_values_are_refused(lazy):
    masked = da.ma.masked_greater(da.from_array(X, chunks=(8, 8, 8)), X.mean())
    with pytest.raises(ValueError, match=r"masked array, with \d+ masked value"):
        read_images(masked, lazy=lazy).pixels[:]
