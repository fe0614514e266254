import re
from html import unescape

import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from small import gray, small_autoencoder, small_cae

from sklearn_cae import DenoisingCAE, GaussianNoise, NoiseInjector

X = gray()


CELL = re.compile(r"<t[hd]>(.*?)</t[hd]>", re.DOTALL)


def facts(cae):
    """Names and values of the first table below scikit-learn's diagram."""
    found = rows(cae._repr_html_())
    heads = [i for i, row in enumerate(found) if row == ["layer", "parameters"]]
    return dict(found[: heads[0]])


def layers(cae):
    """Names and numbers of parameters of the layers."""
    found = rows(cae._repr_html_())
    return found[found.index(["layer", "parameters"]) + 1 :]


def rows(html):
    """Cells of the tables below scikit-learn's diagram."""
    network = html[html.index("<summary>Fitted network") :]
    rows = re.findall(r"<tr>(.*?)</tr>", network, re.DOTALL)
    return [[unescape(cell) for cell in re.findall(CELL, row)] for row in rows]


def test_a_fitted_network_shows_image_code_noise_and_parameters():
    cae = small_cae(noise=GaussianNoise(0.2), data_range=(0, 255), validation_fraction=0)
    shown = facts(cae.fit(255 * X))
    del shown["training"]
    assert shown == {
        "network": repr(cae.network_),
        "image": "8 × 8",
        "data range": "0 to 255",
        "code": "4 × 2 × 2",
        "noise": "GaussianNoise(std=0.2)",
        "parameters": f"{cae.n_parameters_:,}",
    }


def test_it_shows_how_long_the_training_took():
    cae = small_cae(max_epochs=2).fit(X)
    found = re.fullmatch(r"2 epochs in (\S+) s on cpu in float32", facts(cae)["training"])
    assert float(found[1]) == pytest.approx(cae.history_["duration"].sum(), rel=0.01)


def test_it_shows_the_psnr_of_the_last_epoch_and_of_noisy_images():
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(X)
    psnr, noisy = (cae.history_[name][-1] for name in ("valid_psnr", "noisy_psnr"))
    assert facts(cae)["last epoch"] == (
        f"validation PSNR {psnr:.1f} dB, that of noisy images {noisy:.1f} dB"
    )


def test_a_last_epoch_without_images_to_validate_shows_no_psnr():
    cae = small_cae(validation_fraction=0.25).fit(X).partial_fit(X)
    assert "last epoch" not in facts(cae)


def test_a_network_that_comes_trained_shows_no_training():
    assert "training" not in facts(DenoisingCAE.from_pretrained("natural-gray"))


def test_numbers_have_four_digits():
    noise = facts(DenoisingCAE.from_pretrained("natural-gray"))["noise"]
    assert noise == "GaussianNoise(clip=False, std=(0.0, 0.2157))"


@pytest.mark.parametrize("options", [{}, {"latent_dim": 3}, {"upsampling": "transpose"}])
def test_the_parameters_of_the_layers_add_up(options):
    cae = small_cae(small_autoencoder(**options)).fit(X)
    assert [name for name, _ in layers(cae)][: len(cae.layer_names_)] == cae.layer_names_
    assert sum(int(count.replace(",", "")) for _, count in layers(cae)) == cae.n_parameters_


def test_frozen_parameters_are_not_counted_as_trained():
    cae = small_cae().fit(X)
    frozen = cae.net_.module_.encoder.requires_grad_(False)
    n_trained = cae.n_total_parameters_ - sum(p.numel() for p in frozen.parameters())
    assert facts(cae)["parameters"].endswith(f"of which {n_trained:,} are trained")


def test_noise_of_given_pairs_is_called_so():
    assert facts(small_cae().fit(X, X))["noise"] == "that of the pairs"


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
