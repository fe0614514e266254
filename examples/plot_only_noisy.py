"""
What can be learned from one noisy image?
=========================================

A network can learn to denoise an image from this noisy image alone. This is useful where no clean
image exists, as for a galaxy. With ``target="neighbor"`` the network sees one of each 2 x 2 pixels
and has to give its neighbour, whose noise it cannot guess.
"""

# %%
# One image with the noise of photons
# -----------------------------------
# The image is the Hubble Deep Field in gray. The light is so weak that photons can be counted, and
# the noise grows with brightness. The clean image is used only at the end, to measure the result.
import matplotlib.pyplot as plt
import numpy as np
from skimage.color import rgb2gray
from skimage.data import hubble_deep_field
from skimage.restoration import denoise_wavelet
from skimage.util import img_as_ubyte

from sklearn_cae import DenoisingCAE, NoiseInjector, Patches, PoissonNoise, ResUNet
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

clean = img_as_ubyte(rgb2gray(hubble_deep_field()))[np.newaxis]
noisy = np.asarray(NoiseInjector(PoissonNoise(30), random_state=0).corrupt(clean))

# %%
# Learn from the image alone
# --------------------------
# In each epoch 64 patches are cut out of the image, turned and flipped. The network is small,
# because there is little to learn from.
cae = DenoisingCAE(
    ResUNet((16, 32, 64), blocks=2),
    target="neighbor",
    patches=Patches(64, per_image=64),
    batch_size=8,
    max_epochs=100,
    random_state=0,
).fit(noisy)

# %%
# Compared with others
# --------------------
# The wavelets of scikit-image estimate the noise themselves. The denoiser of the package has
# learned from thousands of clean patches. But these came from photographs, and their noise was
# Gaussian and the same in dark and bright places.
wavelet = denoise_wavelet(noisy[0] / 255, rescale_sigma=True)
denoised = {
    "wavelet": img_as_ubyte(np.clip(wavelet, 0, 1))[np.newaxis],
    "from_pretrained": DenoisingCAE.from_pretrained("natural-gray").predict(noisy),
    "this image alone": cae.predict(noisy),
}
for name, image in {"noisy": noisy, **denoised}.items():
    print(f"{name:18}{peak_signal_noise_ratio(clean, image, data_range=255):6.2f} dB")

# %%
# The whole image and a part of it
# --------------------------------
figure, axes = plt.subplots(6, 1, figsize=(4.5, 19), layout="constrained", squeeze=False)
DenoisingDisplay.from_predictions(clean, noisy, denoised, zoom=(420, 650, 200, 300), axes=axes)
plt.show()

# %%
# How to read it: the sky with a frame is on top, and the part in the frame is below it. A picture
# is better if fewer grains are left in the dark and more small galaxies stand out. One noisy image
# was enough to learn this.
