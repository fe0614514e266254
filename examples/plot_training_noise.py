"""
Which noise should I train on?
==============================

Train on the noise that you expect. In this example three copies of one network learn weak, medium
and strong Gaussian noise on patches of photographs. Each is then tested with all three levels on
patches of *other* photographs.
"""

# %%
# The data
# --------
# These are colour patches in uint8. The test patches come from photographs that no network has
# seen. They are larger than the training patches, because a convolutional network takes images of
# any size and learns faster from small ones.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import ConvEncoder, DenoisingCAE, GaussianNoise, NoiseInjector, UNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

X_train = load_natural_patches(16, n_patches=1500, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images

# %%
# One network for each level
# --------------------------
# Levels are standard deviations in units of the data range. On uint8 images 0.1 means 25.5.
levels = [0.05, 0.15, 0.3]
networks = {
    std: DenoisingCAE(
        UNet(ConvEncoder((16, 32), code_channels=32)),
        noise=GaussianNoise(std),
        batch_size=16,
        max_epochs=8,
        random_state=0,
    ).fit(X_train)
    for std in levels
}

# %%
# Every network at every level
# ----------------------------
# The colour shows the gain over the noisy image; where it is red, the network makes images worse.
# The best network of each column has a frame.
noisy = {
    std: np.asarray(NoiseInjector(GaussianNoise(std), random_state=2).corrupt(X_test))
    for std in levels
}
denoised = {
    (trained, met): network.predict(noisy[met])
    for trained, network in networks.items()
    for met in levels
}


def psnr(images):
    return peak_signal_noise_ratio(X_test, images, data_range=255)


psnr_noisy = np.array([psnr(noisy[met]) for met in levels])
matrix = np.array([[psnr(denoised[trained, met]) for met in levels] for trained in levels])
gain = matrix - psnr_noisy

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
limit = np.abs(gain).max()
image = ax.imshow(gain, cmap="RdBu", vmin=-limit, vmax=limit)
for (row, column), value in np.ndenumerate(matrix):
    dark = abs(gain[row, column]) > 0.6 * limit
    best = row == matrix[:, column].argmax()
    ax.text(
        column,
        row,
        f"{value:.1f} dB",
        ha="center",
        va="center",
        color="white" if dark else "black",
        bbox={"facecolor": "none", "edgecolor": "white" if dark else "black"} if best else None,
    )
titles = [f"{std}\n(noisy {value:.1f} dB)" for std, value in zip(levels, psnr_noisy, strict=True)]
ax.set_xticks(range(len(levels)), titles)
ax.set_yticks(range(len(levels)), levels)
ax.set(xlabel="std of the noise that is met", ylabel="std of the noise in training")
figure.colorbar(image, label="gain in PSNR over the noisy image (dB)")
plt.show()

# %%
# Networks for too weak and too strong noise
# ------------------------------------------
# All three networks denoise images with the medium noise.
met = levels[1]
rows = {
    f"{name}\n({trained})": denoised[trained, met][::20]
    for name, trained in zip(("too weak", "matched", "too strong"), levels, strict=True)
}
DenoisingDisplay.from_predictions(X_test[::20], noisy[met][::20], rows)
plt.show()

# %%
# How to read it: go down a column. The network for too weak noise leaves noise behind. The network
# for too strong noise takes detail for noise. It also raises the contrast, which strong noise
# lowers by clipping, although this noise did not lower it. If you do not know the level, train on a
# range of levels.
