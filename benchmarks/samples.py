"""How good new images are: Fréchet distance, precision and recall beside real test images.

A small classifier learns from the labelled training images; the 64 values before its last layer are
the features that images are compared in. The Fréchet distance is that of the Gaussians fitted to
the features of two sets (Heusel et al. 2017), precision and recall are the shares of generated
images within the reach of real ones and the other way round, a reach being the distance to the
third neighbour of its own set (Kynkäänniemi et al. 2019). All are against one half of the test
images, drawn at random. The other half is what a perfect sampler would give; reconstructions of it
are what the decoder would give with a perfect density over codes.

    python benchmarks/samples.py DATA --figure samples.png
"""

import argparse

import numpy as np
import torch
from _data import load
from scipy.linalg import eigvals
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import pairwise_distances
from sklearn.mixture import GaussianMixture
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_cae import Autoencoder, DenoisingCAE, LatentSampler

NEIGHBOR = 3
DENSITIES = {
    "single Gaussian": GaussianMixture(1),
    "mixture of 10 Gaussians": GaussianMixture(10),
    "default mixture": None,
}


def fit_classifier(images, labels, epochs):
    """A small convolutional classifier, by skorch."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(64 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    net = NeuralNetClassifier(
        network,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=64,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    )
    return net.fit(as_input(images), labels.astype(np.int64))


def as_input(images):
    return images[:, np.newaxis].astype(np.float32) / 255


def features_of(classifier, images):
    """The values before the last layer, (n, 64)."""
    body = classifier.module_[:-1].eval()
    with torch.inference_mode():
        batches = torch.from_numpy(as_input(images)).split(500)
        return torch.cat([body(batch) for batch in batches]).numpy().astype(np.float64)


def frechet_distance(real, generated):
    """Squared Fréchet distance of the Gaussians fitted to two sets of features."""
    means = [x.mean(axis=0) for x in (real, generated)]
    covariances = [np.cov(x, rowvar=False) for x in (real, generated)]
    # The trace of a matrix's square root is the sum of the roots of its eigenvalues.
    eigenvalues = eigvals(covariances[0] @ covariances[1]).real.clip(min=0)
    return (
        np.square(means[0] - means[1]).sum()
        + np.trace(sum(covariances))
        - 2 * np.sqrt(eigenvalues).sum()
    )


def precision_and_recall(real, generated):
    """Shares of generated images within reach of real ones, and of real ones within generated."""
    apart = pairwise_distances(real, generated)
    reach_real, reach_generated = (
        np.sort(pairwise_distances(x), axis=1)[:, NEIGHBOR] for x in (real, generated)
    )
    precision = (apart <= reach_real[:, np.newaxis]).any(axis=0).mean()
    recall = (apart <= reach_generated).any(axis=1).mean()
    return precision, recall


def save_figure(path, sets, n_images=12):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(sets), n_images, figsize=(n_images * 0.7, len(sets) * 0.9), layout="constrained"
    )
    for row, (name, images) in zip(axes, sets.items(), strict=True):
        row[0].set_title(name, loc="left", fontsize=9)
        for ax, image in zip(row, images[:n_images], strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=255)
            ax.axis("off")
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/ and fashion_mnist/")
    parser.add_argument("--data-set", default="mnist", choices=("mnist", "fashion_mnist"))
    parser.add_argument("--n-train", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--length", type=int, default=32, help="of the code")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="where to draw some images of each set")
    args = parser.parse_args()
    torch.set_num_threads(1)

    x_train, y_train, x_test, _ = load(args.data_set, args.data)
    x_train, y_train = x_train[: args.n_train], y_train[: args.n_train]
    classifier = fit_classifier(x_train, y_train, args.epochs)
    cae = DenoisingCAE(
        Autoencoder(latent_dim=args.length),
        max_epochs=args.epochs,
        for_codes=True,
        random_state=args.seed,
    ).fit(x_train)
    # The writers of MNIST's first test images are not those of the last.
    x_test = np.random.default_rng(args.seed).permutation(x_test)
    half = len(x_test) // 2
    sets = {
        "real images": x_test[half:],
        "reconstructions": cae.inverse_transform(cae.transform(x_test[half:])),
    }
    for name, density in DENSITIES.items():
        sampler = LatentSampler(FrozenEstimator(cae), density, random_state=args.seed).fit(x_train)
        sets[name] = sampler.sample(half, random_state=args.seed)

    real = features_of(classifier, x_test[:half])
    print("| images | Fréchet distance | precision | recall |\n|---|---|---|---|")
    for name, images in sets.items():
        features = features_of(classifier, images)
        precision, recall = precision_and_recall(real, features)
        distance = frechet_distance(real, features)
        print(f"| {name} | {distance:.2f} | {precision:.3f} | {recall:.3f} |", flush=True)
    if args.figure:
        save_figure(args.figure, sets)


if __name__ == "__main__":
    main()
