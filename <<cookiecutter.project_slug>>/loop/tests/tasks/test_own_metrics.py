"""Metrics of the user's join those of the task, and never replace one."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_loop import errors, project
from mlops_loop.statistics.metrics import Metric, mean_of
from mlops_loop.tasks import metrics

HITS = Metric("hits", mean_of(lambda y, scores: y == scores.argmax(axis=1)), True)


@pytest.fixture
def own(monkeypatch):
    """`own({...})` is `extensions.METRICS` of the project."""
    return lambda table: monkeypatch.setattr(project, "extension", {"METRICS": table}.get)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_an_own_metric_is_found_and_scored(own, make_contract, make_scores, task):
    """As one of the task, after those that it has."""
    own({"hits": HITS})
    assert metrics.find(task, "hits") is HITS
    assert list(metrics.table(task))[-1] == "hits"
    with pytest.raises(errors.UsageError, match=r"'luck' for .* hits\."):
        metrics.find(task, "luck")


def test_every_metric_is_scored(own, make_contract, make_scores):
    """In the order of the table."""
    own({"hits": HITS})
    y, scores = make_scores()
    found = metrics.score_all(y, scores, make_contract())
    assert list(found) == list(metrics.table("classification"))
    assert found["hits"] == np.mean(y == scores.argmax(axis=1))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"roc_auc": Metric("roc_auc", HITS.function, True)}, "'roc_auc'.* is a metric of class"),
        ({"other": HITS}, "'other'.* must be a Metric with that name"),
        ({"hits": HITS.function}, "'hits'.* must be a Metric"),
    ],
    ids=["clash", "another name", "function"],
)
def test_a_wrong_table_is_refused(own, table, reason):
    """Whichever metric was asked for."""
    own(table)
    with pytest.raises(errors.UsageError, match=reason):
        metrics.find("classification", "brier")
