"""The page: one file that holds the network, images and all that computes and draws them."""

import json
import os
import re
from html import escape
from importlib.resources import files
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from .._denoising_cae import DenoisingCAE
from .._weight_history import WeightHistory
from ..display import check_channels
from ..images import check_units, read_images, to_array, to_channels_last, view_of_size
from ..metrics import denoiser_of
from ._contents import contents
from ._data import MAX_POINTS

# Styles and scripts with places for title and data, which `make explainer` builds from explainer/.
PAGE = files(__package__) / "page.html"
# Height of the frame in a notebook in CSS pixels.
FRAME_HEIGHT = 900

_PARAMETERS: dict[str, list] = {
    "n_images": [Interval(Integral, 1, None, closed="left")],
    "title": [str, None],
    "path": [str, os.PathLike, None],
    "history": [WeightHistory, None],
}


class ExplainPage:
    """A page on which you can look inside a trained network; a notebook shows it in a frame.

    :func:`explain_html` makes such a page.

    Parameters
    ----------
    html : str
        The whole page. It needs nothing else: no network, no other file.

    Attributes
    ----------
    html : str
        The whole page.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which a browser opens by a double click.

        Parameters
        ----------
        path : str or path-like
            Name of the file, such as "network.html". One that is there is replaced.
        """
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="A look inside the network" '
            f'style="width: 100%; height: {FRAME_HEIGHT}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"ExplainPage(<{len(self.html) / 1e6:.1f} MB of HTML>)"


def explain_html(
    estimator: Any,
    X: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    y: ArrayLike | None = None,
    n_images: int = 8,
    title: str | None = None,
    history: WeightHistory | None = None,
) -> ExplainPage:
    """Make a page on which you can look inside a trained network.

    The page is one HTML file that opens in a browser offline. The network runs in the page. You see
    each of its layers with all feature maps, for images of X and your own, under noise that you set
    with a slider. You can take every value apart into the products that make it, and move through
    the code.

    Parameters
    ----------
    estimator : DenoisingCAE, or a pipeline or search that ends in one
        Fitted. Its network is of this library, or one of your own that is made of the same kinds of
        layers. More than a million weights are rounded to half precision.
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Clean images in the units of those in ``fit``, with 1, 3 or 4 channels. The first
        ``n_images`` can be looked at. The first 1000, fewer for a large network, make the map of
        the codes, and the first 120 are searched for what excites each feature map.
    path : str or path-like, default=None
        Where to write the page; ``None`` does not write it.
    y : array-like of shape (n,), default=None
        Labels of the images, which the page shows beside them and as colours in the map of the
        codes.
    n_images : int, default=8
        How many images can be chosen.
    title : str, default=None
        Title of the page; ``None`` names the network.
    history : WeightHistory, default=None
        The callback of the training. With it one can go back to earlier epochs, of which 24 at
        most, evenly spread, are kept in half precision.

    Returns
    -------
    page : ExplainPage
        The page, which a notebook shows in a frame.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no :class:`~sklearn_cae.DenoisingCAE`.
    ValueError
        If X are not such images, if y is too short, if the network is too large for a page (more
        than 3 million weights, or 10**9 products for one image) or has layers that the page cannot
        compute, or if ``history`` has seen no training or that of another network.

    See Also
    --------
    sklearn_cae.callbacks.WeightHistory : Keeps the weights of a training.
    sklearn_cae.display.FeatureMapsDisplay : Feature maps as a figure.

    Notes
    -----
    Weights and images are kept as float32, so that every layer of the page equals that of torch but
    for rounding: 1e-4 at most for values of the size of an image. A network with the default
    parameters makes a page of about 3 MB.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE
    >>> from sklearn_cae.explain import explain_html
    >>> X, y = load_digits(return_X_y=True)
    >>> cae = DenoisingCAE(Autoencoder((8, 16)), max_epochs=1, for_codes=True).fit(X / 16)
    >>> page = explain_html(cae, X[:100] / 16, y=y[:100], title="Digits")
    >>> page.html[:15]
    '<!DOCTYPE html>'
    """
    given = {"n_images": n_images, "title": title, "path": path, "history": history}
    validate_parameter_constraints(_PARAMETERS, given, explain_html.__name__)
    cae = denoiser_of(estimator)
    if not isinstance(cae, DenoisingCAE):
        raise TypeError(
            f"explain_html takes a DenoisingCAE, or a pipeline or search that ends in one. Got "
            f"{estimator!r}."
        )
    check_is_fitted(cae)
    images = _unit_images(cae, X)
    labels = _labels(y, len(images))
    data = contents(cae, images, labels, n_images=n_images, title=title, history=history)
    page = ExplainPage(_html(data))
    if path is not None:
        page.save(path)
    return page


def _unit_images(cae, X):
    """Images (n, C, H, W), float32 in units of the data range."""
    spec = cae.image_spec_
    source = read_images(X)
    check_units(source, spec)
    view = view_of_size if cae.net_.module_.fixed_size else to_channels_last
    images = view(source, spec)[:MAX_POINTS]
    cae.network_.check_images(*images.shape[1:])
    check_channels(images)
    units = to_array(images, spec.data_range, np.float32)
    return np.ascontiguousarray(units.transpose(0, 3, 1, 2))


def _labels(y, n_images):
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.ndim != 1 or len(labels) < n_images:
        raise ValueError(
            f"y has shape {labels.shape}; expected are labels (n,), one for each image of X."
        )
    return [str(label) for label in labels[:n_images].tolist()]


def _html(data):
    """Put the parts into the page; nothing in the data can end the script that holds it."""
    text = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    parts = {"title": escape(data["title"]), "data": text}
    # Both at once, so that what stands in the data is never taken for a place.
    page = PAGE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(title|data)\}\}", lambda place: parts[place[1]], page)
