"""What the displays draw with."""

import numpy as np

from ..images import check_units, read_images, to_array, to_channels_last

# Okabe and Ito's colours, which the colour-blind tell apart, but for black and yellow: each shows
# on a white and on a black page.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def unit_images(X, spec, *, name="X", n_images=None):
    """Images (n, H, W, C) in units of the data range of ``spec``: black is 0 and white is 1.

    Parameters
    ----------
    X : array-like or ImageSource
        Images of a layout that ``spec`` admits.
    spec : ImageSpec
        Layout and units.
    name : str, default="X"
        How error messages call the images.
    n_images : int, default=None
        How many of the first images to give; all are checked.
    """
    return in_units(view_images(X, spec, name=name)[:n_images], spec.data_range)


def view_images(X, spec, *, name="X"):
    """View images as (n, H, W, C) in their own units, which are checked."""
    source = read_images(X, name=name)
    check_units(source, spec)
    return to_channels_last(source, spec)


def unit_results(results, spec):
    """Like ``unit_images`` for what a network gave, whose units need no check."""
    return in_units(to_channels_last(read_images(results), spec), spec.data_range)


def in_units(images, data_range):
    """Turn images into a new array, black 0 and white 1: float64 stays, others become float32."""
    dtype = np.float64 if images.dtype == np.float64 else np.float32
    return to_array(images, data_range, dtype)


def clip_like(images, clean, data_range=(0.0, 1.0)):
    """Clip images to the data range, or as far as the clean images go beyond it."""
    low, high = data_range
    return images.clip(min(low, clean.min()), max(high, clean.max()))


def check_channels(images):
    """Refuse images (n, H, W, C) that are neither gray nor RGB nor RGBA."""
    n_channels = images.shape[3]
    if n_channels not in (1, 3, 4):
        raise ValueError(
            f"images with {n_channels} channels cannot be shown; allowed are 1, 3 and 4. Select "
            "channels, such as images[..., :3], and pass them to the display itself, or to "
            "from_predictions, from_images or from_codes."
        )


def one_axes(ax, *, figsize):
    """Axes that were given, or those of a new figure."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    return ax


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
