"""
Are codes better features than PCA?
===================================

A code is a short description of an image that was learned without labels, and so are principal
components. In this example the same two classifiers learn from both, at the same lengths, and are
tested on digits that they have not seen.
"""

# %%
# The data
# --------
# Digits in the fonts of matplotlib, 28 x 28 pixels each. Half of them are for training and
# half for the test.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import CodesDisplay

digits = make_characters(2200)
X, y = digits.images.reshape(2200, -1).astype("float32") / 255, digits.target
X_train, X_test, y_train, y_test = X[:1200], X[1200:], y[:1200], y[1200:]

# %%
# Codes and components
# --------------------
# ``latent_dim`` is the length of a flat code. ``for_codes=True`` says that the codes matter and the
# pictures do not. Such a short code cannot hold a whole digit, so without it ``fit`` would warn
# that the decoded images are worse than the noisy ones.
lengths = (2, 4, 8, 16, 32)
features = {
    "codes": {
        n: DenoisingCAE(
            Autoencoder((16, 32), latent_dim=n),
            noise=GaussianNoise(0.2),
            max_epochs=12,
            validation_fraction=0,
            for_codes=True,
            random_state=0,
        ).fit(X_train)
        for n in lengths
    },
    "PCA": {n: PCA(n, random_state=0).fit(X_train) for n in lengths},
}

# %%
# Two classifiers
# ---------------
# Both classifiers see the labels of the training digits only. The accuracy on 1000 digits has a
# standard error of about one percentage point, so smaller differences mean nothing.
classifiers = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "5 nearest neighbours": KNeighborsClassifier(5),
}


def accuracy(classifier, transform):
    classifier.fit(transform(X_train), y_train)
    return classifier.score(transform(X_test), y_test)


scores = {
    (name, kind): [accuracy(classifier, fitted[n].transform) for n in lengths]
    for name, classifier in classifiers.items()
    for kind, fitted in features.items()
}
pixels = {name: accuracy(classifier, np.asarray) for name, classifier in classifiers.items()}
print(f"{'features':12}{'classifier':24}" + "".join(f"{n:>7}" for n in lengths))
for (name, kind), values in scores.items():
    print(f"{kind:12}{name:24}" + "".join(f"{value:7.3f}" for value in values))
for name, value in pixels.items():
    print(f"{'784 pixels':12}{name:24}{value:7.3f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, name in zip(axes, classifiers, strict=True):
    for kind, marker in zip(features, "os", strict=True):
        ax.plot(lengths, scores[name, kind], marker=marker, label=kind)
    ax.axhline(pixels[name], color="gray", linestyle=":", label="all 784 pixels")
    ax.set(title=name, xlabel="length", xscale="log")
    ax.set_xticks(lengths, lengths)
    ax.minorticks_off()
axes[0].set_ylabel("accuracy on test digits")
axes[0].legend()
plt.show()

# %%
# Codes gain most at short lengths, because they are not a linear function of the pixels: eight
# numbers of a code are worth about as much as 16 to 32 principal components. At 32 numbers the
# difference is small for nearest neighbours, and codes do as well as all pixels or better.
#
# For photographs another kind of short code is better. :doc:`/user_guide/codes` describes it, and
# has the results for three larger data sets.

# %%
# What a code of 16 values contains
# ---------------------------------
cae = features["codes"][16]
CodesDisplay.from_estimator(cae, X_test, y_test, embedding="tsne", random_state=0)
plt.show()

# %%
# How to read it: each point is the code of a test digit, brought to the plane by t-SNE. The colours
# show the labels, which the network never saw. A cluster of one colour, such as that of the fours,
# is a kind of digit that the network told apart by itself. Round digits lie side by side, because
# their pictures are alike.
