"""Codes of images in the plane."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array

from .._optional import import_optional
from ..images import learn_spec, read_images, to_channels_last
from ._drawing import check_channels, in_units, one_axes, view_images
from ._estimators import check_methods

# M. A. Petroff, "Accessible color sequences for data visualization", 2021, arXiv:2107.02270.
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
# The first ten categories take the first two in turn, the next ten the others: neighbours in the
# legend, and the two grays of the palette, differ by more than their colour.
MARKERS = ("o", "^", "s", "v")
MAX_CATEGORIES = 20
# Longer side of a thumbnail in points, 1/72 inch.
THUMBNAIL_SIZE = 20
# Smallest distance of two thumbnails, in their widths and heights.
SPACING = 1.15


def _pca(n_images, seed):
    from sklearn.decomposition import PCA

    return PCA(2, random_state=seed)


def _tsne(n_images, seed):
    # The perplexity is at most that of all other images.
    from sklearn.manifold import TSNE  # which takes long to import

    return TSNE(2, perplexity=min(30, (n_images - 1) / 3), random_state=seed)


def _umap(n_images, seed):
    umap = import_optional("umap", extra=None, package="umap-learn", purpose="embedding='umap'")
    return umap.UMAP(n_components=2, random_state=seed)


# Functions of the number of images and a seed that make a transformer.
EMBEDDINGS = {"pca": _pca, "tsne": _tsne, "umap": _umap}


class CodesDisplay:
    """Codes of images as points in the plane, coloured by label, with some of the images.

    Make one with :meth:`from_estimator` or :meth:`from_codes`.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Places of the images.
    labels : ndarray of shape (n,), default=None
        Labels of the images. Up to 20 different ones are categories with a legend; more have to
        be numbers and get a colour bar.
    images : ndarray of shape (n, H, W, C), default=None
        Images for the thumbnails. C is 1, 3 or 4. Only those that are shown are converted.
    data_range : tuple of float, default=(0, 1)
        Values of black and white.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure of the last ``plot``.
    ax_ : matplotlib.axes.Axes
        Its axes.
    thumbnail_indices_ : list of int
        Which images are shown.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE
    >>> from sklearn_cae.display import CodesDisplay
    >>> digits = load_digits()
    >>> X, y = digits.images / 16, digits.target
    >>> cae = DenoisingCAE(Autoencoder((8,)), max_epochs=1, for_codes=True).fit(X[:200])
    >>> display = CodesDisplay.from_estimator(cae, X[200:400], y[200:400])
    >>> display.points.shape
    (200, 2)
    """

    def __init__(
        self,
        *,
        points: NDArray[Any],
        labels: NDArray[Any] | None = None,
        images: NDArray[Any] | None = None,
        data_range: Sequence[float] = (0.0, 1.0),
    ):
        self.points = points
        self.labels = labels
        self.images = images
        self.data_range = data_range

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        embedding: Any = "auto",
        n_thumbnails: int = 20,
        max_images: int = 1000,
        random_state: int = 0,
        ax: Any = None,
    ) -> Self:
        """Compute the codes of images and show them.

        Parameters
        ----------
        estimator : transformer, Pipeline or search
            Fitted; its ``transform`` gives codes (n, n_features_out).
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images as ``transform`` takes them. Of an estimator that is no
            :class:`~sklearn_cae.DenoisingCAE`, nor a pipeline with one, layout and units are
            guessed from X; where that fails take :meth:`from_codes`.
        y : array-like of shape (n,), default=None
            Labels: up to 20 different ones, or numbers.
        embedding : {"auto", "pca", "tsne", "umap"} or transformer, default="auto"
            How to bring codes to two dimensions. "auto" shows codes of two values as they are, and
            the first two principal components of longer ones. "umap" needs the package
            ``umap-learn``. A copy of a transformer is fitted with ``fit_transform``.
        n_thumbnails : int, default=20
            How many images to show at most; those shown are far from each other. 0 for none.
        max_images : int, default=1000
            How many codes to show at most; of more, as many are drawn at random.
        random_state : int, default=0
            Seed of that draw and of ``embedding``, fixed so that the same figure comes again.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : CodesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator gives no codes, ``embedding`` is none of those above, or X and y do not
            fit together.
        ImportError
            If ``embedding="umap"`` and ``umap-learn`` is not installed.
        """
        check_methods(estimator, "transform", expected="transformer such as DenoisingCAE")
        n_images = len(X)
        labels = _check_labels(y, n_images)
        if n_images > max_images:
            draw = np.random.default_rng(random_state).choice(n_images, max_images, replace=False)
            X, labels = _safe_indexing(X, draw), None if labels is None else labels[draw]
        points = _embed(estimator.transform(X), embedding, random_state)
        images, data_range = _images_seen(estimator, X) if n_thumbnails else (None, (0.0, 1.0))
        display = cls(points=points, labels=labels, images=images, data_range=data_range)
        return display.plot(n_thumbnails=n_thumbnails, ax=ax)

    @classmethod
    def from_codes(
        cls,
        codes: ArrayLike,
        y: ArrayLike | None = None,
        *,
        images: ArrayLike | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        embedding: Any = "auto",
        n_thumbnails: int = 20,
        random_state: int = 0,
        ax: Any = None,
    ) -> Self:
        """Show codes that you already have.

        Parameters
        ----------
        codes : array-like of shape (n, n_values)
            Codes, of at least two values.
        y : array-like of shape (n,), default=None
            Labels: up to 20 different ones, or numbers.
        images : array-like of n images, default=None
            Images (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W) for the thumbnails.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of one image in rows (n, n_features).
        channel_axis : int, default=-1
            Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
        data_range : "auto" or tuple (low, high), default="auto"
            Values of black and white, learned from ``images`` as in
            :class:`~sklearn_cae.DenoisingCAE`.
        embedding : {"auto", "pca", "tsne", "umap"} or transformer, default="auto"
            How to bring codes to two dimensions, as in :meth:`from_estimator`.
        n_thumbnails : int, default=20
            How many images to show at most; those shown are far from each other. 0 for none.
        random_state : int, default=0
            Seed of ``embedding``, fixed so that the same figure comes again.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : CodesDisplay
            The display.

        Raises
        ------
        ValueError
            If ``embedding`` is none of those above, or codes, y and images do not fit together.
        ImportError
            If ``embedding="umap"`` and ``umap-learn`` is not installed.
        """
        points = _embed(codes, embedding, random_state)
        display = cls(points=points, labels=_check_labels(y, len(points)))
        if images is not None:
            source = read_images(images, name="images")
            if len(source) != len(points):
                raise ValueError(
                    f"there are {len(source)} images, but {len(points)} codes; give the image "
                    "of each code."
                )
            spec = learn_spec(
                source, image_shape=image_shape, channel_axis=channel_axis, data_range=data_range
            )
            display.images = to_channels_last(source, spec)
            display.data_range = spec.data_range
        return display.plot(n_thumbnails=n_thumbnails, ax=ax)

    def plot(self, *, n_thumbnails: int = 20, ax: Any = None) -> Self:
        """Draw the codes and some of the images.

        Parameters
        ----------
        n_thumbnails : int, default=20
            How many images to show at most; those shown are far from each other. 0 for none.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; ``None`` makes a new figure.

        Returns
        -------
        display : CodesDisplay
            The display itself, with ``figure_``, ``ax_`` and ``thumbnail_indices_``.
        """
        if self.images is not None:
            check_channels(self.images)
        self.ax_ = one_axes(ax, figsize=(5, 4))
        self.figure_ = self.ax_.figure
        # Room for the thumbnails of the outermost codes.
        self.ax_.margins(0.08)
        self.ax_.set(xticks=[], yticks=[])
        colours = self._draw_points()
        self.thumbnail_indices_: list[int] = []
        if self.images is not None:
            shown = self._place_thumbnails(n_thumbnails, *self.images.shape[1:3])
            thumbnails = in_units(self.images[shown], self.data_range)
            for i, thumbnail in zip(shown, thumbnails, strict=True):
                _draw_thumbnail(self.ax_, thumbnail, self.points[i], colours[i])
            self.thumbnail_indices_ = shown
        return self

    def _draw_points(self):
        """Draw the points with a legend or a colour bar, and give the colour of each."""
        options = {"s": 12, "linewidths": 0}
        if self.labels is None:
            self.ax_.scatter(*self.points.T, color=PALETTE[0], **options)
            return [PALETTE[0]] * len(self.points)
        categories, places = np.unique(self.labels, return_inverse=True)
        if len(categories) > MAX_CATEGORIES:
            points = self.ax_.scatter(*self.points.T, c=self.labels, **options)
            self.figure_.colorbar(points, ax=self.ax_)
            return points.to_rgba(self.labels)
        for i, category in enumerate(categories):
            turn, colour = divmod(i, len(PALETTE))
            style = {"color": PALETTE[colour], "marker": MARKERS[2 * turn + i % 2]}
            points = self.points[places == i]
            self.ax_.scatter(*points.T, label=str(category), **style, **options)
        self._draw_legend(len(categories))
        return [PALETTE[place % len(PALETTE)] for place in places]

    def _draw_legend(self, n_categories):
        self.ax_.legend(
            loc="upper left",
            bbox_to_anchor=(1, 1),
            frameon=False,
            handletextpad=0,
            markerscale=1.5,
            ncols=1 if n_categories <= len(PALETTE) else 2,
        )

    def _place_thumbnails(self, n_thumbnails, height, width):
        """Indices of images that can be shown without one covering another."""
        # The places on paper are known after layout.
        self.figure_.canvas.figure.draw_without_rendering()
        in_points = self.ax_.transData.transform(self.points) * 72 / self.figure_.dpi
        size = np.array([width, height]) * _zoom(height, width)
        return _far_apart(in_points / (SPACING * size), n_thumbnails)


def _zoom(height, width):
    """Size of a pixel of a thumbnail in points."""
    return THUMBNAIL_SIZE / max(height, width)


def _draw_thumbnail(ax, image, place, colour):
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    picture = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    zoom = _zoom(*image.shape[:2])
    drawn = OffsetImage(picture.clip(0, 1), zoom=zoom, interpolation="nearest")
    frame = {"edgecolor": colour, "linewidth": 1.5}
    ax.add_artist(AnnotationBbox(drawn, place, pad=0, bboxprops=frame))


def _check_labels(y, n_images):
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (n_images,):
        raise ValueError(
            f"y has shape {labels.shape}; expected ({n_images},): a label for each image."
        )
    labels = labels.astype(str) if labels.dtype == object else labels
    n_labels = len(np.unique(labels))
    if n_labels > MAX_CATEGORIES and not np.issubdtype(labels.dtype, np.number):
        raise ValueError(
            f"y has {n_labels} different labels; up to {MAX_CATEGORIES} can be told apart by "
            "colour. Merge some of them, or give numbers, which get a colour bar."
        )
    return labels


def _embed(codes, embedding, random_state):
    """Bring codes (n, n_values) to two dimensions."""
    codes = check_array(codes, input_name="codes")
    if min(codes.shape) < 2:
        raise ValueError(
            f"codes have shape {codes.shape}; expected are at least two images with codes of at "
            "least two values."
        )
    if isinstance(embedding, str) and embedding == "auto":
        if codes.shape[1] == 2:
            return codes
        embedding = "pca"
    points = np.asarray(_transformer(embedding, len(codes), random_state).fit_transform(codes))
    if points.shape != (len(codes), 2):
        raise ValueError(
            f"embedding={embedding!r} gave shape {points.shape} for {len(codes)} codes; expected "
            f"({len(codes)}, 2). Set its number of components to 2."
        )
    return points


def _transformer(embedding, n_images, random_state):
    if isinstance(embedding, str) and embedding in EMBEDDINGS:
        return EMBEDDINGS[embedding](n_images, random_state)
    if isinstance(embedding, str) or not hasattr(embedding, "fit_transform"):
        names = ", ".join(f"'{name}'" for name in ("auto", *EMBEDDINGS))
        raise ValueError(
            f"embedding={embedding!r}; expected one of {names}, or a transformer with "
            "fit_transform."
        )
    return clone(embedding)


def _images_seen(estimator, X):
    """Images (n, H, W, C) as the first step of a pipeline that knows images gets them.

    And their values of black and white.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = [step for _, step in getattr(estimator, "steps", [(None, estimator)])]
    knows_images = [hasattr(step, "image_spec_") for step in steps]
    if any(knows_images):
        first = knows_images.index(True)
        X, spec = estimator[:first].transform(X) if first else X, steps[first].image_spec_
    else:
        X = read_images(X)
        spec = learn_spec(X)
    return view_images(X, spec), spec.data_range


def _far_apart(places, n_places):
    """Indices of places (n, 2), chosen one by one far from those before.

    No two of them are closer than 1 in both directions.
    """
    chosen: list[int] = []
    distance = np.full(len(places), np.inf)
    while len(chosen) < n_places and distance.max() >= 1:
        chosen.append(int(distance.argmax()))
        to_last = np.abs(places - places[chosen[-1]]).max(axis=1)
        distance = np.minimum(distance, to_last)
    return chosen
