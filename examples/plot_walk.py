"""
What lies between two images?
=============================

Halfway between two images, pixel by pixel, lies a double exposure. Halfway between their codes
lies another code, and the decoder draws an image from it. This example shows whether these images
look real.
"""

# %%
# The walks
# ---------
# The digits are printed and have 28 x 28 pixels. ``LatentSampler`` walks on straight lines between
# their codes. The digits at both ends are test digits.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import NearestNeighbors

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, LatentSampler
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import InterpolationDisplay

digits = make_characters(2600)
X, y = digits.images.astype("float32") / 255, digits.target
X_train, X_test, y_test = X[:2000], X[2000:], y[2000:]
cae = DenoisingCAE(
    Autoencoder((16, 32), latent_dim=16),
    noise=GaussianNoise(0.1),
    max_epochs=30,
    for_codes=True,
    random_state=0,
)
sampler = LatentSampler(cae, random_state=0).fit(X_train)


def cross_fade(starts, ends, n_steps):
    """Straight lines between the images themselves."""
    part = np.linspace(0, 1, n_steps)[:, np.newaxis, np.newaxis]
    return (1 - part) * starts[:, np.newaxis] + part * ends[:, np.newaxis]


# %%
# Halfway, in numbers
# -------------------
# There are walks between 200 pairs of test digits. The table shows how far the images halfway are
# from the nearest training digit, as the root mean square of the pixels. For comparison, it shows
# the same for the reconstructed test digits at the ends of the walks.
nearest = NearestNeighbors(n_neighbors=1).fit(X_train.reshape(len(X_train), -1))


def distance(images):
    return nearest.kneighbors(images.reshape(len(images), -1))[0].mean() / 28


starts, ends = X_test[:200], X_test[200:400]
walks, fades = sampler.interpolate(starts, ends, 3), cross_fade(starts, ends, 3)
print(f"halfway between codes:  {distance(walks[:, 1]):.3f}")
print(f"halfway between pixels: {distance(fades[:, 1]):.3f}")
print(f"reconstructed digits:   {distance(walks[:, 0]):.3f}")

# %%
# Four walks
# ----------
starts, ends = (
    np.stack([X_test[y_test == digit][3] for digit in kinds]) for kinds in ("1304", "7869")
)
figure = plt.figure(figsize=(8, 7.4), layout="constrained")
above, below = figure.subfigures(2, 1)
above.suptitle("between codes")
InterpolationDisplay.from_estimator(sampler, starts, ends, n_steps=8, axes=above.subplots(4, 10))
below.suptitle("between pixels")
starts, ends, faded = (
    images[..., np.newaxis] for images in (starts, ends, cross_fade(starts, ends, 8))
)
InterpolationDisplay(starts=starts, walks=faded, ends=ends).plot(axes=below.subplots(4, 10))
plt.show()

# %%
# How to read it: the first and the last column are the real digits. Next to them are their
# reconstructions, which are smoother because a short code holds no fine detail. Halfway between the
# pixels both digits show through. Halfway between the codes this happens less, but where the two
# digits differ much, the decoder also draws something blurred that is neither of them.
