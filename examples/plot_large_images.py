"""
How do I denoise a large image?
===============================

Pass it to ``predict`` as it is. A convolutional network that was trained on patches takes images
of any height and width. ``predict`` cuts large images into tiles, so that there is enough memory.
"""

# %%
# Train on patches
# ----------------
# The patches have 16 x 16 pixels and come from other photographs. A network learns fast from small
# patches, but their codes must remain some pixels wide; here they are 4 x 4. If the codes were 2 x
# 2 in training, the network would hardly have seen a place far from a border, and it would fail
# there. The network for photographs, :class:`~sklearn_cae.ResUNet`, is no better here after as
# short a training: clipping makes the noise of a black sky brighter on average, and that network
# has no biases to undo it.
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from skimage.data import hubble_deep_field

from sklearn_cae import (
    ClassicalDenoiser,
    ConvEncoder,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    UNet,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay

patches = load_natural_patches(16, n_patches=1500, random_state=0).images
cae = DenoisingCAE(
    UNet(ConvEncoder((16, 32), code_channels=32)),
    noise=GaussianNoise(0.15),
    batch_size=16,
    max_epochs=10,
    random_state=0,
).fit(patches)

# %%
# Predict
# -------
# The batch is one image of 0.9 megapixels. Its sides may have any length. ``predict`` cuts it into
# tiles, and adds to each tile as much of its surroundings as the network sees. So the result is
# that of the whole image, and 24 megapixels need no more memory than one. ``self_ensemble=True``
# returns the mean over eight flips and quarter turns, at eight times the cost. For comparison, a
# filter is tuned on larger patches of the training photographs.
galaxies = hubble_deep_field()[np.newaxis]
injector = NoiseInjector(GaussianNoise(0.15), random_state=1)
noisy = np.asarray(injector.corrupt(galaxies))
tuning = load_natural_patches(64, n_patches=8, random_state=0).images
filtered = ClassicalDenoiser("nl_means").fit(injector.corrupt(tuning)).predict(noisy)

denoised = {"nl_means": filtered}
for name, self_ensemble in {"DenoisingCAE": False, "self-ensemble": True}.items():
    start = perf_counter()
    denoised[name] = cae.predict(noisy, self_ensemble=self_ensemble)
    print(f"{name}: {noisy.shape[1]} x {noisy.shape[2]} pixels in {perf_counter() - start:.0f} s")

# %%
# The whole image and a part of it
# --------------------------------
figure, axes = plt.subplots(6, 1, figsize=(4.5, 19), layout="constrained", squeeze=False)
DenoisingDisplay.from_predictions(galaxies, noisy, denoised, zoom=(420, 650, 200, 300), axes=axes)
plt.show()

# %%
# How to read it: the photograph with a frame is on top, and the part in the frame is below it. The
# numbers are those of the whole photograph. They tell you whether a filter would have been enough.
# :ref:`tiles` tells which networks can use tiles.
