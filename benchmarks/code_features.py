"""Are codes better features than PCA: test accuracy of two classifiers on codes of several lengths.

MNIST, Fashion-MNIST and CIFAR-10. Autoencoders and PCA learn from the same ``--n-train`` training
images, without their labels; logistic regression and 5 nearest neighbours then learn from the codes
of these images and their labels, each value standardised. Accuracy in percent on the test set, or,
with ``--held-out``, on 5,000 further training images: what is tuned is tuned there.

*PCA* are principal components of the pixels, *PCA, unit norm* those of images divided by their
Euclidean norm. *flat code* is that of ``Autoencoder(latent_dim=length)``. *spatial code* are
principal components of the codes of ``Autoencoder()``, after the ReLU through which the decoder
reads them and divided by their norm. Both networks have half the feature maps of the default in
each stage of the encoder, to see the images more often in the same time.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/code_features.py DATA --results code_features.jsonl --seeds 0 1 2
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import DATASETS, as_rows, load
from _results import resume, spread
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise

LENGTHS = (2, 8, 16, 32, 64)
CHANNELS = (16, 32, 64)
CLASSIFIERS = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "5 nearest neighbours": KNeighborsClassifier(5),
}


def components(train, test, seed):
    """Principal components of training and test rows, by their number."""
    pca = PCA(max(LENGTHS), random_state=seed).fit(train)
    train, test = pca.transform(train), pca.transform(test)
    for length in LENGTHS:
        yield length, train[:, :length], test[:, :length]


def codes(x_train, x_test, seed, args, latent_dim=None):
    cae = DenoisingCAE(
        Autoencoder(CHANNELS, latent_dim=latent_dim),
        noise=GaussianNoise(args.std),
        max_epochs=args.epochs,
        for_codes=True,
        random_state=seed,
    ).fit(x_train)
    return cae.transform(x_train), cae.transform(x_test)


def pixels(x_train, x_test, seed, args):
    yield "pixels", as_rows(x_train), as_rows(x_test)


def pca(x_train, x_test, seed, args):
    return components(as_rows(x_train), as_rows(x_test), seed)


def pca_of_unit_norm(x_train, x_test, seed, args):
    return components(normalize(as_rows(x_train)), normalize(as_rows(x_test)), seed)


def flat_code(x_train, x_test, seed, args):
    for length in LENGTHS:
        yield length, *codes(x_train, x_test, seed, args, latent_dim=length)


def spatial_code(x_train, x_test, seed, args):
    read = [np.maximum(c, 0) for c in codes(x_train, x_test, seed, args)]
    return components(*map(normalize, read), seed)


# Functions that give length, training features and test features.
METHODS = {
    "PCA": pca,
    "PCA, unit norm": pca_of_unit_norm,
    "flat code": flat_code,
    "spatial code": spatial_code,
    "pixels": pixels,
}


def split(job, args):
    """Images and labels to learn from, and those to be judged by."""
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    order = np.random.default_rng(job["seed"]).permutation(len(x_train))
    rows, others = order[: args.n_train], order[args.n_train :][:5000]
    if args.held_out:
        x_test, y_test = x_train[others], y_train[others]
    return x_train[rows], y_train[rows], x_test, y_test


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = split(job, args)
    method = METHODS[job["method"]]
    accuracy = {name: {} for name in CLASSIFIERS}
    for length, train, test in method(x_train, x_test, job["seed"], args):
        for name, classifier in CLASSIFIERS.items():
            fitted = make_pipeline(StandardScaler(), classifier).fit(train, y_train)
            accuracy[name][str(length)] = 100 * fitted.score(test, y_test)
    return {**job, "accuracy": accuracy}


def table(results, classifier):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""

    def cell(data, length, method):
        found = [
            r["accuracy"][classifier]["pixels" if method == "pixels" else str(length)]
            for r in results
            if (r["data"], r["method"]) == (data, method)
        ]
        return spread(found, 1) if found else "–"

    lines = [
        f"| {classifier} | length | {' | '.join(METHODS)} |",
        "|" + "---|" * (2 + len(METHODS)),
    ]
    for data in DATASETS:
        if any(r["data"] == data for r in results):
            for length in LENGTHS:
                cells = " | ".join(cell(data, length, method) for method in METHODS)
                lines.append(f"| {data} | {length} | {cells} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="code_features.jsonl")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--std", type=float, default=0.1, help="of the training noise")
    parser.add_argument("--held-out", action="store_true", help="judge by training images")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"data": data, "method": method, "seed": seed}
        for seed in args.seeds
        for method in args.methods
        for data in args.data_sets
    ]
    results = resume(args.results, jobs, partial(run, args=args), args.jobs)
    print(*(table(results, classifier) for classifier in CLASSIFIERS), sep="\n\n")


if __name__ == "__main__":
    main()
