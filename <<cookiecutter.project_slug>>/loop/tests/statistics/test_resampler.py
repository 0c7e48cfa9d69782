"""What is done once for all resamples gives what each resample would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop import tasks
from mlops_loop.statistics.resampler import UNDEFINED, Resampler, of_sums

KINDS = {"binary": "classification", "multi-class": "classification", "regression": "regression"}
METRICS = [(kind, metric) for kind, task in KINDS.items() for metric in tasks.find(task).metrics]
FIXTURES = HealthCheck.function_scoped_fixture  # they only make functions


@pytest.mark.parametrize(("kind", "name"), METRICS)
@settings(max_examples=5, deadline=None, suppress_health_check=[FIXTURES])
@given(seed=st.integers(0, 10**6), n_clusters=st.integers(1, 12))
def test_clusters_count_as_their_rows(make_scores, make_contract, kind, name, seed, n_clusters):
    """Every metric: counts of clusters give what the same counts of their rows give."""
    rng = np.random.default_rng(seed)
    y, scores = make_scores(kind, 60, seed)
    numbers = np.sort(rng.integers(0, n_clusters, 60))
    clusters = np.unique(numbers, return_inverse=True)[1]
    counts = rng.integers(0, 4, (5, clusters[-1] + 1)).astype(float)
    counts[:, 0] += 1  # at least one row
    metric = tasks.find(KINDS[kind]).metrics[name]
    by_row = metric.resampler(y, scores, make_contract(kind))
    expected = by_row(counts[:, clusters])
    assert by_row.of_clusters(clusters)(counts) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_rows_of_a_cluster_are_added_before_anything_is_drawn():
    """So that resamples cost what their clusters cost."""
    by_row = of_sums(lambda sums: sums[:, 1] / sums[:, 0], np.array([1.0, 2, 3, 6]))
    by_cluster = by_row.of_clusters(np.array([0, 0, 1, 1]))
    assert by_cluster.columns.tolist() == [[2, 3], [2, 9]]
    assert by_cluster(np.array([[1.0, 0], [1, 1]])).tolist() == [[1.5], [3]]


def test_single_rows_are_their_own_clusters():
    """Nothing has to be made."""
    by_row = Resampler(lambda counts: counts.sum(axis=1))
    assert by_row.of_clusters(np.arange(3)) is by_row


def test_nothing_is_known_of_no_row():
    """One part, NaN, for each resample."""
    assert np.isnan(UNDEFINED(np.ones((3, 0)))).tolist() == [[True]] * 3
