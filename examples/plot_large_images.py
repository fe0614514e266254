"""
How do I denoise a large image?
===============================

It goes into ``predict`` as it is: a convolutional network that was trained on patches takes images
of any height and width. Large ones are cut into tiles by ``predict`` itself, so that memory
suffices.
"""

# %%
# Train on patches
# ----------------
# Patches of 16 x 16 pixels, of other photographs than the one to come. Small patches teach fast,
# but their codes have to remain some pixels wide: here they are 4 x 4. A network whose codes were
# 2 x 2 in training has hardly seen what lies far from a border, and fails there.
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
# A batch of one image, of 0.9 megapixels here, whose sides need not be multiples of anything.
# ``predict`` cuts it into tiles, each with as much around it as the network sees: the result is
# that of the whole image, and 24 megapixels need no more memory than one does. With
# ``self_ensemble=True`` it gives the mean over eight flips and quarter turns, for eight times the
# work. For comparison, a filter tuned on larger patches of the training photographs.
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
# The whole and a part
# --------------------
figure, axes = plt.subplots(6, 1, figsize=(4.5, 19), layout="constrained", squeeze=False)
DenoisingDisplay.from_predictions(galaxies, noisy, denoised, zoom=(420, 650, 200, 300), axes=axes)
plt.show()

# %%
# How to read it: on top the photograph with a frame, below it the part in the frame; the numbers
# are those of the whole photograph, and tell whether a filter would have done. :ref:`tiles` tells
# which networks take tiles.
