"""Image data: photographs and fonts that are already installed, and three public datasets."""

from ._characters import make_characters
from ._fetch import fetch_cifar10, fetch_fashion_mnist, fetch_mnist
from ._natural import load_natural_patches

__all__ = [
    "fetch_cifar10",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "load_natural_patches",
    "make_characters",
]
