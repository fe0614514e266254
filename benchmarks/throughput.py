"""Speed of training and prediction beside other ways to do the same, in one run.

All train the same layers with Adam on the same random uint8 images and Gaussian noise drawn anew,
in turn, several times; what counts is the ratio of the processor times of each turn. Beside ours
stand

- *tuned*: a loop by hand with all that ours does: images in memory as uint8, whole batches,
  channels last, noise on the batch, bfloat16 where the library trains in it, fused steps;
- *usual*: PyTorch as people write it: float32 pairs in a ``TensorDataset``, a ``DataLoader``;
- *skorch*: a plain ``NeuralNet`` on the same pairs;
- *keras*: ``Model.fit`` of the same layers, where Keras is installed with the backend that
  ``KERAS_BACKEND`` names.

Each runs in a process of its own, as a user would run it: what ``fit`` lets the C library keep of
the memory that a step frees would serve the others too. The tuned loop lets it keep as much. Few
images are passed over several times, as in any training, until 100 steps are made.

``PSNR`` is that of denoised photographs after so many images, so that what is compared has learned
the same; the speeds are those of random images, which cost as much. ``predict`` is compared with
the tuned loop's network called on the same batches in float32.

``docs/make_figures.py`` draws the ratios that are kept in ``docs/throughput.json``, case by case;
``--no-write`` leaves them as they are.

    python benchmarks/throughput.py
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import torch
from skorch import NeuralNet

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, UNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio

NUMBERS = Path(__file__).parents[1] / "docs" / "throughput.json"
STD = 0.1
LR = 1e-2
KERAS = f"keras ({os.environ.get('KERAS_BACKEND', 'tensorflow')})"
MIN_STEPS = 100
CASES = {
    "Autoencoder(), 28x28x1": (Autoencoder(), (28, 28, 1), 32),
    "Autoencoder(), 32x32x3": (Autoencoder(), (32, 32, 3), 32),
    "UNet(), 32x32x3": (UNet(), (32, 32, 3), 32),
    "Autoencoder(), 128x128x3": (Autoencoder(), (128, 128, 3), 8),
}


def epochs_of(images, batch_size):
    """Passes over the images that a training makes."""
    return -(-MIN_STEPS * batch_size // len(images))


class Ours:
    """The estimator."""

    def __init__(self, network, batch_size, images):
        self.cae = DenoisingCAE(
            network,
            noise=GaussianNoise(STD),
            lr=LR,
            batch_size=batch_size,
            validation_fraction=0,
            for_codes=True,
            random_state=0,
        )
        self.fit(images[: 4 * batch_size])
        self.precision = self.cae.net_.precision

    def fit(self, images):
        self.cae.set_params(max_epochs=epochs_of(images, self.cae.batch_size)).fit(images)

    def predict(self, images):
        return self.cae.predict(images)


class Loop:
    """A network of the same layers, trained by hand."""

    # Whether maps are convolved before they are doubled and pooled before their ReLU, as by ours.
    reorders = False

    def __init__(self, network, batch_size, images):
        self.network, self.batch_size = network, batch_size

    def new_module(self, images):
        height, width, n_channels = images.shape[1:]
        generator = torch.Generator().manual_seed(0)
        module = self.network.build((height, width), n_channels, generator).train()
        if not self.reorders:
            for layer in module.modules():
                # A network that is listened to computes layer by layer.
                if isinstance(layer, (torch.nn.Upsample, torch.nn.MaxPool2d)):
                    layer.register_forward_hook(lambda *_: None)
        return module

    def predict(self, images):
        parts = []
        with torch.inference_mode():
            for batch in torch.from_numpy(images).split(64):
                denoised = self.module.eval()(batch.permute(0, 3, 1, 2).float() / 255)
                parts.append(denoised.mul(255).round().clamp(0, 255).byte())
        return torch.cat(parts).permute(0, 2, 3, 1).numpy()


class Tuned(Loop):
    """A loop with every trick that the library uses."""

    reorders = True

    def __init__(self, network, batch_size, images):
        super().__init__(network, batch_size, images)
        # Its fit also tells the C library to keep memory.
        precision = Ours(network, batch_size, images).precision
        self.mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def fit(self, images):
        self.module = self.new_module(images).to(memory_format=torch.channels_last)
        n_epochs = epochs_of(images, self.batch_size)
        n_steps = n_epochs * -(-len(images) // self.batch_size)
        optimizer = torch.optim.Adam(self.module.parameters(), lr=LR, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=n_steps + 1)
        for noisy, clean in (pair for _ in range(n_epochs) for pair in self.batches(images)):
            with self.mixed:
                denoised = self.module(noisy)
            loss = torch.nn.functional.mse_loss(denoised.float(), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    def batches(self, images):
        """Noisy and clean batches in a new order."""
        data = torch.from_numpy(images)
        for rows in torch.randperm(len(data)).split(self.batch_size):
            clean = data[rows].permute(0, 3, 1, 2).float().div_(255)
            yield torch.randn_like(clean).mul_(STD).add_(clean).clamp_(0, 1), clean


def float_pairs(images):
    """Noisy and clean images, float32 with channels first."""
    clean = np.moveaxis(images, 3, 1).astype(np.float32) / 255
    noise = np.random.default_rng(0).normal(0, STD, clean.shape).astype(np.float32)
    return (clean + noise).clip(0, 1), clean


class Usual(Loop):
    """PyTorch as people write it."""

    def fit(self, images):
        noisy, clean = map(torch.from_numpy, float_pairs(images))
        pairs = torch.utils.data.TensorDataset(noisy, clean)
        loader = torch.utils.data.DataLoader(pairs, self.batch_size, shuffle=True)
        self.module = self.new_module(images)
        optimizer = torch.optim.Adam(self.module.parameters(), lr=1e-3)
        for x, y in (pair for _ in range(epochs_of(images, self.batch_size)) for pair in loader):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(self.module(x), y)
            loss.backward()
            optimizer.step()


class PlainSkorch(Loop):
    """A plain net of skorch."""

    def fit(self, images):
        net = NeuralNet(
            self.new_module(images),
            torch.nn.MSELoss,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            batch_size=self.batch_size,
            max_epochs=epochs_of(images, self.batch_size),
            train_split=None,
            iterator_train__shuffle=True,
            verbose=0,
        )
        net.fit(*float_pairs(images))
        self.module = net.module_


class Keras:
    """The layers of the autoencoder in Keras, compiled once."""

    def __init__(self, network, batch_size, images):
        if not isinstance(network, Autoencoder):
            raise ImportError("only the autoencoder is written in Keras here")
        import keras

        self.keras, self.batch_size, self.model = keras, batch_size, None

    def fit(self, images):
        side = 2**3
        height, width = (-(-n // side) * side for n in images.shape[1:3])
        if self.model is None:
            self.build(height, width, images.shape[3])
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)
        pairs = [np.moveaxis(part, 1, 3) for part in float_pairs(images)]
        missing = ((0, 0), (0, height - images.shape[1]), (0, width - images.shape[2]), (0, 0))
        pairs = [np.pad(part, missing, mode="edge") for part in pairs]
        epochs = epochs_of(images, self.batch_size)
        self.model.fit(*pairs, batch_size=self.batch_size, epochs=epochs, verbose=0)

    def build(self, height, width, n_channels):
        keras, layers = self.keras, self.keras.layers

        def block(x, n_maps):
            x = layers.Conv2D(n_maps, 3, padding="same", use_bias=False)(x)
            return layers.ReLU()(layers.BatchNormalization()(x))

        x = image = keras.Input((height, width, n_channels))
        for n_maps in (32, 64, 128):
            x = layers.MaxPooling2D()(block(x, n_maps))
        x = layers.Conv2D(128, 3, padding="same")(x)
        for n_maps in (128, 64, 32):
            x = block(layers.UpSampling2D()(x), n_maps)
        x = layers.Conv2D(n_channels, 3, padding="same", activation="sigmoid")(x)
        self.model = keras.Model(image, x)
        self.model.compile(keras.optimizers.Adam(1e-3), "mse")
        self.model.optimizer.build(self.model.trainable_variables)
        self.variables = self.model.variables + self.model.optimizer.variables
        self.initial = [keras.ops.convert_to_numpy(variable) for variable in self.variables]

    def predict(self, images):
        height, width = self.model.input_shape[1:3]
        missing = ((0, 0), (0, height - images.shape[1]), (0, width - images.shape[2]), (0, 0))
        x = np.pad(images, missing, mode="edge").astype(np.float32) / 255
        y = self.model.predict(x, batch_size=64, verbose=0)[:, : images.shape[1], : images.shape[2]]
        return np.rint(255 * y).clip(0, 255).astype(np.uint8)


WAYS = {"ours": Ours, "tuned": Tuned, "usual": Usual, "skorch": PlainSkorch, "keras": Keras}


class Way:
    """One way to train, in a process of its own that works when it is asked to."""

    def __init__(self, way, case, n_images, n_threads):
        context = multiprocessing.get_context("spawn")
        self.pipe, other_end = context.Pipe()
        arguments = (other_end, way, case, n_images, n_threads)
        self.process = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        other_end.close()  # or a process that has failed would be waited for
        self.error = self.pipe.recv()

    def ask(self, task, *arguments):
        self.pipe.send((task, arguments))
        return self.pipe.recv()


def serve(pipe, way, case, n_images, n_threads):
    """Make a way to train, and do what is asked for until the process is ended."""
    torch.set_num_threads(n_threads)
    network, shape, batch_size = CASES[case]
    images = np.random.default_rng(0).integers(0, 256, (n_images, *shape), dtype=np.uint8)
    try:
        trainer = WAYS[way](network, batch_size, images)
    except ImportError as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    tasks = {
        "times": lambda: (seconds_of(trainer.fit, images), seconds_of(trainer.predict, images)),
        "learned": lambda n: learned(trainer, shape, n),
        "precision": lambda: trainer.precision,
    }
    while True:
        task, arguments = pipe.recv()
        pipe.send(tasks[task](*arguments))


def seconds_of(function, images):
    start = time.process_time()
    function(images)
    return time.process_time() - start


def learned(way, shape, n_images):
    """PSNR in dB of photographs that were not trained on, after some thousand images."""
    color = shape[2] == 3
    options = {"patch_size": shape[0], "color": color}
    X = load_natural_patches(n_patches=n_images, **options).images
    clean = load_natural_patches(n_patches=200, subset="test", **options).images
    X, clean = (images.reshape(len(images), *shape) for images in (X, clean))
    rng = np.random.default_rng(0)
    noisy = np.rint(clean + rng.normal(0, 255 * STD, clean.shape)).clip(0, 255).astype(np.uint8)
    way.fit(X)
    return peak_signal_noise_ratio(clean, way.predict(noisy), data_range=255)


def measured(ratios):
    """Median, smallest and largest ratio."""
    return [round(float(value), 3) for value in (np.median(ratios), min(ratios), max(ratios))]


def told(ratios):
    return "{:.2f} ({:.2f} to {:.2f})".format(*ratios)


def write(case, ways):
    """Keep the ratios of a case, and leave those of others."""
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    NUMBERS.write_text(json.dumps(numbers | {case: ways}, indent=1) + "\n")


def compare(name, args):
    for n_images in args.n_images:
        made = {way: Way(way, name, n_images, args.threads) for way in WAYS}
        for way, process in made.items():
            if process.error:
                print(f"  without {way}: {process.error}")
        ways = {way: process for way, process in made.items() if not process.error}
        turns = [
            [process.ask("times") for process in ways.values()] for _ in range(args.repeats + 1)
        ]
        # (turn, way, fit or predict), relative to ours, which is first.
        seconds = np.array(turns[1:])
        relative = seconds / seconds[:, :1]
        case = f"{name}, {n_images} images, {args.threads} threads, {made['ours'].ask('precision')}"
        print(case)
        ratios = {}
        for i, (way, process) in enumerate(ways.items()):
            label = KERAS if way == "keras" else way
            ratios[label] = {
                "fit": measured(relative[:, i, 0]),
                "predict": measured(relative[:, i, 1]),
            }
            fit, predict = map(told, ratios[label].values())
            psnr = f"{process.ask('learned', args.n_learned):.2f} dB" if args.n_learned else "-"
            speed = (
                n_images * epochs_of(range(n_images), CASES[name][2]) / np.median(seconds[:, i, 0])
            )
            print(f"  {label:20} fit {fit:22} predict {predict:22} {speed:6.0f} images/s  {psnr}")
        for process in made.values():
            process.process.kill()
        if not args.no_write:
            write(case, ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-images", type=int, nargs="+", default=[3200])
    parser.add_argument("--n-learned", type=int, default=2000, help="0: no PSNR")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    print("processor time of each / that of ours, median (smallest to largest)")
    for name in args.cases:
        compare(name, args)


if __name__ == "__main__":
    main()
