"""
Find scratches on a part
========================

Thirty good images of a part, and no defect to learn from: how to find defects, and where they are.
Squares of a photograph of a brick wall stand for the parts. They are cut from its left half to
learn, and from its right half to judge.
"""

# %%
# The images
# ----------
# Squares of one photograph that lie side by side are alike. Each gets the number of the block that
# it comes from as its group, so that what is held out does not look better known than it is.
import matplotlib.pyplot as plt
import numpy as np
from skimage import data, draw
from sklearn.metrics import roc_auc_score

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    DenoisingCAE,
    LocalDensityScore,
    Patches,
    ReconstructionScore,
)
from sklearn_cae.display import AnomalyMapDisplay

SIDE, BLOCK = 96, 128
wall = data.brick()
rng = np.random.default_rng(0)


def squares(half, n):
    """Squares from random places of one half of the photograph, and their blocks."""
    rows = rng.integers(0, 512 - SIDE + 1, n)
    columns = rng.integers(0, 256 - SIDE + 1, n) + 256 * half
    images = np.stack(
        [wall[r : r + SIDE, c : c + SIDE] for r, c in zip(rows, columns, strict=True)]
    )
    return images, rows // BLOCK * 4 + columns // BLOCK


def scratched(images):
    """The images, each with a bright or dark line somewhere."""
    odd = images.copy()
    for image in odd:
        row, column, angle = rng.uniform(25, 70), rng.uniform(25, 70), rng.uniform(0, np.pi)
        step = 12 * np.array([np.sin(angle), np.cos(angle)])
        ends = np.rint([row - step[0], column - step[1], row + step[0], column + step[1]])
        image[draw.line(*ends.astype(int))] = rng.choice([15, 240])
    return odd


good, block = squares(0, 30)
new_good = squares(1, 30)[0]
new_odd = scratched(squares(1, 30)[0])

# %%
# Three scores
# ------------
# One network learns to denoise 32 x 32 pixels of the good images. What is done with it differs: the
# mean error of its reconstruction, how unlike the places of good images each place is, and the
# error at the worst hundredth of the pixels.
cae = DenoisingCAE(Autoencoder((16, 32)), patches=Patches(32), max_epochs=10)
scores = {
    "reconstruction, mean": ReconstructionScore(),
    "density of places": LocalDensityScore(),
    "reconstruction, worst places": ReconstructionScore(smoothing=2, worst=0.01),
}
new = np.concatenate([new_good, new_odd])
is_good = np.arange(60) < 30
for name, score in scores.items():
    detector = CAEOutlierDetector(cae, outlier_score=score, random_state=0)
    detector.fit(good, groups=block)
    flagged = detector.predict(new) == -1
    print(
        f"{name:30} AUROC {roc_auc_score(is_good, detector.score_samples(new)):.3f}, "
        f"false alarms {flagged[is_good].mean():.0%}, found {flagged[~is_good].mean():.0%}"
    )

# %%
# A scratch covers one pixel in three hundred, so it hardly moves the mean of an image; its worst
# pixels tell. The density of places has seen too little of a wall to know the other half of it: it
# calls good squares odd too. With the features of a pretrained network it is the better one.

# %%
# Where is it?
# ------------
# ``anomaly_map`` shows what the score saw. A line runs around the pixels of ``anomaly_mask``, which
# at most 5 % of good images have.
AnomalyMapDisplay.from_estimator(detector, np.concatenate([new_good[:3], new_odd[:5]]))
plt.show()

# %%
# ``DenoisingCAE(Autoencoder(VGG16Encoder(3)), max_epochs=0)`` takes the features of VGG16 as they
# are, without a training. The guide, :doc:`/user_guide/anomalies`, has the figures.
