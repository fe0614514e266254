import os
import pickle
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from skimage import io
from sklearn.base import clone
from skorch.callbacks import Callback
from small import STILL, UINT8_STEP, as_uint, colour, gray, small_autoencoder, small_cae

from sklearn_cae import NoiseInjector
from sklearn_cae.callbacks import ReconstructionSnapshots
from sklearn_cae.display import DenoisingDisplay

X, PROBE = gray(), gray(2, seed=1)


@pytest.fixture
def drawn(monkeypatch):
    """The displays that were drawn, with the limit of their errors."""
    displays = []

    def plot(self, **options):
        self.options = options
        displays.append(self)
        return original(self, **options)

    original = DenoisingDisplay.plot
    monkeypatch.setattr(DenoisingDisplay, "plot", plot)
    return displays


@pytest.fixture
def notebook(monkeypatch):
    """A Jupyter kernel without Jupyter: what it shows, and the updates of what it shows."""
    shown, updates = [], []

    def display(image, display_id):
        shown.append(image)
        return SimpleNamespace(update=updates.append)

    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel="a kernel"))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(
        sys.modules, "IPython.display", SimpleNamespace(display=display, Image=bytes)
    )
    return SimpleNamespace(shown=shown, updates=updates)


def fit(X, snapshots, **params):
    return small_cae(callbacks=[snapshots], **params).fit(X)


def test_a_folder_gets_a_file_of_each_epoch(tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / "a" / "b"), max_epochs=3)
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names == ["epoch_0001.png", "epoch_0002.png", "epoch_0003.png"]


def test_every_leaves_epochs_out(tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, every=2, path=tmp_path), max_epochs=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_0002.png", "epoch_0004.png"]


def test_a_gif_has_a_frame_of_each_epoch(tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif"), max_epochs=3)
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 3


def test_an_animation_goes_on_with_the_training(tmp_path):
    cae = small_cae(callbacks=[ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif")])
    for _ in range(3):
        cae.partial_fit(X)
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 3


def test_another_fit_makes_another_animation(tmp_path):
    cae = small_cae(callbacks=[ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif")])
    cae.set_params(max_epochs=3).fit(X).set_params(max_epochs=2).fit(X)
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 2


def test_the_figures_change_with_the_weights(tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), max_epochs=2)
    first, second = (io.imread(path) for path in sorted(tmp_path.iterdir()))
    assert first.shape == second.shape
    assert (first != second).any()


@pytest.mark.parametrize(
    ("train", "probe", "white"),
    [
        (X, PROBE, 1),
        (as_uint(X, np.uint8), as_uint(PROBE, np.uint8), 255),
    ],
    ids=["float", "uint8"],
)
def test_it_draws_what_the_network_predicts(drawn, tmp_path, train, probe, white):
    snapshots = ReconstructionSnapshots(probe, path=tmp_path)
    cae = small_cae(callbacks=[snapshots]).partial_fit(train)
    predicted = cae.predict(snapshots.noisy_[..., 0])
    # The display divides float32 by white.
    np.testing.assert_allclose(drawn[-1].denoised[..., 0], predicted / white, atol=1e-7)


def test_pixels_are_hidden_from_a_network_that_was_trained_so(drawn, tmp_path):
    snapshots = ReconstructionSnapshots(PROBE, path=tmp_path, noise="gaussian")
    cae = small_cae(target="masked", callbacks=[snapshots]).partial_fit(X)
    predicted = cae.predict(snapshots.noisy_[..., 0])
    np.testing.assert_allclose(drawn[-1].denoised[..., 0], predicted, atol=1e-7)


def test_images_noise_and_scale_stay_the_same(drawn, tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), max_epochs=2)
    first, second = drawn
    np.testing.assert_array_equal(first.clean[..., 0], PROBE)
    np.testing.assert_array_equal(first.noisy, second.noisy)
    assert first.options == second.options


def test_the_noise_is_that_of_the_training(drawn, tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), noise="masking")
    changed = drawn[0].noisy != drawn[0].clean
    assert changed.any()
    assert (drawn[0].noisy[changed] == 0).all()


def test_the_noise_can_be_given(drawn, tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, noise="none"))
    np.testing.assert_array_equal(drawn[0].noisy, drawn[0].clean)


def test_pairs_keep_their_noise(drawn, tmp_path):
    pairs = NoiseInjector("speckle", random_state=3).fit_transform(PROBE)
    fit(X, ReconstructionSnapshots(pairs, path=tmp_path))
    np.testing.assert_array_equal(drawn[0].noisy[..., 0], np.asarray(pairs))


def test_training_on_given_pairs_needs_a_noise(tmp_path):
    with pytest.raises(ValueError, match="Give noise, or NoisyImages"):
        small_cae(callbacks=[ReconstructionSnapshots(PROBE, path=tmp_path)]).fit(X, X)


@pytest.mark.parametrize(
    ("train", "probe", "params"),
    [
        (as_uint(X, np.uint8), as_uint(PROBE, np.uint8), {}),
        (255 * X, 255 * PROBE, {"data_range": (0, 255)}),
        (X.reshape(24, 64), PROBE.reshape(2, 64), {}),
        (X[:, None], PROBE[:, None], {"channel_axis": 1}),
    ],
    ids=["uint8", "other units", "rows", "channels first"],
)
def test_shape_and_units_are_those_of_the_training(drawn, tmp_path, train, probe, params):
    fit(train, ReconstructionSnapshots(probe, path=tmp_path), **params)
    np.testing.assert_allclose(drawn[0].clean[..., 0], PROBE, atol=UINT8_STEP)


def test_images_with_other_channels_are_refused(tmp_path):
    snapshots = ReconstructionSnapshots(colour(3), path=tmp_path)
    with pytest.raises(ValueError, match=r"X_clean of shape .* has 3 channel\(s\), but"):
        fit(X, snapshots)


@pytest.mark.parametrize("every", [0, 1.5])
def test_every_is_a_positive_integer(tmp_path, every):
    with pytest.raises(
        ValueError, match="The 'every' parameter of ReconstructionSnapshots must be an int"
    ):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, every=every))


def test_images_in_other_units_are_refused(tmp_path):
    snapshots = ReconstructionSnapshots(as_uint(PROBE, np.uint8), path=tmp_path)
    with pytest.raises(ValueError, match=r"X_clean has dtype uint8 .* but the training images are"):
        fit(X, snapshots)


def test_images_of_another_size_are_refused_by_a_flat_code(tmp_path):
    cae = small_cae(
        small_autoencoder(latent_dim=3),
        callbacks=[ReconstructionSnapshots(gray(3, width=12), path=tmp_path)],
    )
    with pytest.raises(ValueError, match="X_clean has images of 8 x 12 pixels"):
        cae.fit(X)


def test_images_of_many_bands_are_refused_before_the_training(tmp_path):
    snapshots = ReconstructionSnapshots(colour(3, n_channels=13), path=tmp_path)
    with pytest.raises(ValueError, match="13 channels cannot be shown"):
        fit(colour(n_channels=13), snapshots)


def test_images_of_two_pixels_are_drawn(tmp_path):
    fit(gray(height=2, width=2), ReconstructionSnapshots(gray(1, 2, 2), path=tmp_path))
    assert (tmp_path / "epoch_0001.png").exists()


# --- faults


@pytest.fixture
def full_disk(monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)


@pytest.mark.parametrize("name", [".", "training.gif"])
def test_a_full_disk_costs_a_warning_and_no_training(tmp_path, full_disk, name):
    with pytest.warns(UserWarning, match=r"could not show epoch 1: OSError.*training goes") as told:
        cae = fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / name), max_epochs=3)
    assert len(told) == 1
    assert len(cae.history_["train_loss"]) == 3
    assert list(tmp_path.iterdir()) == []


def test_an_old_animation_outlives_a_full_disk(tmp_path, full_disk):
    path = tmp_path / "training.gif"
    path.write_bytes(b"old")
    with pytest.warns(UserWarning, match="could not show"):
        fit(X, ReconstructionSnapshots(PROBE, path=path))
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_costs_a_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.warns(UserWarning, match="may need space or another place"):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / "file" / "folder"))


def test_ctrl_c_in_a_snapshot_is_raised(tmp_path, monkeypatch):
    def interrupt(self, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(DenoisingDisplay, "plot", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path))


def test_a_training_that_is_cut_off_leaves_a_gif(tmp_path):
    path = tmp_path / "training.gif"

    class Cut(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 5:
                raise KeyboardInterrupt

    cae = small_cae(max_epochs=9, callbacks=[ReconstructionSnapshots(PROBE, path=path), Cut()])
    with pytest.raises(KeyboardInterrupt):
        cae.fit(X)
    with Image.open(path) as animation:
        assert animation.n_frames == 4


def test_a_gif_shows_the_figures_and_the_last_one_longest(tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif"), max_epochs=3)
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), max_epochs=3)
    durations = []
    with Image.open(tmp_path / "training.gif") as animation:
        for i in range(3):
            animation.seek(i)
            durations.append(animation.info["duration"])
            frame = np.asarray(animation.convert("RGB"), float)
            figure = io.imread(tmp_path / f"epoch_{i + 1:04d}.png")[..., :3]
            # 256 colours stand for all of a figure; other figures differ by 10 and more.
            assert np.abs(frame - figure).mean() < 1
    assert durations == [400, 400, 2000]


def test_frames_are_kept_compressed(tmp_path):
    snapshots = ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif")
    fit(X, snapshots, max_epochs=2)
    (width, height), block = snapshots.frames_[0]
    assert len(block) < width * height / 4


def test_it_leaves_the_training_as_it_is(tmp_path):
    watched = fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), max_epochs=2)
    alone = small_cae(max_epochs=2).fit(X)
    np.testing.assert_array_equal(watched.predict(X), alone.predict(X))


def test_no_figure_is_left_open(tmp_path):
    before = plt.get_fignums()
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path), max_epochs=2)
    assert plt.get_fignums() == before


def test_a_notebook_shows_one_figure_and_updates_it(notebook):
    fit(X, ReconstructionSnapshots(PROBE), max_epochs=3)
    assert (len(notebook.shown), len(notebook.updates)) == (1, 2)
    assert notebook.shown[0].startswith(b"\x89PNG")


def test_a_notebook_shows_nothing_if_told_so(notebook, tmp_path):
    fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, show=False))
    assert notebook.shown == []


def test_without_a_notebook_and_a_path_it_warns():
    with pytest.warns(UserWarning, match="this is not a notebook. Set path"):
        fit(X, ReconstructionSnapshots(PROBE))


def test_outside_of_notebooks_there_is_nothing_to_insist_on(tmp_path):
    with pytest.raises(ValueError, match="show=True, but this is not a notebook"):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, show=True))


def test_another_way_to_show_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="The 'show' parameter of ReconstructionSnapshots must be a str among"
    ):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, show="window"))


def test_a_clone_has_the_same_parameters(tmp_path):
    cae = fit(X, ReconstructionSnapshots(PROBE, path=tmp_path / "training.gif", every=2))
    (snapshots,) = clone(cae).callbacks
    assert (snapshots.path, snapshots.every) == (tmp_path / "training.gif", 2)
    np.testing.assert_array_equal(snapshots.X_clean, PROBE)


def test_a_pickled_estimator_trains_on_and_draws_on(tmp_path, notebook):
    cae = fit(X, ReconstructionSnapshots(PROBE, path=tmp_path))
    pickle.loads(pickle.dumps(cae)).partial_fit(X)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_0001.png", "epoch_0002.png"]


# --- the progress bar beside them


def test_the_bar_is_closed_by_an_error():
    class Failing(ReconstructionSnapshots):
        def on_epoch_end(self, net, **kwargs):
            self.bar_ = dict(net.callbacks_)["progress"].bar
            raise RuntimeError("stop")

    failing = Failing(PROBE, path="unused")
    with pytest.raises(RuntimeError, match="stop"):
        fit(X, failing, verbose=1)
    assert failing.bar_.disable


def test_early_stopping_says_which_epoch_it_restores(capsys):
    # Weights that stand still, and no running statistics: the first epoch stays the best.
    options = {"patience": 2, "validation_fraction": 0.25, "max_epochs": 9, "verbose": 1, **STILL}
    cae = small_cae(small_autoencoder(normalization=None), early_stopping=True, **options)
    cae.fit(X)
    written = capsys.readouterr()
    assert written.out.splitlines()[1:] == [
        "Stopping since valid_loss has not improved in the last 2 epochs.",
        "Restoring best model from epoch 1.",
    ]
    assert "3/9" in written.err
