"""
Salt-and-pepper, blur, or both?
===============================

A lens blurs, and broken pixels are black or white. A list of noise models is a chain, and a
network learns to undo the whole chain at once. The filters for comparison are the median for
broken pixels, Wiener's deconvolution for blur, and one after the other for both.
"""

# %%
# The data
# --------
# These are colour patches of photographs. The test patches come from other photographs. They are
# larger than the training patches, because a convolutional network takes images of any size and
# learns faster from small ones.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import (
    ClassicalDenoiser,
    DenoisingCAE,
    GaussianBlur,
    NoiseChain,
    NoiseInjector,
    ResUNet,
    SaltAndPepperNoise,
)
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity

X_train = load_natural_patches(24, n_patches=1500, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images

# %%
# The order of a chain matters: light passes through the lens before it reaches the sensor.
blur, pixels = GaussianBlur(1.0), SaltAndPepperNoise(0.1)
noises = {
    "salt-and-pepper": pixels,
    "blur": blur,
    "blur, then salt-and-pepper": NoiseChain([blur, pixels]),
}

# %%
# Networks and filters
# --------------------
# Each corruption has a network of its own. The filters are tuned on 30 pairs from the training
# photographs. The second filter of a chain is tuned on the results of the first.
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
        ResUNet((24, 32), blocks=3),
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
# The table shows the PSNR in dB and the SSIM as means over the test patches, and marks the highest
# PSNR of each row. The two can prefer different methods: the mean PSNR favours methods that do well
# on flat patches, while SSIM compares the structure. For the chain the filters in turn have the
# higher mean PSNR, because a median is enough for flat patches, and the network has the higher
# SSIM.
print(f"{'PSNR / SSIM':28}" + "".join(f"{method:>16}" for method in results["blur"]))
for name, images in results.items():
    psnr = [peak_signal_noise_ratio(X_test, X, data_range=255) for X in images.values()]
    ssim = [structural_similarity(X_test, X, data_range=255) for X in images.values()]
    cells = (
        f"{'*' if p == max(psnr) else ''}{p:.2f} / {s:.3f}" for p, s in zip(psnr, ssim, strict=True)
    )
    print(f"{name:28}" + "".join(f"{cell:>16}" for cell in cells))

# %%
# These are the results for the chain on some test patches.
images = results["blur, then salt-and-pepper"]
denoised = {name: X[::17] for name, X in images.items() if name != "noisy"}
DenoisingDisplay.from_predictions(X_test[::17], images["noisy"][::17], denoised)
plt.show()

# %%
# How to read it: each column is one test patch. The median removes the dots and leaves the blur,
# while Wiener's filter alone spreads the dots. The two filters in turn give smooth patches. The
# network keeps more of the texture, with some grain in the flat patch.
