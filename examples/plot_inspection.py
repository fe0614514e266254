"""
Find scratches on a part
========================

You have thirty good images of a part, and no defect to learn from. This example finds defects, and
shows where they are. Squares of a photograph of a brick wall stand for the parts. The squares to
learn from come from its left half, and those to judge from its right half.
"""

# %%
# The images
# ----------
# Squares that lie side by side in a photograph are alike. Therefore each square has the number of
# its block as its group. Otherwise the squares that are held out would look better known than they
# are.
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
# One network learns to denoise squares of 32 x 32 pixels of the good images. Three scores use it in
# different ways. The first is the mean error of its reconstruction. The second is how unlike the
# places of good images each place is. The third is the error at the worst hundredth of the pixels.
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
# A scratch covers one pixel in three hundred, so it hardly changes the mean of an image, but it
# changes the worst pixels. The density of places has seen too little of the wall to know its other
# half, and calls good squares unusual, too. With the features of a pretrained network it is the
# better score.

# %%
# Where is it?
# ------------
# ``anomaly_map`` shows what the score has seen. The line surrounds the pixels of ``anomaly_mask``.
# At most 5 % of good images have such pixels.
AnomalyMapDisplay.from_estimator(detector, np.concatenate([new_good[:3], new_odd[:5]]))
plt.show()

# %%
# To use the features of VGG16 without any training, pass
# ``DenoisingCAE(Autoencoder(VGG16Encoder(3)), max_epochs=0)``. The results are in
# :doc:`/user_guide/anomalies`.
