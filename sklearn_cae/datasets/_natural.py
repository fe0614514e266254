"""Patches of the photographs that scikit-image and scikit-learn ship inside their wheels."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import Bunch, check_random_state, check_scalar

from ._subset import splits_of

_COLOR = {"train": ("astronaut", "coffee", "flower", "rocket"), "test": ("chelsea", "china")}
_GRAY = {"train": ("brick", "coins", "grass", "moon"), "test": ("camera", "gravel")}

# Side in pixels. They are all training images: the background crops of lfw_subset may come from
# the photographs of its faces, and a test set must not change its sources with patch_size.
_SMALL_GRAY_TRAIN = {"lfw_subset": 25, "digits": 8}

_DESCR = """\
Patches of natural images
-------------------------
Square uint8 patches at random places of images that are installed with scikit-image and
scikit-learn. Train and test patches come from different photographs.

=========== ====== ====== ============================================================
name        subset mode   origin
=========== ====== ====== ============================================================
astronaut   train  colour NASA, public domain
coffee      train  colour Rachel Michetti, CC0
flower      train  colour https://www.flickr.com/photos/vultilion/, CC BY 2.0
rocket      train  colour SpaceX, public domain
chelsea     test   colour Stefan van der Walt, CC0
china       test   colour https://www.flickr.com/photos/danielbuechele/, CC BY 2.0
brick       train  gray   CC0Textures, CC0
coins       train  gray   Brooklyn Museum, no known copyright restrictions
grass       train  gray   linolafett (DeviantArt), CC0
moon        train  gray   shipped with scikit-image
lfw_subset  train  gray   200 crops of 25 x 25 pixels of Labeled Faces in the Wild
digits      train  gray   1797 scans of 8 x 8 pixels, UCI optical recognition of digits
camera      test   gray   Lav Varshney, CC0
gravel      test   gray   CC0Textures, CC0
=========== ====== ====== ============================================================

References
----------
S. van der Walt et al., scikit-image: image processing in Python, PeerJ 2:e453, 2014.
F. Pedregosa et al., Scikit-learn: machine learning in Python, JMLR 12, 2011.
G. Huang et al., Learning to align from scratch, NIPS 2012 (lfw_subset).
"""


def load_natural_patches(
    patch_size: int = 32,
    *,
    n_patches: int = 1000,
    subset: str = "train",
    color: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> Bunch:
    """Load random patches of real photographs, without a download.

    The photographs are those that scikit-image and scikit-learn carry inside their wheels. Train
    and test patches come from different photographs, so that a test score is not the score of a
    picture seen in training.

    ========== ================================================= =======================
    ``subset`` colour photographs                                added for ``color=False``
    ========== ================================================= =======================
    "train"    astronaut, coffee, flower, rocket                 brick, coins, grass, moon,
                                                                 lfw_subset, digits
    "test"     chelsea, china                                    camera, gravel
    ========== ================================================= =======================

    Parameters
    ----------
    patch_size : int, default=32
        Height and width of a patch in pixels. At most the shorter side of the smallest photograph
        used: 400 for colour and 303 for gray training patches, 300 for test patches.
    n_patches : int, default=1000
        Number of patches. Each source gives the same number, to within one, in random order.
    subset : {"train", "test", "all"}, default="train"
        Photographs to draw from; "all" draws from both groups, ``sources`` tells them apart.
    color : bool, default=True
        If True, red-green-blue patches of the colour photographs. If False, gray patches of
        the gray photographs and of the colour ones turned to gray by
        :func:`skimage.color.rgb2gray`, rounded to the nearest integer.
    random_state : int, RandomState instance or None, default=0
        Draws the places of the patches. None draws other places at each call. The global numpy
        state is neither read nor changed.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        images : ndarray of shape (n_patches, patch_size, patch_size, 3) or \
(n_patches, patch_size, patch_size), dtype uint8
            The patches, values in 0...255.
        sources : ndarray of shape (n_patches,), dtype str
            Name of the photograph of each patch, for instance as groups of
            :class:`~sklearn.model_selection.GroupKFold`.
        DESCR : str
            Origin and licence of every photograph.

    Raises
    ------
    ValueError
        If a patch does not fit into a photograph, or ``subset``, ``patch_size`` or ``n_patches`` is
        outside its allowed values.
    TypeError
        If ``patch_size`` or ``n_patches`` is not an integer or ``color`` is not a bool.

    See Also
    --------
    fetch_cifar10 : Small colour photographs of ten classes, downloaded.

    Notes
    -----
    Every place of a photograph is equally likely: patches may overlap, and flat ones (the sky of
    ``rocket``) are kept.

    ``lfw_subset`` (25 x 25 pixels) gives patches if ``patch_size <= 25``, ``digits`` (8 x 8, their
    17 levels stretched to 0...255) if ``patch_size <= 8``. Both stay in the training group, so
    that test scores at different patch sizes rest on the same photographs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.datasets import load_natural_patches
    >>> train = load_natural_patches(32, n_patches=100)
    >>> train.images.shape, train.images.dtype
    ((100, 32, 32, 3), dtype('uint8'))
    >>> test = load_natural_patches(32, n_patches=100, subset="test")
    >>> np.unique(test.sources).tolist()
    ['chelsea', 'china']
    >>> load_natural_patches(16, n_patches=50, color=False).images.shape
    (50, 16, 16)
    """
    check_scalar(patch_size, "patch_size", Integral, min_val=1)
    check_scalar(n_patches, "n_patches", Integral, min_val=1)
    check_scalar(color, "color", (bool, np.bool_))
    rng = np.random.RandomState() if random_state is None else check_random_state(random_state)
    names = _source_names(splits_of(subset), patch_size=patch_size, color=color)
    stacks = {name: _load_stack(name, color=color) for name in names}
    _check_fits(patch_size, stacks)

    source = rng.permutation(np.arange(n_patches) % len(stacks))
    channels = (3,) if color else ()
    images = np.empty((n_patches, patch_size, patch_size, *channels), dtype=np.uint8)
    for index, stack in enumerate(stacks.values()):
        chosen = np.flatnonzero(source == index)
        images[chosen] = _random_patches(stack, patch_size, len(chosen), rng)
    return Bunch(images=images, sources=np.array(names)[source], DESCR=_DESCR)


def _source_names(splits: tuple[str, ...], *, patch_size: int, color: bool) -> list[str]:
    names = [name for split in splits for name in _COLOR[split]]
    if not color:
        names += [name for split in splits for name in _GRAY[split]]
        if "train" in splits:
            names += [name for name, side in _SMALL_GRAY_TRAIN.items() if patch_size <= side]
    return names


def _load_stack(name: str, *, color: bool) -> np.ndarray:
    """Return the image or images of a source as uint8 of shape (n, height, width[, 3])."""
    # These take long to import.
    from skimage import color as colors
    from skimage import data, util
    from sklearn.datasets import load_digits, load_sample_image

    if name == "digits":
        return util.img_as_ubyte(load_digits().images / 16)
    if name == "lfw_subset":
        return util.img_as_ubyte(data.lfw_subset())
    if name in ("china", "flower"):
        photograph = load_sample_image(f"{name}.jpg")
    else:
        photograph = getattr(data, name)()
    if photograph.ndim == 3 and not color:
        photograph = util.img_as_ubyte(colors.rgb2gray(photograph))
    return photograph[np.newaxis]


def _check_fits(patch_size: int, stacks: Mapping[str, np.ndarray]) -> None:
    smallest = min(stacks, key=lambda name: min(stacks[name].shape[1:3]))
    height, width = stacks[smallest].shape[1:3]
    if patch_size > min(height, width):
        raise ValueError(
            f"patch_size={patch_size} does not fit into the photograph {smallest!r} "
            f"({height} x {width} pixels). Use patch_size <= {min(height, width)}."
        )


def _random_patches(
    stack: np.ndarray, patch_size: int, n_patches: int, rng: np.random.RandomState
) -> np.ndarray:
    windows = sliding_window_view(stack, (patch_size, patch_size), axis=(1, 2))
    image, row, column = (rng.randint(size, size=n_patches) for size in windows.shape[:3])
    patches = windows[image, row, column]  # (n_patches[, 3], patch_size, patch_size)
    return np.moveaxis(patches, 1, -1) if patches.ndim == 4 else patches
