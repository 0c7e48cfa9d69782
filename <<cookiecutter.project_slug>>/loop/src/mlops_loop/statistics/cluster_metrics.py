"""Metrics on distances to centres: `scores` are (n_rows, n_clusters), and `y` says nothing.

A row is in the cluster of its nearest centre. All but the smallest share are means over rows, so
they work on any part of the rows and on resamples.
"""

from __future__ import annotations

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric, by_name, mean_of
from mlops_loop.statistics.resampler import Resampler, of_sums
from mlops_loop.statistics.scales import Mean, Ranged


def nearest(scores: np.ndarray) -> np.ndarray:
    """The position of the nearest centre of each row, (n_rows,); the first of equal ones."""
    return np.asarray(scores).argmin(axis=1)


def silhouettes(scores: np.ndarray) -> np.ndarray:
    """The simplified silhouette of each row, (n_rows,), in [0, 1]: 1 - nearest / second distance.

    Hruschka, de Castro and Campello 2004, doi:10.1109/ICDM.2004.10073: distances to the centres
    take the place of mean distances to all rows of a cluster. 0 where both are the same. NaN where
    there is one cluster only.
    """
    if scores.shape[1] < 2:
        return np.full(len(scores), np.nan)
    first, second = np.partition(np.asarray(scores, dtype=float), 1, axis=1)[:, :2].T
    return 1 - np.divide(first, second, out=np.ones_like(first), where=second > 0)


def _inertia(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores, dtype=float).min(axis=1) ** 2


def _one_hot(labels: np.ndarray, n_labels: int) -> np.ndarray:
    return np.eye(n_labels)[labels]


def _smallest_share(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
    sizes = _one_hot(nearest(scores), scores.shape[1])
    return of_sums(lambda sums: sums[:, 1:].min(axis=1) / sums[:, 0], sizes)


def _pairs(sizes: np.ndarray) -> np.ndarray:
    """How many pairs of rows are in the same group, summed over groups, (n_resamples,)."""
    return (sizes * (sizes - 1) / 2).reshape(len(sizes), -1).sum(axis=1)


def adjusted_rand(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The adjusted Rand index of two divisions of the rows in each resample, (n_resamples,).

    1 for the same division, around 0 for unrelated ones (Hubert and Arabie 1985,
    doi:10.1007/BF01908075). first, second: (n_rows,) labels from 0. counts: (n_resamples, n_rows).
    """
    n_first, n_second = int(first.max()) + 1, int(second.max()) + 1
    joint = counts @ _one_hot(first * n_second + second, n_first * n_second)
    table = joint.reshape(len(counts), n_first, n_second)
    both = _pairs(table)
    rows, columns = _pairs(table.sum(axis=2)), _pairs(table.sum(axis=1))
    n = counts.sum(axis=1)
    by_chance, most = rows * columns / (n * (n - 1) / 2), (rows + columns) / 2
    same = most <= by_chance  # one cluster in both, or each row alone
    return np.where(same, 1.0, (both - by_chance) / np.where(same, 1.0, most - by_chance))


def _agreement(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
    own, refits = nearest(scores), y.T.astype(int)
    return Resampler(
        lambda counts: np.mean([adjusted_rand(own, labels, counts) for labels in refits], axis=0)
    )


METRICS = by_name(
    Metric("silhouette", mean_of(lambda y, scores: silhouettes(scores)), True, scale=Ranged(0, 1)),
    Metric.mean("inertia", _inertia, Mean()),
    Metric("smallest_share", _smallest_share, True, scale=Ranged(0, 1), shows_skill=False),
)
# `y` are labels of the same rows by models that were fitted to resamples, (n_rows, n_refits).
# Hennig 2007, doi:10.1016/j.csda.2006.11.025, asks the same of each cluster by Jaccard's index.
STABILITY = Metric("stability", _agreement, True, scale=Ranged(-1, 1))
