"""
Autoencoder or U-Net?
=====================

Use the U-Net if you only denoise, and the autoencoder if you need codes. A U-Net passes fine
detail around its code. The code of an autoencoder has to hold the whole image, and can be decoded
to an image.
"""

# %%
# The data
# --------
# These are colour patches of photographs. The test patches come from other photographs.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, GaussianNoise, UNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay, NoiseRobustnessDisplay

X_train = load_natural_patches(n_patches=600, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images

# %%
# Two networks
# ------------
# Both have the same encoder and are trained on a range of levels.
encoder = ConvEncoder((16, 32, 64), code_channels=64)
networks = {
    name: DenoisingCAE(
        network,
        noise=GaussianNoise((0, 0.4)),
        batch_size=16,
        max_epochs=10,
        random_state=0,
    ).fit(X_train)
    for name, network in {"autoencoder": Autoencoder(encoder), "U-Net": UNet(encoder)}.items()
}

# %%
# Which codes can be decoded
# --------------------------
# The code of the autoencoder decodes to the denoised image. The code of the U-Net alone does not
# make an image.
for name, cae in networks.items():
    codes = cae.transform(X_test[:1])
    try:
        cae.inverse_transform(codes)
        print(f"{name}: a code of {codes.shape[1]} values decodes")
    except ValueError as error:
        print(f"{name}: {error}")

# %%
# At each level of noise
# ----------------------
# Below the dashed line a network makes images worse. The autoencoder loses detail at any level, so
# under weak noise its images are *worse* than the noisy ones. Even a U-Net should not be used on
# images with hardly any noise. Under strong noise hardly any detail can be saved, and the two
# networks come close, especially after such a short training.
_, ax = plt.subplots(figsize=(6, 4), layout="constrained")
levels = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
display = NoiseRobustnessDisplay.from_estimators(networks, X_test, levels=levels, ax=ax)
plt.show()

for name, psnr in display.psnr.items():
    print(f"{name} does harm at std {levels[psnr < display.psnr_noisy].tolist()}")

# %%
# These are some test patches with noise of std 0.1.
DenoisingDisplay.from_estimators(networks, X_test[::17], noise=GaussianNoise(0.1))
plt.show()

# %%
# How to read it: compare edges and textures in a column. The autoencoder blurs them. If the number
# below a patch is smaller than that of the noisy patch, do not denoise this patch.
