"""Are codes better features than PCA: test accuracy of two classifiers on codes of several lengths.

MNIST, Fashion-MNIST and CIFAR-10. Autoencoder and PCA learn from the same ``--n-train`` training
images, without their labels; logistic regression and 5 nearest neighbours then learn from the codes
of these images and their labels, each value standardised. Accuracy in percent on the test set, or,
with ``--held-out``, on 5,000 further training images: what is tuned is tuned there.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/code_features.py DATA --results code_features.jsonl --seeds 0 1 2
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import DATASETS, load
from _results import resume, spread
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_cae import DenoisingCAE, GaussianNoise

LENGTHS = (2, 8, 16, 32, 64)
CLASSIFIERS = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "5 nearest neighbours": KNeighborsClassifier(5),
}


def split(job, args):
    """Images and labels to learn from, and those to be judged by."""
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    order = np.random.default_rng(job["seed"]).permutation(len(x_train))
    rows, others = order[: args.n_train], order[args.n_train :][:5000]
    if args.held_out:
        x_test, y_test = x_train[others], y_train[others]
    return x_train[rows], y_train[rows], x_test, y_test


def features(job, x_train, x_test, args):
    rows = [x.reshape(len(x), -1) / np.float32(255) for x in (x_train, x_test)]
    if job["method"] == "pixels":
        return rows
    if job["method"] == "PCA":
        pca = PCA(job["length"], random_state=job["seed"]).fit(rows[0])
        return [pca.transform(x) for x in rows]
    cae = DenoisingCAE(
        latent_dim=job["length"],
        noise=GaussianNoise(args.std),
        max_epochs=args.epochs,
        random_state=job["seed"],
    ).fit(x_train)
    return [cae.transform(x) for x in (x_train, x_test)]


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = split(job, args)
    train, test = features(job, x_train, x_test, args)
    accuracy = {
        name: 100 * make_pipeline(StandardScaler(), c).fit(train, y_train).score(test, y_test)
        for name, c in CLASSIFIERS.items()
    }
    return {**job, "accuracy": accuracy}


def table(results):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""
    columns = [f"{method}, {name}" for name in CLASSIFIERS for method in ("PCA", "code")]
    lines = [f"| data | length | {' | '.join(columns)} |", "|" + "---|" * (2 + len(columns))]
    for data in DATASETS:
        for length in (*LENGTHS, None):
            methods = ("PCA", "code") if length else ("pixels", "pixels")
            rows = [
                [r for r in results if (r["data"], r["length"], r["method"]) == (data, length, m)]
                for m in methods
            ]
            if not all(rows):
                continue
            cells = [
                spread([r["accuracy"][c] for r in part], 1) for c in CLASSIFIERS for part in rows
            ]
            lines.append(f"| {data} | {length or 'pixels'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="code_features.jsonl")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--std", type=float, default=0.1, help="of the training noise")
    parser.add_argument("--held-out", action="store_true", help="judge by training images")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"data": data, "method": method, "length": length, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for method in ("pixels", "PCA", "code")
        for length in ((None,) if method == "pixels" else args.lengths)
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs)))


if __name__ == "__main__":
    main()
