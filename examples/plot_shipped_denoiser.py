"""
How good is the denoiser of the package on my photographs?
==========================================================

``DenoisingCAE.from_pretrained`` returns a network that was trained on other people's photographs.
This example compares it with non-local means and wavelets, which are tuned for the same noise, on
gray photographs of different sizes. To test it on your own photographs, replace the ones in this
example.
"""

# %%
# The photographs
# ---------------
# Pass them as a list of arrays. They need not have the same size. The last one is a texture.
import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.color import rgb2gray
from skimage.util import img_as_ubyte
from sklearn.datasets import load_sample_image

from sklearn_cae import (
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    compare_denoisers,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay

photographs = {
    "camera": data.camera(),
    "cat": img_as_ubyte(rgb2gray(data.chelsea())),
    "temple": img_as_ubyte(rgb2gray(load_sample_image("china.jpg"))),
    "gravel": data.gravel(),
}
images = list(photographs.values())
print({name: image.shape for name, image in photographs.items()})

# %%
# Three levels of noise
# ---------------------
# One network serves all levels. It is not told the level, but sees it in the image. The filters are
# tuned anew for each level, on patches of other photographs.
tuning = load_natural_patches(64, n_patches=16, color=False, random_state=0).images
comparisons = {}
for level in (10, 25, 50):
    comparisons[level] = compare_denoisers(
        images,
        GaussianNoise(level / 255),
        {"from_pretrained": "natural-gray"},
        X_train=tuning,
        filters=["nl_means", "wavelet"],
    )
    print(f"Noise of {level} of 255")
    print(comparisons[level])

# %%
# Photograph by photograph
# ------------------------
# The table shows the PSNR in dB for noise of 25 of 255. The highest value of each row is marked.
comparison = comparisons[25]
print(f"{'':8}" + "".join(f"{name:>17}" for name in comparison.names))
for name, psnr in zip(photographs, comparison.psnr.T, strict=True):
    cells = [f"{'*' if value == psnr.max() else ''}{value:.2f}" for value in psnr]
    print(f"{name:8}" + "".join(f"{cell:>17}" for cell in cells))

# %%
# What it looks like
# ------------------
# The pictures show parts of three photographs. The parts have the same size so that they fit side
# by side.
corners = {"camera": 40, "cat": 0, "temple": 0}
parts = np.stack([photographs[name][:300, left : left + 450] for name, left in corners.items()])
noise = NoiseInjector(GaussianNoise(25 / 255), random_state=0)
noisy = np.asarray(noise.corrupt(parts))
denoised = {
    "nl_means": ClassicalDenoiser("nl_means").fit(noise.fit_transform(tuning)).predict(noisy),
    "from_pretrained": DenoisingCAE.from_pretrained("natural-gray").predict(noisy),
}
_, axes = plt.subplots(5, 3, figsize=(9, 11), layout="constrained")
DenoisingDisplay.from_predictions(parts, noisy, denoised, zoom=(60, 130, 96, 144), axes=axes)
plt.show()

# %%
# How to read it: the parts with a frame are on top. Below is the content of the frame: clean, noisy
# and denoised. Edges are sharp again, while hair and fur that are finer than the noise are gone,
# because no denoiser can tell them from noise. Where a filter is ahead in the tables, use the
# filter.
