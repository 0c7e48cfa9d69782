"""Metrics of clusters, against their definitions and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.metrics.pairwise import euclidean_distances

from mlops_loop.model.contract import Contract
from mlops_loop.statistics import cluster_metrics
from mlops_loop.statistics.cluster_metrics import METRICS, STABILITY, adjusted_rand, silhouettes

CONTRACT = Contract("clustering", "cluster", (), ("cluster 1", "cluster 2", "cluster 3"))
CENTRES = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])


@pytest.fixture
def rows() -> np.ndarray:
    """Three heaps of 120, 60 and 20 rows."""
    heap = np.repeat([0, 1, 2], [120, 60, 20])
    return CENTRES[heap] + np.random.default_rng(0).normal(0, 1, (200, 2))


@pytest.fixture
def scores(rows) -> np.ndarray:
    return euclidean_distances(rows, CENTRES)


def test_a_silhouette_is_that_of_its_definition(rows, scores):
    """(b - a) / max(a, b), of the distances to the own centre and to the next one."""
    for row, value in zip(scores, silhouettes(scores), strict=True):
        own = row.min()
        other = min(d for i, d in enumerate(row) if i != row.argmin())
        assert value == pytest.approx((other - own) / max(own, other))


def test_the_silhouette_is_near_that_of_all_pairs(rows, scores):
    """Which scikit-learn computes from the distances between rows, where clusters are round.

    A centre is nearer than its rows are in the mean, so the simplified one is the larger of both.
    """
    whole = silhouette_score(rows, scores.argmin(axis=1))
    own = METRICS["silhouette"](np.zeros(200), scores, CONTRACT)
    assert whole < own < whole + 0.1


def test_clusters_of_equal_rows_have_the_silhouette_of_scikit_learn():
    """Without any spread a centre is as far as each of its rows."""
    rows = np.repeat(CENTRES, 5, axis=0)
    scores = euclidean_distances(rows, CENTRES)
    own = METRICS["silhouette"](np.zeros(15), scores, CONTRACT)
    assert own == silhouette_score(rows, scores.argmin(axis=1)) == 1


def test_rows_between_equal_centres_are_in_no_cluster():
    """A row as far from two centres, also at distance 0, has a silhouette of 0."""
    np.testing.assert_array_equal(silhouettes(np.array([[2.0, 2, 5], [0, 0, 3]])), [0, 0])


def test_one_cluster_has_no_silhouette(scores):
    """It is not defined, and no error."""
    assert np.isnan(METRICS["silhouette"](np.zeros(200), scores[:, :1], CONTRACT))


def test_inertia_and_smallest_share(scores):
    """By their definitions."""
    y = np.zeros(200)
    assert METRICS["inertia"](y, scores, CONTRACT) == pytest.approx((scores.min(1) ** 2).mean())
    assert METRICS["smallest_share"](y, scores, CONTRACT) == 0.1
    lone = np.column_stack([scores, np.full(200, 99.0)])
    assert METRICS["smallest_share"](y, lone, CONTRACT) == 0


@pytest.mark.parametrize("name", METRICS)
def test_a_resample_is_the_table_of_its_rows(scores, name):
    """`counts` say how often a row is there."""
    counts = np.random.default_rng(1).integers(0, 3, (4, 200)).astype(float)
    metric = METRICS[name]
    drawn = [np.repeat(scores, row.astype(int), axis=0) for row in counts]
    one_by_one = [metric(np.zeros(len(table)), table, CONTRACT) for table in drawn]
    np.testing.assert_allclose(
        metric.resampled(np.zeros(200), scores, CONTRACT, counts), one_by_one
    )


def test_the_adjusted_rand_index_is_that_of_scikit_learn():
    """Of all rows, and of resamples; 1 where both divisions are the same, by other numbers."""
    rng = np.random.default_rng(2)
    first = rng.integers(0, 4, 300)
    second = np.where(rng.random(300) < 0.3, rng.integers(0, 3, 300), first % 3)
    counts = np.vstack([np.ones(300), rng.integers(0, 3, (5, 300))])
    expected = [adjusted_rand_score(np.repeat(first, n), np.repeat(second, n))
                for n in counts.astype(int)]  # fmt: skip
    np.testing.assert_allclose(adjusted_rand(first, second, counts), expected)
    np.testing.assert_allclose(adjusted_rand(first, (first + 1) % 4, counts), 1)
    np.testing.assert_array_equal(adjusted_rand(first * 0, first * 0, counts), 1)


def test_stability_is_the_mean_over_refits(scores):
    """`y` are their labels."""
    own, rng = cluster_metrics.nearest(scores), np.random.default_rng(3)
    refits = np.column_stack([2 - own, rng.permutation(own)])
    expected = np.mean([adjusted_rand_score(own, labels) for labels in refits.T])
    assert STABILITY(refits, scores, CONTRACT) == pytest.approx(expected)
