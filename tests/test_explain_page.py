import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from small import STILL, colour, gray, small_autoencoder, small_cae, small_unet
from torch import nn

from sklearn_cae import Autoencoder, DenoisingCAE, NoiseInjector, TorchNetwork, VGG16Encoder
from sklearn_cae.callbacks import WeightHistory
from sklearn_cae.explain import ExplainPage, _contents, explain_html
from sklearn_cae.explain._page import PAGE
from sklearn_cae.noise import GaussianNoise, NoiseModel

SHAPE = (24, 8, 8)
# What is shown need not be all that was trained on.
FEW = gray(6)


@pytest.fixture(scope="module")
def fitted():
    return small_cae().fit(gray())


def data_of(page):
    """What Python wrote into the page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page.html, re.DOTALL)[1])


def test_the_page_is_written_where_it_is_asked_for(fitted, tmp_path):
    path = tmp_path / "page.html"
    page = explain_html(fitted, FEW, path)
    assert path.read_text(encoding="utf-8") == page.html


def test_a_notebook_shows_the_page_in_a_frame(fitted):
    html = explain_html(fitted, FEW)._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert html.count("<") == 2  # of the frame alone: all of the page is escaped


def test_the_page_tells_its_size(fitted):
    page = explain_html(fitted, FEW)
    assert repr(page) == f"ExplainPage(<{len(page.html) / 1e6:.1f} MB of HTML>)"


def test_the_page_of_the_default_network_is_below_4_mb():
    X = colour(32, 32, 32)
    cae = DenoisingCAE(max_epochs=1, for_codes=True, **STILL).fit(X)
    assert len(explain_html(cae, X).html.encode()) < 4e6


def test_many_weights_are_written_in_half_precision(fitted, monkeypatch):
    single = data_of(explain_html(fitted, FEW))
    monkeypatch.setattr(_contents, "MAX_SINGLE", 10)
    halved = data_of(explain_html(fitted, FEW))
    assert (single["halved"], halved["halved"]) == (False, True)
    found = np.frombuffer(base64.b64decode(halved["weights"]), "<f2")
    expected = np.frombuffer(base64.b64decode(single["weights"]), "<f4")
    np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_weights_too_large_for_half_precision_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(_contents, "MAX_SINGLE", 10)
    cae = small_cae().fit(gray())
    with torch.no_grad():
        next(cae.net_.module_.parameters()).fill_(1e5)
    assert not data_of(explain_html(cae, FEW))["halved"]


@pytest.mark.parametrize("address", ["https://cae.org/</script>", None])
def test_the_page_knows_where_its_guide_is(fitted, monkeypatch, address):
    monkeypatch.setattr(_contents, "guide_address", lambda: address)
    page = explain_html(fitted, FEW)
    assert data_of(page)["guide"] == address
    assert "cae.org/</script>" not in page.html


def test_nothing_of_the_page_is_elsewhere(fitted, monkeypatch):
    monkeypatch.setattr(_contents, "guide_address", lambda: None)
    html = explain_html(fitted, FEW).html
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)""", html) == []
    assert "@import" not in html
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", html) == []


def test_a_title_with_a_script_is_text(fitted):
    title = "</script><script>alert(1)</script>"
    page = explain_html(fitted, FEW, title=title)
    assert title not in page.html
    assert "<title>&lt;/script&gt;&lt;script&gt;" in page.html
    assert data_of(page)["title"] == title


def test_a_title_that_looks_like_a_place_of_the_page_stays_what_it_is(fitted):
    assert "<title>{{data}}</title>" in explain_html(fitted, FEW, title="{{data}}").html


class Elements(HTMLParser):
    """Names of the elements of a page that hold styles or scripts, and what is in them."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag in ("style", "script"):
            self.found.append([dict(attributes).get("id", tag), ""])

    def handle_data(self, data):
        if self.found and not self.found[-1][1]:
            self.found[-1][1] = data.strip()


def test_no_style_and_no_script_ends_the_element_that_holds_it():
    elements = Elements(PAGE.read_text(encoding="utf-8")).found
    assert [name for name, _ in elements] == ["style", "worker", "data", "d3", "script"]
    assert dict(elements)["data"] == "{{data}}"
    assert re.match(r"\(function\(\) \{.*\}\)\(\);$", dict(elements)["worker"], re.DOTALL)
    assert re.match(r"\(function\(\w+\) \{.*\}\)\(d3\);$", dict(elements)["script"], re.DOTALL)


def test_the_page_keeps_the_licence_of_d3():
    d3 = dict(Elements(PAGE.read_text(encoding="utf-8")).found)["d3"]
    assert re.match(
        r"/\* D3 .*Copyright.*THE SOFTWARE IS PROVIDED .*\*/\s*var d3 *=", d3, re.DOTALL
    )
    assert d3.endswith("({});")


def test_labels_with_a_script_are_text(fitted):
    label = "<script>alert(1)</script>"
    page = explain_html(fitted, FEW, y=[label] * 6)
    assert label not in page.html
    assert data_of(page)["images"]["labels"] == [label] * 6


def test_the_title_names_the_network_if_none_is_given(fitted):
    assert data_of(explain_html(fitted, FEW))["title"] == "Inside an Autoencoder"


def test_as_many_images_can_be_chosen_as_are_asked_for(fitted):
    assert data_of(explain_html(fitted, FEW, n_images=3))["images"]["n"] == 3
    assert data_of(explain_html(fitted, FEW, n_images=99))["images"]["n"] == 6


def test_images_are_in_units_of_the_data_range():
    X = np.rint(gray() * 255).astype(np.uint8)
    data = data_of(explain_html(small_cae().fit(X), X, n_images=1))
    values = np.frombuffer(base64.b64decode(data["images"]["values"]), np.float32)
    np.testing.assert_allclose(values, X[0].ravel() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("X", "options"),
    [
        (gray().reshape(24, 64), {}),
        (colour().transpose(0, 3, 1, 2), {"channel_axis": 1}),
        (colour(n_channels=4), {}),
        (gray() * 6 - 3, {}),
    ],
    ids=["rows", "channels first", "RGBA", "any range"],
)
def test_images_of_every_layout_make_a_page(X, options):
    data = data_of(explain_html(small_cae(**options).fit(X), X))
    assert data["images"]["shape"][1:] == [8, 8]


def test_images_of_another_size_than_in_fit_make_a_page():
    page = explain_html(small_cae(small_unet()).fit(gray()), gray(height=12, width=10))
    assert data_of(page)["images"]["shape"] == [1, 12, 10]


def test_a_pipeline_that_ends_in_one_is_taken(fitted):
    pipeline = make_pipeline(NoiseInjector(), fitted)
    assert isinstance(explain_html(pipeline, gray()), ExplainPage)


def test_a_pretrained_denoiser_is_explained():
    X = (gray(4, 16, 16) * 255).astype(np.uint8)
    data = data_of(explain_html(DenoisingCAE.from_pretrained("natural-gray"), X))
    assert data["network"]["name"] == "ResUNet"
    assert data["noise"]["kind"] == "gaussian"


def test_the_noise_of_the_training_comes_with_its_range():
    cae = small_cae(noise=GaussianNoise((0.1, 0.3))).fit(gray())
    noise = data_of(explain_html(cae, FEW))["noise"]
    assert noise["ranges"] == {"std": [0.1, 0.3]}
    assert noise["levels"]["std"] == pytest.approx(0.2)


def test_a_noise_that_the_page_does_not_know_is_left_out():
    class Dark(NoiseModel):
        def __init__(self, *, clip=True):
            self.clip = clip

        def _corrupt(self, images, generator):
            return images / 2

    cae = small_cae(noise=Dark()).fit(gray())
    assert data_of(explain_html(cae, FEW))["noise"] is None


@pytest.mark.parametrize(
    ("params", "training"),
    [
        ({}, "noise"),
        ({"noise": "none"}, "plain"),
        ({"noise": ["blur", "gaussian"]}, "noise"),
        ({"target": "masked"}, "noisy"),
    ],
)
def test_the_page_knows_what_the_network_was_trained_on(params, training):
    cae = small_cae(small_unet(), **params).fit(gray())
    assert data_of(explain_html(cae, FEW))["training"] == training


def test_the_page_knows_a_network_trained_on_pairs():
    cae = small_cae().fit(gray() / 2, gray())
    assert data_of(explain_html(cae, FEW))["training"] == "pairs"


def test_equal_images_have_no_axes():
    X = np.full(SHAPE, 0.5, np.float32)
    X[..., 0] = 0  # an image, but the same one
    assert data_of(explain_html(small_cae().fit(gray()), X))["codes"] is None


def test_a_network_without_weights_makes_a_page():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.5))  # training needs a parameter

        def forward(self, images):
            return images * self.scale

    data = data_of(explain_html(small_cae(TorchNetwork(Half)).fit(gray()), gray()))
    assert [layer["kind"] for layer in data["network"]["layers"]] == ["input", "affine"]
    assert data["codes"] is None


def test_images_of_one_row_make_a_page():
    X = gray(24, 1, 30)
    assert data_of(explain_html(small_cae().fit(X), X))["images"]["shape"] == [1, 1, 30]


def test_a_single_image_makes_a_page(fitted):
    assert data_of(explain_html(fitted, FEW[:1]))["codes"] is None


def test_the_most_exciting_image_comes_first(fitted):
    X = gray()
    page = data_of(explain_html(fitted, X))
    maps = fitted.feature_maps(X, "encoder.stages.0")  # (n, h, w, n_maps)
    for i, places in enumerate(page["excitement"][0]):
        image, row, column = places[:3]
        assert maps[image, row, column, i] == pytest.approx(maps[..., i].max(), abs=1e-6)


def test_the_estimator_is_left_as_it_was(fitted):
    before = fitted.predict(gray())
    explain_html(fitted, FEW)
    np.testing.assert_array_equal(fitted.predict(gray()), before)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="not fitted"):
        explain_html(small_cae(), FEW)


def test_another_estimator_is_refused():
    with pytest.raises(TypeError, match="takes a DenoisingCAE"):
        explain_html(LogisticRegression(), gray())


def test_images_of_other_channels_are_refused(fitted):
    with pytest.raises(ValueError, match="has 3 channel"):
        explain_html(fitted, colour())


def test_images_in_other_units_are_refused(fitted):
    with pytest.raises(ValueError, match="range"):
        explain_html(fitted, FEW * 255)


def test_images_that_cannot_be_shown_are_refused():
    X = colour(n_channels=5)
    with pytest.raises(ValueError, match="5 channels cannot be shown"):
        explain_html(small_cae().fit(X), X)


def test_labels_for_too_few_images_are_refused(fitted):
    with pytest.raises(ValueError, match=r"y has shape \(3,\); expected are labels"):
        explain_html(fitted, FEW, y=[1, 2, 3])


@pytest.mark.parametrize("options", [{"n_images": 0}, {"title": 3}, {"history": []}, {"path": 3}])
def test_a_parameter_that_is_not_allowed_is_named(fitted, options):
    with pytest.raises(ValueError, match=f"'{next(iter(options))}' parameter of explain_html"):
        explain_html(fitted, FEW, **options)


def test_a_network_that_is_too_large_is_refused_with_what_is(monkeypatch, fitted):
    monkeypatch.setattr(_contents, "MAX_WEIGHTS", 100)
    message = r"too large for a page: it has [\d,]+ weights .* a page holds 100 weights"
    with pytest.raises(ValueError, match=message):
        explain_html(fitted, FEW)


def test_three_blocks_of_vgg16_are_a_page_and_four_are_not():
    X = gray(4, 32, 32)
    for blocks, fits in ((3, True), (4, False)):
        network = Autoencoder(VGG16Encoder(blocks, weights=None))
        cae = small_cae(network, **STILL).fit(X)
        if fits:
            assert len(explain_html(cae, X).html) < 20e6
        else:
            with pytest.raises(ValueError, match="fewer blocks of VGG16"):
                explain_html(cae, X)


def test_nothing_is_written_when_something_is_wrong(fitted, tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(ValueError, match="channel"):
        explain_html(fitted, colour(), path)
    assert not path.exists()


def trained_with(history, network=None, **params):
    return small_cae(network, max_epochs=3, callbacks=[history], **params).fit(gray())


def test_the_epochs_of_a_history_are_in_the_page():
    history = WeightHistory()
    page = explain_html(trained_with(history), FEW, history=history)
    assert [epoch["epoch"] for epoch in data_of(page)["epochs"]] == [0, 1, 2, 3]


def test_of_many_epochs_some_are_kept_with_the_first_and_the_last(monkeypatch):
    monkeypatch.setattr(_contents, "MAX_EPOCHS", 3)
    history = WeightHistory()
    cae = small_cae(max_epochs=9, callbacks=[history]).fit(gray())
    epochs = data_of(explain_html(cae, FEW, history=history))["epochs"]
    # Halfway is 4.5, which rounds to the even number.
    assert [epoch["epoch"] for epoch in epochs] == [0, 4, 9]


def test_the_history_of_another_network_is_refused():
    history = WeightHistory()
    trained_with(history, small_unet())
    cae = small_cae(small_autoencoder(latent_dim=2)).fit(gray())
    with pytest.raises(ValueError, match="history holds the weights of another network"):
        explain_html(cae, FEW, history=history)


def test_a_history_that_saw_no_training_is_refused(fitted):
    with pytest.raises(ValueError, match=r"has seen no training\. Put it among the callbacks"):
        explain_html(fitted, FEW, history=WeightHistory())
