"""How well noise is known from noisy photographs alone.

Noise of known level on photographs, gray and colour: mean absolute error and largest error of the
standard deviation over single photographs, the error of all photographs together, and the mean
absolute error of ``skimage.restoration.estimate_sigma`` on single photographs. Clipped noise is
that of uint8 images, unclipped noise that of floats. Then the noise of sensors of 16 bits: errors
of the gain and of the standard deviation at a middle brightness.

    python benchmarks/noise_level.py PHOTOS

PHOTOS is a folder with the images, such as the 432 of CBSD432.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from skimage.color import rgb2gray
from skimage.io import imread
from skimage.restoration import estimate_sigma

from sklearn_cae import PoissonGaussianNoise, estimate_noise

LEVELS = (5, 15, 25, 50)
# Counts of 16 bits: gain, offset and standard deviation of the read noise.
SENSORS = ((20, 500, 30), (100, 500, 100), (5, 0, 50))
FULL, WHITE, MIDDLE = 65535, 40000, 20000


def add_gaussian(photo, level, clip, rng):
    noisy = photo + level * rng.standard_normal(photo.shape)
    return np.uint8(np.rint(noisy.clip(0, 255))) if clip else noisy


def add_sensor_noise(photo, sensor, rng):
    gain, offset, read_std = sensor
    photons = rng.poisson(photo / 255 * WHITE / gain)
    counts = gain * photons + offset + read_std * rng.standard_normal(photo.shape)
    return np.uint16(np.rint(counts.clip(0, FULL)))


def std_at(noise, brightness):
    """Standard deviation of a noise model at a brightness; of ranges at the middle of them."""
    if not isinstance(noise, PoissonGaussianNoise):
        return np.mean(noise.std)
    above = max(brightness - noise.offset, 0)
    return np.sqrt(np.mean(noise.gain) * above + np.mean(noise.read_std) ** 2)


def skimage_std(image):
    channel_axis = -1 if image.ndim == 3 else None
    return estimate_sigma(image.astype(float), average_sigmas=True, channel_axis=channel_axis)


def percent(errors):
    return f"{100 * np.mean(np.abs(errors)):.1f} | {100 * np.max(np.abs(errors)):.1f}"


def print_gaussian(photos, rng):
    print("| images | noise | level | mean error in % | largest | all together | scikit-image |")
    print("|---|---|---|---|---|---|---|")
    for kind, images in photos.items():
        for clip in (True, False):
            for level in LEVELS:
                noisy = [add_gaussian(image, level, clip, rng) for image in images]
                each, together = estimates(noisy, (0, 255))
                errors = [255 * std_at(noise, 0.5) / level - 1 for noise in each]
                theirs = [skimage_std(image) / level - 1 for image in noisy]
                print(
                    f"| {kind} | {'clipped' if clip else 'unclipped'} | {level} "
                    f"| {percent(errors)} | {100 * (255 * std_at(together, 0.5) / level - 1):+.1f} "
                    f"| {100 * np.mean(np.abs(theirs)):.1f} |",
                    flush=True,
                )


def print_sensors(photos, rng):
    print("| images | gain, offset, read noise | std: mean error in % | largest", end=" ")
    print("| all together | gain: all together |")
    print("|---|---|---|---|---|---|")
    for kind, images in photos.items():
        for sensor in SENSORS:
            gain, offset, read_std = sensor
            expected = np.sqrt(gain * (MIDDLE - offset) + read_std**2)
            noisy = [add_sensor_noise(image, sensor, rng) for image in images]
            each, together = estimates(noisy, (0, FULL))
            errors = [FULL * std_at(noise, MIDDLE / FULL) / expected - 1 for noise in each]
            error = FULL * std_at(together, MIDDLE / FULL) / expected - 1
            gain_error = FULL * np.mean(getattr(together, "gain", 0)) / gain - 1
            print(
                f"| {kind} | {sensor} | {percent(errors)} | {100 * error:+.1f} "
                f"| {100 * gain_error:+.1f} |",
                flush=True,
            )


def estimates(images, data_range):
    """The noise of each image, and that of all of them."""
    each = [estimate_noise(image[np.newaxis], data_range=data_range) for image in images]
    return each, estimate_noise(images, data_range=data_range)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", help="folder with photographs")
    parser.add_argument("--n-photos", type=int, default=12)
    args = parser.parse_args()
    # Photographs without flat places warn that weak noise seems correlated.
    warnings.simplefilter("ignore")
    paths = sorted(path for path in Path(args.photos).iterdir() if path.suffix in (".jpg", ".png"))
    colour = [imread(path) for path in paths[:: max(1, len(paths) // args.n_photos)]]
    photos = {"gray": [255 * rgb2gray(image) for image in colour], "colour": colour}
    rng = np.random.default_rng(0)
    print_gaussian(photos, rng)
    print()
    print_sensors(photos, rng)


if __name__ == "__main__":
    main()
