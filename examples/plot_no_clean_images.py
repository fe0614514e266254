"""
How do I denoise images if I have no clean ones?
================================================

A network can learn from a set of noisy images alone. It must not see the noise that it is asked
for. Two targets of :class:`~sklearn_cae.DenoisingCAE` see to that, and this example lets a grid
search choose between them, also without a clean image.
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
# Choose the target
# -----------------
# With "neighbor" the network sees one of each 2 x 2 pixels and has to give the pixel beside it.
# With "masked" some pixels are hidden and it has to find them. ``masked_scorer`` hides pixels too,
# and compares what is found with the noisy values there. The noise adds the same to the error of
# each candidate, so the best one has the highest score.
search = GridSearchCV(
    DenoisingCAE(UNet((16, 32)), batch_size=16, max_epochs=20, random_state=0),
    {"target": ["neighbor", "masked"]},
    scoring=masked_scorer,
    cv=2,
).fit(X_train)
for candidate, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{candidate['target']:10}{score:7.2f} dB on hidden noisy pixels")

# %%
# How good is it?
# ---------------
# Here the clean images are known. A network of the same kind learns from them, and a filter is
# tuned on them: this is what clean images would have been worth.
of_clean = DenoisingCAE(
    UNet((16, 32)),
    noise=GaussianNoise(0.4, clip=False),
    batch_size=16,
    max_epochs=20,
    random_state=0,
).fit(clean[:500])
neighbor = DenoisingCAE(
    UNet((16, 32)), target="neighbor", batch_size=16, max_epochs=20, random_state=0
).fit(X_train)
total_variation = ClassicalDenoiser("total_variation").fit(X_train, clean[:500])
denoised = {
    "total variation, tuned": total_variation.predict(X_test),
    '"neighbor"': neighbor.predict(X_test),
    '"masked"': search.predict(X_test),
    "learned from clean": of_clean.predict(X_test),
}
for name, images in {"noisy": X_test, **denoised}.items():
    psnr = peak_signal_noise_ratio(clean[500:], images, data_range=1)
    print(f"{name:24}{psnr:6.2f} dB")
