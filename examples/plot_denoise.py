"""
When does a learned denoiser beat a classical filter?
=====================================================

A small U-Net learns three kinds of noise on patches of photographs. On patches of *other*
photographs it is compared with the classical filters that are installed, each tuned on the same
training photographs. The table shows which one is better.
"""

# %%
# The images are patches of the photographs that come with scikit-image and scikit-learn. The test
# patches are larger than the training patches, because a convolutional network takes images of any
# size and learns faster from small ones.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_cae import ClassicalDenoiser, ConvEncoder, DenoisingCAE, NoiseInjector, UNet
from sklearn_cae.classical import available_filters
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn_cae.noise import GaussianBlur, GaussianNoise, SaltAndPepperNoise

X_train = load_natural_patches(16, n_patches=3000, subset="train", random_state=0).images
X_tuning = load_natural_patches(n_patches=30, subset="train", random_state=0).images
X_test = load_natural_patches(n_patches=80, subset="test", random_state=1).images
print(f"{len(X_train)} training patches of {X_train.shape[1:]}")
print(f"{len(X_test)} test patches of {X_test.shape[1:]}")

# %%
# There are three kinds of noise. The filters are tuned on 30 patches. The network is smaller than
# the default, so that it learns in seconds, and it trains on all patches. BM3D, the strongest
# filter against Gaussian noise, takes part if it is installed (``pip install bm3d``; it is free for
# non-commercial use only). The example then takes some minutes, because BM3D needs more than a
# second for each patch.
noises = {
    "Gaussian, std 0.1": GaussianNoise(0.1),
    "salt-and-pepper, 10 %": SaltAndPepperNoise(0.1),
    "blur, std 1.5 pixels": GaussianBlur(1.5),
}
filters = available_filters()
print(f"Compared with: {', '.join(filters)}")


def quality(images):
    psnr = peak_signal_noise_ratio(X_test, images, data_range=255)
    return psnr, structural_similarity(X_test, images, data_range=255)


results = {}
for name, noise in noises.items():
    noisy = np.asarray(NoiseInjector(noise, random_state=0).corrupt(X_test))
    pairs = NoiseInjector(noise, random_state=1).fit_transform(X_tuning)
    classical = max((ClassicalDenoiser(f).fit(pairs) for f in filters), key=lambda f: f.psnr_)
    cae = DenoisingCAE(
        UNet(ConvEncoder((16, 32, 64), code_channels=64)),
        noise=noise,
        batch_size=16,
        max_epochs=8,
        random_state=0,
    ).fit(X_train)
    results[name] = {
        "noisy": noisy,
        classical.filter_: classical.predict(noisy),
        "DenoisingCAE": cae.predict(noisy),
    }

# %%
# The table shows means over the test patches. The best value of each row is marked.
print(f"{'PSNR in dB / SSIM':24}{'noisy':>16}{'best filter':>32}{'DenoisingCAE':>16}")
for name, images in results.items():
    scores = {method: quality(X) for method, X in images.items()}
    best = max(scores, key=lambda method: scores[method][0])
    cells = [
        f"{'*' if method == best else ''}{psnr:.2f} / {ssim:.3f}"
        for method, (psnr, ssim) in scores.items()
    ]
    method = list(scores)[1]
    print(f"{name:24}{cells[0]:>16}{cells[1] + ' ' + method:>32}{cells[2]:>16}")

# %%
# These are some of the test patches. Blur hardly changes flat patches, such as sky, and a network
# may make them worse than they were.
figure = plt.figure(figsize=(9, 12), layout="constrained")
for part, (name, images) in zip(figure.subfigures(3, 1), results.items(), strict=True):
    part.suptitle(name)
    DenoisingDisplay.from_predictions(
        X_test[::10],
        images["noisy"][::10],
        images["DenoisingCAE"][::10],
        axes=part.subplots(3, 8),
    )
plt.show()

# %%
# How to read it: each column is one test patch. The higher the PSNR below a picture, the closer the
# picture is to the clean patch on top.
