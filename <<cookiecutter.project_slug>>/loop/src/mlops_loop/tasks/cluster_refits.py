"""What k-means finds without structure, and on resamples: what a model of clusters must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlops_loop.model.predictor import raw_scores
from mlops_loop.statistics.cluster_metrics import STABILITY, nearest
from mlops_loop.tasks.task_refits import TaskRefits

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

ONE, PERMUTED, HEAP = "one cluster", "columns permuted", "one heap"
DRAWS, REFITS = 3, 10  # DRAWS: of permutations, and of heaps
SEED = 0  # of permutations and resamples; the models keep their own


class ClusterRefits(TaskRefits):
    """k-means on rows without clusters, and on resamples of the training rows."""

    metric = STABILITY
    note = (
        "The best constant is the best of one cluster for all rows and of the same estimator "
        "fitted to rows with permuted columns, and to one heap with the same covariances."
    )

    def uninformed(
        self, pipeline: Pipeline, training: np.ndarray, x: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Distances by models of rows that have no clusters: what k-means finds in any table.

        One has a single centre. Others are fitted to rows whose columns were permuted, each by
        itself, and measured on the rows `x` treated alike: each column as it is, and no relation
        between them. The last are of one heap of normal values with the covariances of what the
        estimator sees: k-means cuts a long heap, too, and finds the same cuts again. Null models as
        in Tibshirani, Walther and Hastie 2001, doi:10.1111/1467-9868.00293.
        """
        single = _one_centre(pipeline, training, x)[:, None]
        found = {ONE: np.tile(single, pipeline[-1].n_clusters)}
        for i in range(DRAWS):
            rng = np.random.default_rng([SEED, i])
            fitted = _fit(pipeline, _permuted(training, rng))
            found[f"{PERMUTED} (draw {i + 1})"] = raw_scores(fitted, _permuted(x, rng))
            found[f"{HEAP} (draw {i + 1})"] = _of_one_heap(pipeline, training, len(x), rng)
        return found

    def predictions(self, pipeline: Pipeline, training: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The cluster of each row; numbers of clusters mean nothing, divisions are compared."""
        labels = []
        for i in range(REFITS):
            rng = np.random.default_rng([SEED, i])
            drawn = rng.integers(0, len(training), len(training))
            labels.append(nearest(raw_scores(_fit(pipeline, training[drawn]), x)))
        return np.column_stack(labels).astype(np.int32)


def _one_centre(pipeline: Pipeline, training: np.ndarray, x: np.ndarray) -> np.ndarray:
    inner = pipeline[:-1]
    return np.linalg.norm(inner.transform(x) - inner.transform(training).mean(axis=0), axis=1)


def _permuted(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([rng.permutation(column) for column in rows.T])


def _of_one_heap(
    pipeline: Pipeline, training: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Distances of `n` rows of one heap to the centres that the estimator finds in another draw."""
    from sklearn.base import clone

    inner = pipeline[:-1].transform(training)
    mean, covariances = inner.mean(axis=0), np.cov(inner, rowvar=False, ddof=0, dtype=float)
    rows = rng.multivariate_normal(mean, np.atleast_2d(covariances), len(inner) + n, method="eigh")
    return clone(pipeline[-1]).fit(rows[n:]).transform(rows[:n])


def _fit(pipeline: Pipeline, rows: np.ndarray) -> Pipeline:
    from sklearn.base import clone

    return clone(pipeline).fit(rows)
