"""Scores and maps of all images of an array, batch by batch."""

import numpy as np

from ._calibration import held_out, pixels_in, some_pixels


def scores_by_each(scores, readers, images):
    """Scores of images (n, H, W, C) by each score and its reader, (n_scores, n)."""
    values = collect_by_each([score.values for score in scores], readers, images)
    return np.stack([score.combine(rows) for score, rows in zip(scores, values, strict=True)])


def maps_by_each(scores, readers, images):
    """Maps of images (n, H, W, C) by each score and its reader, (n_scores, n, H, W)."""
    return collect_by_each([score.anomaly_map for score in scores], readers, images)


def assess_by_each(scores, readers, images):
    """Scores (n_scores, n) and maps (n_scores, n, H, W) of images (n, H, W, C)."""

    def rows_by(score):
        def rows_of(batch):
            values, maps = score.values_and_map(batch)
            return np.hstack([values, maps.reshape(len(maps), -1)])

        return rows_of

    rows = collect_by_each([rows_by(score) for score in scores], readers, images)
    height, width = images.shape[1:3]
    values, maps = np.split(rows, [-height * width], axis=2)
    combined = [score.combine(part) for score, part in zip(scores, values, strict=True)]
    return np.stack(combined), maps.reshape(len(scores), len(images), height, width)


def collect_by_each(functions, readers, images):
    """Rows (n_functions, n, ...) of all images, of functions that give those of a batch.

    Each has its reader; where all are the same, as those of a frozen autoencoder, the network sees
    the images once.
    """
    reader = readers[0]
    if all(other is reader for other in readers):
        rows = reader.collect(lambda batch: np.stack([f(batch) for f in functions], 1), images)
        return np.moveaxis(rows, 1, 0)
    return np.stack(
        [
            other.collect(function, images)
            for function, other in zip(functions, readers, strict=True)
        ]
    )


def calibrate(scores, readers, parts, weights):
    """Let scores learn from all held-out images what makes their values one; tell what those give.

    Parameters
    ----------
    scores : list of OutlierScore
        The score of each autoencoder.
    readers : list of BatchReader
        Their readers.
    parts : list of ndarray or LazyImages of shape (n, H, W, C)
        The images that each of them did not learn from.
    weights : list of ndarray of shape (n,)
        Their votes.

    Returns
    -------
    held_out : list of HeldOut
        What is known of each part.
    """
    each = list(zip(scores, readers, parts, strict=True))
    known = [_values_and_pixels(*one) for one in each]
    # A part may have two images, which tell no standard deviation.
    together = np.concatenate([values for values, _ in known])
    for score in scores:
        score.calibrate(together)
    return [
        held_out(one[0].combine(values), _pixels(*one) if one[0].calibrates_maps else pixels, votes)
        for one, (values, pixels), votes in zip(each, known, weights, strict=True)
    ]


def _values_and_pixels(score, reader, images):
    """Values of images, and some pixels of their maps: None where there are no maps yet."""
    if not score.tells_where or score.calibrates_maps:
        return reader.collect(score.values, images), None

    def rows_of(batch):
        values, maps = score.values_and_map(batch)
        return np.hstack([values, some_pixels(maps)])

    rows = reader.collect(rows_of, images)
    return np.split(rows, [rows.shape[1] - pixels_in(images.shape[1:3])], axis=1)


def _pixels(score, reader, images):
    """Some pixels of the maps of images by a score that is calibrated, or None without maps."""
    if not score.tells_where:
        return None
    return reader.collect(lambda batch: some_pixels(score.anomaly_map(batch)), images)
