"""
What happens inside the network?
================================

This example makes a page on which you can change the noise, follow an image through the layers,
take any value apart into the products that make it, move through the code, and go back to the
first epoch.
"""

# %%
# The network
# -----------
# It learns to clean printed digits of 28 x 28 pixels and has a code of 16 numbers. A callback keeps
# the weights of some epochs.
import matplotlib.pyplot as plt

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise
from sklearn_cae.callbacks import WeightHistory
from sklearn_cae.datasets import make_characters
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.explain import explain_html

digits = make_characters(2000)
X, y = digits.images, digits.target
history = WeightHistory(every=10)
cae = DenoisingCAE(
    Autoencoder((16, 32), latent_dim=16),
    noise=GaussianNoise((0.2, 0.5)),
    max_epochs=30,
    callbacks=[history],
    for_codes=True,
    random_state=0,
).fit(X[:1200])
DenoisingDisplay.from_estimator(cae, X[1200:1206])
plt.show()

# %%
# The page
# --------
# If you pass the name of a file, ``explain_html`` writes the page to it. A notebook, and this page,
# shows it in a frame. The digits in it are test digits.
explain_html(
    cae, X[1200:], y=y[1200:], title="Inside a network that cleans digits", history=history
)

# %%
# How to read it: begin at the top, and follow the digit from left to right to the 16 numbers of
# its code, and from these to the digit that the decoder draws. Then raise the level of the noise
# until it draws another digit. :doc:`/user_guide/look_inside` describes all that the page can do.
