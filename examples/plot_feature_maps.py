"""
What does each layer see?
=========================

Follow a noisy photograph through a network. The first layers show fine edges and colours, the code
shows coarser patterns, and the last layers show an image again. The noise gets lost on the way,
and this example measures where.
"""

# %%
# The network
# -----------
# It is an autoencoder, in which everything passes through the code. The network has not learned
# from the photograph that it is shown.
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
# ``feature_maps`` returns the feature maps of a layer. To measure their noise, show the network two
# noisy copies of one photograph. The noise is what differs between them, here as a share of the
# variance of the maps.


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
# These are the maps with the largest variance in each layer.
FeatureMapsDisplay.from_estimator(cae, noisy)
plt.show()

# %%
# How to read it: each column is a layer, and its title gives the height, the width and the number
# of its maps. A bright place is where a map finds its pattern. The second column shows the patterns
# of the first layer.
