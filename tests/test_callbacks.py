import pickle
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from skimage import io
from sklearn.base import clone
from small import STILL, colour, gray, small_cae

from sklearn_cae import NoiseInjector
from sklearn_cae.callbacks import ReconstructionSnapshots
from sklearn_cae.display import DenoisingDisplay

X, PROBE = gray(), gray(3, seed=1)


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


def test_it_draws_what_the_network_predicts(drawn, tmp_path):
    cae = fit(X, ReconstructionSnapshots(PROBE, path=tmp_path))
    # Sums of float32 in another order, in batches of another size.
    np.testing.assert_allclose(
        drawn[-1].denoised[..., 0], cae.predict(drawn[-1].noisy[..., 0]), atol=1e-5
    )


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
        (255 * X, 255 * PROBE, {"data_range": (0, 255)}),
        (X.reshape(24, 64), PROBE.reshape(3, 64), {}),
        (X[:, None], PROBE[:, None], {"channel_axis": 1}),
    ],
    ids=["other units", "rows", "channels first"],
)
def test_shape_and_units_are_those_of_the_training(drawn, tmp_path, train, probe, params):
    axis = params.get("channel_axis", -1)
    fit(train, ReconstructionSnapshots(probe, path=tmp_path, channel_axis=axis), **params)
    # float32 of 255 times a value, divided by 255
    np.testing.assert_allclose(drawn[0].clean[..., 0], PROBE, atol=1e-6)


def test_images_with_other_channels_are_refused(tmp_path):
    snapshots = ReconstructionSnapshots(colour(3), path=tmp_path)
    with pytest.raises(ValueError, match=r"has 3 channel\(s\), but the training images have 1"):
        fit(X, snapshots)


@pytest.mark.parametrize("every", [0, 1.5])
def test_every_is_a_positive_integer(tmp_path, every):
    with pytest.raises(ValueError, match="expected a positive integer, in epochs"):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, every=every))


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
    with pytest.warns(UserWarning, match="this is no notebook. Give path"):
        fit(X, ReconstructionSnapshots(PROBE))


def test_outside_of_notebooks_there_is_nothing_to_insist_on(tmp_path):
    with pytest.raises(ValueError, match="show=True, but this is no notebook"):
        fit(X, ReconstructionSnapshots(PROBE, path=tmp_path, show=True))


def test_another_way_to_show_is_refused(tmp_path):
    with pytest.raises(ValueError, match="show='window'; expected 'auto', True or False"):
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
    cae = small_cae(
        early_stopping=True, patience=2, validation_fraction=0.25, max_epochs=9, verbose=1, **STILL
    )
    cae.fit(X)
    written = capsys.readouterr()
    assert written.out.splitlines() == [
        "Stopping since valid_loss has not improved in the last 2 epochs.",
        "Restoring best model from epoch 1.",
    ]
    assert "3/9" in written.err
