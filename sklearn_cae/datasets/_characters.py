"""Characters drawn in the fonts of matplotlib: small labelled images of any number and size."""

import string
from functools import lru_cache
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch, check_random_state, check_scalar

# Fonts of matplotlib's wheel that have upright or slanted letters and figures.
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmti10",
    "cmtt10",
)
KNOWN = string.digits + string.ascii_letters
# How images differ. Lengths are shares of the side of an image: a character is so long, its middle
# so far from that of the image, and its strokes so much wider. The bend is a share of the length.
LENGTHS, SHIFT, WIDENING, BEND = (0.5, 0.72), 0.06, (0.0, 0.07), 0.03
ROTATION, SHEAR, STRETCH = 12, 0.2, (0.8, 1.15)  # degrees; the others have no unit
# Waves of the bend in an image.
BENDS = 1.5


def make_characters(
    n_samples: int = 1000,
    *,
    characters: str = string.digits,
    size: int = 28,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Draw characters in many shapes: labelled gray images, without a download.

    Each image is one of the characters in one of 17 fonts that matplotlib carries inside its wheel:
    upright, slanted and bold, with and without serifs. Size, width, slant, thickness, place and
    angle are drawn at random, and the outline is bent a little, as by a hand.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of images. Each character comes the same number of times, to within one, in random
        order.
    characters : str, default="0123456789"
        What to draw: letters of the English alphabet and digits, each once.
    size : int, default=28
        Height and width of an image in pixels, at least 8.
    random_state : int, RandomState instance or None, default=0
        Draws fonts and shapes. None draws others at each call. The global numpy state is neither
        read nor changed.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        images : ndarray of shape (n_samples, size, size), dtype uint8
            White characters on black, values in 0...255.
        target : ndarray of shape (n_samples,), dtype str
            The character in each image.
        fonts : ndarray of shape (n_samples,), dtype str
            Its font, for instance as groups of :class:`~sklearn.model_selection.GroupKFold`.

    Raises
    ------
    ValueError
        If `characters` is empty or has others than letters and digits, or one of them twice, or
        `n_samples` or `size` is too small.
    TypeError
        If `n_samples` or `size` is not an integer, or `characters` is not a str.

    See Also
    --------
    fetch_mnist : Handwritten digits of 28 x 28 pixels, downloaded.
    load_natural_patches : Patches of photographs, without a download.

    Examples
    --------
    >>> from sklearn_cae.datasets import make_characters
    >>> letters = make_characters(100, characters="ABC")
    >>> letters.images.shape, letters.images.dtype
    ((100, 28, 28), dtype('uint8'))
    >>> sorted(set(letters.target.tolist()))
    ['A', 'B', 'C']
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(size, "size", Integral, min_val=8)
    _check_characters(characters)
    rng = np.random.RandomState() if random_state is None else check_random_state(random_state)
    target = rng.permutation(np.resize(list(characters), n_samples))
    fonts = rng.choice(FONTS, size=n_samples)
    images = np.stack(
        [
            _draw(_bent(_outline(character, font), rng), size, rng)
            for character, font in zip(target.tolist(), fonts.tolist(), strict=True)
        ]
    )
    return Bunch(images=images, target=target, fonts=fonts)


def _check_characters(characters):
    if not isinstance(characters, str):
        raise TypeError(f"characters must be a str such as 'ABC', got {type(characters).__name__}.")
    unknown = sorted(set(characters) - set(KNOWN))
    if unknown or not characters:
        raise ValueError(
            f"characters={characters!r}; allowed are letters of the English alphabet and digits, "
            f"{f'but not {unknown}' if unknown else 'at least one'}."
        )
    if len(set(characters)) < len(characters):
        raise ValueError(f"characters={characters!r} has a character twice. Give each one once.")


@lru_cache(maxsize=2000)
def _outline(character, font):
    """Vertices (n, 2) and codes (n,) of a character."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    properties = FontProperties(fname=f"{get_data_path()}/fonts/ttf/{font}.ttf")
    path = TextPath((0, 0), character, size=100, prop=properties)
    return _normalized(path.vertices), path.codes


def _normalized(vertices):
    """Vertices with their middle at 0 and a longer side of 1."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return (vertices - (low + high) / 2) / (high - low).max()


def _bent(outline, rng):
    """Outline in another shape: stretched, sheared, bent by a wave, and turned."""
    vertices, codes = outline
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = np.array([[rng.uniform(*STRETCH), rng.uniform(-SHEAR, SHEAR)], [0, 1]])
    waves = rng.uniform(-np.pi, np.pi, size=(2, 2)) * BENDS
    phases = rng.uniform(0, 2 * np.pi, size=2)
    bend = BEND * np.sin(vertices @ waves.T + phases) * rng.uniform(0, 2, size=2)
    return _normalized((vertices @ shape.T + bend) @ turn.T), codes


def _draw(outline, size, rng):
    """Image (size, size) of an outline at a random place, in a random size and thickness."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

    vertices, codes = outline
    length = size * rng.uniform(*LENGTHS)
    middle = size * (0.5 + rng.uniform(-SHIFT, SHIFT, size=2))
    renderer = RendererAgg(size, size, dpi=72)
    context = renderer.new_gc()
    context.set_foreground("white")
    context.set_linewidth(size * rng.uniform(*WIDENING))
    context.set_antialiased(True)
    place = Affine2D().scale(length).translate(*middle)
    renderer.draw_path(context, Path(vertices, codes), place, rgbFace=(1.0, 1.0, 1.0))
    return np.asarray(renderer.buffer_rgba())[..., 3].copy()
