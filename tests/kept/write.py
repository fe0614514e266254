"""Write the files that later versions have to read, and what their estimators gave.

Run once for a version of the library whose files are new:

    python tests/kept/write.py
"""

from pathlib import Path

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    ConvEncoder,
    DenoisingCAE,
    DensityScore,
    GaussianNoise,
    LatentSampler,
    __version__,
)
from sklearn_cae.files import FORMAT

FOLDER = Path(__file__).parent


def images():
    """Sixteen gray images of 8 x 8 pixels, each a ramp of its own."""
    start, end = np.random.default_rng(0).random((2, 16, 1, 1))
    along = np.linspace(0, 1, 64).reshape(1, 8, 8)
    return (start + (end - start) * along).astype(np.float32)


def main():
    X = images()
    cae = DenoisingCAE(
        Autoencoder(ConvEncoder((4, 8), code_channels=4), latent_dim=2),
        noise=["blur", GaussianNoise((0, 0.2))],
        max_epochs=2,
        validation_fraction=0.25,
        for_codes=True,
        random_state=0,
    ).fit(X)
    frozen = FrozenEstimator(cae)
    score = DensityScore(density=GaussianMixture(2))
    detector = CAEOutlierDetector(frozen, outlier_score=score, random_state=0).fit(X)
    sampler = LatentSampler(frozen, GaussianMixture(2), random_state=0).fit(X)
    estimators = {"denoiser": cae, "detector": detector, "sampler": sampler}
    for name, estimator in estimators.items():
        estimator.save(FOLDER / f"format-{FORMAT}-{name}.safetensors")
    np.savez(
        FOLDER / f"format-{FORMAT}.npz",
        denoised=cae.predict(X),
        codes=cae.transform(X),
        scores=detector.score_samples(X),
        log_density=sampler.score_samples(X),
    )
    print(f"written by {__version__}")


if __name__ == "__main__":
    main()
