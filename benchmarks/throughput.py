"""Training speed beside a hand-written PyTorch loop and a plain skorch net, in one run.

The three train the same network with the same optimizer and batches on the same random uint8
images, in turn, several times; what counts is the ratio of each turn. The plain skorch net gets
float arrays of noisy and clean images, which skorch fetches one by one.

    python benchmarks/throughput.py
"""

import argparse
import time

import numpy as np
import torch
from skorch import NeuralNet

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, GaussianNoise

STD = 0.1


def network(cae):
    """The torch module of the fitted network, with new weights."""
    return cae.network_.build((32, 32), 3, torch.Generator().manual_seed(0))


def ours(cae, images):
    DenoisingCAE(**cae.get_params(deep=False)).fit(images)


def hand_written(cae, images):
    module = network(cae).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=cae.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, cae.lr, total_steps=-(-len(images) // cae.batch_size) + 1
    )
    data = torch.from_numpy(images)
    total = 0.0
    for rows in torch.randperm(len(data)).split(cae.batch_size):
        clean = data[rows].permute(0, 3, 1, 2).float() / 255
        noisy = (clean + STD * torch.randn(clean.shape)).clamp(0, 1)
        loss = torch.nn.functional.mse_loss(module(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()


def plain_skorch(cae, images):
    clean = np.moveaxis(images, 3, 1).astype(np.float32) / 255
    noise = np.random.default_rng(0).normal(0, STD, clean.shape).astype(np.float32)
    net = NeuralNet(
        network(cae),
        torch.nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=cae.lr,
        batch_size=cae.batch_size,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    net.fit((clean + noise).clip(0, 1), clean)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-images", type=int, default=3200)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    images = np.random.default_rng(0).integers(0, 256, (args.n_images, 32, 32, 3), dtype=np.uint8)
    tiny = Autoencoder(ConvEncoder((8,), code_channels=8))
    for name, spec in {"default network": Autoencoder(), f"tiny network, {tiny}": tiny}.items():
        cae = DenoisingCAE(
            spec,
            noise=GaussianNoise(STD),
            max_epochs=1,
            validation_fraction=0,
            for_codes=True,
            random_state=0,
        ).fit(images[:64])
        loops = (ours, hand_written, plain_skorch)
        seconds = {loop: [] for loop in loops}
        for repeat in range(args.repeats + 1):
            for loop in loops:
                start = time.perf_counter()
                loop(cae, images)
                if repeat:
                    seconds[loop].append(time.perf_counter() - start)
        print(f"{name}: {args.n_images / np.median(seconds[ours]):.0f} images/s")
        for loop in loops[1:]:
            ratio = np.array(seconds[ours]) / np.array(seconds[loop])
            print(
                f"  time of DenoisingCAE / {loop.__name__}: median {np.median(ratio):.2f}, "
                f"from {ratio.min():.2f} to {ratio.max():.2f} in {args.repeats} turns"
            )


if __name__ == "__main__":
    main()
