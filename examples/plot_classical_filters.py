"""
Would a classical filter do?
============================

Often it would, if you have few images to train on or little time. ``compare_denoisers`` puts
networks and tuned filters into one table. The networks in this example differ in the number of
their training images.
"""

# %%
# The data
# --------
# These are colour patches of photographs. The test patches come from other photographs. They are
# larger than the training patches, because a convolutional network takes images of any size and
# learns faster from small ones. The filters are tuned on patches of the training photographs that
# have the size of the test patches.
import matplotlib.pyplot as plt

from sklearn_cae import ConvEncoder, DenoisingCAE, GaussianNoise, UNet, compare_denoisers
from sklearn_cae.datasets import load_natural_patches

X_train = load_natural_patches(16, n_patches=1500, random_state=0).images
X_tuning = load_natural_patches(n_patches=30, random_state=0).images
X_test = load_natural_patches(n_patches=40, subset="test", random_state=1).images

# %%
# Networks trained on few and on many images
# ------------------------------------------
# Each network sees 12,000 images in all. If there are few, it sees the same ones more often.
noise = GaussianNoise(0.1)
networks = {
    f"network, {n} images": DenoisingCAE(
        UNet(ConvEncoder((16, 32), code_channels=32)),
        noise=noise,
        batch_size=16,
        max_epochs=12_000 // n,
        validation_fraction=0,
        random_state=0,
    ).fit(X_train[:n])
    for n in (15, 150, 1500)
}

# %%
# One table
# ---------
# The row "identity" is the noisy image. The table has all filters that are installed: median, total
# variation, wavelet, non-local means and Wiener, and also BM3D after ``pip install bm3d``. BM3D is
# the strongest of them against this noise, but needs more than a second for a patch.
comparison = compare_denoisers(X_test, noise, networks, X_train=X_tuning)
print(comparison)

# %%
# Now compare the best of these filters with each network, image by image. The rows are sorted, so
# the best filter is the first row that is not a network.
psnr = dict(zip(comparison.names, comparison.psnr, strict=True))
best = next(name for name in comparison.names if name not in networks)
for name in networks:
    wins = (psnr[name] > psnr[best]).mean()
    print(f"{name} has the higher PSNR than {best} on {wins:.0%} of the test patches")

# %%
# Spread over the images
# ----------------------
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
boxes = ax.boxplot(
    comparison.psnr[::-1].T,
    orientation="horizontal",
    tick_labels=comparison.names[::-1],
    showmeans=True,
    patch_artist=True,
    medianprops={"color": "black"},
)
for name, box in zip(comparison.names[::-1], boxes["boxes"], strict=True):
    colour = "tab:orange" if name in networks else "lightgray"
    box.set_facecolor(colour)
ax.set_xlabel("PSNR of a test patch (dB)")
plt.show()

# %%
# How to read it: a box holds the middle half of the test patches. Its line is the median and its
# triangle the mean, by which the rows are sorted. If a filter lies above a network (orange) or only
# a little below it, use the filter, which needs no training.
