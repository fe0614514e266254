"""
How do I denoise a large image?
===============================

Pass it to ``predict`` as it is. A convolutional network that was trained on patches takes images
of any height and width. ``predict`` cuts large images into tiles, so that there is enough memory.
"""

# %%
# Train on patches
# ----------------
# :class:`~sklearn_cae.Patches` of 48 x 48 pixels are cut out of four photographs, at other places
# in each epoch. The network sees about twenty pixels around each pixel, so smaller patches would be
# mostly border.
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from sklearn.datasets import load_sample_image

from sklearn_cae import (
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    ResUNet,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay

photographs = [data.astronaut(), data.coffee(), data.rocket(), load_sample_image("flower.jpg")]
cae = DenoisingCAE(
    ResUNet((24, 32), blocks=2),
    noise=GaussianNoise(0.15),
    patches=Patches(48, per_image=50),
    batch_size=8,
    max_epochs=30,
    random_state=0,
).fit(photographs)

# %%
# Predict
# -------
# The batch is one image of 0.9 megapixels. Its sides may have any length. ``predict`` cuts it into
# tiles, and adds to each tile as much of its surroundings as the network sees. So the result is
# that of the whole image, and 24 megapixels need no more memory than one. ``self_ensemble=True``
# returns the mean over eight flips and quarter turns, at eight times the cost. For comparison, a
# filter is tuned on larger patches of the training photographs.
galaxies = data.hubble_deep_field()[np.newaxis]
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
