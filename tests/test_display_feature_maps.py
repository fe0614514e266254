import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from small import colour, gray, small_autoencoder, small_cae, small_unet

from sklearn_cae import TorchNetwork
from sklearn_cae.display import FeatureMapsDisplay

X = gray()
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cae():
    return small_cae().fit(X)


def picture(ax):
    (image,) = ax.get_images()
    return np.asarray(image.get_array())


def test_a_column_for_the_image_the_filters_and_each_layer(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X, n_maps=3)
    assert display.axes_.shape == (3, 2 + len(cae.layer_names_))
    names = [ax.get_title().rsplit("\n", 1)[0].replace("\n", ".") for ax in display.axes_[0]]
    assert names == ["image", "filters", *cae.layer_names_]


def test_the_titles_say_the_size(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X)
    sizes = [ax.get_title().rsplit("\n", 1)[1] for ax in display.axes_[0, :4]]
    assert sizes == ["8 × 8 × 1", "3 × 3 × 4", "8 × 8 × 4", "4 × 4 × 8"]


def test_maps_are_those_of_the_layer_with_the_largest_variance(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X[3:], layers=["encoder.stages.1"], n_maps=2)
    maps = cae.feature_maps(X[3:4], "encoder.stages.1")[0]
    order = np.argsort(-maps.var(axis=(0, 1)))[:2]
    for ax, i in zip(display.axes_[:, 2], order, strict=True):
        np.testing.assert_array_equal(picture(ax), maps[..., i])


def test_each_filter_stands_beside_its_map(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X)
    np.testing.assert_array_equal(display.shown_filters_, display.shown_maps_["encoder.stages.0"])
    weights = cae.net_.module_.encoder.stages[0][0].weight.detach().numpy()
    np.testing.assert_array_equal(
        picture(display.axes_[0, 1]), weights[display.shown_filters_[0], 0]
    )


def test_gray_filters_have_one_symmetric_scale(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X)
    limit = np.abs(display.filters).max()
    for ax in display.axes_[:4, 1]:
        (image,) = ax.get_images()
        assert (image.norm.vmin, image.norm.vmax) == (-limit, limit)


def test_colour_filters_are_colours_around_gray():
    filters = np.zeros((2, 3, 3, 3))
    filters[0, :, :, 0] = 2
    maps = {"a": RNG.random((4, 4, 5))}
    display = FeatureMapsDisplay(image=RNG.random((8, 8, 3)), maps=maps, filters=filters)
    display.plot(n_maps=2)
    # A filter of one value has no variance: the first comes first.
    shown = [picture(ax)[0, 0] for ax in display.axes_[:, 1]]
    np.testing.assert_array_equal(shown, [[1, 0.5, 0.5], [0.5, 0.5, 0.5]])


def test_the_image_is_the_first_in_units_of_the_data_range():
    cae = small_cae(data_range=(0, 255)).fit(255 * X)
    display = FeatureMapsDisplay.from_estimator(cae, 255 * X[5:])
    np.testing.assert_allclose(picture(display.axes_[0, 0]), X[5], atol=1e-6)


@pytest.mark.parametrize(
    "change", [lambda X: np.moveaxis(X, 3, 1), lambda X: np.moveaxis(X, 3, 1).reshape(len(X), -1)]
)
def test_channels_first_networks_show_as_channels_last_ones(change):
    images = colour()
    last = FeatureMapsDisplay.from_estimator(small_cae().fit(images), images)
    first = small_cae(channel_axis=1, image_shape=(8, 8, 3) if change(images).ndim == 2 else None)
    display = FeatureMapsDisplay.from_estimator(first.fit(change(images)), change(images))
    np.testing.assert_array_equal(display.image, last.image)
    for layer, maps in last.maps.items():
        # Sums of float32 in another order.
        np.testing.assert_allclose(display.maps[layer], maps, atol=1e-5)


@pytest.mark.parametrize(
    "network", [small_autoencoder(latent_dim=3), small_unet()], ids=["flat code", "U-Net"]
)
def test_it_works_for_other_networks(network):
    cae = small_cae(network).fit(X)
    assert list(FeatureMapsDisplay.from_estimator(cae, X).maps) == cae.layer_names_


def test_layers_with_flat_outputs_are_refused():
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(X)
    with pytest.raises(ValueError, match="flat outputs and no maps"):
        FeatureMapsDisplay.from_estimator(cae, X, layers=["compress"])


class OneConvolution(torch.nn.Module):
    def __init__(self, n_channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(n_channels, n_channels, 3, padding="same")

    def forward(self, images):
        return self.conv(images)


class Scaling(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Identity()
        self.factor = torch.nn.Parameter(torch.ones(()))

    def forward(self, images):
        return self.factor * self.inner(images)


def test_a_network_without_names_of_layers_asks_for_them():
    cae = small_cae(TorchNetwork(OneConvolution)).fit(X)
    with pytest.raises(ValueError, match=r"names no layers\. Give layers"):
        FeatureMapsDisplay.from_estimator(cae, X)


def test_a_network_without_names_shows_the_layers_that_are_named():
    cae = small_cae(TorchNetwork(OneConvolution)).fit(X)
    assert FeatureMapsDisplay.from_estimator(cae, X, layers=["conv"]).maps["conv"].shape == (
        8,
        8,
        1,
    )


def test_a_network_without_convolutions_is_refused():
    cae = small_cae(TorchNetwork(Scaling)).fit(X)
    with pytest.raises(ValueError, match="there are no filters to show"):
        FeatureMapsDisplay.from_estimator(cae, X, layers=["inner"])


def test_the_layout_is_that_of_fit_whatever_was_set_since():
    images = colour()
    cae = small_cae().fit(images).set_params(channel_axis=1)
    maps = FeatureMapsDisplay.from_estimator(cae, images).maps["encoder.stages.1"]
    assert maps.shape == (4, 4, 8)


def test_what_makes_no_maps_is_refused():
    with pytest.raises(ValueError, match="has no feature_maps; expected a fitted DenoisingCAE"):
        FeatureMapsDisplay.from_estimator(PCA(), X)


def test_axes_without_a_map_are_empty(cae):
    display = FeatureMapsDisplay.from_estimator(cae, X, n_maps=6)
    # The head makes one map, and there are four filters.
    assert [ax.axison for ax in display.axes_[:, -1]] == [True] + [False] * 5
    assert [ax.axison for ax in display.axes_[:, 1]] == [True] * 4 + [False] * 2


def test_it_draws_on_given_axes(cae):
    figure, axes = plt.subplots(2, 3)
    display = FeatureMapsDisplay.from_estimator(
        cae, X, layers=["encoder.code"], n_maps=2, axes=axes
    )
    assert display.figure_ is figure
