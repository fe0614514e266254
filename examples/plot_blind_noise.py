"""
One network for all noise levels?
=================================

One network can learn all noise levels: ``GaussianNoise((0, 0.3))`` draws a new level for each
image. The network is never told the level and has to see it in the image. This example measures
what that costs, compared with networks that were trained for one level.
"""

# %%
# The data
# --------
# These are colour patches of photographs. The test patches come from other photographs. They are
# larger than the training patches, because a convolutional network takes images of any size and
# learns faster from small ones.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import DenoisingCAE, GaussianNoise, ResUNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay, NoiseRobustnessDisplay

X_train = load_natural_patches(24, n_patches=1500, random_state=0).images
X_test = load_natural_patches(n_patches=100, subset="test", random_state=1).images

# %%
# Three networks
# --------------
# They differ only in the noise of their training.
noises = {"only 0.05": 0.05, "only 0.2": 0.2, "0 to 0.3": (0, 0.3)}
networks = {
    name: DenoisingCAE(
        ResUNet((24, 32), blocks=2),
        noise=GaussianNoise(std),
        batch_size=16,
        max_epochs=10,
        random_state=0,
    ).fit(X_train)
    for name, std in noises.items()
}

# %%
# The PSNR at each level
# ----------------------
# The table shows the PSNR in dB of each network. The last column is the gain of the network for all
# levels over the better one of the other two.
levels = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
_, ax = plt.subplots(figsize=(6, 4), layout="constrained")
display = NoiseRobustnessDisplay.from_estimators(networks, X_test, levels=levels, ax=ax)
plt.show()

print(f"{'std':>5}{'noisy':>8}" + "".join(f"{name:>11}" for name in networks) + f"{'gain':>8}")
*fixed, blind = display.psnr.values()
for i, std in enumerate(levels):
    gain = blind[i] - max(psnr[i] for psnr in fixed)
    cells = "".join(f"{psnr[i]:11.2f}" for psnr in display.psnr.values())
    print(f"{std:5}{display.psnr_noisy[i]:8.2f}{cells}{gain:+8.2f}")
print(f"Largest loss of the network for all levels: {np.max(np.max(fixed, axis=0) - blind):.2f} dB")

# %%
# Each specialist is good near the level of its training, and the one for weak noise also below it.
# There it may be much better than the network for all levels after such a short training. Far above
# its level it becomes worse. Below the dashed line a network makes images worse than they were: at
# the weakest noise this happens to the specialist for 0.2, and by a little to the network for all
# levels. The next figure shows weak and strong noise on one patch.
patch = X_test[34:35]
figure = plt.figure(figsize=(4, 8), layout="constrained")
for part, std in zip(figure.subfigures(1, 2), (0.05, 0.3), strict=True):
    part.suptitle(f"std {std}")
    DenoisingDisplay.from_estimators(
        networks, patch, noise=GaussianNoise(std), axes=part.subplots(5, 1, squeeze=False)
    )
plt.show()

# %%
# How to read it: go down a column. The specialist for weak noise leaves strong noise in place, and
# the specialist for strong noise harms a patch with weak noise. If you do not know the level, use
# the network for all levels.
