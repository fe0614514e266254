"""
Does a pretrained VGG16 encoder help?
=====================================

Try it on your own images; this example shows how. It downloads nothing, so VGG16 has **random**
weights here, and the figure says **nothing** about weights trained on ImageNet.
``VGG16Encoder(weights="imagenet")``, the default, uses these and downloads 528 MB once.
"""

# %%
# The data
# --------
# VGG16 takes gray and RGB images of at least 32 x 32 pixels. The test patches come from other
# photographs.
import matplotlib.pyplot as plt

from sklearn_cae import ConvEncoder, DenoisingCAE, GaussianNoise, UNet, VGG16Encoder
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import psnr_scorer

X_train = load_natural_patches(n_patches=300, random_state=0).images
X_test = load_natural_patches(n_patches=50, subset="test", random_state=1).images

# %%
# A frozen encoder
# ----------------
# In the first network the encoder consists of the first blocks of VGG16. It is frozen, and only the
# decoder is trained. The second network has an encoder of the same width that is trained with its
# decoder. Both are U-Nets. They see few images and make few epochs, in batches that are small
# enough for two hundred steps.
options = {
    "noise": GaussianNoise(0.15),
    "max_epochs": 5,
    "batch_size": 8,
    "validation_fraction": 0,
    "random_state": 0,
}
networks = {
    "VGG16,\nrandom weights": DenoisingCAE(UNet(VGG16Encoder(1, weights=None)), **options),
    "own encoder": DenoisingCAE(UNet(ConvEncoder((64,), code_channels=64)), **options),
}
for name, cae in networks.items():
    cae.fit(X_train)
    print(
        f"{name.replace(chr(10), ' ')}: {cae.n_parameters_} of {cae.n_total_parameters_} weights "
        f"trained, test PSNR {psnr_scorer(cae, X_test):.2f} dB"
    )

# %%
# Fine-tuning
# -----------
# To continue with all blocks, unfreeze them. The training then starts at a tenth of ``lr``.
cae = networks["VGG16,\nrandom weights"]
cae.set_params(network__encoder__trainable_blocks=1, warm_start=True, max_epochs=1).fit(X_train)
print(f"now {cae.n_parameters_} weights are trained, test PSNR {psnr_scorer(cae, X_test):.2f} dB")

# %%
# The test patches
# ----------------
# The row of VGG16 shows the network after fine-tuning.
DenoisingDisplay.from_estimators(networks, X_test[::8])
plt.show()

# %%
# How to read it: a frozen encoder with random weights is a handicap, so the lower row is ahead
# here. To answer the question, run the example with ``weights="imagenet"``, on more images and for
# more epochs, and compare the two rows again.
