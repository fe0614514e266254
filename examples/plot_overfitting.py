"""
When does it overfit, and what does early stopping do?
======================================================

A network overfits if it has few images and the noise stays the same. ``fit(X)`` draws the noise
anew in each epoch, so the network can hardly memorise the images. With pairs, ``fit(X_noisy,
X_clean)``, every epoch is the same, and early stopping helps.
"""

# %%
# The data
# --------
# Printed letters of 28 x 28 pixels, values from 0 to 1. 60 of them are for training and validation.
# The test letters are not used in training, nor to decide when to stop.
import string

import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import ConvEncoder, DenoisingCAE, GaussianNoise, NoiseInjector, UNet
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import LearningCurvesDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

X = make_characters(360, characters=string.ascii_letters).images.astype("float32") / 255
X_train, X_test = X[:30], X[60:]
noise = GaussianNoise(0.3)
noisy_train = np.asarray(NoiseInjector(noise, random_state=0).corrupt(X_train))
noisy_test = np.asarray(NoiseInjector(noise, random_state=1).corrupt(X_test))

# %%
# Three trainings
# ---------------
# A third of the images is held out for validation. The learning rate is constant, so that the
# training can stop well at any epoch. With the default schedule the last epochs are usually the
# best.


def network(**options):
    return DenoisingCAE(
        UNet(ConvEncoder((32, 64), code_channels=64)),
        lr_schedule="constant",
        batch_size=8,
        max_epochs=150,
        validation_fraction=1 / 3,
        random_state=0,
        **options,
    )


networks = {
    "the same noise, to the end": network().fit(noisy_train, X_train),
    "the same noise, early stopping": network(early_stopping=True, patience=10).fit(
        noisy_train, X_train
    ),
    "fresh noise, to the end": network(noise=noise).fit(X_train),
}

# %%
# The best epoch is the one with the lowest validation loss. Only early stopping goes back to its
# weights.
psnr_noisy = peak_signal_noise_ratio(X_test, noisy_test, data_range=1)
print(f"PSNR of the noisy test letters {psnr_noisy:.2f} dB")
for name, cae in networks.items():
    loss = cae.history_["valid_loss"]
    print(
        f"{name}: {len(loss)} epochs, the best is {np.argmin(loss) + 1}; "
        f"PSNR of the test letters {cae.score(noisy_test, X_test):.2f} dB"
    )

# %%
# The curves
# ----------
figure = plt.figure(figsize=(8, 8.5), layout="constrained")
for part, (name, cae) in zip(figure.subfigures(3, 1), networks.items(), strict=True):
    part.suptitle(name)
    LearningCurvesDisplay.from_estimator(cae, axes=part.subplots(1, 2))
plt.show()

# %%
# How to read it: where the training loss still falls and the validation loss does not, the network
# memorises its images and their noise. Early stopping ends the training some epochs after the
# dotted line and goes back to that line. With fresh noise this line comes later.
