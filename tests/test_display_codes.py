import sys
from inspect import signature

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.offsetbox import AnnotationBbox
from sklearn.decomposition import PCA
from sklearn.manifold import MDS, TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small import LAYOUTS, UINT8_STEP, as_uint, colour, gray, small_cae

from sklearn_cae.display import CodesDisplay

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(30, 5))
PLANE = RNG.normal(size=(30, 2))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def thumbnails(display):
    return [a for a in display.ax_.artists if isinstance(a, AnnotationBbox)]


def picture(box):
    """The values (H, W, 3) of a thumbnail."""
    return np.asarray(box.offsetbox.get_data())


def unit(display):
    """All images in units of the data range."""
    low, high = display.data_range
    return (display.images - low) / (high - low)


def legend_texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def drawn_points(display):
    return [np.asarray(points.get_offsets()) for points in display.ax_.collections]


def test_long_codes_show_their_principal_components():
    cae, X = small_cae().fit(gray()), gray()
    display = CodesDisplay.from_estimator(cae, X)
    expected = PCA(2, random_state=0).fit_transform(cae.transform(X))
    np.testing.assert_array_equal(display.points, expected)


def test_codes_of_two_values_show_as_they_are():
    np.testing.assert_array_equal(CodesDisplay.from_codes(PLANE).points, PLANE)


def test_codes_of_two_values_are_projected_on_demand():
    expected = PCA(2, random_state=0).fit_transform(PLANE)
    np.testing.assert_array_equal(CodesDisplay.from_codes(PLANE, embedding="pca").points, expected)


def test_tsne_takes_the_seed():
    expected = TSNE(2, perplexity=29 / 3, random_state=3).fit_transform(CODES)
    display = CodesDisplay.from_codes(CODES, embedding="tsne", random_state=3)
    np.testing.assert_array_equal(display.points, expected)


def test_any_transformer_makes_two_dimensions():
    scale = FunctionTransformer(lambda codes: 2 * codes[:, :2])
    display = CodesDisplay.from_codes(CODES, embedding=scale)
    np.testing.assert_array_equal(display.points, 2 * CODES[:, :2])


def test_the_given_transformer_stays_as_it_was():
    pca = PCA(2)
    CodesDisplay.from_codes(CODES, embedding=pca)
    assert not hasattr(pca, "components_")


def test_a_transformer_without_transform_will_do():
    # Its default start changes with the version of scikit-learn, which warns of it.
    start = {"init": "random"} if "init" in signature(MDS).parameters else {}
    mds = MDS(2, n_init=1, random_state=0, **start)
    np.testing.assert_array_equal(
        CodesDisplay.from_codes(CODES, embedding=mds).points, mds.fit_transform(CODES)
    )


def test_umap_that_is_missing_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"embedding='umap' needs .* `pip install umap-learn`"):
        CodesDisplay.from_codes(CODES, embedding="umap")


def test_umap_is_used_where_it_is_installed(monkeypatch):
    class FakeUmap:
        UMAP = staticmethod(lambda n_components, random_state: PCA(n_components))

    monkeypatch.setitem(sys.modules, "umap", FakeUmap)
    np.testing.assert_allclose(
        CodesDisplay.from_codes(CODES, embedding="umap").points, PCA(2).fit_transform(CODES)
    )


@pytest.mark.parametrize("labels", [np.arange(30) % 3, [f"{k % 3}" for k in range(30)]])
def test_each_category_has_its_points_and_its_name(labels):
    display = CodesDisplay.from_codes(PLANE, labels)
    assert legend_texts(display) == ["0", "1", "2"]
    for k, points in enumerate(drawn_points(display)):
        np.testing.assert_array_equal(points, PLANE[k::3])


def test_twenty_categories_differ_in_colour_or_marker():
    display = CodesDisplay.from_codes(PLANE, np.arange(30) % 20)
    looks = {
        (to_hex(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in display.ax_.collections
    }
    assert len(looks) == 20


def test_many_numbers_get_a_colour_bar():
    numbers = np.linspace(0, 1, 30)
    display = CodesDisplay.from_codes(PLANE, numbers)
    (points,) = display.ax_.collections
    np.testing.assert_array_equal(points.get_array(), numbers)
    assert len(display.figure_.axes) == 2
    assert display.ax_.get_legend() is None


def test_without_labels_there_is_no_legend():
    assert CodesDisplay.from_codes(PLANE).ax_.get_legend() is None


def test_labels_of_pandas_will_do():
    labels = pd.Series(["cat", "dog"] * 15, dtype="category")
    assert legend_texts(CodesDisplay.from_codes(PLANE, labels)) == ["cat", "dog"]


def test_thumbnails_do_not_overlap():
    display = CodesDisplay.from_codes(RNG.normal(size=(300, 2)), images=gray(300), n_thumbnails=99)
    display.figure_.draw_without_rendering()
    boxes = [box.patch.get_window_extent() for box in thumbnails(display)]
    assert len(boxes) > 20
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_wide_thumbnails_do_not_overlap():
    images = gray(300, height=4, width=16)
    display = CodesDisplay.from_codes(RNG.normal(size=(300, 2)), images=images, n_thumbnails=99)
    display.figure_.draw_without_rendering()
    boxes = [box.patch.get_window_extent() for box in thumbnails(display)]
    assert len(boxes) > 20
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("n_thumbnails", [0, 1, 5])
def test_no_more_thumbnails_than_wanted(n_thumbnails):
    display = CodesDisplay.from_codes(PLANE, images=gray(30), n_thumbnails=n_thumbnails)
    assert len(thumbnails(display)) == len(display.thumbnail_indices_) == n_thumbnails


def test_a_thumbnail_is_the_image_of_its_code_in_the_colour_of_its_label():
    images, labels = colour(30), np.arange(30) % 2
    display = CodesDisplay.from_codes(PLANE, labels, images=images, n_thumbnails=6)
    colours = [to_hex(points.get_facecolor()[0]) for points in display.ax_.collections]
    for i, box in zip(display.thumbnail_indices_, thumbnails(display), strict=True):
        np.testing.assert_array_equal(box.xy, PLANE[i])
        np.testing.assert_allclose(picture(box), images[i])
        assert to_hex(box.patch.get_edgecolor()) == colours[labels[i]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_of_any_layout_show_rightly(layout):
    X, params, expected = LAYOUTS[layout]
    display = CodesDisplay.from_estimator(small_cae(**params).fit(X), X)
    # uint8 holds the images to half a level.
    np.testing.assert_allclose(unit(display), expected, atol=UINT8_STEP)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_of_any_layout_show_rightly_with_codes(layout):
    X, params, expected = LAYOUTS[layout]
    display = CodesDisplay.from_codes(PLANE[:24], images=X, **params)
    np.testing.assert_allclose(unit(display), expected, atol=UINT8_STEP)


def test_a_pipeline_shows_what_its_autoencoder_sees():
    X = as_uint(gray(), np.uint8)
    scale = FunctionTransformer(lambda X: X / 255)
    pipeline = make_pipeline(scale, small_cae(), PCA(2)).fit(X)
    display = CodesDisplay.from_estimator(pipeline, X)
    np.testing.assert_array_equal(display.points, pipeline.transform(X))
    np.testing.assert_allclose(unit(display)[..., 0], X / 255)


def test_a_search_shows_what_its_best_autoencoder_sees():
    X = colour().transpose(0, 3, 1, 2)
    search = GridSearchCV(small_cae(channel_axis=1), {"lr": [1e-2]}, cv=2).fit(X)
    display = CodesDisplay.from_estimator(search, X)
    np.testing.assert_allclose(unit(display), colour())


def test_other_transformers_show_square_images():
    X = gray().reshape(24, 64)
    display = CodesDisplay.from_estimator(PCA(3).fit(X), X)
    np.testing.assert_allclose(unit(display), gray()[..., np.newaxis])


def test_without_thumbnails_X_need_not_be_images():
    X = pd.DataFrame(RNG.random((24, 5)))
    display = CodesDisplay.from_estimator(PCA(3).fit(X), X, n_thumbnails=0)
    assert display.images is None


def test_of_many_images_some_are_drawn_at_random_with_their_labels():
    X = pd.DataFrame(CODES[:, :4], columns=list("abcd"))
    same = FunctionTransformer().fit(X)
    options = {"max_images": 7, "n_thumbnails": 0, "embedding": FunctionTransformer(_first_two)}
    display = CodesDisplay.from_estimator(same, X, np.arange(30), **options)
    np.testing.assert_array_equal(display.points, CODES[display.labels, :2])
    assert len(set(display.labels)) == 7
    other = CodesDisplay.from_estimator(same, X, np.arange(30), random_state=1, **options)
    assert list(other.labels) != list(display.labels)


def _first_two(codes):
    return codes[:, :2]


def test_it_draws_on_a_given_axes():
    _, ax = plt.subplots()
    display = CodesDisplay.from_codes(PLANE, ax=ax)
    assert (display.ax_, display.figure_) == (ax, ax.figure)


def test_it_draws_on_a_subfigure():
    subfigure = plt.figure().subfigures(1, 2)[1]
    display = CodesDisplay.from_codes(PLANE, images=gray(30), ax=subfigure.subplots())
    assert thumbnails(display)


def test_plot_returns_the_display():
    display = CodesDisplay(points=PLANE)
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay():
    before = dict(mpl.rcParams)
    CodesDisplay.from_codes(PLANE, np.arange(30) % 2, images=gray(30))
    assert dict(mpl.rcParams) == before


def test_an_unknown_method_is_refused():
    message = r"embedding='mds'; expected one of 'auto', 'pca', 'tsne', 'umap', or a transformer"
    with pytest.raises(ValueError, match=message):
        CodesDisplay.from_codes(CODES, embedding="mds")


def test_a_method_of_three_dimensions_is_refused():
    with pytest.raises(ValueError, match=r"gave shape \(30, 3\) for 30 codes; expected \(30, 2\)"):
        CodesDisplay.from_codes(CODES, embedding=PCA(3))


@pytest.mark.parametrize("codes", [CODES[:, :1], CODES[:1]])
def test_too_few_codes_or_values_are_refused(codes):
    with pytest.raises(ValueError, match="expected are at least two images with codes of at least"):
        CodesDisplay.from_codes(codes)


def test_labels_of_another_number_are_refused():
    with pytest.raises(
        ValueError, match=r"y has shape \(29,\); expected \(30,\): a label for each"
    ):
        CodesDisplay.from_codes(CODES, np.arange(29))


def test_too_many_names_are_refused():
    with pytest.raises(ValueError, match="y has 30 different labels; up to 20 can be told apart"):
        CodesDisplay.from_codes(CODES, [f"{k}" for k in range(30)])


def test_images_of_another_number_are_refused():
    with pytest.raises(ValueError, match="there are 24 images, but 30 codes"):
        CodesDisplay.from_codes(CODES, images=gray(24))


def test_all_images_but_those_shown_stay_as_they_are():
    images = as_uint(gray(30), np.uint8)
    display = CodesDisplay.from_codes(PLANE, images=images, n_thumbnails=3)
    assert np.shares_memory(display.images, images)


def test_thumbnails_of_a_learned_range_are_clipped():
    images = gray(30) * 1000 + 100
    images[0, 0, 0] = 50_000
    display = CodesDisplay.from_codes(PLANE, images=images, n_thumbnails=30)
    assert display.data_range[1] < 50_000
    assert max(picture(box).max() for box in thumbnails(display)) == 1


def test_codes_of_images_with_many_bands_show_without_thumbnails():
    X = colour(n_channels=13)
    display = CodesDisplay.from_estimator(small_cae().fit(X), X, n_thumbnails=0)
    assert display.images is None


def test_what_gives_no_codes_is_refused():
    with pytest.raises(ValueError, match=r"TSNE\(\) has no transform; expected a fitted transf"):
        CodesDisplay.from_estimator(TSNE(), gray())


def test_images_with_two_channels_are_refused():
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        CodesDisplay.from_codes(PLANE, images=colour(30, n_channels=2))
