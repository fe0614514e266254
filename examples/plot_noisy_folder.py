"""
How do I denoise a folder of photographs?
=========================================

Read the files, and give them to the network that comes with the package. If your noise is of
another kind than it has learned, let it learn yours: from clean photographs, to which the library
adds noise like that of your files. This takes seconds.
"""

# %%
# A folder of noisy photographs
# -----------------------------
# Two photographs are written to files here, as a camera would take them in very little light: a
# white pixel counts ten photons. Put the path of your own folder in their place.
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from skimage import data, io
from sklearn.datasets import load_sample_image

from sklearn_cae import DenoisingCAE, NoiseInjector, Patches, PoissonNoise, estimate_noise
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

clean = {"cat": data.chelsea(), "temple": load_sample_image("china.jpg")}
folder = TemporaryDirectory()
for seed, (name, photograph) in enumerate(clean.items()):
    light = NoiseInjector(PoissonNoise(10), random_state=seed)
    io.imsave(Path(folder.name, f"{name}.png"), light.corrupt(photograph[np.newaxis])[0])

noisy = io.imread_collection(f"{folder.name}/*.png")
print([Path(path).name for path in noisy.files])

# %%
# Denoise them
# ------------
# The network was trained on other photographs, with Gaussian noise of many levels.
shipped = DenoisingCAE.from_pretrained("natural-color")
denoised = {"from_pretrained": shipped.predict(noisy)}

# %%
# Train on your own
# -----------------
# What is the noise? ``estimate_noise`` looks at the noisy files alone, and finds that it grows with
# the brightness, as that of photons does.
noise = estimate_noise(noisy)
print(noise)

# %%
# The network goes on learning, with this noise, from four photographs that are clean. They are
# other ones than those in the folder.
photographs = [data.astronaut(), data.coffee(), data.rocket(), load_sample_image("flower.jpg")]
cae = DenoisingCAE.from_pretrained("natural-color").set_params(
    noise=noise, patches=Patches(64, per_image=32), batch_size=8, max_epochs=8, random_state=0
)
denoised["trained further"] = cae.fit(photographs).predict(noisy)
for row, images in {"noisy": noisy, **denoised}.items():
    psnr = [
        peak_signal_noise_ratio(photograph[np.newaxis], image[np.newaxis], data_range=255)
        for photograph, image in zip(clean.values(), images, strict=True)
    ]
    print(f"{row:16}" + "".join(f"{value:7.2f} dB" for value in psnr))

# %%
# Look
# ----
# Parts of the same size stand side by side. The results go into files as the photographs came.
for path, image in zip(noisy.files, denoised["trained further"], strict=True):
    io.imsave(Path(folder.name, f"denoised-{Path(path).name}"), image)


def part(images):
    return np.stack([image[:300, :450] for image in images])


figure, axes = plt.subplots(5, 2, figsize=(6.5, 11), layout="constrained")
DenoisingDisplay.from_predictions(
    part(clean.values()),
    part(noisy),
    {name: part(images) for name, images in denoised.items()},
    zoom=(60, 130, 96, 144),
    axes=axes,
)
figure.savefig("plot_noisy_folder.png", dpi=120)
folder.cleanup()
plt.show()

# %%
# How to read it: the network of the package removes most of a noise that it has never seen. After
# some seconds with the right noise the brightness is right too: nothing in a file is brighter than
# white, so such noise makes bright places darker on average, and the network has learned by how
# much. Train further if ``estimate_noise`` finds a ``gain``, or if the pictures still have grains.
