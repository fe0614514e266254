"""
How do I tune it with GridSearchCV?
===================================

Like any other estimator. ``psnr_scorer`` and ``ssim_scorer`` score what comes out of the whole
pipeline, on noisy images, and every candidate meets the same noise.
"""

# %%
# The data
# --------
# Patches of one photograph resemble each other. Folds of whole photographs, by ``GroupKFold``, keep
# the patches that are scored apart from those that were trained on.
import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, NoiseInjector, UNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio, psnr_scorer, ssim_scorer

train = load_natural_patches(16, n_patches=600, random_state=0)
test = load_natural_patches(n_patches=100, subset="test", random_state=1)

# %%
# The search
# ----------
# The injector corrupts in ``fit`` only. Candidates are scored by both metrics; ``refit`` names the
# one that chooses. A network is a parameter like any other, so one grid compares architectures. The
# networks are tiny and train briefly on small patches, so that the search takes seconds.
pipeline = Pipeline(
    [
        ("noise", NoiseInjector(GaussianNoise(0.15), random_state=0)),
        (
            "cae",
            DenoisingCAE(
                max_epochs=5,
                validation_fraction=0,
                for_codes=True,
                random_state=0,
            ),
        ),
    ]
)
networks = {"Autoencoder": Autoencoder((8, 16)), "UNet": UNet((8, 16))}
grid = {
    "cae__network": list(networks.values()),
    "cae__lr": [1e-3, 1e-2, 5e-2],
}
search = GridSearchCV(
    pipeline,
    grid,
    scoring={"psnr": psnr_scorer, "ssim": ssim_scorer},
    refit="psnr",
    cv=GroupKFold(2),
)
search.fit(train.images, groups=train.sources)
print("Highest PSNR:", search.best_params_)

# %%
# The best candidate, refitted on all training patches, on photographs that were in no fold:
noisy = NoiseInjector(GaussianNoise(0.15), random_state=2).corrupt(test.images)
untouched = peak_signal_noise_ratio(test.images, noisy, data_range=255)
print(f"PSNR (dB) of the noisy patches: {untouched:.2f}")
for name, scorer in {"PSNR (dB)": psnr_scorer, "SSIM": ssim_scorer}.items():
    print(f"{name} of the test patches: {scorer(search, noisy, test.images):.2f}")

# %%
# All candidates
# --------------
# A best value at the end of its grid asks for a wider grid.
results = search.cv_results_
figure, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
for ax, metric, label in zip(axes, ("psnr", "ssim"), ("PSNR (dB)", "SSIM"), strict=True):
    for name, marker in zip(networks, "os", strict=True):
        chosen = [type(network).__name__ == name for network in results["param_cae__network"]]
        lr = results["param_cae__lr"][chosen].astype(float)
        (line,) = ax.plot(lr, results[f"mean_test_{metric}"][chosen], marker=marker, label=name)
        for fold in range(search.n_splits_):
            scores = results[f"split{fold}_test_{metric}"][chosen]
            ax.plot(lr, scores, marker, mfc="none", ms=4, color=line.get_color(), alpha=0.6)
    ax.set(xscale="log", xlabel="lr", ylabel=f"cross-validated {label}")
axes[0].legend()
plt.show()

# %%
# How to read it: a line is the mean over the folds, whose own scores are the small open markers;
# where these lie far apart, the photographs matter more than a small difference of two candidates,
# and PSNR and SSIM need not agree on the best one.
