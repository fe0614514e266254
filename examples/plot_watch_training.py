"""
What does the network learn in each epoch?
==========================================

First it learns to smooth, then the colours of areas, and detail only slowly. In this example the
network denoises the same test patches after each epoch, and its errors are split into coarse and
fine ones.
"""

# %%
# The data
# --------
# These are colour patches of photographs. The test patches come from other photographs. The network
# is an autoencoder, because a U-Net at first returns its input unchanged, and there is less to
# watch.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, GaussianNoise, NoiseInjector
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay

X_train = load_natural_patches(n_patches=600, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images
noisy = np.asarray(NoiseInjector(GaussianNoise(0.2), random_state=2).corrupt(X_test))

# %%
# Epoch by epoch
# --------------
# ``partial_fit`` makes one pass over the images it gets. In a notebook ``fit`` can draw such
# figures while it trains: pass a ``sklearn_cae.callbacks.ReconstructionSnapshots`` in
# ``callbacks``. With ``path="training.gif"`` it also saves an animation.
cae = DenoisingCAE(
    Autoencoder(ConvEncoder((16, 32), code_channels=32)),
    noise=GaussianNoise(0.2),
    lr=3e-3,
    random_state=0,
)
n_epochs = 8
denoised = {}
for epoch in range(1, n_epochs + 1):
    cae.partial_fit(X_train)
    denoised[epoch] = cae.predict(noisy)

# %%
# Coarse and fine errors
# ----------------------
# A Gaussian filter of two pixels splits the error of a patch. The part that passes the filter is
# coarse: brightness and colour of areas. The part that it removes is fine: edges, texture and the
# remaining noise.


def coarse_and_fine(images):
    """Root mean square of the two parts of the error, in units of the data range."""
    error = (images.astype(float) - X_test) / 255
    coarse = gaussian_filter(error, (0, 2, 2, 0))
    return [np.sqrt(np.mean(part**2)) for part in (coarse, error - coarse)]


before = coarse_and_fine(noisy)
course = np.array([coarse_and_fine(images) for images in denoised.values()])
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, marker, level, errors in zip(("coarse", "fine"), "os", before, course.T, strict=True):
    (line,) = ax.plot(list(denoised), errors, marker=marker, label=name)
    ax.axhline(level, color=line.get_color(), linestyle=":", label=f"{name}, noisy image")
ax.set(xlabel="epoch", ylabel="error (units of the data range)", ylim=(0, None))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %%
# Noise is mostly a fine error, because it averages out over an area. Where the line of the coarse
# error is above its dotted line, the network spoils the brightness and colour of areas. It has to
# learn to leave these alone.
chosen = {f"epoch {epoch}": denoised[epoch][::17] for epoch in (1, 2, 4, n_epochs)}
DenoisingDisplay.from_predictions(X_test[::17], noisy[::17], chosen)
plt.show()

# %%
# How to read it: go down a column. If the PSNR is below that of the noisy patch, the network at
# this epoch still does more harm than good to this patch.
