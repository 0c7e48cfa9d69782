"""Slices: the loss and the score of rows with one level of a category, day by day.

A slice is called COLUMN=LEVEL. Its counts are rows, the sum of a quantity in [0, 1] and that of the
squares, in millionths, as those of the whole loss:

    slice:loss:COLUMN=LEVEL     losses of the rows whose outcome is known
    slice:score:COLUMN=LEVEL    ranks of the score, without the usual value; not of several scores

Rare levels, and those that training did not know, are in no slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlops_loop.daily.bins import NAMED, LevelBins, NumberBins
from mlops_loop.daily.day import MILLION
from mlops_loop.daily.frame import Frame, places_of

SCORE = "score"  # the only one, where there is one


def count_slices(
    frame: Frame, values: Mapping[str, Any], codes: np.ndarray, n_days: int,
    quantities: Mapping[str, np.ndarray],
) -> Iterator[tuple[str, np.ndarray]]:  # fmt: skip
    """Counts of each day by name, each (n_days, 3).

    values: columns of the rows; those that are not there are not counted. codes: the number of the
    day of each row, (n_rows,). quantities: by kind, (n_rows,), NaN where not known.
    """
    for column in frame.slices:
        bins = frame.columns[column]
        if column not in values or not isinstance(bins, LevelBins):
            continue
        places = places_of(bins, values[column]) - NAMED
        for kind, of_row in quantities.items():
            known = ~np.isnan(of_row) & (places >= 0)
            flat = codes[known] * len(bins.named) + places[known]
            sums = _sums(flat, of_row[known], n_days * len(bins.named))
            for level, counts in zip(bins.named, _by_level(sums, n_days), strict=True):
                yield f"slice:{kind}:{column}={level}", counts


def _sums(flat: np.ndarray, values: np.ndarray, length: int) -> np.ndarray:
    """(length, 3) whole numbers."""
    parts = (np.ones_like(values), np.rint(values * MILLION), np.rint(values**2 * MILLION))
    return np.stack([np.bincount(flat, p, length) for p in parts], axis=1).astype(np.int64)


def _by_level(sums: np.ndarray, n_days: int) -> np.ndarray:
    return sums.reshape(n_days, -1, 3).swapaxes(0, 1)


def ranks(bins: NumberBins, scores: np.ndarray) -> np.ndarray:
    """The rank of each score in training, NaN for the usual value, (n_rows,)."""
    places = bins.places(scores) - 1
    found = np.where(places >= 0, bins.ranks[np.maximum(places, 0)], np.nan)
    return found if bins.usual_bin is None else np.where(places == bins.usual_bin, np.nan, found)


def names(frame: Frame) -> Iterator[tuple[str, str]]:
    """Kind, and the name of the slice, of all that is counted."""
    kinds = ["loss"] * bool(frame.loss) + [SCORE] * (SCORE in frame.scores)
    for column in frame.slices:
        bins = frame.columns[column]
        levels = bins.named if isinstance(bins, LevelBins) else ()
        yield from ((kind, f"{column}={level}") for level in levels for kind in kinds)
