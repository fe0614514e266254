"""The classical filters on bundled patches of photographs, tuned on others.

Gaussian noise of standard deviation 0.1, 40 test patches of 64 x 64 pixels, 16 patches to tune on.
The row "scikit-image wavelet" is ``denoise_wavelet`` as its documentation recommends it; ours
has to be as good. BM3D takes part where it is installed, at seconds an image.

    python benchmarks/filters.py
"""

import warnings

import numpy as np
from skimage.restoration import denoise_wavelet

from sklearn_cae import ClassicalDenoiser, NoiseInjector
from sklearn_cae.classical import available_filters
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.metrics import peak_signal_noise_ratio


def recommended_wavelet(noisy):
    with warnings.catch_warnings():
        # It warns of each image that has fewer levels than it would like.
        warnings.simplefilter("ignore")
        denoised = [
            denoise_wavelet(image / 255, convert2ycbcr=True, rescale_sigma=True, channel_axis=-1)
            for image in noisy
        ]
    return 255 * np.clip(denoised, 0, 1)


def main():
    injector = NoiseInjector("gaussian", random_state=0)
    tuning, test = (
        injector.corrupt(load_natural_patches(64, n_patches=n, subset=subset).images)
        for n, subset in ((16, "train"), (40, "test"))
    )
    noisy = np.asarray(test)
    rows = {
        "noisy": (noisy, ""),
        "scikit-image wavelet": (recommended_wavelet(noisy), ""),
    }
    for name in available_filters():
        fitted = ClassicalDenoiser(name).fit(tuning)
        rows[name] = (fitted.predict(noisy), fitted.params_)
    print("| filter | PSNR in dB | chosen |")
    print("|---|---|---|")
    for name, (images, params) in rows.items():
        psnr = peak_signal_noise_ratio(test.clean, images, data_range=255)
        print(f"| {name} | {psnr:.2f} | {params} |")


if __name__ == "__main__":
    main()
