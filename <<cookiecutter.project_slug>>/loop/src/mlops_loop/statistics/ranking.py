"""Areas under the curves of a ranking, for many resamples at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Ranking(NamedTuple):
    """Rows of a class among the others, the greatest score first.

    hits, misses: (n_hits,) and (n_misses,) positions of rows of the class, and of the others. Of
    each hit: `up_to` as many hits have its score or a greater one, `above` as many misses have a
    greater one, and `beside` as many have its own or a greater one; (n_hits,) each.
    """

    hits: np.ndarray
    misses: np.ndarray
    up_to: np.ndarray
    above: np.ndarray
    beside: np.ndarray


def ranking(positive: np.ndarray, score: np.ndarray) -> Ranking:
    """The ranking by `score` of the rows that are `positive`; both (n_rows,)."""
    order = np.argsort(-score, kind="stable")
    hits, misses = order[positive[order]], order[~positive[order]]
    at, others = -score[hits], -score[misses]
    sides = (np.searchsorted(others, at, side) for side in ("left", "right"))
    return Ranking(hits, misses, np.searchsorted(at, at, "right"), *sides)


def roc_auc(counts: np.ndarray, ranked: Ranking) -> np.ndarray:
    """Share of pairs in the right order, ties half (Mann and Whitney 1947).

    counts: (n_resamples, n_rows). (n_resamples,); NaN where a resample has one kind of rows.
    """
    hits, misses = counts[:, ranked.hits], _running(counts[:, ranked.misses])
    below = misses[:, -1:] - (misses[:, ranked.above] + misses[:, ranked.beside]) / 2
    return (hits * below).sum(axis=1) / (hits.sum(axis=1) * misses[:, -1])


def average_precision(counts: np.ndarray, ranked: Ranking) -> np.ndarray:
    """Precision at each hit, averaged; NaN where there is nothing but hits to rank.

    counts: (n_resamples, n_rows). (n_resamples,).
    """
    hits, misses = counts[:, ranked.hits], _running(counts[:, ranked.misses])
    taken = _running(hits)[:, ranked.up_to]
    precision = taken / (taken + misses[:, ranked.beside])
    mean = np.nansum(hits * precision, axis=1) / hits.sum(axis=1)
    return np.where(misses[:, -1] > 0, mean, math.nan)


def _running(counts: np.ndarray) -> np.ndarray:
    """Sums up to each column, from 0: (n_resamples, n_columns + 1)."""
    sums = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    return sums
