"""
How do I denoise a large image?
===============================

A photograph goes into ``predict`` as it is: a convolutional network that was trained on patches
takes images of any height and width. Tens of megapixels may need more memory than there is; then
cut tiles.
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
from skimage.data import chelsea

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
# Predict on a photograph
# -----------------------
# A batch of one image. Its sides need not be multiples of anything. For comparison, a filter tuned
# on larger patches of the training photographs.
photograph = chelsea()[np.newaxis]
injector = NoiseInjector(GaussianNoise(0.15), random_state=1)
noisy = np.asarray(injector.corrupt(photograph))
start = perf_counter()
denoised = cae.predict(noisy)
seconds = perf_counter() - start
print(f"trained on {patches.shape[1:3]}, denoised {denoised.shape[1:3]} in {seconds:.1f} s")

tuning = load_natural_patches(64, n_patches=8, random_state=0).images
filtered = ClassicalDenoiser("nl_means").fit(injector.corrupt(tuning)).predict(noisy)

# %%
# Memory
# ------
# The largest arrays in ``predict`` are feature maps of the first stage, here 16 float32 values for
# each pixel, of which several exist at a time.


def mebibytes(height, width):
    return cae.network.encoder.channels[0] * height * width * 4 / 2**20


for name, (height, width) in {
    "this photograph": photograph.shape[1:3],
    "24 megapixels": (4000, 6000),
}.items():
    print(f"{name}: {mebibytes(height, width):.0f} MiB for the maps of the first stage")

# %%
# If that is too much, cut the image into tiles that overlap and keep the middle of each.
# :ref:`tiles` has a function for it. With ``latent_dim`` a network takes images of one size only.

# %%
# The whole and a part
# --------------------
figure, axes = plt.subplots(5, 1, figsize=(4.5, 13), layout="constrained", squeeze=False)
DenoisingDisplay.from_predictions(
    photograph,
    noisy,
    {"nl_means": filtered, "DenoisingCAE": denoised},
    zoom=(75, 120, 90, 130),
    axes=axes,
)
plt.show()

# %%
# How to read it: on top the photograph with a frame, below it the part in the frame; the numbers
# are those of the whole photograph, and tell whether a filter would have done.
