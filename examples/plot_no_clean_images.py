"""
How do I denoise images if I have no clean ones?
================================================

A network can learn from a set of noisy images alone. It must not see the noise that it is asked
for. Three targets of :class:`~sklearn_cae.DenoisingCAE` see to that: "recorrupted" where you know
what the noise is like, "neighbor" and "masked" where you do not.
"""

# %%
# A set of noisy images
# ---------------------
# Characters have edges as sharp as a pixel, as plots, text and many micrographs do. The noise is
# independent from pixel to pixel and has a mean of zero. It is not clipped, as in the raw data of a
# sensor. The clean images are used only at the end, to measure the results.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_cae import (
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    UNet,
    masked_scorer,
)
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

clean = (make_characters(600, random_state=0).images / 255).astype(np.float32)
noise = NoiseInjector(GaussianNoise(0.4, clip=False), random_state=0)
noisy = np.asarray(noise.corrupt(clean))
X_train, X_test = noisy[:500], noisy[500:]

# %%
# If the noise has one level
# --------------------------
# "recorrupted" adds more of the noise to what the network sees, and takes as much off what it has
# to give. The noise must be Gaussian or that of photons. Its level is estimated from the images.
short = {"data_range": (0, 1), "batch_size": 16, "max_epochs": 12, "random_state": 0}
recorrupted = DenoisingCAE(UNet((16, 32)), target="recorrupted", **short).fit(X_train)
print(recorrupted.noise_)

# %%
# If you know little of the noise
# -------------------------------
# With "neighbor" the network sees one of each 2 x 2 pixels and has to give the pixel beside it.
# With "masked" some pixels are hidden and it has to find them. ``masked_scorer`` hides pixels too,
# and compares what is found with the noisy values there. The noise adds the same to the error of
# each candidate, so the best one has the highest score, by little. It does not judge "recorrupted",
# whose network sees each pixel.
search = GridSearchCV(
    DenoisingCAE(UNet((16, 32)), **short),
    {"target": ["neighbor", "masked"]},
    scoring=masked_scorer,
    cv=2,
).fit(X_train)
scores = dict(zip(["neighbor", "masked"], search.cv_results_["mean_test_score"], strict=True))
for target, score in scores.items():
    print(f"{target:10}{score:7.2f} dB on hidden noisy pixels")
print(f"best: {search.best_params_['target']}")

# %%
# How good is it?
# ---------------
# Here the clean images are known. So a filter can be tuned on them, and a network of the same kind
# can learn from them: this is what clean images would have been worth.
total_variation = ClassicalDenoiser("total_variation").fit(X_train, clean[:500])
neighbor = DenoisingCAE(UNet((16, 32)), target="neighbor", **short).fit(X_train)
of_clean = DenoisingCAE(UNet((16, 32)), noise=GaussianNoise(0.4, clip=False), **short)
denoised = {
    "total variation": total_variation.predict(X_test),
    "neighbor": neighbor.predict(X_test),
    "masked": search.predict(X_test),
    "recorrupted": recorrupted.predict(X_test),
    "learned from clean": of_clean.fit(clean[:500]).predict(X_test),
}
for name, images in {"noisy": X_test, **denoised}.items():
    psnr = peak_signal_noise_ratio(clean[500:], images, data_range=1)
    print(f"{name:20}{psnr:6.2f} dB")

# %%
# Side by side
# ------------
some = slice(0, 6)
DenoisingDisplay.from_predictions(
    clean[500:][some], X_test[some], {name: images[some] for name, images in denoised.items()}
)
plt.show()

# %%
# How to read it: "neighbor" makes edges soft, because beside an edge the neighbour is another
# brightness. "masked" does not, but it never sees the pixel itself. "recorrupted" sees all there
# is: without a clean image it comes closest to the network that learned from clean ones, and is
# ahead of a filter that was tuned with them. The page on :doc:`photographs
# </user_guide/photographs>` says what the noise must be like for each.
