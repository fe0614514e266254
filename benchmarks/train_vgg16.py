"""Train VGG16 on the labels of CIFAR-10, to have weights for transfer experiments.

All thirteen convolutions and one linear layer, without batch normalisation: initialised after He
et al., SGD with momentum, a warm-up by the one-cycle schedule and clipped gradients, images
flipped and shifted by up to 4 pixels. The convolutions are saved in torchvision's format, ready for
``Autoencoder(VGG16Encoder(weights=FILE))``.

    python benchmarks/train_vgg16.py DATA --out vgg16-cifar10.pth --epochs 30
"""

import argparse

import torch
from _data import load
from torch import nn

from sklearn_cae.networks import VGG16

N_BLOCKS = 5
MARGIN = 4


class Classifier(nn.Module):
    """The convolutions, the mean over pixels, and a linear layer."""

    def __init__(self, n_classes, generator):
        super().__init__()
        self.vgg = VGG16(N_BLOCKS, n_trainable_blocks=N_BLOCKS, generator=generator)
        self.linear = nn.Linear(self.vgg.code_channels, n_classes)

    def forward(self, images):
        return self.linear(self.vgg(images)[0].mean(dim=(2, 3)))


def to_batch(images, device):
    """Float tensor (n, C, H, W) in [0, 1] of uint8 images (n, H, W, C)."""
    return images.to(device).movedim(3, 1).float() / 255


def augmented(batch):
    """Flip images at random and shift each by up to ``MARGIN`` pixels."""
    n, _, height, width = batch.shape
    padded = nn.functional.pad(batch, (MARGIN,) * 4, "reflect")
    down, right = torch.randint(0, 2 * MARGIN + 1, (2, n, 1), device=batch.device)
    rows = (torch.arange(height, device=batch.device) + down)[:, None, :, None]
    columns = torch.arange(width, device=batch.device) + right
    flipped = torch.rand(n, 1, device=batch.device) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)[:, None, None, :]
    picks = torch.arange(n, device=batch.device)[:, None, None, None]
    channels = torch.arange(batch.shape[1], device=batch.device)[None, :, None, None]
    return padded[picks, channels, rows, columns]


def train_epoch(model, images, labels, optimizer, schedule, args):
    total = 0.0
    for rows in torch.randperm(len(images)).split(args.batch_size):
        batch = augmented(to_batch(images[rows], args.device))
        loss = nn.functional.cross_entropy(model(batch), labels[rows].to(args.device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item() * len(rows)
    return total / len(images)


@torch.inference_mode()
def accuracy(model, images, labels, device):
    right = [
        (model(to_batch(batch, device)).argmax(dim=1).cpu() == truth).sum().item()
        for batch, truth in zip(images.split(500), labels.split(500), strict=True)
    ]
    return sum(right) / len(images)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cifar10.npz")
    parser.add_argument("--out", required=True, help="file to write")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--n-train", type=int, default=50_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.05, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    x_train, y_train, x_test, y_test = (
        torch.from_numpy(array) for array in load("cifar10", args.data)
    )
    x_train, y_train = x_train[: args.n_train], y_train[: args.n_train].ravel().long()
    model = Classifier(n_classes=10, generator=torch.Generator().manual_seed(args.seed))
    model.to(args.device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, total_steps=args.epochs * -(-len(x_train) // args.batch_size)
    )
    print("| epoch | training loss | test accuracy |\n|---|---|---|")
    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(model, x_train, y_train, optimizer, schedule, args)
        score = accuracy(model, x_test, y_test.ravel(), args.device)
        print(f"| {epoch} | {loss:.4f} | {score:.4f} |", flush=True)
    torch.save({name: t.cpu() for name, t in model.vgg.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
