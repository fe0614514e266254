"""Which features are worth what to a classifier that has few labels.

Networks learn from ``--n-train`` training images of MNIST, Fashion-MNIST or CIFAR-10 without their
labels; a classifier then learns from the features and the labels of 100, 1,000 and 10,000 of these
images, each feature standardised. Figures are accuracies in percent on the 10,000 test images.

Features are principal components of the pixels, flat codes (``latent_dim``) and means of the maps
of each stage of an autoencoder and of a U-Net that both denoise; with ``--vgg16 FILE`` also those
of the blocks of VGG16, for images of 28 x 28 pixels padded to 32 x 32 with black.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/layer_features.py DATA --vgg16 vgg16_features.safetensors
"""

import argparse
from functools import partial

import numpy as np
import torch
from _data import DATASETS, as_rows, load
from _results import resume, spread
from _vgg16 import frozen_vgg16
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transfer_one_class import prepared

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, LayerFeatures, UNet

LENGTHS = (2, 8, 16, 32, 64)
CHANNELS = (32, 64, 128)
N_BLOCKS = 5
CLASSIFIERS = {
    "logistic regression": lambda n: LogisticRegression(max_iter=1000),
    "nearest neighbours": lambda n: KNeighborsClassifier(5 if n >= 1000 else 1),
}


def denoiser(network, train, seed, args):
    noise = GaussianNoise(args.std)
    return DenoisingCAE(
        network, noise=noise, max_epochs=args.epochs, for_codes=True, random_state=seed
    ).fit(train)


def of_layers(cae, names, *images):
    """Name of a layer, and the means of its maps for arrays of images."""
    for name, layer in names.items():
        features = LayerFeatures(FrozenEstimator(cae), layer).fit(images[0])
        yield name, *(features.transform(part) for part in images)


def components(train, test, seed, args):
    pca = PCA(max(LENGTHS), random_state=seed).fit(as_rows(train))
    train, test = pca.transform(as_rows(train)), pca.transform(as_rows(test))
    for length in LENGTHS:
        yield f"PCA, {length}", train[:, :length], test[:, :length]


def flat_codes(train, test, seed, args):
    for length in LENGTHS:
        cae = denoiser(Autoencoder(CHANNELS, latent_dim=length), train, seed, args)
        yield f"flat code, {length}", cae.transform(train), cae.transform(test)


def autoencoder(train, test, seed, args):
    cae = denoiser(Autoencoder(CHANNELS), train, seed, args)
    names = {f"autoencoder, encoder {i + 1}": f"encoder.stages.{i}" for i in range(len(CHANNELS))}
    names |= {"autoencoder, code": "encoder.code"}
    return of_layers(cae, names, train, test)


def unet(train, test, seed, args):
    cae = denoiser(UNet(CHANNELS), train, seed, args)
    stages = range(len(CHANNELS))
    names = {f"U-Net, encoder {i + 1}": f"encoder.stages.{i}" for i in stages}
    names |= {"U-Net, code": "encoder.code"}
    names |= {f"U-Net, decoder {i + 1}": f"decoder.stages.{i}" for i in stages}
    return of_layers(cae, names, train, test)


def vgg16(train, test, seed, args):
    train, test = prepared(train, 1), prepared(test, 1)
    for n_blocks in range(1, N_BLOCKS + 1):
        cae = frozen_vgg16(n_blocks, args.vgg16, train).estimator
        yield from of_layers(cae, {f"VGG16, block {n_blocks}": "encoder.code"}, train, test)


METHODS = {
    "PCA": components,
    "flat code": flat_codes,
    "autoencoder": autoencoder,
    "U-Net": unet,
    "VGG16": vgg16,
}


def run(job, args):
    torch.set_num_threads(1)
    x_train, y_train, x_test, y_test = load(job["data"], args.data)
    order = np.random.default_rng(job["seed"]).permutation(len(x_train))[: args.n_train]
    x_train, y_train = x_train[order], y_train.ravel()[order]
    accuracy = {name: {} for name in CLASSIFIERS}
    for feature, train, test in METHODS[job["method"]](x_train, x_test, job["seed"], args):
        for name, classifier in CLASSIFIERS.items():
            accuracy[name][feature] = [
                100
                * make_pipeline(StandardScaler(), classifier(n))
                .fit(train[:n], y_train[:n])
                .score(test, y_test.ravel())
                for n in args.n_labels
            ]
    return {**job, "accuracy": accuracy}


def table(results, data, classifier, n_labels):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""
    by_feature = {}
    for result in results:
        if result["data"] == data:
            for feature, values in result["accuracy"][classifier].items():
                by_feature.setdefault(feature, []).append(values)
    lines = [f"| {data}, {classifier} | " + " | ".join(f"{n} labels" for n in n_labels) + " |"]
    lines.append("|" + "---|" * (1 + len(n_labels)))
    for feature, rows in by_feature.items():
        cells = " | ".join(spread(values, 1) for values in zip(*rows, strict=True))
        lines.append(f"| {feature} | {cells} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with mnist/, fashion_mnist/ and cifar10.npz")
    parser.add_argument("--vgg16", help="file of the weights of VGG16")
    parser.add_argument("--results", default="layer_features.jsonl")
    parser.add_argument("--data-sets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--n-labels", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--std", type=float, default=0.1, help="of the training noise")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()

    jobs = [
        {"data": data, "method": method, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for method in args.methods
        if method != "VGG16" or args.vgg16
    ]
    results = resume(args.results, jobs, partial(run, args=args), args.jobs)
    for data in args.data_sets:
        for classifier in CLASSIFIERS:
            print(table(results, data, classifier, args.n_labels), end="\n\n")


if __name__ == "__main__":
    main()
