"""
Can it draw new digits?
=======================

An autoencoder does not learn how its codes are distributed, but you can fit a density to them
afterwards. A code drawn from this density decodes to an image that did not exist before. How good
these images are depends on the density.
"""

# %%
# The autoencoder
# ---------------
# It learns printed digits of 28 x 28 pixels with short flat codes. It is fitted once and then
# frozen for both samplers.
import matplotlib.pyplot as plt
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, LatentSampler
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import SamplesDisplay

X = make_characters(2600).images.astype("float32") / 255
X_train, X_test = X[:2000], X[2000:]
cae = DenoisingCAE(
    Autoencoder((16, 32), latent_dim=8),
    noise=GaussianNoise(0.1),
    max_epochs=20,
    for_codes=True,
    random_state=0,
).fit(X_train)

# %%
# Two densities of codes
# ----------------------
# A single Gaussian has the mean and the covariance of the codes. The default is a mixture of one
# Gaussian for each hundred images, here twenty, which can describe many kinds of digits.
samplers = {
    name: LatentSampler(FrozenEstimator(cae), density, random_state=0).fit(X_train)
    for name, density in {"single Gaussian": GaussianMixture(1), "mixture": None}.items()
}

# %%
# Two numbers measure the result. The mean log-density of the codes of test digits tells how well a
# density has learned the codes; higher is better. The distance of an image to the nearest
# reconstruction of a training digit (root mean square of the pixels) tells how much it looks like a
# digit. For comparison, the distance of reconstructed test digits shows what this decoder reaches
# with codes of real digits.
nearest = NearestNeighbors(n_neighbors=1).fit(cae.predict(X_train).reshape(len(X_train), -1))


def distance(images):
    return nearest.kneighbors(images.reshape(len(images), -1))[0].mean() / 28


for name, sampler in samplers.items():
    drawn = sampler.sample(1000, random_state=1)
    print(
        f"{name:15}: log-density of test codes {sampler.score_samples(X_test).mean():6.2f}, "
        f"distance {distance(drawn):.3f}"
    )
print(f"reconstructed test digits: distance {distance(cae.predict(X_test)):.3f}")

# %%
# New digits beside real ones
# ---------------------------
figure = plt.figure(figsize=(7, 7.2), layout="constrained")
for part, (name, sampler) in zip(figure.subfigures(2, 1), samplers.items(), strict=True):
    part.suptitle(name)
    SamplesDisplay.from_estimator(
        sampler, X_test, n_images=36, random_state=1, axes=part.subplots(1, 2)
    )
plt.show()

# %%
# How to read it: the left half shows real digits that were not used in training, and the right half
# shows new ones, which are all smoother. Between the kinds of digits there are codes that belong to
# no digit. A single Gaussian draws such codes more often than the mixture, which still draws some.
