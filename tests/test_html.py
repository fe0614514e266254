import re
from html import unescape

import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from small import gray, small_autoencoder, small_cae

from sklearn_cae import GaussianNoise, NoiseInjector

X = gray()


CELL = re.compile(r"<t[hd]>(.*?)</t[hd]>", re.DOTALL)


def rows(html):
    """Cells of the tables below scikit-learn's diagram."""
    network = html[html.index("<details><summary>Fitted network") :]
    rows = re.findall(r"<tr>(.*?)</tr>", network, re.DOTALL)
    return [[unescape(cell) for cell in re.findall(CELL, row)] for row in rows]


def test_a_fitted_network_shows_image_code_noise_and_parameters():
    cae = small_cae(noise=GaussianNoise(0.2), data_range=(0, 255)).fit(255 * X)
    facts = dict(rows(cae._repr_html_())[:6])
    assert facts == {
        "network": repr(cae.network_),
        "image": "8 × 8",
        "data range": "0 to 255",
        "code": "4 × 2 × 2",
        "noise": "GaussianNoise(std=0.2)",
        "parameters": f"{cae.n_parameters_:,}, of which {cae.n_parameters_:,} are trained",
    }


@pytest.mark.parametrize("options", [{}, {"latent_dim": 3}, {"upsampling": "transpose"}])
def test_the_parameters_of_the_layers_add_up(options):
    cae = small_cae(small_autoencoder(**options)).fit(X)
    head, *layers = rows(cae._repr_html_())[6:]
    assert head == ["layer", "parameters"]
    assert [name for name, _ in layers][: len(cae.layer_names_)] == cae.layer_names_
    assert sum(int(count.replace(",", "")) for _, count in layers) == cae.n_parameters_


def test_frozen_parameters_are_not_counted_as_trained():
    cae = small_cae().fit(X)
    frozen = cae.net_.module_.encoder.requires_grad_(False)
    n_trained = cae.n_total_parameters_ - sum(p.numel() for p in frozen.parameters())
    assert dict(rows(cae._repr_html_())[:6])["parameters"].endswith(f"{n_trained:,} are trained")


def test_noise_of_given_pairs_is_called_so():
    assert dict(rows(small_cae().fit(X, X)._repr_html_())[:6])["noise"] == "that of the pairs"


def test_an_unfitted_network_shows_the_diagram_alone():
    html = small_cae()._repr_html_()
    assert "DenoisingCAE" in html
    assert "Fitted network" not in html


def test_strings_are_escaped():
    class Tricky(GaussianNoise):
        def __repr__(self):
            return "<script>alert(1)</script>"

    cae = small_cae(noise=GaussianNoise()).fit(X)
    cae.noise_ = Tricky()
    html = cae._repr_html_()
    assert "&lt;script&gt;alert(1)" in html[html.index("Fitted network") :]
    assert "<script>alert(1)" not in html[html.index("Fitted network") :]


def test_a_notebook_gets_the_same_html():
    cae = small_cae().fit(X)
    assert "Fitted network" in cae._repr_mimebundle_()["text/html"]


def test_the_text_display_has_no_html():
    with sklearn.config_context(display="text"):
        assert not hasattr(small_cae().fit(X), "_repr_html_")


def test_the_diagram_of_a_pipeline_still_draws():
    html = make_pipeline(NoiseInjector(), small_cae()).fit(X)._repr_html_()
    assert "DenoisingCAE" in html
