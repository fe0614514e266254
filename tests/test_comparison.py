import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from small import colour, gray, small_cae

from sklearn_cae import ClassicalDenoiser, GaussianNoise, NoiseInjector, compare_denoisers
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity

X_TEST, X_TRAIN = gray(6, seed=1), gray(12)
NOISE = GaussianNoise(0.2)


def predictor(predict):
    return SimpleNamespace(predict=predict)


def test_psnr_and_ssim_are_those_of_each_image():
    cae = small_cae().fit(X_TRAIN)
    comparison = compare_denoisers(X_TEST, NOISE, {"ours": cae}, random_state=3)
    noisy = np.asarray(NoiseInjector(NOISE, random_state=3).corrupt(X_TEST))
    for name, images in (("identity", noisy), ("ours", cae.predict(noisy))):
        row = comparison.names.index(name)
        for values, metric in (
            (comparison.psnr, peak_signal_noise_ratio),
            (comparison.ssim, structural_similarity),
        ):
            expected = metric(X_TEST, images, data_range=1, reduction="none")
            np.testing.assert_array_equal(values[row], expected)


def test_the_best_comes_first():
    denoisers = {
        "worse": predictor(lambda X: 1 - X),
        "better": predictor(lambda X: np.asarray(X_TEST)[: len(X)]),
    }
    comparison = compare_denoisers(X_TEST, NOISE, denoisers)
    assert comparison.names == ["better", "identity", "worse"]


def test_equal_images_count_with_100_db():
    comparison = compare_denoisers(X_TEST, "none")
    np.testing.assert_array_equal(comparison.psnr, [[100] * 6])


def test_filters_are_tuned_on_training_images_alone():
    comparison = compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, methods=["total_variation"])
    injector = NoiseInjector(NOISE, random_state=0)
    tuned = ClassicalDenoiser("total_variation").fit(injector.corrupt(X_TRAIN))
    filtered = tuned.predict(np.asarray(injector.corrupt(X_TEST)))
    np.testing.assert_array_equal(
        comparison.psnr[comparison.names.index("total_variation")],
        peak_signal_noise_ratio(X_TEST, filtered, data_range=1, reduction="none"),
    )


@pytest.fixture
def tuned_on(monkeypatch):
    """The clean images of each `ClassicalDenoiser.fit`."""
    seen = []
    fit = ClassicalDenoiser.fit

    def watched(self, X, y=None):
        seen.append(X.clean)
        return fit(self, X, y)

    monkeypatch.setattr(ClassicalDenoiser, "fit", watched)
    return seen


def test_filters_are_tuned_on_so_many_different_images(tuned_on):
    compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, methods=["median"], n_tuning=5)
    (clean,) = tuned_on
    assert len({image.tobytes() for image in clean}) == 5
    assert {image.tobytes() for image in clean} <= {image.tobytes() for image in X_TRAIN}


def test_all_filters_that_are_installed_are_compared():
    comparison = compare_denoisers(X_TEST[:2], NOISE, X_train=X_TRAIN, n_tuning=1)
    expected = {"identity", "median", "total_variation", "wavelet", "nl_means", "wiener"}
    assert set(comparison.names) == expected | ({"bm3d"} if find_spec("bm3d") else set())


def test_bm3d_is_compared_where_it_is_installed(monkeypatch):
    fake = SimpleNamespace(bm3d=lambda image, sigma: image[..., 0] * 0 + sigma, __spec__="found")
    monkeypatch.setitem(sys.modules, "bm3d", fake)
    clean = np.full((2, 8, 8), 0.15)
    comparison = compare_denoisers(clean, NOISE, X_train=clean, n_tuning=2)
    # The level that was chosen is 0.15 of its grid, and float32 of it.
    assert comparison.names[0] == "bm3d"
    assert comparison.psnr[0].min() > 99


def test_without_training_images_no_filter_is_tuned(tuned_on):
    assert compare_denoisers(X_TEST, NOISE).names == ["identity"]
    assert tuned_on == []


@pytest.mark.parametrize("name", ["identity", "median"])
def test_a_denoiser_cannot_have_the_name_of_another_row(name):
    with pytest.raises(ValueError, match=rf"\['{name}'\] of other rows; rename them"):
        compare_denoisers(
            X_TEST, NOISE, {name: predictor(np.copy)}, X_train=X_TRAIN, methods=["median"]
        )


def test_a_denoiser_has_to_keep_the_shape():
    with pytest.raises(ValueError, match="ours gave shape"):
        compare_denoisers(X_TEST, NOISE, {"ours": predictor(lambda X: X[:, :4])})


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda X: np.moveaxis(X, 3, 1), {"channel_axis": 1}),
        (lambda X: X.reshape(len(X), -1), {"image_shape": (8, 8, 3)}),
        (lambda X: 40 * X - 20, {"data_range": (-20, 20)}),
    ],
    ids=["channels first", "rows", "other units"],
)
def test_every_layout_gives_the_same_numbers(change, options):
    test, train = colour(4, seed=1), colour(8)
    methods = ["median", "wiener"]
    # Of the noises blur alone is the same for an image in other units.
    expected = compare_denoisers(test, "blur", X_train=train, methods=methods)
    comparison = compare_denoisers(
        change(test),
        "blur",
        {"again": predictor(np.copy)},
        X_train=change(train),
        methods=methods,
        **options,
    )
    for name in expected.names:
        psnr = comparison.psnr[comparison.names.index(name)]
        # dB; float32 of values up to 40
        np.testing.assert_allclose(psnr, expected.psnr[expected.names.index(name)], atol=1e-3)


def test_the_text_is_a_table_with_a_line_for_each_denoiser():
    comparison = compare_denoisers(X_TEST, NOISE, {"ours": predictor(np.copy)})
    header, rule, *lines = str(comparison).splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == [
        "denoiser",
        "PSNR (dB)",
        "SSIM",
        "ms per image",
    ]
    assert len({len(line) for line in (header, rule, *lines)}) == 1
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[0] for row in cells] == comparison.names
    assert [row[1] for row in cells] == [f"{psnr:.2f}" for psnr in comparison.psnr.mean(axis=1)]


def test_a_notebook_renders_the_table():
    comparison = compare_denoisers(X_TEST, NOISE)
    assert comparison._repr_markdown_() == str(comparison)


def test_times_are_milliseconds_for_one_image(monkeypatch):
    clock = iter([10.0, 10.6])
    monkeypatch.setattr("sklearn_cae._comparison.perf_counter", lambda: next(clock))
    # 0.6 s for 6 images
    np.testing.assert_allclose(compare_denoisers(X_TEST, NOISE).milliseconds, [100])
