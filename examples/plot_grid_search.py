"""
How do I tune it with GridSearchCV?
===================================

Tune it like any other estimator. ``psnr_scorer`` and ``ssim_scorer`` score the result of the whole
pipeline on noisy images, and every candidate gets the same noise.
"""

# %%
# The data
# --------
# Patches of one photograph resemble each other. ``GroupKFold`` puts whole photographs into a fold,
# so a candidate is not scored on photographs that it was trained on.
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
# The injector adds noise in ``fit`` only. The candidates are scored by two metrics, and ``refit``
# names the one that decides. A network is a parameter like any other, so one grid can compare
# networks. These networks are tiny and train only briefly on small patches, so the search takes
# seconds.
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
# The best candidate was fitted again on all training patches. Now it is tested on photographs that
# were in no fold:
noisy = NoiseInjector(GaussianNoise(0.15), random_state=2).corrupt(test.images)
untouched = peak_signal_noise_ratio(test.images, noisy, data_range=255)
print(f"PSNR (dB) of the noisy patches: {untouched:.2f}")
for name, scorer in {"PSNR (dB)": psnr_scorer, "SSIM": ssim_scorer}.items():
    print(f"{name} of the test patches: {scorer(search, noisy, test.images):.2f}")

# %%
# All candidates
# --------------
# If the best value lies at the end of its grid, search a wider grid.
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
# How to read it: the lines are means over the folds, and the small open markers are the scores of
# the folds. If these lie far apart, the photographs matter more than a small difference between two
# candidates. PSNR and SSIM need not agree on the best candidate.
