"""Files of VGG16's weights for tests."""

import hashlib

import torch

from sklearn_cae.networks import _vgg16_weights

# Where the official weights of VGG16 are published.
OFFICIAL = _vgg16_weights.IMAGENET_URL


def save_as_official(state, folder, monkeypatch):
    """Save weights under the name that the official file would have if it held them."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "weights")
    digest = hashlib.sha256((folder / "weights").read_bytes()).hexdigest()
    url = OFFICIAL.replace("397923af", digest[:8])
    monkeypatch.setattr(_vgg16_weights, "IMAGENET_URL", url)
    return (folder / "weights").rename(folder / url.rpartition("/")[2])
