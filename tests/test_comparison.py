import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from denoisers import Identity, Shrinkage
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small import colour, gray

from sklearn_cae import ClassicalDenoiser, compare_denoisers
from sklearn_cae.images import NoisyImages
from sklearn_cae.metrics import denoise_pairs, peak_signal_noise_ratio, structural_similarity
from sklearn_cae.noise import GaussianNoise, NoiseInjector, PoissonNoise

X_TEST, X_TRAIN = gray(6, seed=1), gray(12)
NOISE = GaussianNoise(0.2)


def predictor(predict):
    return SimpleNamespace(predict=predict)


def pairs_of(images, noise=NOISE, seed=0):
    return NoiseInjector(noise, random_state=seed).fit_transform(images)


def psnr_of(comparison, name):
    return comparison.psnr[comparison.names.index(name)]


@pytest.fixture
def tuned_on(monkeypatch):
    """The noisy and clean images of each `ClassicalDenoiser.fit`."""
    seen = []
    fit = ClassicalDenoiser.fit

    def watched(self, X, y=None):
        seen.append((X, y))
        return fit(self, X, y)

    monkeypatch.setattr(ClassicalDenoiser, "fit", watched)
    return seen


# What is measured


def test_psnr_and_ssim_are_those_of_each_image():
    denoiser = Shrinkage().fit(X_TRAIN)
    comparison = compare_denoisers(X_TEST, NOISE, {"ours": denoiser}, random_state=3)
    noisy = np.asarray(pairs_of(X_TEST, seed=3))
    for name, images in (("identity", noisy), ("ours", denoiser.predict(noisy))):
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


def test_times_are_milliseconds_for_one_image(monkeypatch):
    clock = iter([10.0, 10.6])
    monkeypatch.setattr("sklearn_cae._comparison.perf_counter", lambda: next(clock))
    # 0.6 s for 6 images
    np.testing.assert_allclose(compare_denoisers(X_TEST, NOISE).milliseconds, [100])


@pytest.mark.parametrize("shape", [(6, 2, 8), (6, 1, 1, 3)])
def test_images_too_small_for_ssim_are_compared_without_it(shape):
    images = np.random.default_rng(0).random(shape)
    comparison = compare_denoisers(images, NOISE, X_train=images, filters=["median", "nl_means"])
    assert np.isnan(comparison.ssim).all()
    assert np.isfinite(comparison.psnr).all()


# The filters


def test_filters_are_tuned_on_training_images_alone():
    comparison = compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, filters=["total_variation"])
    tuned = ClassicalDenoiser("total_variation").fit(pairs_of(X_TRAIN))
    filtered = tuned.predict(np.asarray(pairs_of(X_TEST)))
    np.testing.assert_array_equal(
        psnr_of(comparison, "total_variation"),
        peak_signal_noise_ratio(X_TEST, filtered, data_range=1, reduction="none"),
    )


@pytest.mark.parametrize("train", [X_TRAIN, list(X_TRAIN)], ids=["array", "list"])
def test_filters_are_tuned_on_so_many_different_images(tuned_on, train):
    compare_denoisers(X_TEST, NOISE, X_train=train, filters=["median"], n_tuning=5)
    ((_, clean),) = tuned_on
    assert len({image.tobytes() for image in clean}) == 5
    assert {image.tobytes() for image in clean} <= {image.tobytes() for image in X_TRAIN}


def test_training_images_of_several_dtypes_are_refused():
    train = [X_TRAIN[0], X_TRAIN[1].astype(np.float64), X_TRAIN[2, :5]]
    with pytest.raises(ValueError, match="X_train holds images of float32 and float64"):
        compare_denoisers(X_TEST, NOISE, X_train=train, filters=["median"])
    options = {"X_train": list(X_TRAIN[:3]), "y_train": train, "filters": ["median"]}
    with pytest.raises(ValueError, match="y_train holds images of float32 and float64"):
        compare_denoisers(X_TEST, y=X_TEST, **options)


def test_no_training_images_at_all_are_refused():
    with pytest.raises(ValueError, match="X_train is an empty list: it holds no image"):
        compare_denoisers(X_TEST, NOISE, X_train=[], filters=["median"])


def test_all_filters_that_are_installed_are_compared(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    comparison = compare_denoisers(X_TEST[:2], NOISE, X_train=X_TRAIN, n_tuning=1)
    expected = {"identity", "median", "total_variation", "wavelet", "nl_means", "wiener"}
    assert set(comparison.names) == expected


def test_bm3d_is_compared_where_it_is_installed(monkeypatch):
    fake = SimpleNamespace(bm3d=lambda image, sigma: image[..., 0] * 0 + sigma, __spec__="found")
    monkeypatch.setitem(sys.modules, "bm3d", fake)
    clean = np.full((2, 8, 8), 0.22)
    comparison = compare_denoisers(clean, NOISE, X_train=clean, n_tuning=2)
    # The level that was chosen is 0.22 of its grid, and float32 of it.
    assert comparison.names[0] == "bm3d"
    assert comparison.psnr[0].min() > 99


@pytest.mark.skipif(find_spec("bm3d") is None, reason="bm3d is not installed")
def test_bm3d_itself_is_compared():
    comparison = compare_denoisers(X_TEST[:1], NOISE, X_train=X_TRAIN, filters=["bm3d"], n_tuning=1)
    assert comparison.names == ["bm3d", "identity"]


def test_without_training_images_no_filter_is_tuned(tuned_on):
    assert compare_denoisers(X_TEST, NOISE).names == ["identity"]
    assert tuned_on == []


def test_a_black_training_image_does_no_harm():
    train = np.concatenate([X_TRAIN[:6], np.zeros_like(X_TRAIN[:1])])
    options = {"filters": ["total_variation", "median"], "n_tuning": 7}
    expected = compare_denoisers(X_TEST, PoissonNoise(10.0), X_train=train[:6], **options)
    comparison = compare_denoisers(X_TEST, PoissonNoise(10.0), X_train=train, **options)
    np.testing.assert_array_equal(comparison.psnr, expected.psnr)


# Pairs of the user's own


@pytest.mark.parametrize("own", ["X and y", "NoisyImages"])
def test_own_pairs_are_compared_like_those_that_are_made(own):
    test, train = pairs_of(X_TEST), pairs_of(X_TRAIN)
    data = (
        {"X": test, "X_train": train}
        if own == "NoisyImages"
        else {
            "X": np.asarray(test),
            "y": test.clean,
            "X_train": np.asarray(train),
            "y_train": train.clean,
        }
    )
    filters = ["total_variation", "median"]
    expected = compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, filters=filters)
    np.testing.assert_array_equal(compare_denoisers(**data, filters=filters).psnr, expected.psnr)


def test_the_noise_of_noisy_images_corrupts_clean_training_images():
    filters = ["median"]
    expected = compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, filters=filters)
    comparison = compare_denoisers(pairs_of(X_TEST), X_train=X_TRAIN, filters=filters)
    np.testing.assert_array_equal(comparison.psnr, expected.psnr)


def test_pairs_drawn_for_tuning_stay_together(tuned_on):
    train = pairs_of(X_TRAIN)
    compare_denoisers(
        X_TEST,
        NOISE,
        X_train=np.asarray(train),
        y_train=train.clean,
        filters=["median"],
        n_tuning=4,
    )
    ((noisy, clean),) = tuned_on
    pairs = {
        (a.tobytes(), b.tobytes()) for a, b in zip(np.asarray(train), train.clean, strict=True)
    }
    assert {(a.tobytes(), b.tobytes()) for a, b in zip(noisy, clean, strict=True)} <= pairs


def test_labels_are_ignored():
    expected = compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, filters=["median"])
    comparison = compare_denoisers(
        X_TEST, NOISE, y=np.arange(6), X_train=X_TRAIN, y_train=np.arange(12), filters=["median"]
    )
    np.testing.assert_array_equal(comparison.psnr, expected.psnr)


# Layouts, units and containers


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
    filters = ["median", "wiener"]
    named = {"shipped": "natural-color"}
    # Of the noises blur alone is the same for an image in other units.
    expected = compare_denoisers(test, "blur", named, X_train=train, filters=filters)
    comparison = compare_denoisers(
        change(test),
        "blur",
        named | {"again": predictor(np.copy)},
        X_train=change(train),
        filters=filters,
        **options,
    )
    for name in expected.names:
        # dB; float32 of values up to 40
        np.testing.assert_allclose(psnr_of(comparison, name), psnr_of(expected, name), atol=1e-3)


def test_frames_are_handed_on_as_frames():
    names = [f"pixel{i}" for i in range(64)]
    test, train = (pd.DataFrame(X.reshape(len(X), 64), columns=names) for X in (X_TEST, X_TRAIN))
    denoiser = Shrinkage().fit(train)
    # A warning about feature names would be an error.
    comparison = compare_denoisers(
        test, NOISE, {"ours": denoiser}, X_train=train, filters=["median"]
    )
    assert set(comparison.names) == {"ours", "median", "identity"}


def test_floats_in_other_units_are_compared_in_the_range_of_the_denoisers():
    test, train = 40 * X_TEST - 20, 40 * X_TRAIN - 20
    denoiser = Shrinkage().fit(train)
    comparison = compare_denoisers(
        test, NOISE, {"ours": denoiser}, X_train=train, filters=["median"]
    )
    clean, _, denoised, (low, high) = denoise_pairs(denoiser, test, noise=NOISE)
    expected = peak_signal_noise_ratio(clean, denoised, data_range=high - low, reduction="none")
    np.testing.assert_array_equal(psnr_of(comparison, "ours"), expected)


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: make_pipeline(FunctionTransformer(), d)])
@pytest.mark.parametrize("data_range", ["auto", (0, 1)], ids=str)
def test_denoisers_of_another_data_range_are_refused(wrap, data_range):
    denoisers = {
        "ours": Shrinkage().fit(X_TRAIN),
        "theirs": wrap(Shrinkage(data_range=(0, 2))).fit(X_TRAIN),
    }
    with pytest.raises(ValueError, match=r"'theirs': \(0.0, 2.0\).*Fit them all with one"):
        compare_denoisers(X_TEST, NOISE, denoisers, data_range=data_range)


# Errors: one line each


@pytest.mark.parametrize("name", ["identity", "median"])
def test_a_denoiser_cannot_have_the_name_of_another_row(name):
    with pytest.raises(ValueError, match=rf"\['{name}'\] of other rows; rename them"):
        compare_denoisers(X_TEST, NOISE, {name: Identity()}, X_train=X_TRAIN, filters=["median"])


def test_a_denoiser_has_to_keep_the_shape():
    with pytest.raises(ValueError, match="ours gave shape"):
        compare_denoisers(X_TEST, NOISE, {"ours": predictor(lambda X: X[:, :4])})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X_TEST, NOISE, Identity()), TypeError, "denoisers is an Identity; expected a dict"),
        ((X_TEST, NOISE, [Identity()]), TypeError, "denoisers is a list; expected a dict"),
        ((X_TEST, NOISE, {"ours": X_TEST}), TypeError, "'ours'.* an? ndarray of shape .* predict"),
        ((X_TEST, X_TEST), TypeError, r"noise is an? ndarray of shape \(6, 8, 8\).* given as y="),
        ((X_TEST, [X_TEST, X_TEST]), TypeError, "noise is a list; expected a noise model"),
        ((X_TEST, 0.1), TypeError, "noise is a float; expected a noise model"),
        (((X_TEST, X_TEST),), ValueError, "clean images but no noise. Give the noise"),
        ((X_TEST,), ValueError, "clean images but no noise. Give the noise"),
        ((NoisyImages(X_TEST, X_TEST), NOISE), ValueError, "the images are pairs"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        compare_denoisers(*arguments)
    assert len(str(caught.value)) < 250


def test_an_unknown_filter_is_refused_with_those_allowed():
    with pytest.raises(ValueError, match=r"'filter' parameter of ClassicalDenoiser .*'median'"):
        compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, filters=["mean"])


@pytest.mark.parametrize("filters", [["median"], ["mean"]], ids=str)
def test_filters_without_training_images_are_refused_with_the_cure(filters):
    with pytest.raises(ValueError, match=rf"filters=\['{filters[0]}'\], but .* Give X_train"):
        compare_denoisers(X_TEST, NOISE, filters=filters)


def test_at_least_one_image_is_tuned_on():
    with pytest.raises(ValueError, match="n_tuning == 0, must be >= 1"):
        compare_denoisers(X_TEST, NOISE, X_train=X_TRAIN, n_tuning=0)


# The table


def test_the_text_is_a_table_with_a_line_for_each_denoiser():
    comparison = compare_denoisers(X_TEST, NOISE, {"ours": Identity()})
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


def test_the_table_has_a_dash_where_there_is_no_ssim():
    comparison = compare_denoisers(np.random.default_rng(0).random((4, 2, 8)), NOISE)
    assert str(comparison).splitlines()[2].split("|")[3] == "     – "


def test_a_notebook_renders_the_table():
    comparison = compare_denoisers(X_TEST, NOISE)
    assert comparison._repr_markdown_() == str(comparison)


# --- images of different sizes


def photographs(n=5):
    sizes = [(12 + 3 * (i % 3), 20) for i in range(n)]
    return [np.random.default_rng(i).random(size) for i, size in enumerate(sizes)]


def test_images_of_different_sizes_are_measured_in_their_order():
    X = photographs()
    table = compare_denoisers(X, GaussianNoise(0.1), X_train=X, filters=["median"])
    for i, image in enumerate(X):
        alone = compare_denoisers(image[None], GaussianNoise(0.1), data_range=(0.0, 1.0))
        row = table.names.index("identity")
        # Rounding of float32 in sums of other length.
        assert table.psnr[row, i] == pytest.approx(alone.psnr[0, 0], abs=1e-4)


def test_pairs_of_different_sizes():
    X = photographs()
    noisy = [np.clip(image + 0.1, 0, 1) for image in X]
    table = compare_denoisers(noisy, y=X, data_range=(0, 1))
    # A shift by a tenth of the range is 20 dB, and more where it is clipped.
    assert (table.psnr > 20).all()
    assert (table.psnr < 21).all()


def test_filters_are_tuned_on_lists_of_channels_first_as_last():
    last = [np.stack([image] * 3, axis=2) for image in photographs()]
    first = [np.moveaxis(image, 2, 0) for image in last]
    options = {"noise": "gaussian", "filters": ["median"]}
    expected = compare_denoisers(last, X_train=last, **options)
    table = compare_denoisers(first, X_train=first, channel_axis=1, **options)
    np.testing.assert_array_equal(table.psnr, expected.psnr)


def test_a_denoiser_that_the_package_has_not_is_told_before_anything_is_measured():
    filters = ["total_variation"]
    with pytest.raises(ValueError, match="name='photographs'; the package has the denoisers"):
        compare_denoisers(X_TEST, NOISE, {"x": "photographs"}, X_train=X_TRAIN, filters=filters)
