"""
Which images are unusual?
=========================

``CAEOutlierDetector`` learns from normal images alone what is normal. In this example one kind of
digit is normal, and the nine others are unusual. The detector is compared with two detectors that
do not know that their data are images.
"""

# %%
# The data
# --------
# Printed digits of 28 x 28 pixels, in many fonts and shapes. Two thirds of one kind are for
# training. The rest of this kind and all other kinds are for the test.
import string

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from sklearn_cae import Autoencoder, CAEOutlierDetector, DenoisingCAE
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import AnomalyMapDisplay

digits = make_characters(2000)
X, y = digits.images.reshape(2000, -1) / 255, digits.target


def split(digit):
    """Training digits, and the normal and the odd test digits."""
    normal = X[y == digit]
    n_train = 2 * len(normal) // 3
    return normal[:n_train], normal[n_train:], X[y != digit]


# %%
# Each digit in turn
# ------------------
# The area under the ROC curve is the probability that an unusual digit has a lower score than a
# normal one. An area of 0.5 is chance. No detector was tuned.
detectors = {
    "CAEOutlierDetector": CAEOutlierDetector(
        DenoisingCAE(Autoencoder((16, 32)), max_epochs=30), random_state=0
    ),
    "IsolationForest": IsolationForest(random_state=0),
    "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
}
auroc = {name: [] for name in detectors}
for digit in string.digits:
    train, normal, odd = split(digit)
    for name, detector in detectors.items():
        scores = detector.fit(train).score_samples(np.concatenate([normal, odd]))
        is_normal = np.arange(len(scores)) < len(normal)
        auroc[name].append(roc_auc_score(is_normal, scores))
for name, values in auroc.items():
    print(f"{name:20} mean AUROC {np.mean(values):.3f}, lowest {np.min(values):.3f}")

# %%
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, values), marker in zip(auroc.items(), "os^", strict=True):
    ax.plot(values, marker, label=f"{name}, mean {np.mean(values):.3f}")
ax.set(xlabel="digit that is normal", ylabel="AUROC", xticks=range(10))
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %%
# The same digit comes in many places, angles and thicknesses here, which the pixels alone do not
# relate to each other. For small images that are well centred, nearest neighbours of raw pixels
# (``LocalOutlierFactor``) are hard to beat. Try them first.

# %%
# p-values
# --------
# The detector holds out a part of its training images and compares new images with them. A p-value
# is the share of these held-out images that look at least as unusual. At most about 5 % of normal
# images get a p-value of 0.05 or less. How many of the odd ones do depends on how well the score
# tells them apart; the threes are one of the harder cases.
train, normal, odd = split("3")
detector = CAEOutlierDetector(
    DenoisingCAE(Autoencoder((16, 32)), max_epochs=30),
    calibration=0.4,
    random_state=0,
).fit(train)
for name, images in {"normal": normal, "odd": odd}.items():
    share = np.mean(detector.p_values(images) <= 0.05)
    print(f"{name:6} test digits with p <= 0.05: {share:.0%}")

# %%
# Where they are unusual
# ----------------------
# The figure shows four normal threes and one image of each of some other digits.
others = [X[y == digit][5] for digit in "01457"]
AnomalyMapDisplay.from_estimator(detector, np.stack([*normal[:4], *others]), n_images=9)
plt.show()

# %%
# How to read it: bright places move the code of an image away from the codes of threes. The mean of
# a map is minus the score, so an image with a bright map is unusual.
