"""A plain function becomes a metric: the same number, resampled like any other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_loop import errors
from mlops_loop.statistics.bootstrap import Bootstrap, Contender
from mlops_loop.statistics.metrics import Metric
from mlops_loop.tasks import metrics


def brier(y: np.ndarray, scores: np.ndarray) -> float:
    return np.mean((scores[:, 1] - y) ** 2)


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_the_function_gets_rows_of_one_shape(make_contract, make_scores, kind):
    """`y` and `scores` as the task has them, with the rows of a resample repeated."""
    shapes = []

    def see(y: np.ndarray, scores: np.ndarray) -> float:
        shapes.append((y.shape, scores.shape))
        return 0.0

    y, scores = make_scores(kind, 50)
    metric = Metric.from_function("seen", see, greater_is_better=True)
    metric(y, scores, make_contract(kind))
    metric.resampled(y, scores, make_contract(kind), np.eye(50)[:2] * 3)
    assert shapes == [((n,), (n, *scores.shape[1:])) for n in (50, 3, 3)]


def test_it_agrees_with_the_same_formula_of_the_loop(make_contract, make_scores):
    """Value and standard error: the gain of two models has the standard interval."""
    (y, scores), contract = make_scores(), make_contract()
    function = Metric.from_function("cost", brier, greater_is_better=False)
    models = [Contender("a", "a", contract, y, s) for s in (scores, scores * 0.9 + 0.05)]
    bootstrap, own = Bootstrap(200, 0, 0.95), metrics.find("classification", "brier")
    ours, theirs = (vars(bootstrap.interval(m, *models)) for m in (function, own))
    assert function(y, scores, contract) == pytest.approx(own(y, scores, contract))
    assert ours["estimate"] == pytest.approx(theirs["estimate"])
    assert ours["high"] - ours["low"] <= theirs["high"] - theirs["low"] + 1e-9
    assert (function.sign, function.unit) == (-1, "")


def test_what_rows_do_not_define_is_nan(make_contract, make_scores):
    """As the function says, and without asking it where there is nothing to score."""
    (y, scores), contract = make_scores(), make_contract()
    metric = Metric.from_function("no", lambda y, scores: float("nan"), greater_is_better=True)
    assert math.isnan(metric(y, scores, contract))
    broken = Metric.from_function("no", lambda y, scores: 1 / 0, greater_is_better=True)
    assert math.isnan(broken(y[:0], scores[:0], contract))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda y, scores: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda y, scores: None, "TypeError: .*NoneType"),
        (lambda y, scores: scores, "TypeError: "),
        (lambda y: 1.0, "TypeError: .*1 positional argument"),
        (lambda y, scores: "high", "ValueError: .*'high'"),
    ],
    ids=["raises", "nothing", "an array", "one argument", "text"],
)
def test_a_function_that_fails_is_named(make_contract, make_scores, function, reason):
    """With what it said."""
    (y, scores), contract = make_scores(), make_contract()
    metric = Metric.from_function("cost", function, greater_is_better=True)
    with pytest.raises(errors.UsageError, match=f"The metric 'cost' fails on 200 rows: {reason}"):
        metric(y, scores, contract)
