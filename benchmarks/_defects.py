"""Textures with defects: crops of a photograph, some with a scratch, a stain, a crack or a patch.

Training crops come from the left half of the photograph, test crops from the right half.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data, draw

TEXTURES = ("brick", "gravel", "grass")
BLOCK = 128
KINDS = ("scratch", "stain", "crack", "wrong texture")


class Textures(NamedTuple):
    """Crops of one texture, uint8, and where the defects of the test crops are."""

    train: np.ndarray  # (n, size, size)
    groups: np.ndarray  # (n,), the block of the photograph that a training crop lies in
    test: np.ndarray  # (m, size, size), good ones first
    masks: np.ndarray  # bool, (m, size, size)


def load_textures(name, n_train, n_test, seed, *, size=96, develop=False):
    """Crops of a texture: ``n_train`` good ones, and ``n_test`` good and as many with defects.

    With ``develop`` they come from the upper and from the lower half of the left half.
    """
    rng = np.random.default_rng([seed, TEXTURES.index(name), develop])
    photograph = getattr(data, name)()
    half = photograph.shape[1] // 2
    left, right = photograph[:, :half], photograph[:, half:]
    for_train, for_test = np.split(left, 2) if develop else (left, right)
    train, groups = crops(for_train, n_train, size, rng)
    test, _ = crops(for_test, 2 * n_test, size, rng)
    others = [other for other in TEXTURES if other != name]
    masks = np.zeros(test.shape, bool)
    for i in range(n_test, 2 * n_test):
        other = getattr(data, others[rng.integers(len(others))])()
        test[i], masks[i] = with_defect(test[i], KINDS[i % len(KINDS)], other, rng)
    return Textures(train, groups, test, masks)


def crops(photograph, n, size, rng):
    """Squares from random places of a photograph, and the block that their centre lies in."""
    rows, columns = (rng.integers(0, side - size + 1, n) for side in photograph.shape)
    corners = zip(rows, columns, strict=True)
    squares = np.stack([photograph[r : r + size, c : c + size] for r, c in corners])
    n_across = photograph.shape[1] // BLOCK
    return squares, (rows + size // 2) // BLOCK * n_across + (columns + size // 2) // BLOCK


def with_defect(image, kind, other, rng):
    """An image with one defect, and where it is."""
    if kind == "wrong texture":
        return pasted(image, other, rng)
    coverage = {"scratch": scratch, "stain": stain, "crack": crack}[kind](len(image), rng)
    # Nearly black or nearly white, so that a person sees it on any texture.
    level = rng.choice([15, 240])
    mixed = image + coverage * (level - image)
    return mixed.clip(0, 255).round().astype(np.uint8), coverage > 0.25


def scratch(size, rng):
    """A straight line of two pixels."""
    length, angle = rng.uniform(20, 45), rng.uniform(0, np.pi)
    step = 0.5 * length * np.array([np.sin(angle), np.cos(angle)])
    centre = rng.uniform(25, size - 25, 2)
    return line(size, [centre - step, centre + step])


def crack(size, rng):
    """A line that turns again and again."""
    angle, points = rng.uniform(0, 2 * np.pi), [rng.uniform(30, size - 30, 2)]
    for _ in range(10):
        angle += rng.normal(0, 0.6)
        points.append(points[-1] + 4 * np.array([np.sin(angle), np.cos(angle)]))
    return line(size, points)


def line(size, points):
    """How much of each pixel a line of about two pixels covers."""
    covered = np.zeros((size, size))
    for start, stop in pairwise(points):
        ends = np.rint([*start, *stop]).astype(int).clip(0, size - 1)
        rows, columns = draw.line(*ends)
        covered[rows, columns] = 1
    return (1.8 * gaussian_filter(covered, 0.8)).clip(0, 1)


def stain(size, rng):
    """A round spot with a soft edge, which covers half of what is below it."""
    row, column = rng.uniform(15, size - 15, 2)
    rows, columns = np.mgrid[:size, :size]
    distance = np.hypot(rows - row, columns - column)
    return 0.7 / (1 + np.exp(distance - rng.uniform(4, 7)))


def pasted(image, other, rng):
    """A disc of another texture, with the mean and contrast of what it hides."""
    size, radius = len(image), rng.uniform(8, 12)
    rows, columns = np.mgrid[:size, :size]
    row, column = rng.uniform(15, size - 15, 2)
    inside = np.hypot(rows - row, columns - column) < radius
    patch = crops(other, 1, size, rng)[0][0].astype(float)
    patch = (patch - patch[inside].mean()) / max(patch[inside].std(), 1)
    patch = patch * image[inside].std() + image[inside].mean()
    return np.where(inside, patch.clip(0, 255), image).round().astype(np.uint8), inside
