"""What networks compute in: float32, or bfloat16 where it pays."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from small import colour, gray, small_autoencoder, small_cae, small_unet
from torch import nn

from sklearn_cae import CAEOutlierDetector, LatentSampler, ResUNet, TorchNetwork, load
from sklearn_cae.explain import explain_html
from sklearn_cae.outliers import SCORES
from sklearn_cae.training import resolve_precision

SMALL = {
    "autoencoder": small_autoencoder(),
    "flat": small_autoencoder(latent_dim=4),
    "unet": small_unet(),
    "res_unet": ResUNet((4, 8), blocks=1),
}


@pytest.fixture(params=[True, False], ids=["native", "not native"])
def native(request, monkeypatch):
    """Whether the processor multiplies in bfloat16, as torch says."""
    told = {"avx512_bf16": request.param, "amx_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    return request.param


class OneConv(nn.Conv2d):
    """A network of the user's."""

    def __init__(self):
        super().__init__(1, 1, 1)


@pytest.mark.parametrize(
    ("network", "size", "gains"),
    [
        (small_autoencoder(), (16, 16), True),
        (small_unet(), (28, 28), True),
        (ResUNet(), (64, 64), True),
        (small_autoencoder(), (8, 8), False),
        (TorchNetwork(OneConv), (64, 64), False),
    ],
)
def test_auto_is_bfloat16_where_the_processor_has_it_and_the_network_gains(
    native, network, size, gains
):
    expected = "bfloat16" if native and gains else "float32"
    assert resolve_precision("auto", network, size, "cpu") == expected


def test_a_device_that_is_not_known_to_have_it_trains_in_float32():
    assert resolve_precision("auto", ResUNet(), (64, 64), "mps") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_precision_that_is_named_is_taken(native, precision):
    assert resolve_precision(precision, ResUNet(), (8, 8), "cpu") == precision


@pytest.mark.parametrize("precision", ["float16", "bf16", None])
def test_an_unknown_precision_is_an_error_that_names_those_there_are(precision):
    with pytest.raises(ValueError, match=r"'precision' .*'bfloat16'"):
        small_cae(precision=precision).fit(gray())


def test_auto_gives_results_in_float32(native):
    cae = small_cae().fit(gray(8, 16, 16))
    assert cae.net_.precision == ("bfloat16" if native else "float32")
    assert cae.precision_ == "float32"


@pytest.mark.parametrize("network", SMALL.values(), ids=SMALL)
def test_results_of_both_precisions_are_close_and_float32(network):
    X = colour(24, 16, 16)
    exact = small_cae(network, precision="float32").fit(X)
    rough = small_cae(network, precision="float32").fit(X)
    rough.precision_ = "bfloat16"
    # A layer rounds by up to 0.4 %, as bfloat16 has eight binary digits; codes are not averaged.
    for method, most in (("predict", 0.01), ("transform", 0.03)):
        expected, result = (getattr(cae, method)(X) for cae in (exact, rough))
        assert result.dtype == np.float32
        assert not np.array_equal(result, expected)
        error = np.sqrt(np.square(result - expected).mean())
        assert error < most * np.sqrt(np.square(expected).mean())


@pytest.mark.parametrize("loss", ["mse", "bce", "l1"])
def test_a_training_in_bfloat16_is_as_good_with_every_loss(loss):
    X = gray(64, 16, 16)
    psnr = {}
    for precision in ("float32", "bfloat16"):
        cae = small_cae(small_autoencoder(), precision=precision, loss=loss, max_epochs=15).fit(X)
        assert all(p.dtype == torch.float32 for p in cae.net_.module_.parameters())
        assert all(b.dtype != torch.bfloat16 for b in cae.net_.module_.buffers())
        psnr[precision] = cae.history_["valid_psnr"][-1]
    assert psnr["bfloat16"] == pytest.approx(psnr["float32"], abs=0.5)


def test_a_training_in_bfloat16_is_the_same_twice():
    X = gray(24, 16, 16)
    first, second = (small_cae(precision="bfloat16").fit(X) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))


TRAINED_WITHIN = {
    "maps": {"network": small_autoencoder()},
    "flat code": {"network": small_autoencoder(latent_dim=4)},
    "masked": {"target": "masked"},
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("params", TRAINED_WITHIN.values(), ids=TRAINED_WITHIN)
def test_a_training_within_autocast_is_the_same(precision, params):
    # Torch's rounded weights of the first step would be those of all.
    X = gray(64, 16, 16)
    cae = small_cae(precision=precision, max_epochs=4).set_params(**params)
    if "target" in params:
        cae.set_params(noise=None)
    expected = clone(cae).fit(X)
    with torch.autocast("cpu"):
        found = clone(cae).fit(X)
    np.testing.assert_array_equal(found.history_["train_loss"], expected.history_["train_loss"])
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    for name, value in expected.net_.module_.state_dict().items():
        assert torch.equal(found.net_.module_.state_dict()[name], value)


def test_losses_and_validation_are_computed_in_float32():
    seen = []

    class Loss(nn.MSELoss):
        def forward(self, output, target):
            seen.append(output.dtype)
            return super().forward(output, target)

    small_cae(precision="bfloat16", loss=Loss).fit(gray(24, 16, 16))
    assert set(seen) == {torch.float32}


def test_a_file_and_set_params_leave_the_precision_of_results_alone(tmp_path):
    X = gray(24, 16, 16)
    cae = small_cae(precision="bfloat16").fit(X)
    expected = cae.predict(X)
    cae.save(tmp_path / "cae.safetensors")
    loaded = load(tmp_path / "cae.safetensors")
    assert loaded.precision_ == "bfloat16"
    np.testing.assert_array_equal(loaded.predict(X), expected)
    cae.set_params(precision="float32")
    np.testing.assert_array_equal(cae.predict(X), expected)


def test_layers_are_float32_in_bfloat16_too():
    X = gray(8, 16, 16)
    cae = small_cae(precision="bfloat16").fit(X)
    for name, maps in {n: cae.feature_maps(X, n) for n in cae.layer_names_}.items():
        assert maps.dtype == np.float32, name
    assert cae.score_samples(X).dtype == np.float64


def test_a_result_in_bfloat16_does_not_depend_on_the_images_beside_it():
    X = gray(24, 16, 16)
    cae = small_cae(precision="bfloat16").fit(X)
    np.testing.assert_allclose(cae.predict(X[:3]), cae.predict(X)[:3], rtol=0, atol=0.01)


def in_both(network, X, results_of):
    """What a function makes of a fitted network with results in bfloat16, and in float32."""
    cae = small_cae(network, precision="bfloat16").fit(X)
    assert cae.precision_ == "bfloat16"
    rough = results_of(cae)
    cae.precision_ = "float32"
    return rough, results_of(cae)


@pytest.mark.parametrize("network", SMALL.values(), ids=SMALL)
def test_score_samples_is_computed_in_float32_whatever_the_precision(network):
    X = colour(24, 16, 16)
    rough, exact = in_both(network, X, lambda cae: cae.score_samples(X))
    np.testing.assert_array_equal(rough, exact)
    rough, exact = in_both(network, X, lambda cae: cae.score_samples(list(X)))
    np.testing.assert_array_equal(rough, exact)


@pytest.mark.parametrize(
    ("network", "score"),
    [
        *((name, score) for name in ("autoencoder", "flat") for score in sorted(SCORES)),
        ("unet", "density"),
        ("unet", "combined"),
        ("unet", "reconstruction"),
    ],
)
def test_outlier_scores_are_computed_in_float32_whatever_the_precision(network, score):
    X = gray(24, 16, 16)

    def scores_of(cae):
        detector = CAEOutlierDetector(
            FrozenEstimator(cae), outlier_score=score, calibration=0.2, random_state=0
        )
        return detector.fit(X).score_samples(X)

    rough, exact = in_both(SMALL[network], X, scores_of)
    np.testing.assert_array_equal(rough, exact)


@pytest.mark.parametrize("score", sorted(SCORES))
def test_a_detector_trains_and_scores_with_a_network_in_bfloat16(score):
    X = gray(24, 16, 16)
    cae = small_cae(precision="bfloat16")
    detector = CAEOutlierDetector(cae, outlier_score=score, random_state=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()


def test_the_density_of_codes_is_computed_in_float32_whatever_the_precision():
    X = gray(24, 16, 16)

    def scores_of(cae):
        sampler = LatentSampler(FrozenEstimator(cae), GaussianMixture(2), random_state=0)
        return sampler.fit(X).score_samples(X)

    rough, exact = in_both(small_autoencoder(latent_dim=2), X, scores_of)
    np.testing.assert_array_equal(rough, exact)


def test_the_page_about_a_network_is_computed_in_float32_whatever_the_precision():
    X = gray(24, 16, 16)
    rough, exact = in_both(small_autoencoder(latent_dim=2), X, lambda c: explain_html(c, X).html)
    assert rough == exact
