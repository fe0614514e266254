"""How much a longer training gains: the recipe of "Getting started" at several lengths.

Each length is a training of its own, since the learning rate comes down at its end. 57 photographs
train the network for Gaussian noise of 25 of 255; twelve others tell the PSNR. Lengths that were
measured before stay in the file.

    python benchmarks/longer_training.py DATA --steps 125 250 500
"""

import argparse
import json
import time
from pathlib import Path

import torch
from _photographs import training_photographs
from train_pretrained import validate

from sklearn_cae import DenoisingCAE, GaussianNoise, Patches

N_PHOTOGRAPHS = 57
SIGMA = 25
PER_IMAGE, BATCH_SIZE = 16, 16
NUMBERS = Path(__file__).parents[1] / "docs" / "longer_training.json"


def measure(photographs, held_out, n_steps):
    """PSNR in dB and processor seconds of a training of about so many steps."""
    n_epochs = max(1, round(n_steps * BATCH_SIZE / (PER_IMAGE * len(photographs))))
    cae = DenoisingCAE(
        "res_unet",
        noise=GaussianNoise(SIGMA / 255, clip=False),
        loss="l1",
        patches=Patches(64, per_image=PER_IMAGE),
        batch_size=BATCH_SIZE,
        max_epochs=n_epochs,
        validation_fraction=0,
        for_codes=True,
        random_state=0,
    )
    start = time.process_time()
    cae.fit(photographs)
    seconds = time.process_time() - start
    return n_epochs * len(photographs), {
        "seconds": round(seconds, 1),
        "psnr": round(float(validate(cae, held_out, SIGMA)), 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cbsd432_train/")
    parser.add_argument("--steps", type=int, nargs="+", default=[60, 120, 250, 500, 1000, 2000])
    args = parser.parse_args()
    torch.set_num_threads(1)
    photographs, held_out = training_photographs(args.data, gray=True)
    photographs = photographs[:N_PHOTOGRAPHS]
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {"recipe": {}}
    print("  steps  seconds   PSNR")
    for n_steps in args.steps:
        made, found = measure(photographs, held_out, n_steps)
        print(f"{made:7} {found['seconds']:8.1f} {found['psnr']:6.2f}", flush=True)
        numbers["recipe"][str(made)] = found
        NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
