"""Denoise the PNG and TIFF files of a folder, gray or colour, of 8 or 16 bits, of any sizes.

A TIFF stack is denoised frame by frame. Of three or four gray frames scikit-image makes one image,
RGB or RGBA, so split such stacks before.

python denoise_folder.py NOISY DENOISED
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
from skimage import io

from sklearn_cae import DenoisingCAE


@cache
def denoiser(name, white):
    return DenoisingCAE.from_pretrained(name, data_range=(0, white))


def denoise(image):
    """An image as it is in its file, with its colours denoised; transparency stays as it is."""
    if image.ndim > 3 or (image.ndim == 3 and image.shape[2] > 4):  # a stack
        return np.stack([denoise(frame) for frame in image])
    pixels = np.atleast_3d(image).copy()
    colours = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
    is_gray = (colours == colours[..., :1]).all()  # which three channels can also be
    network = denoiser("natural-gray" if is_gray else "natural-color", np.iinfo(image.dtype).max)
    colours[...] = network.predict([colours[..., :1] if is_gray else colours])[0]
    return pixels.reshape(image.shape)


def main(noisy, denoised):
    Path(denoised).mkdir(exist_ok=True)
    for path in sorted(Path(noisy).iterdir()):
        io.imsave(Path(denoised, path.name), denoise(io.imread(path)), check_contrast=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
