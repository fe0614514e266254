"""What the displays draw with."""


def show_image(ax, image):
    """Draw one image (H, W, C) in units of the data range, pixel by pixel, without ticks."""
    if image.shape[2] == 1:
        ax.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        ax.imshow(image.clip(0, 1), interpolation="nearest")
    ax.set(xticks=[], yticks=[])
