import pickle
import re

import numpy as np
import pytest
import torch
from problems import CONSTANT_GRAY, GRAY
from scipy import stats
from skimage.filters import gaussian
from skimage.util import random_noise
from sklearn.base import clone

from sklearn_cae.noise import (
    NOISE_MODELS,
    CutOut,
    EraseColor,
    Flip,
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    NoiseChain,
    NoiseModel,
    PoissonGaussianNoise,
    PoissonNoise,
    QuarterTurns,
    SaltAndPepperNoise,
    SpeckleNoise,
    draw_level,
    draw_normal,
    draw_uniform,
    resolve_noise,
)

MODELS = [
    *(noise_class() for noise_class in NOISE_MODELS.values()),
    NoiseChain([GaussianBlur(), GaussianNoise()]),
]
RANGES = [
    GaussianNoise((0.0, 0.3)),
    SaltAndPepperNoise((0.0, 0.3), (0.2, 0.8)),
    GaussianBlur((0.0, 2.0)),
    PoissonNoise((5, 50)),
    PoissonGaussianNoise((0.0, 0.05), (0.0, 0.2), (0.0, 0.1)),
    SpeckleNoise((0.0, 0.3)),
    MaskingNoise((0.0, 0.9)),
    CutOut((0.0, 0.9), 3, (0.0, 1.0)),
    Flip((0.2, 0.8)),
    NoiseChain([GaussianBlur((0.0, 2.0)), GaussianNoise((0.0, 0.3))]),
    NoiseChain([EraseColor(), QuarterTurns((0, 3)), Flip()]),
]
# Blur and colour alone draw nothing.
RANDOM_MODELS = [model for model in MODELS if not isinstance(model, (GaussianBlur, EraseColor))]
LEVELS = [(GaussianNoise, "std"), (SpeckleNoise, "std"), (GaussianBlur, "std")]
SHARES = [
    (SaltAndPepperNoise, "amount"),
    (SaltAndPepperNoise, "salt_ratio"),
    (MaskingNoise, "fraction"),
    (CutOut, "side"),
    (CutOut, "value"),
    (Flip, "probability"),
]
PEAK = [(PoissonNoise, "peak")]
SENSOR = [(PoissonGaussianNoise, name) for name in ("gain", "offset", "read_std")]
# Seeds are fixed, so a test of equal distributions cannot fail by chance; for a new seed it would
# in one of a thousand.
P_VALUE = 1e-3


class Brighten(NoiseModel):
    limits = {"by": 1}

    def __init__(self, by=0.1, *, clip=True):
        self.by = by
        self.clip = clip

    def _corrupt(self, images, generator):
        return images + self.by


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def constant(value=GRAY, shape=(16, 1, 64, 64)):
    return torch.full(shape, value)


def random_images(shape=(5, 3, 9, 9)):
    return torch.rand(shape, generator=seeded(99))


def ramp():
    """A gray image with 128 equidistant values from 0 to 1 in each row."""
    return np.linspace(0, 1, 128) * np.ones((512, 1))


def noise_of(noisy):
    """What was added to `ramp`, rounded because ours is float32 and that of scikit-image not."""
    return np.round(noisy - ramp(), 5).ravel()


def noise_on_ramp(model):
    image = torch.from_numpy(ramp()).float()[None, None]
    return noise_of(model.corrupt(image, seeded())[0, 0].numpy())


# Statistics


@pytest.mark.parametrize("problem", CONSTANT_GRAY, ids=lambda problem: repr(problem.noise))
def test_a_constant_image_gets_the_mean_that_the_formula_says(problem):
    noisy = problem.noise.corrupt(constant(), seeded()).double()
    # Five standard errors, and the rounding of float32.
    tolerance = 5 * noisy.std() / noisy.numel() ** 0.5 + 1e-6
    assert abs(noisy.mean() - problem.mean) < tolerance


@pytest.mark.parametrize("problem", CONSTANT_GRAY, ids=lambda problem: repr(problem.noise))
def test_a_constant_image_gets_the_squared_error_that_the_formula_says(problem):
    error = (problem.noise.corrupt(constant(), seeded()).double() - GRAY) ** 2
    # Five standard errors, and the rounding of float32.
    tolerance = 5 * error.std() / error.numel() ** 0.5 + 1e-6
    assert abs(error.mean() - problem.mse) < tolerance


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (GaussianNoise(0.2), {"mode": "gaussian", "var": 0.2**2}),
        (GaussianNoise(0.2, clip=False), {"mode": "gaussian", "var": 0.2**2, "clip": False}),
        (SpeckleNoise(0.3), {"mode": "speckle", "var": 0.3**2}),
        (SpeckleNoise(0.3, clip=False), {"mode": "speckle", "var": 0.3**2, "clip": False}),
        (SaltAndPepperNoise(0.3), {"mode": "s&p", "amount": 0.3}),
        (SaltAndPepperNoise(0.3, 0.9), {"mode": "s&p", "amount": 0.3, "salt_vs_pepper": 0.9}),
        (MaskingNoise(0.4), {"mode": "pepper", "amount": 0.4}),
        # scikit-image takes the number of gray values, here 128, for the peak.
        (PoissonNoise(128), {"mode": "poisson"}),
        (PoissonNoise(128, clip=False), {"mode": "poisson", "clip": False}),
        (PoissonGaussianNoise(1 / 128), {"mode": "poisson"}),
        (PoissonGaussianNoise(0, read_std=0.2), {"mode": "gaussian", "var": 0.2**2}),
    ],
    ids=repr,
)
def test_noise_is_distributed_as_that_of_scikit_image(model, options):
    expected = noise_of(random_noise(ramp(), rng=0, **options))
    assert stats.ks_2samp(noise_on_ramp(model), expected).pvalue > P_VALUE


def test_the_comparison_of_distributions_sees_a_level_that_is_a_tenth_too_large():
    expected = noise_of(random_noise(ramp(), rng=0, mode="gaussian", var=0.2**2))
    assert stats.ks_2samp(noise_on_ramp(GaussianNoise(0.22)), expected).pvalue < P_VALUE


def test_gaussian_noise_is_normally_distributed():
    noisy = GaussianNoise(0.2, clip=False).corrupt(constant(), seeded()) - GRAY
    assert stats.kstest(noisy.numpy().ravel(), stats.norm(scale=0.2).cdf).pvalue > P_VALUE


def test_poisson_noise_counts_whole_photons():
    counts = 20 * PoissonNoise(20, clip=False).corrupt(constant(), seeded())
    # float32 rounds counts / 20 * 20.
    torch.testing.assert_close(counts, counts.round(), atol=1e-5, rtol=0)


def test_a_sensor_counts_whole_photons_above_its_offset():
    noisy = PoissonGaussianNoise(0.05, 0.1, clip=False).corrupt(constant(), seeded())
    counts = (noisy - 0.1) / 0.05
    # float32 rounds the counts in between.
    torch.testing.assert_close(counts, counts.round(), atol=1e-4, rtol=0)


def test_a_sensor_has_read_noise_alone_below_its_offset():
    sensor = PoissonGaussianNoise(0.05, 0.5, 0.1, clip=False)
    noisy = sensor.corrupt(constant(), seeded()) - GRAY
    assert stats.kstest(noisy.numpy().ravel(), stats.norm(scale=0.1).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("brightness", [0.2, 0.5, 0.9])
def test_the_variance_of_a_sensor_grows_with_brightness_as_the_formula_says(brightness):
    sensor = PoissonGaussianNoise(0.01, 0.05, 0.03, clip=False)
    noisy = sensor.corrupt(constant(brightness), seeded()).double()
    # 65536 values: five standard errors of a variance are 5 * sqrt(2 / 65536) of it.
    assert noisy.var() == pytest.approx(0.01 * (brightness - 0.05) + 0.03**2, rel=0.028)


def test_salt_and_pepper_leaves_the_other_values_as_they_are():
    noisy = SaltAndPepperNoise(0.5).corrupt(constant(), seeded())
    assert set(noisy.unique().tolist()) == {0.0, constant()[0, 0, 0, 0].item(), 1.0}


def test_salt_and_pepper_strikes_each_channel_on_its_own():
    noisy = SaltAndPepperNoise(0.5).corrupt(constant(shape=(1, 3, 16, 16)), seeded())
    assert not torch.equal(noisy[:, 0], noisy[:, 1])


def test_masking_strikes_all_channels_of_a_pixel_together():
    noisy = MaskingNoise(0.5).corrupt(constant(shape=(1, 3, 16, 16)), seeded())
    assert torch.equal(noisy[:, 0], noisy[:, 1])


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (SaltAndPepperNoise(1, 1), 1.0),
        (SaltAndPepperNoise(1, 0), 0.0),
        (MaskingNoise(1), 0.0),
    ],
    ids=repr,
)
def test_a_share_of_one_replaces_every_value(model, value):
    assert (model.corrupt(random_images(), seeded()) == value).all()


@pytest.mark.parametrize(
    "model",
    [
        GaussianNoise(0),
        PoissonGaussianNoise(0),
        SpeckleNoise(0),
        SaltAndPepperNoise(0),
        MaskingNoise(0),
        CutOut(0),
        Flip(0),
        QuarterTurns((0,)),
        GaussianBlur(0),
        NoiseChain([]),
    ],
    ids=repr,
)
def test_a_level_of_zero_leaves_images_as_they_are(model):
    assert torch.equal(model.corrupt(random_images(), seeded()), random_images())


def test_poisson_noise_takes_values_below_black_for_black():
    assert (PoissonNoise().corrupt(constant(-0.5), seeded()) == 0).all()


@pytest.mark.parametrize(
    "noise_class", [PoissonNoise, PoissonGaussianNoise, SpeckleNoise], ids=lambda c: c.__name__
)
def test_black_stays_black_under_noise_that_depends_on_the_signal(noise_class):
    assert (noise_class().corrupt(constant(0.0), seeded()) == 0).all()


# Blur


@pytest.mark.parametrize(
    ("std", "size"),
    [
        (0.3, (16, 17)),
        (0.5, (2, 2)),
        (1.0, (16, 17)),
        (1.7, (7, 9)),
        # Wider than the image.
        (3.0, (7, 9)),
        (3.0, (1, 5)),
        (20.0, (7, 9)),
        (100.0, (1, 1)),
    ],
)
def test_blur_equals_that_of_scikit_image(std, size):
    images = random_images((2, 3, *size))
    blurred = GaussianBlur(std).corrupt(images, seeded())
    expected = [gaussian(image.numpy(), std, channel_axis=0) for image in images]
    # The accuracy that the project promises; float32 rounds at 1e-7.
    np.testing.assert_allclose(blurred, expected, atol=1e-6, rtol=0)


def test_blur_by_a_range_equals_that_of_scikit_image_for_the_level_of_each_image():
    images = random_images((8, 3, 12, 10))
    blurred = GaussianBlur((0.0, 2.5)).corrupt(images, seeded())
    levels = draw_level((0.0, 2.5), images, seeded()).flatten().tolist()
    expected = [
        gaussian(image.numpy(), std, channel_axis=0)
        for image, std in zip(images, levels, strict=True)
    ]
    # The accuracy that the project promises; float32 rounds at 1e-7.
    np.testing.assert_allclose(blurred, expected, atol=1e-6, rtol=0)


def test_a_blur_wider_than_the_image_takes_no_more_steps_than_it_has_pixels(monkeypatch):
    shifts = []
    narrow = torch.Tensor.narrow

    def counted(tensor, axis, start, length):
        shifts.append(start)
        return narrow(tensor, axis, start, length)

    monkeypatch.setattr(torch.Tensor, "narrow", counted)
    GaussianBlur(100).corrupt(random_images((1, 1, 8, 9)), seeded())
    # The middle is the image itself.
    assert len(shifts) == (2 * 8 - 2) + (2 * 9 - 2)


def test_blur_of_an_image_is_bitwise_the_same_in_every_batch():
    images = random_images((9, 3, 13, 11))
    alone = [GaussianBlur(1.3).corrupt(image[None], seeded()) for image in images]
    assert torch.equal(GaussianBlur(1.3).corrupt(images, seeded()), torch.cat(alone))


# Ranges


@pytest.mark.parametrize(
    ("model", "low", "high", "estimate"),
    [
        (GaussianNoise((0.1, 0.3), clip=False), 0.1, 0.3, lambda x: x.std()),
        (SpeckleNoise((0.1, 0.3), clip=False), 0.1, 0.3, lambda x: x.std() / GRAY),
        (PoissonNoise((5, 50), clip=False), 5, 50, lambda x: GRAY / x.var()),
        (PoissonGaussianNoise((0.01, 0.05), clip=False), 0.01, 0.05, lambda x: x.var() / GRAY),
        (
            PoissonGaussianNoise(0, read_std=(0.1, 0.3), clip=False),
            0.1,
            0.3,
            lambda x: x.std(),
        ),
        (SaltAndPepperNoise((0.2, 0.8)), 0.2, 0.8, lambda x: ((x == 0) | (x == 1)).mean()),
        (SaltAndPepperNoise(1, (0.2, 0.8)), 0.2, 0.8, lambda x: x.mean()),
        (MaskingNoise((0.2, 0.8)), 0.2, 0.8, lambda x: (x == 0).mean()),
        (CutOut(1, 9, (0.6, 0.9)), 0.6, 0.9, lambda x: x.max()),
    ],
    ids=lambda value: repr(value) if isinstance(value, NoiseModel) else "",
)
def test_each_image_draws_its_own_level_uniformly_from_a_range(model, low, high, estimate):
    noisy = model.corrupt(constant(shape=(200, 1, 64, 64)), seeded()).double().numpy()
    levels = [estimate(image) for image in noisy]
    assert stats.kstest(levels, stats.uniform(low, high - low).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("level", [(0.2, 0.2), [0.2, 0.2]], ids=["tuple", "list"])
def test_a_range_of_one_value_is_that_value(level):
    images = constant(shape=(2, 1, 64, 64))
    noisy = GaussianNoise(level, clip=False).corrupt(images, seeded())
    # 8192 values: five standard errors of a standard deviation of 0.2.
    assert abs(noisy.std() - 0.2) < 0.01


@pytest.mark.parametrize("number", [np.float64, np.float32])
def test_levels_may_be_numbers_of_numpy(number):
    noisy = GaussianNoise(number(0.25)).corrupt(random_images(), seeded())
    assert torch.equal(noisy, GaussianNoise(0.25).corrupt(random_images(), seeded()))


# What every model promises


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
def test_new_float32_images_of_the_same_shape_come_out(model):
    images = random_images()
    noisy = model.corrupt(images, seeded())
    assert (noisy.shape, noisy.dtype) == (images.shape, torch.float32)
    assert torch.equal(images, random_images())


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


EXPECTED = {repr(model): model.corrupt(random_images(), seeded()) for model in MODELS + RANGES}


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
@pytest.mark.usefixtures("float64_by_default")
def test_the_default_dtype_of_torch_changes_nothing(model):
    noisy = model.corrupt(
        torch.rand(5, 3, 9, 9, generator=seeded(99), dtype=torch.float32), seeded()
    )
    assert noisy.dtype == torch.float32
    assert torch.equal(noisy, EXPECTED[repr(model)])


class OfYourOwn(NoiseModel):
    """Gives contiguous images, whatever comes."""

    def __init__(self, *, clip=True):
        self.clip = clip

    def _corrupt(self, images, generator):
        return images.contiguous() + draw_normal(images, generator)


@pytest.mark.parametrize("each", [False, True], ids=["one generator", "generators"])
@pytest.mark.parametrize("model", [*MODELS, *RANGES, OfYourOwn(), OfYourOwn(clip=False)], ids=repr)
def test_channels_stay_last_in_memory_and_the_values_do_not_depend_on_it(model, each):
    images = random_images()

    def noisy(images):
        generators = [seeded(seed) for seed in range(len(images))]
        return model.corrupt(images, generators if each else seeded())

    channels_last = images.contiguous(memory_format=torch.channels_last)
    result = noisy(channels_last)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert result.data_ptr() != channels_last.data_ptr()
    first = noisy(images)
    assert first.is_contiguous()
    assert torch.equal(result, first)


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
def test_the_same_seed_gives_the_same_noise(model):
    noisy = [model.corrupt(random_images(), seeded(5)) for _ in range(2)]
    assert torch.equal(*noisy)


@pytest.mark.parametrize("model", RANDOM_MODELS, ids=repr)
def test_another_seed_gives_other_noise(model):
    noisy = [model.corrupt(random_images(), seeded(seed)) for seed in (5, 6)]
    assert not torch.equal(*noisy)


@pytest.mark.parametrize("model", RANDOM_MODELS, ids=repr)
def test_equal_images_in_a_batch_get_different_noise(model):
    images = random_images()[:1].expand(2, -1, -1, -1)
    assert not torch.equal(*model.corrupt(images, seeded()))


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
def test_with_a_generator_each_the_noise_of_an_image_does_not_depend_on_its_neighbours(model):
    images = random_images()
    together = model.corrupt(images, [seeded(i) for i in range(5)])
    alone = model.corrupt(images[3:4], [seeded(3)])
    assert torch.equal(together[3:4], alone)


@pytest.mark.parametrize("noise_class", [GaussianNoise, PoissonNoise])
def test_a_list_of_generators_needs_one_for_each_image(noise_class):
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        noise_class().corrupt(random_images(), [seeded()])


@pytest.mark.parametrize("model", RANGES, ids=repr)
def test_the_global_random_state_is_left_as_it_was(model):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    model.corrupt(random_images(), seeded())
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


# Clipping


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
def test_clipped_images_stay_within_the_data_range(model):
    noisy = model.corrupt(random_images((4, 3, 32, 32)), seeded())
    assert 0 <= noisy.min() <= noisy.max() <= 1


@pytest.mark.parametrize("noise_class", [GaussianNoise, SpeckleNoise, PoissonNoise])
def test_images_leave_the_data_range_without_clipping(noise_class):
    assert noise_class(clip=False).corrupt(constant(1.0), seeded()).max() > 1


def test_clipping_is_all_that_clip_does():
    free = GaussianNoise(0.5, clip=False).corrupt(random_images(), seeded())
    clipped = GaussianNoise(0.5).corrupt(random_images(), seeded())
    assert torch.equal(free.clamp(0, 1), clipped)


@pytest.mark.parametrize("model", [GaussianNoise(0.5), NoiseChain([GaussianNoise(0.5)])], ids=repr)
@pytest.mark.parametrize("limits", [(-0.25, 1.5), (-np.inf, 1.25), (-np.inf, np.inf)], ids=str)
def test_images_are_clipped_to_limits_that_are_given(model, limits):
    free = GaussianNoise(0.5, clip=False).corrupt(constant(), seeded())
    assert torch.equal(model.corrupt(constant(), seeded(), limits), free.clamp(*limits))


# Chains


def test_a_chain_applies_its_models_in_order():
    chain = NoiseChain([MaskingNoise(1), SaltAndPepperNoise(1, 1)])
    assert (chain.corrupt(random_images(), seeded()) == 1).all()


def test_a_chain_draws_from_one_generator():
    chain = NoiseChain([GaussianNoise(0.1, clip=False), GaussianNoise(0.2, clip=False)])
    generator = seeded()
    one_by_one = GaussianNoise(0.1, clip=False).corrupt(random_images(), generator)
    one_by_one = GaussianNoise(0.2, clip=False).corrupt(one_by_one, generator)
    assert torch.equal(chain.corrupt(random_images(), seeded()), one_by_one)


def test_variances_of_gaussian_noise_add_up_in_a_chain():
    chain = NoiseChain([GaussianNoise(0.3, clip=False), GaussianNoise(0.4, clip=False)])
    # 65536 values: five standard errors of a standard deviation of 0.5.
    assert abs(chain.corrupt(constant(), seeded()).std() - 0.5) < 0.007


def test_a_chain_clips_within_if_its_models_do():
    chain = NoiseChain([GaussianNoise(1.0), SpeckleNoise(0, clip=False)])
    assert chain.corrupt(constant(), seeded()).max() == 1


@pytest.mark.parametrize(("last_clips", "clips"), [(True, True), (False, False)])
def test_the_last_model_decides_whether_a_chain_clips(last_clips, clips):
    chain = NoiseChain([GaussianNoise(clip=not last_clips), GaussianNoise(clip=last_clips)])
    assert chain.clip is clips


def test_a_chain_may_hold_a_chain():
    nested = NoiseChain([NoiseChain([GaussianNoise(0.2)]), GaussianBlur()])
    flat = NoiseChain([GaussianNoise(0.2), GaussianBlur()])
    noisy = [chain.corrupt(random_images(), seeded()) for chain in (nested, flat)]
    assert torch.equal(*noisy)


# All that a model may do


@pytest.mark.parametrize(
    "model",
    [GaussianBlur(1.0), EraseColor(), QuarterTurns((1, 2)), Flip(), NoiseChain([])],
    ids=repr,
)
def test_a_variant_does_the_same_whatever_the_generator(model):
    for variant in model.variants():
        corrupted = [variant.corrupt(random_images(), seeded(seed)) for seed in (5, 6)]
        assert torch.equal(*corrupted)


@pytest.mark.parametrize(
    "model", [QuarterTurns(), Flip(), NoiseChain([EraseColor(), QuarterTurns(), Flip()])], ids=repr
)
def test_each_draw_is_one_of_the_variants_and_all_come_up(model):
    images = random_images()[:1].expand(200, -1, -1, -1)
    variants = torch.cat([one.corrupt(images[:1], seeded()) for one in model.variants()])
    drawn = model.corrupt(images, seeded()).unsqueeze(1)  # (200, 1, C, H, W)
    # Of 200 draws each of the eight comes up but once in 10**11 seeds.
    matches = (drawn == variants).flatten(2).all(dim=2)  # (200, n_variants)
    assert matches.any(dim=1).all()
    assert matches.any(dim=0).all()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (QuarterTurns((2, 1)), [QuarterTurns((2,)), QuarterTurns((1,))]),
        (QuarterTurns((3,), clip=False), [QuarterTurns((3,), clip=False)]),
        (Flip(), [Flip(0), Flip(1)]),
        (Flip(0.0), [Flip(0)]),
        (Flip((0.5, 1.0)), [Flip(0), Flip(1)]),
        (Flip(1, clip=False), [Flip(1, clip=False)]),
        (
            NoiseChain([Flip(), GaussianBlur()]),
            [NoiseChain([Flip(0), GaussianBlur()]), NoiseChain([Flip(1), GaussianBlur()])],
        ),
        (NoiseChain([]), [NoiseChain([])]),
    ],
    ids=repr,
)
def test_the_variants_are_what_may_be_drawn(model, expected):
    assert repr(model.variants()) == repr(expected)


@pytest.mark.parametrize(
    "model",
    [GaussianNoise(), GaussianBlur((0, 1)), CutOut(), NoiseChain([Flip(), GaussianNoise()])],
    ids=repr,
)
def test_what_is_drawn_from_many_has_no_variants(model):
    assert model.variants() is None


@pytest.mark.parametrize(
    ("model", "reorients"),
    [
        (QuarterTurns(), True),
        (Flip(), True),
        (NoiseChain([EraseColor(), Flip()]), True),
        (NoiseChain([EraseColor(), CutOut()]), False),
        (GaussianNoise(), False),
    ],
    ids=repr,
)
def test_a_model_tells_whether_orientation_is_to_be_restored(model, reorients):
    assert model.reorients is reorients


# Errors


@pytest.mark.parametrize(
    "level",
    [
        -0.1,
        np.nan,
        np.inf,
        (0.3, 0.1),
        (-0.1, 0.1),
        (0.1, np.nan),
        (0.1, 0.2, 0.3),
        (),
        ("a", "b"),
        "0.1",
        None,
        True,
        1j,
        np.array([0.1, 0.2]),
    ],
    ids=repr,
)
def test_a_bad_level_is_an_error_that_names_it_and_what_is_allowed(level):
    with pytest.raises(ValueError, match=r"GaussianNoise\(std=…\) is .*; expected a number from 0"):
        GaussianNoise(level).corrupt(random_images(), seeded())


@pytest.mark.parametrize(("noise_class", "name"), LEVELS + SHARES + PEAK + SENSOR)
def test_every_level_is_checked(noise_class, name):
    with pytest.raises(ValueError, match=rf"{noise_class.__name__}\({name}=…\) is -1; expected a"):
        noise_class(**{name: -1}).corrupt(random_images(), seeded())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GaussianNoise(25), r"from 0 to 1, .* a level of 25 on uint8 images is 25 / 255"),
        (GaussianNoise((0, 50)), r"is \(0, 50\); .* units of the data range"),
        (SpeckleNoise(25), "from 0 to 1, .* relative to the pixel"),
        (GaussianBlur(1e5), "from 0 to 100, .* in pixels"),
        (GaussianBlur((0, 1e5)), "from 0 to 100, .* in pixels"),
        (PoissonNoise(1e39), r"from 0 to 1e\+07"),
        (PoissonGaussianNoise(20), r"from 0 to 1, .* 2 counts a photon of 16 bits are 2 / 65535"),
        (PoissonGaussianNoise(0.1, 500), "500 counts of 16 bits are 500 / 65535"),
        (MaskingNoise(25), "from 0 to 1, or a range"),
        (CutOut(8), "from 0 to 1, .* 0.25 is 8 pixels of 32"),
        (CutOut(value=128), "from 0 to 1, .* 128 on uint8 images is 128 / 255"),
        (SaltAndPepperNoise((0.5, 1.01)), "from 0 to 1, or a range"),
    ],
    ids=repr,
)
def test_a_level_in_other_units_is_an_error_that_says_the_limits(model, message):
    with pytest.raises(ValueError, match=message):
        model.corrupt(random_images(), seeded())


@pytest.mark.parametrize("peak", [0, (0, 10)])
def test_a_peak_of_zero_is_an_error(peak):
    with pytest.raises(ValueError, match="a peak must be above 0"):
        PoissonNoise(peak).corrupt(random_images(), seeded())


@pytest.mark.parametrize("noise_class", NOISE_MODELS.values())
def test_clip_is_true_or_false(noise_class):
    with pytest.raises(ValueError, match=r"\(clip=…\) is 'yes'; allowed are True and False"):
        noise_class(clip="yes").corrupt(random_images(), seeded())


def test_a_bad_level_in_a_chain_is_an_error():
    with pytest.raises(ValueError, match=r"GaussianNoise\(std=…\) is -1"):
        NoiseChain([GaussianBlur(), GaussianNoise(-1)]).corrupt(random_images(), seeded())


def test_a_chain_refuses_what_is_no_noise_model_and_says_where_names_are_understood():
    with pytest.raises(ValueError, match=r"holds 'blur'; expected noise models .* in lists"):
        NoiseChain(["blur"]).corrupt(random_images(), seeded())


# Names


@pytest.mark.parametrize(("name", "noise_class"), NOISE_MODELS.items())
def test_a_name_stands_for_the_model_with_its_defaults(name, noise_class):
    assert repr(resolve_noise(name)) == repr(noise_class())


def test_no_noise_given_is_gaussian_noise_of_a_tenth():
    assert repr(resolve_noise(None)) == repr(GaussianNoise(0.1))


def test_the_name_none_stands_for_no_noise():
    noisy = resolve_noise("none").corrupt(random_images(), seeded())
    assert torch.equal(noisy, random_images())


def test_a_list_of_models_and_names_is_a_chain():
    chain = resolve_noise(["blur", GaussianNoise(0.2)])
    assert repr(chain) == repr(NoiseChain([GaussianBlur(), GaussianNoise(0.2)]))


def test_a_model_is_resolved_to_a_copy_that_later_settings_do_not_change():
    model = GaussianNoise(0.2)
    resolved = resolve_noise(model)
    model.set_params(std=0.9)
    assert resolved.std == 0.2


@pytest.mark.parametrize("noise", ["gauss", True, ["blur", {}]], ids=repr)
def test_an_unknown_noise_is_an_error_that_lists_the_names(noise):
    with pytest.raises(ValueError, match=r"allowed are None, a NoiseModel .*'salt_and_pepper'"):
        resolve_noise(noise)


@pytest.mark.parametrize(
    ("noise", "cure"),
    [
        (0.1, "GaussianNoise(0.1)"),
        (25, "GaussianNoise(25 / 255)"),
        (np.float32(0.5), "GaussianNoise(0.5)"),
        (["blur", 0.1], "GaussianNoise(0.1)"),
        ((0, 0.1), "GaussianNoise((0, 0.1))"),
        ([0, 50], "GaussianNoise((0, 50 / 255))"),
    ],
    ids=repr,
)
def test_a_level_without_its_noise_is_an_error_with_the_cure(noise, cure):
    with pytest.raises(ValueError, match=re.escape(f"write {cure}.")):
        resolve_noise(noise)


def test_a_class_without_its_call_is_an_error_with_the_cure():
    with pytest.raises(ValueError, match=r"noise=MaskingNoise is a class. Call it: MaskingNoise\("):
        resolve_noise([MaskingNoise])


@pytest.mark.parametrize(
    "noise", [MaskingNoise(2), [MaskingNoise(2)], NoiseChain([MaskingNoise(2)])], ids=repr
)
def test_a_bad_level_is_found_before_any_image_is_seen(noise):
    with pytest.raises(ValueError, match=r"MaskingNoise\(fraction=…\) is 2"):
        resolve_noise(noise)


# Noise models as estimators


@pytest.mark.parametrize("model", RANGES, ids=repr)
def test_a_clone_has_the_same_parameters(model):
    assert repr(clone(model)) == repr(model)


@pytest.mark.parametrize("model", RANGES, ids=repr)
def test_a_pickled_model_makes_the_same_noise(model):
    loaded = pickle.loads(pickle.dumps(model))
    noisy = [one.corrupt(random_images(), seeded()) for one in (model, loaded)]
    assert torch.equal(*noisy)


@pytest.mark.parametrize("model", MODELS + RANGES, ids=repr)
def test_the_repr_of_a_model_can_be_evaluated(model):
    assert repr(eval(repr(model))) == repr(model)


@pytest.mark.parametrize(("noise_class", "name"), LEVELS + SHARES + PEAK + SENSOR)
def test_set_params_sets_a_level(noise_class, name):
    assert noise_class().set_params(**{name: (0.5, 0.75)}).get_params()[name] == (0.5, 0.75)


def test_a_noise_model_of_ones_own_needs_its_level_and_one_method():
    noisy = resolve_noise([Brighten(0.75)]).corrupt(constant(0.5), seeded())
    assert (noisy == 1).all()


def test_the_limits_of_a_noise_model_of_ones_own_are_checked():
    with pytest.raises(ValueError, match=r"Brighten\(by=…\) is 2; expected a number from 0 to 1"):
        resolve_noise(Brighten(2))


DRAWS = {
    "level": lambda like, generator: draw_level((0.1, 0.2), like, generator),
    "normal": draw_normal,
    "uniform": draw_uniform,
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_for_an_image_depend_on_its_own_generator(draw):
    together = draw(random_images(), [seeded(i) for i in range(5)])
    assert together.dtype == torch.float32
    assert torch.equal(together[3:4], draw(random_images()[3:4], [seeded(3)]))


def test_a_level_that_is_a_number_is_not_drawn():
    assert draw_level(0.3, random_images(), None) == 0.3


def test_the_base_class_is_no_noise_model():
    with pytest.raises(TypeError, match="abstract"):
        NoiseModel()
