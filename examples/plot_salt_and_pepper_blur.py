"""
Salt-and-pepper, blur, or both?
===============================

Lenses blur and broken pixels are black or white. A list of noise models is a chain: the network
learns to undo both at once. The filters for it are the median against broken pixels, Wiener's
deconvolution against blur, and one after the other against both.
"""

# %%
# The data
# --------
# Colour patches of photographs; test patches come from other photographs. They are larger, because
# a convolutional network takes images of any size and learns faster from small ones.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import (
    ClassicalDenoiser,
    ConvEncoder,
    DenoisingCAE,
    GaussianBlur,
    NoiseChain,
    NoiseInjector,
    SaltAndPepperNoise,
    UNet,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity

X_train = load_natural_patches(16, n_patches=1500, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images

# %%
# In a chain the order counts: light passes the lens before it meets the sensor.
blur, pixels = GaussianBlur(1.0), SaltAndPepperNoise(0.1)
noises = {
    "salt-and-pepper": pixels,
    "blur": blur,
    "blur, then salt-and-pepper": NoiseChain([blur, pixels]),
}

# %%
# Networks and filters
# --------------------
# A network for each corruption. The filters are tuned on 30 pairs from the training photographs;
# the second one of the chain is tuned on what the first one gives.
X_tuning = load_natural_patches(n_patches=30, random_state=0).images


def filter_in_turn(noisy_train, clean_train, noisy):
    """Median, then Wiener: each tuned on pairs, the second behind the first."""
    median = ClassicalDenoiser("median").fit(noisy_train, clean_train)
    wiener = ClassicalDenoiser("wiener").fit(median.predict(noisy_train), clean_train)
    return wiener.predict(median.predict(noisy))


results = {}
for name, noise in noises.items():
    noisy = np.asarray(NoiseInjector(noise, random_state=2).corrupt(X_test))
    pairs = NoiseInjector(noise, random_state=1).fit_transform(X_tuning)
    cae = DenoisingCAE(
        UNet(ConvEncoder((16, 32), code_channels=32)),
        noise=noise,
        batch_size=16,
        max_epochs=8,
        random_state=0,
    ).fit(X_train)
    results[name] = {
        "noisy": noisy,
        "median": ClassicalDenoiser("median").fit(pairs).predict(noisy),
        "Wiener": ClassicalDenoiser("wiener").fit(pairs).predict(noisy),
        "median, Wiener": filter_in_turn(np.asarray(pairs), pairs.clean, noisy),
        "DenoisingCAE": cae.predict(noisy),
    }

# %%
# PSNR in dB and SSIM, means over the test patches; the highest PSNR of a row is marked. The two may
# prefer different methods: a mean of PSNR favours what does well on flat patches, SSIM looks at the
# structure. Against a network trained for so short a time, filters in turn may be the better choice
# where broken pixels are part of it: flat patches need no more than a median.
print(f"{'PSNR / SSIM':28}" + "".join(f"{method:>16}" for method in results["blur"]))
for name, images in results.items():
    psnr = [peak_signal_noise_ratio(X_test, X, data_range=255) for X in images.values()]
    ssim = [structural_similarity(X_test, X, data_range=255) for X in images.values()]
    cells = (
        f"{'*' if p == max(psnr) else ''}{p:.2f} / {s:.3f}" for p, s in zip(psnr, ssim, strict=True)
    )
    print(f"{name:28}" + "".join(f"{cell:>16}" for cell in cells))

# %%
# The chain on some test patches.
images = results["blur, then salt-and-pepper"]
denoised = {name: X[::17] for name, X in images.items() if name != "noisy"}
DenoisingDisplay.from_predictions(X_test[::17], images["noisy"][::17], denoised)
plt.show()

# %%
# How to read it: a column is one test patch; the median takes out the dots and leaves the blur,
# Wiener's filter on its own spreads the dots, and of those that meet both, the two in turn give
# smooth patches, and the network more of the texture with some traces of dots.
