import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_cae.datasets import make_characters


def test_images_labels_and_fonts_have_the_documented_shapes():
    made = make_characters(12, size=32)
    assert made.images.shape == (12, 32, 32)
    assert made.images.dtype == np.uint8
    assert made.target.shape == made.fonts.shape == (12,)


@pytest.mark.parametrize("size", [8, 28])
def test_every_image_shows_something_on_black(size):
    images = make_characters(200, size=size).images
    assert (images.max(axis=(1, 2)) > 100).all()
    assert (images.min(axis=(1, 2)) == 0).all()


def test_characters_do_not_touch_the_margin():
    images = make_characters(300, characters="mWMw").images
    touches = np.concatenate([images[:, [0, -1]], images[:, :, [0, -1]].transpose(0, 2, 1)], axis=1)
    assert not touches.any()


def test_characters_come_equally_often():
    made = make_characters(31, characters="xyz")
    counts = np.unique(made.target, return_counts=True)[1]
    assert sorted(counts.tolist()) == [10, 10, 11]


def test_all_fonts_are_used():
    assert len(set(make_characters(300).fonts.tolist())) == 17


def test_images_of_one_character_and_font_differ():
    made = make_characters(300, characters="a")
    same = made.images[made.fonts == made.fonts[0]]
    assert len(np.unique(same, axis=0)) == len(same) > 1


def test_labels_can_be_learned():
    made = make_characters(400, characters="LO")
    rows = made.images.reshape(400, -1) / 255
    classifier = LogisticRegression().fit(rows[:200], made.target[:200])
    assert classifier.score(rows[200:], made.target[200:]) > 0.95


def test_a_seed_gives_the_same_images_again():
    np.testing.assert_array_equal(make_characters(5).images, make_characters(5).images)


def test_none_draws_other_images_each_time():
    first, second = (make_characters(5, random_state=None).images for _ in range(2))
    assert (first != second).any()


def test_the_global_state_stays():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the old state is the subject
    make_characters(3, random_state=None)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("characters", "message"),
    [
        ("", "allowed are letters of the English alphabet and digits, at least one"),
        ("aé!", r"allowed are letters .*, but not \['!', 'é'\]"),
        ("aba", "has a character twice"),
    ],
)
def test_characters_that_cannot_be_drawn_are_an_error(characters, message):
    with pytest.raises(ValueError, match=message):
        make_characters(characters=characters)


def test_a_list_of_characters_is_an_error():
    with pytest.raises(TypeError, match="characters must be a str such as 'ABC', got list"):
        make_characters(characters=["a"])


@pytest.mark.parametrize("options", [{"n_samples": 0}, {"size": 7}])
def test_too_small_numbers_are_an_error(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make_characters(**options)
