"""What the displays draw with."""

import numpy as np

from .._images import check_pixels, check_units, learn_spec, to_channels_last

# Okabe and Ito's colours, which the colour-blind tell apart, but for black and yellow: each shows
# on a white and on a black page.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def unit_images(X, spec, *, name="X"):
    """Images (n, H, W, C) in units of the data range of ``spec``: black is 0 and white is 1."""
    checked = check_pixels(X, name=name)
    check_units(checked, spec, name=name)
    low, high = spec.data_range
    images = to_channels_last(checked, spec)
    return (images.astype(np.float64) - low) / (high - low)


def check_methods(estimator, *methods, expected):
    """Refuse what lacks methods of the expected class."""
    missing = [method for method in methods if not hasattr(estimator, method)]
    if missing:
        raise ValueError(
            f"{estimator!r} has no {' and no '.join(missing)}; expected a fitted {expected}."
        )


def images_of(estimator, X):
    """Images (n, H, W, C) in the units of a fitted :class:`~sklearn_cae.DenoisingCAE`."""
    pixels = check_pixels(X)
    spec = learn_spec(
        pixels,
        image_shape=estimator.image_shape_ if pixels.ndim == 2 else None,
        channel_axis=estimator.channel_axis,
        data_range=estimator.data_range_,
    )
    return unit_images(pixels, spec)


def check_channels(images):
    """Refuse images (n, H, W, C) that are neither gray nor RGB nor RGBA."""
    n_channels = images.shape[3]
    if n_channels not in (1, 3, 4):
        raise ValueError(
            f"images with {n_channels} channels cannot be shown; allowed are 1, 3 and 4. "
            "Select channels first."
        )


def grid_of_axes(axes, shape, *, figsize, meaning, **options):
    """Axes of a shape, one- or two-dimensional: those given, or those of a new figure.

    Given axes may lack dimensions of length 1, which :func:`matplotlib.pyplot.subplots` leaves out.
    Options are those of :func:`matplotlib.pyplot.subplots` for a new figure.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        n_rows, n_columns = (1, *shape)[-2:]
        _, new = plt.subplots(
            n_rows, n_columns, figsize=figsize, squeeze=False, layout="constrained", **options
        )
        return new.reshape(shape)
    axes = np.asarray(axes, dtype=object)
    if axes.squeeze().shape != tuple(length for length in shape if length > 1):
        raise ValueError(f"axes have shape {axes.shape}; expected {shape}: {meaning}.")
    return axes.reshape(shape)


def show_image(ax, image, *, extent=None):
    """Draw one image (H, W, C) in units of the data range, pixel by pixel, without ticks."""
    options = {"interpolation": "nearest", "extent": extent}
    if image.shape[2] == 1:
        ax.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1, **options)
    else:
        ax.imshow(image.clip(0, 1), **options)
    ax.set(xticks=[], yticks=[])


def show_signed(ax, values, limit):
    """Draw values (H, W) from minus to plus a limit, pixel by pixel, without ticks."""
    ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
