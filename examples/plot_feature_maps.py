"""
What does each layer see?
=========================

A noisy photograph on its way through a network: fine edges and colours first, then coarser patterns
in the code, and back to an image. The noise gets lost on the way; where?
"""

# %%
# The network
# -----------
# An autoencoder, in which everything passes through the code. The photograph is none of those that
# it has learned from.
import matplotlib.pyplot as plt
import numpy as np
from skimage.data import chelsea

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, GaussianNoise, NoiseInjector
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import FeatureMapsDisplay

X_train = load_natural_patches(n_patches=600, random_state=0).images
cae = DenoisingCAE(
    Autoencoder(ConvEncoder((16, 32, 64), code_channels=64)),
    noise=GaussianNoise(0.1),
    batch_size=16,
    max_epochs=10,
    for_codes=True,
    random_state=0,
).fit(X_train)
clean = chelsea()[np.newaxis, 60:188, 100:228]
noisy, again = (
    np.asarray(NoiseInjector(GaussianNoise(0.1), random_state=seed).corrupt(clean))
    for seed in (1, 2)
)

# %%
# Where the noise gets lost
# -------------------------
# ``feature_maps`` gives the feature maps of a layer. How much of them is noise? What differs
# between two noisy copies of one photograph, as a share of the variance of the maps.


def noise_share(maps, others):
    return np.mean((maps - others) ** 2) / 2 / maps.var(axis=(1, 2)).mean()


rows = {"image": (noisy / 255, again / 255)}
rows |= {
    layer: (cae.feature_maps(noisy, layer), cae.feature_maps(again, layer))
    for layer in cae.layer_names_
}
for name, pair in rows.items():
    shape = " x ".join(map(str, pair[0].shape[1:]))
    print(f"{name:17} {shape:>14} {noise_share(*pair):5.0%}")

# %%
# The maps
# --------
# Of each layer those with the largest variance.
FeatureMapsDisplay.from_estimator(cae, noisy)
plt.show()

# %%
# How to read it: a column is a layer, its title gives height, width and number of its maps; a
# bright place is where a map finds its pattern, and the second column shows the patterns of the
# first layer.
