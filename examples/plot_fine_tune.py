"""
Does it pay to fine-tune the denoiser of the package?
=====================================================

The networks of the package know photographs with Gaussian noise. In this example the gray one
continues to learn from half of a picture of a brick wall, once with strong Gaussian noise and once
with salt-and-pepper noise, which it has never seen. The other half of the picture is the test. For
comparison, a new network of the same kind makes as many steps, and a classical filter is tuned on
the same half.
"""

# %%
# Two halves of a wall
# --------------------
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from skimage.data import brick

from sklearn_cae import (
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    SaltAndPepperNoise,
)
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

wall = brick()[np.newaxis]
X_train, X_test = wall[:, :, :256], wall[:, :, 256:]

# %%
# The same few steps
# ------------------
# ``fit`` continues from the weights of the package at a tenth of the learning rate, so that nothing
# is lost. The new network has the full rate.
short = {"patches": Patches(48, per_image=64), "batch_size": 8, "max_epochs": 5, "random_state": 0}


def denoise_all(noise, filter_name):
    """The noisy test half, and what each denoiser makes of it."""
    noisy = np.asarray(NoiseInjector(noise, random_state=0).corrupt(X_test))
    shipped = DenoisingCAE.from_pretrained("natural-gray")
    tuned = DenoisingCAE.from_pretrained("natural-gray").set_params(noise=noise, **short)
    new = DenoisingCAE(shipped.network, noise=noise, **short)
    pairs = NoiseInjector(noise, random_state=1).fit_transform(X_train)
    return noisy, {
        filter_name: ClassicalDenoiser(filter_name).fit(pairs).predict(noisy),
        "from_pretrained": shipped.predict(noisy),
        "a new network": new.fit(X_train).predict(noisy),
        "fine-tuned": tuned.fit(X_train).predict(noisy),
    }


cases = {
    "Gaussian, std 0.2": (GaussianNoise(0.2), "nl_means"),
    "salt-and-pepper, 20 %": (SaltAndPepperNoise(0.2), "median"),
}
results = {}
for name, case in cases.items():
    start = perf_counter()
    results[name] = denoise_all(*case)
    print(f"{name}, after {perf_counter() - start:.0f} s")
    noisy, denoised = results[name]
    for row, image in {"noisy": noisy, **denoised}.items():
        print(f"    {row:18}{peak_signal_noise_ratio(X_test, image, data_range=255):6.2f} dB")

# %%
# Side by side
# ------------
figure = plt.figure(figsize=(6, 16), layout="constrained")
for part, (name, images) in zip(figure.subfigures(1, 2), results.items(), strict=True):
    part.suptitle(name)
    DenoisingDisplay.from_predictions(
        X_test, *images, zoom=(150, 60, 120, 120), axes=part.subplots(7, 1, squeeze=False)
    )
plt.show()

# %%
# How to read it: go down a column. For the noise that it knows, the network of the package soon
# adapts to bricks, much sooner than a new network learns them. For noise that it does not know,
# these few steps are not enough. Here the median is better, which does not have to learn.
