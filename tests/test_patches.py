"""Training on patches of photographs of different sizes, and lists in and out."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from small import as_uint, colour, gray, small_cae, small_unet

from sklearn_cae import (
    Autoencoder,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    ResUNet,
    masked_scorer,
)
from sklearn_cae.learning import PatchedPictures

SIZES = [(24, 33), (17, 20), (24, 33), (6, 30)]
PHOTOGRAPHS = [as_uint(gray(1, *size, seed=i)[0], np.uint8) for i, size in enumerate(SIZES)]
NOISY = [
    np.clip(image + np.random.default_rng(i).normal(0, 25, image.shape), 0, 255).astype(np.uint8)
    for i, image in enumerate(PHOTOGRAPHS)
]
NOISY_ARRAY = np.clip(gray(16) + np.random.default_rng(0).normal(0, 0.1, (16, 8, 8)), 0, 1)
COLOUR = [as_uint(colour(1, *size, seed=i)[0], np.uint8) for i, size in enumerate(SIZES)]


def patched(network=None, **params):
    options = {"patches": Patches(8, per_image=4), "max_epochs": 2, "random_state": 0}
    return small_cae(small_unet() if network is None else network, **options | params)


def take(stacks, patches, n=6, seed=0):
    pictures = PatchedPictures(stacks, patches)
    rows = np.arange(n) % len(stacks[0])
    return pictures.take(rows, torch.Generator().manual_seed(seed))


# --- patches


def test_patches_are_cut_out_of_their_images():
    image = np.arange(20 * 30.0).reshape(20, 30, 1)
    (cut,) = take(([image],), Patches(8, augment=False))
    for patch in cut:
        # The value tells the place.
        top, left = divmod(int(patch[0, 0, 0]), 30)
        np.testing.assert_array_equal(patch, image[top : top + 8, left : left + 8])


def test_patches_reach_every_border():
    image = np.arange(9 * 10.0).reshape(9, 10, 1)
    (cut,) = take(([image],), Patches(8, augment=False), n=200)
    corners = {int(patch[0, 0, 0]) for patch in cut}
    assert corners == {0, 1, 2, 10, 11, 12}


def test_augmented_patches_are_turned_and_flipped_in_all_eight_ways():
    image = np.arange(64.0).reshape(8, 8, 1)
    (cut,) = take(([image],), Patches(8), n=200)
    ways = [np.rot90(image, k) for k in range(4)]
    ways += [way[:, ::-1] for way in ways]
    assert {patch.tobytes() for patch in cut} == {way.tobytes() for way in ways}


def test_pairs_are_cut_at_the_same_places():
    clean = [image[..., None].astype(float) for image in PHOTOGRAPHS]
    noisy, cut = take(([image + 1000 for image in clean], clean), Patches(8))
    np.testing.assert_array_equal(noisy - 1000, cut)


def test_small_images_are_continued_by_reflection():
    image = np.arange(3.0).reshape(1, 3, 1)
    (cut,) = take(([image],), Patches(4, augment=False), n=1)
    np.testing.assert_array_equal(cut[0, :, :, 0], [[0, 1, 2, 1]] * 4)


def test_patches_are_those_of_the_generator():
    stacks = ([image[..., None] for image in PHOTOGRAPHS],)
    first, again, other = (take(stacks, Patches(8), seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_images_that_are_trained_on_whole_are_told():
    X = gray(2, 520, 520)
    with pytest.warns(UserWarning, match="images of 520 x 520 pixels, .* Set patches=Patches"):
        small_cae(small_unet(), max_epochs=0).fit(X)
    small_cae(small_unet(), max_epochs=0, patches=Patches(8)).fit(X)
    small_cae(small_unet(), max_epochs=0).fit(X[:, :512, :512])


@pytest.mark.parametrize("params", [{"size": 0}, {"per_image": 0}, {"augment": 2}])
def test_wrong_parameters_are_named(params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter of Patches"):
        patched(patches=Patches(**params)).fit(PHOTOGRAPHS)


# --- fit


@pytest.mark.parametrize("photographs", [PHOTOGRAPHS, COLOUR], ids=["gray", "colour"])
def test_lists_go_in_and_come_out(photographs):
    denoised = patched().fit(photographs).predict(photographs)
    assert isinstance(denoised, list)
    assert [image.shape for image in denoised] == [image.shape for image in photographs]
    assert {image.dtype for image in denoised} == {np.dtype(np.uint8)}


def test_images_of_different_sizes_are_cut_without_being_told():
    cae = small_cae(small_unet(), random_state=0).fit(PHOTOGRAPHS)
    assert (cae.image_spec_.height, cae.image_spec_.width) == (64, 64)


def test_an_image_of_a_list_is_denoised_as_in_an_array():
    cae = patched().fit(PHOTOGRAPHS)
    alone = cae.predict(PHOTOGRAPHS[1][None])
    # One level of 255, for the rounding of another batch size.
    assert np.abs(cae.predict(PHOTOGRAPHS)[1].astype(int) - alone[0]).max() <= 1


def test_channels_first_in_lists():
    first = [np.moveaxis(image, 2, 0) for image in COLOUR]
    last, of_first = patched().fit(COLOUR), patched(channel_axis=1).fit(first)
    for one, other in zip(last.predict(COLOUR), of_first.predict(first), strict=True):
        np.testing.assert_array_equal(one, np.moveaxis(other, 0, 2))


def test_a_collection_of_files_is_read(tmp_path):
    from skimage.io import ImageCollection, imread, imsave

    for i, image in enumerate(PHOTOGRAPHS):
        imsave(tmp_path / f"{i}.png", image, check_contrast=False)
    files = ImageCollection(f"{tmp_path}/*.png", load_func=imread)
    expected = patched().fit(PHOTOGRAPHS).predict(PHOTOGRAPHS)
    for one, other in zip(patched().fit(files).predict(files), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_in_lists():
    noisy = [255 - image for image in PHOTOGRAPHS]
    cae = patched().fit(noisy, PHOTOGRAPHS)
    assert cae.noise_ is None
    assert cae.score(noisy, PHOTOGRAPHS) > 0


def test_patches_of_an_array():
    cae = patched().fit(gray(6, 20, 30))
    assert cae.image_spec_.image_shape == (8, 8)
    assert cae.predict(gray(2, 20, 30)).shape == (2, 20, 30)


def test_an_epoch_has_so_many_patches_of_each_image():
    cae = patched(batch_size=2, validation_fraction=0).fit(PHOTOGRAPHS)
    # The smallest batches that few images make hold eight.
    assert cae.net_.history[-1, "train_batch_count"] * 8 >= 4 * len(PHOTOGRAPHS)
    assert sum(batch["train_batch_size"] for batch in cae.net_.history[-1, "batches"]) == 16


def test_whole_images_are_held_out():
    cae = patched(validation_fraction=0.5).fit(PHOTOGRAPHS)
    assert {"valid_psnr", "noisy_psnr"} <= cae.history_.keys()
    # Each is a batch of its own.
    assert cae.net_.history[-1, "valid_batch_count"] == 2


def test_a_flat_code_is_validated_on_patches():
    network = Autoencoder((4, 8), latent_dim=3)
    assert "valid_psnr" in patched(network).fit(PHOTOGRAPHS).history_


def test_a_flat_code_is_validated_on_small_images_too():
    # They are continued by reflection, as those it is trained on.
    strips = [image[:3] for image in PHOTOGRAPHS]
    network = Autoencoder((4, 8), latent_dim=3)
    assert "valid_psnr" in patched(network, validation_fraction=0.5).fit(strips).history_


def test_early_stopping_validates_on_whole_images():
    cae = patched(early_stopping=True, validation_fraction=0.5).fit(PHOTOGRAPHS)
    assert cae.net_.history[-1, "valid_batch_count"] == 2


def test_a_search_takes_lists_and_sizes_of_patches():
    search = GridSearchCV(patched(max_epochs=1), {"patches__size": [4, 8]}, cv=2)
    search.fit(PHOTOGRAPHS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(PHOTOGRAPHS)) == len(PHOTOGRAPHS)


def test_patches_are_cut_of_the_pairs_of_an_injector():
    pipeline = make_pipeline(NoiseInjector(random_state=0), patched())
    pipeline.set_params(denoisingcae__patches__size=6).fit(gray(6, 20, 30))
    assert pipeline[-1].image_shape_ == (6, 6)
    assert pipeline.predict(gray(2, 9, 12)).shape == (2, 9, 12)


def test_training_goes_on_with_images_of_other_sizes():
    cae = patched(warm_start=True).fit(PHOTOGRAPHS)
    cae.fit(PHOTOGRAPHS[:2])
    assert len(cae.history_["train_loss"]) == 4


def test_the_same_seed_makes_the_same_network():
    one, other = (patched().fit(PHOTOGRAPHS).predict(PHOTOGRAPHS) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_score_of_a_list_is_the_mean_over_its_images():
    cae = patched().fit(PHOTOGRAPHS)
    each = [cae.score(image[None]) for image in PHOTOGRAPHS]
    # float64 sums in another order, and batches of another size
    assert cae.score(PHOTOGRAPHS) == pytest.approx(np.mean(each), abs=1e-3)


# --- bad input


def test_rows_have_no_patches():
    with pytest.raises(ValueError, match=r"patches=.*, but X holds rows.*reshape"):
        patched().fit(gray(6).reshape(6, -1))


BAD_LISTS = {
    "dtypes": ([PHOTOGRAPHS[0], PHOTOGRAPHS[1] / 255], "float64 and uint8"),
    "dimensions": ([PHOTOGRAPHS[0], COLOUR[1]], "2 dimensions and 3 dimensions"),
    "channels": ([COLOUR[0], COLOUR[1][..., :2]], "2 and 3 channels"),
    "NaN": ([gray(1)[0], np.full((9, 9), np.nan, np.float32)], "contains NaN"),
    "no arrays": ([PHOTOGRAPHS[0], "photograph.png"], "holds str; a list holds one array"),
}


@pytest.mark.parametrize(("images", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_lists_that_are_no_images_are_refused(method, images, message):
    cae = patched().fit(COLOUR if "channels" in message else PHOTOGRAPHS)
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(images)


@pytest.mark.parametrize("other", ["photograph.png", PHOTOGRAPHS[1].tolist()], ids=["str", "list"])
def test_lists_of_what_are_no_arrays_are_refused_without_patches_too(other):
    with pytest.raises(ValueError, match=r"X holds .*; a list holds one array for each image"):
        small_cae(small_unet()).fit([PHOTOGRAPHS[0], other])


@pytest.mark.parametrize("scorer", [DenoisingCAE.score, masked_scorer])
@pytest.mark.parametrize(
    ("other", "message"),
    [(PHOTOGRAPHS[2] / 255, "float64 and uint8"), ("photograph.png", "X holds str")],
    ids=["dtypes", "no arrays"],
)
def test_lists_that_are_no_images_have_no_score(scorer, other, message):
    with pytest.raises(ValueError, match=message):
        scorer(patched().fit(PHOTOGRAPHS), [PHOTOGRAPHS[0], other])


def test_channels_first_that_are_not_told_give_a_warning():
    first = [np.moveaxis(image[:, :20], 2, 0) for image in COLOUR]
    with pytest.warns(UserWarning, match=r"X\[0\] of shape .* 20 channels.*channel_axis=1"):
        patched().fit(first)


def test_a_flat_code_takes_no_images_of_other_sizes():
    cae = patched(Autoencoder((4, 8), latent_dim=3)).fit(PHOTOGRAPHS)
    assert cae.predict([image[:8, :8] for image in PHOTOGRAPHS[:2]])[1].shape == (8, 8)
    with pytest.raises(ValueError, match="images of 6 x 8 pixels, but those in fit had 8 x 8"):
        cae.predict([image[:6, :8] for image in PHOTOGRAPHS])


def test_a_flat_code_goes_on_with_patches_of_its_size_only():
    cae = patched(Autoencoder((4, 8), latent_dim=3), warm_start=True).fit(PHOTOGRAPHS)
    cae.set_params(patches__size=16)
    with pytest.raises(
        ValueError, match=r"Patches have 16 x 16 pixels, but the fitted .* 8 x 8 on"
    ):
        cae.fit(PHOTOGRAPHS)


def test_a_list_of_noisy_images_is_not_taken_for_clean_ones():
    noisy = NoiseInjector(random_state=0).fit_transform(gray(4, 20, 20))
    with pytest.raises(ValueError, match=r"X is a list of NoisyImages.*y=list\(noisy.clean\)"):
        patched().fit(list(noisy))
    assert patched().fit(list(np.asarray(noisy)), list(noisy.clean)).noise_ is None


def test_an_injector_takes_images_of_one_size():
    with pytest.raises(ValueError, match=r"different shapes.*DenoisingCAE takes a list of arrays"):
        make_pipeline(NoiseInjector(), patched()).fit(PHOTOGRAPHS)


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="X is an empty list: it holds no image"):
        patched().fit([])


def test_other_channels_than_those_of_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"3 channel\(s\), but the learned images have 1.*rgb2gray"
    ):
        patched().fit(PHOTOGRAPHS).predict(COLOUR)
    with pytest.raises(ValueError, match=r"1 channel\(s\), but .* have 3.*Repeat .*gray2rgb"):
        patched().fit(COLOUR).predict(PHOTOGRAPHS)


def test_pairs_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="y has shape"):
        patched().fit(PHOTOGRAPHS, PHOTOGRAPHS[::-1])
    with pytest.raises(ValueError, match="other shapes"):
        patched().fit(PHOTOGRAPHS).score(PHOTOGRAPHS, PHOTOGRAPHS[::-1])


def test_codes_need_images_of_one_size():
    with pytest.raises(ValueError, match="different shapes"):
        patched(Autoencoder((4, 8))).fit(PHOTOGRAPHS).transform(PHOTOGRAPHS)


# --- learning from noisy images alone


def noisy_photographs(seed=0):
    rng = np.random.default_rng(seed)
    smooth = [gray(1, *size, seed=i)[0] for i, size in enumerate([(40, 40), (32, 48)] * 4)]
    return smooth, [np.clip(image + rng.normal(0, 0.1, image.shape), 0, 1) for image in smooth]


def psnr(clean, images):
    return np.mean(
        [-10 * np.log10(np.mean((a - b) ** 2)) for a, b in zip(clean, images, strict=True)]
    )


@pytest.mark.parametrize("target", ["neighbor", "masked"])
def test_noisy_images_alone_teach_to_denoise(target):
    clean, noisy = noisy_photographs()
    cae = DenoisingCAE(
        ResUNet((8, 16), blocks=1), target=target, patches=Patches(32), random_state=0
    ).fit(noisy)
    # Half of the noise at least is gone.
    assert psnr(clean, cae.predict(noisy)) > psnr(clean, noisy) + 3


@pytest.mark.parametrize("target", ["neighbor", "masked"])
def test_no_psnr_is_shown_against_noisy_targets(target):
    cae = patched(target=target, validation_fraction=0.5).fit(NOISY)
    assert cae.history_.keys() == {"train_loss", "valid_loss", "duration"}


@pytest.mark.parametrize("target", ["neighbor", "masked"])
def test_whole_arrays_of_noisy_images(target):
    cae = small_cae(small_unet(), target=target).fit(gray(8, 9, 7))
    assert cae.predict(gray(2, 9, 7)).shape == (2, 9, 7)


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"noise": GaussianNoise()}, None, "noise=GaussianNoise.*would be ignored.*target='clean'"),
        ({}, NOISY, "clean ones are given too. Take target='clean'"),
        ({"early_stopping": True}, None, "early_stopping=True with target='neighbor'"),
    ],
)
def test_what_does_not_go_with_noisy_targets_is_refused(params, y, message):
    cae = patched(target="neighbor", **params)
    with pytest.raises(ValueError, match=message):
        cae.fit(NOISY, y)
    assert not hasattr(cae, "net_")


@pytest.mark.parametrize(("target", "size"), [("neighbor", 2), ("masked", 4)])
def test_patches_and_images_of_a_list_too_small_for_the_target_are_refused(target, size):
    needed = f"{size} x {size} pixels at least, but"
    with pytest.raises(ValueError, match=f"needs patches of {needed} patches=Patches"):
        patched(target=target, patches=Patches(size - 1)).fit(NOISY)
    with pytest.raises(ValueError, match=f"needs images of {needed} X has {size - 1} along"):
        patched(target=target).fit([NOISY[0], NOISY[1][: size - 1]])


def test_neighbors_need_a_network_for_images_of_half_the_size():
    network = Autoencoder((4, 8), latent_dim=3)
    with pytest.raises(ValueError, match=r"half the size, but Autoencoder.*Take target='masked'"):
        small_cae(network, target="neighbor").fit(gray(8))


def test_images_too_small_for_the_target_are_refused():
    with pytest.raises(ValueError, match="needs images of 4 x 4 pixels at least, but X has 3"):
        small_cae(small_unet(), target="masked").fit(gray(4, 8, 3))


def test_neighbors_are_pixels_side_by_side():
    from sklearn_cae.images import ImageSource, learn_spec
    from sklearn_cae.learning import NeighborImages, Pictures

    places = np.arange(8 * 6.0, dtype=np.float32).reshape(1, 8, 6, 1) / 48
    data = NeighborImages(Pictures((places,)), learn_spec(ImageSource(places)), None)
    batch = data.batch(np.array([0]), torch.Generator().manual_seed(0), "cpu")
    first, second = (
        np.rint(48 * images.numpy()).astype(int).ravel()
        for images in (batch.input, batch.target.images)
    )
    distance = np.abs(first // 6 - second // 6) + np.abs(first % 6 - second % 6)
    assert (distance == 1).all()
    assert len(first) == 12


def test_hidden_pixels_do_not_reach_their_own_result():
    cae = patched(target="masked").fit(NOISY)
    image = NOISY[0].copy()
    changed = image.copy()
    at = np.array([10, 0, 23]), np.array([11, 5, 32])
    changed[at] = 255 - changed[at]
    one, other = (cae.predict(images[None])[0] for images in (image, changed))
    np.testing.assert_array_equal(one[at], other[at])
    assert not np.array_equal(one, other)


# --- the score that needs no clean images


class Constant:
    """A denoiser that gives one value."""

    def __init__(self, value):
        self.value = value

    def predict(self, X):
        return np.full_like(X, self.value)


def test_the_masked_score_of_a_constant_is_its_psnr_against_the_noisy_images():
    X = gray(4)
    expected = -10 * np.log10(np.mean((X - 0.5) ** 2))
    # float32 images
    assert masked_scorer(Constant(0.5), X) == pytest.approx(expected, abs=1e-4)


def test_the_masked_score_sees_no_merit_in_giving_back_the_input():
    class Identity:
        def predict(self, X):
            return X

    rng = np.random.default_rng(0)
    noise = np.clip(0.5 + rng.normal(0, 0.1, (8, 32, 32)), 0, 1)
    # The mean of eight neighbours has 20/144 of the variance, which is added to that of the noise.
    expected = 20 - 10 * np.log10(1 + 20 / 144)
    assert masked_scorer(Identity(), noise) == pytest.approx(expected, abs=0.1)
    assert masked_scorer(Constant(0.5), noise) > masked_scorer(Identity(), noise)


def test_the_masked_score_takes_lists():
    images = [gray(1)[0], gray(1, 9, 12)[0]]
    squares = [np.square(image - 0.5).sum() for image in images]
    expected = -10 * np.log10(sum(squares) / (64 + 108))
    assert masked_scorer(Constant(0.5), images) == pytest.approx(expected, abs=1e-4)


def test_a_network_that_hides_pixels_itself_is_scored_by_one_pass(monkeypatch):
    X = gray(6, 12, 12)
    cae = small_cae(small_unet(), target="masked", data_range=(0, 1)).fit(X)
    hidden_once_more = masked_scorer(make_pipeline(cae), X)
    calls, predict = [], DenoisingCAE.predict
    monkeypatch.setattr(
        DenoisingCAE, "predict", lambda self, X: calls.append(X) or predict(self, X)
    )
    assert masked_scorer(cae, X) == pytest.approx(hidden_once_more, abs=1e-3)
    assert len(calls) == 1


def test_correlated_noise_is_told():
    rng = np.random.default_rng(0)
    white = rng.normal(0, 0.1, (4, 129, 129))
    correlated = (white[:, 1:, 1:] + white[:, :-1, 1:] + white[:, 1:, :-1] + white[:, :-1, :-1]) / 2
    with pytest.warns(UserWarning, match="The noise of X is not white.*train on pairs"):
        patched(target="neighbor").fit(np.clip(0.5 + correlated, 0, 1))


def test_the_masked_score_of_a_frame_is_that_of_its_rows():
    rows = gray().reshape(24, 64)
    frame = pd.DataFrame(rows, columns=[f"pixel {i}" for i in range(64)])
    cae = small_cae(small_unet())
    # Names of columns are checked in predict, with a warning where they are missing.
    assert masked_scorer(clone(cae).fit(frame), frame) == masked_scorer(cae.fit(rows), rows)


def test_the_loss_of_hidden_pixels_is_of_the_size_of_that_of_all():
    losses = [
        small_cae(target=target, loss="bce", random_state=0).fit(NOISY_ARRAY).history_["train_loss"]
        for target in ("clean", "masked")
    ]
    # Binary cross-entropy of images is not zero where they are right.
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.2)


def test_pairs_of_a_list_and_an_array():
    array = np.stack([PHOTOGRAPHS[0], PHOTOGRAPHS[2]])
    cae = patched().fit(list(255 - array), array)
    assert cae.noise_ is None


def test_an_image_shape_is_not_for_lists():
    with pytest.raises(ValueError, match=r"image_shape=.*X is a list of images"):
        patched(image_shape=(9, 9)).fit(PHOTOGRAPHS)


def test_the_features_of_patches_are_their_pixels():
    assert patched().fit(gray(6, 20, 30)).n_features_in_ == 64


# --- two noisy takes


def test_two_noisy_takes_teach_to_denoise():
    clean, first = noisy_photographs()
    _, second = noisy_photographs(seed=1)
    cae = DenoisingCAE(
        ResUNet((8, 16), blocks=1), target="noisy", patches=Patches(32), random_state=0
    ).fit(first, second)
    assert cae.history_.keys() == {"train_loss", "valid_loss", "duration"}
    assert psnr(clean, cae.predict(first)) > psnr(clean, first) + 5


def test_takes_may_leave_a_range_that_is_given():
    rng = np.random.default_rng(0)
    first, second = (gray(8) + rng.normal(0, 0.3, (8, 8, 8)) for _ in range(2))
    cae = small_cae(small_unet(), target="noisy", data_range=(0, 1)).fit(first, second)
    assert cae.limits_ is None


@pytest.mark.parametrize("takes", [(PHOTOGRAPHS,), (PHOTOGRAPHS, [0, 1, 0, 1])])
def test_a_single_take_is_refused(takes):
    with pytest.raises(ValueError, match=r"target='noisy' learns from two noisy takes.*neighbor"):
        patched(target="noisy").fit(*takes)
