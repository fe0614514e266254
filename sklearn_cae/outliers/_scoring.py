"""Scores and maps of all images of an array, batch by batch."""

from typing import Any

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


def calibrate(score, reader, images):
    """Let a score learn from held-out images what makes its values one; tell what they give."""

    def pixels_of(batch):
        return some_pixels(score.anomaly_map(batch))

    def rows_of(batch):
        values, maps = score.values_and_map(batch)
        return np.hstack([values, some_pixels(maps)])

    pixels: Any = None
    if score.tells_where and not score.calibrates_maps:
        rows = reader.collect(rows_of, images)
        n_pixels = pixels_in(images.shape[1:3])
        values, pixels = np.split(rows, [rows.shape[1] - n_pixels], axis=1)
        score.calibrate(values)
    else:
        values = reader.collect(score.values, images)
        score.calibrate(values)
        if score.tells_where:
            pixels = reader.collect(pixels_of, images)
    return held_out(score.combine(values), pixels)
