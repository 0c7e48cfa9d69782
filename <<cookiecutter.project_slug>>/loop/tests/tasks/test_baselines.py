"""What a model has to beat: constants and a shallow model, learned from training rows alone."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from mlops_loop import tasks
from mlops_loop.model.contract import Contract
from mlops_loop.tasks import baselines, metrics

BINARY = Contract("classification", "late", (), ("no", "yes"))
THREE = Contract("classification", "size", (), ("low", "mid", "high"))
NUMBER = Contract("regression", "delay", (), target_unit="min")
EACH = pytest.mark.parametrize(
    "contract", [BINARY, THREE, NUMBER], ids=["binary", "three", "number"]
)


def world(contract, n=4000, seed=0):
    """Columns with missing and infinite values, of which the first tells something."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    y = x[:, 0] + rng.normal(0, 1, n)
    x[rng.random((n, 3)) < 0.05] = np.nan
    x[0, 1], x[1, 1] = np.inf, -np.inf
    if contract.classes:
        y = np.digitize(y, [0.8] if len(contract.classes) == 2 else [-0.5, 0.8])
    return x, y


def fitted(contract, n=4000):
    x, y = world(contract, 1000, 1)
    return baselines.fit(world(contract, n), x, contract), y


@EACH
def test_the_best_constant_of_each_metric(contract):
    """No other constant of the task is better; every row gets the same scores."""
    known, y = fitted(contract)
    for name, metric in metrics.table(contract.task).items():
        best = known.against(metric, y, contract)["constant"]
        assert (best.scores == best.scores[:1]).all(), name
        values = [metric.sign * metric(y, s, contract) for s in known.constants.values()]
        assert metric.sign * best.value(metric) == np.nanmax(values)


@pytest.mark.parametrize(
    ("contract", "metric", "name"),
    [
        (BINARY, "log_loss", "the shares of the classes"),
        (BINARY, "accuracy", "the shares of the classes"),
        (BINARY, "f1", "always 'yes'"),
        (NUMBER, "rmse", "the mean"),
        (NUMBER, "mae", "the median"),
        (NUMBER, "pinball_10", "the 10 % quantile"),
        (NUMBER, "pinball_90", "the 90 % quantile"),
    ],
)
def test_each_kind_of_metric_has_its_constant(contract, metric, name):
    """On a skewed target; mean and median of a symmetric one are the same."""
    x, y = world(contract, 4000)
    y = y if contract.classes else np.exp(y)
    known = baselines.fit((x, y), x, contract)
    assert known.against(metrics.find(contract.task, metric), y, contract)["constant"].name == name


@EACH
def test_a_shallow_model_is_better_than_a_constant(contract):
    """It knows the column that tells something, though values are missing or infinite."""
    known, y = fitted(contract)
    task = tasks.of(contract)
    models = known.against(metrics.find(contract.task, task.skill_metric), y, contract)
    metric = metrics.find(contract.task, task.skill_metric)
    assert models["shallow"].name == "a decision tree of depth 3"
    gain = models["shallow"].value(metric) - models["constant"].value(metric)
    assert metric.sign * gain > 0.02
    assert len(np.unique(models["shallow"].scores, axis=0)) <= 8


def test_no_leaf_is_sure(make_contract):
    """A row of another class costs no infinite loss."""
    x = np.arange(1000, dtype=np.float32)[:, None]
    y = (x[:, 0] > 900).astype(int)
    scores = tasks.of(BINARY).shallow((x, y), x, BINARY)
    assert 0 < scores.min() < 0.01
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_a_class_that_the_fitted_rows_lack_has_a_share_of_nothing():
    """As where the rows to fit are thinned, and a class is rare."""
    x, y = np.nan_to_num(world(THREE)[0]), world(THREE)[1]
    scores = tasks.of(THREE).shallow((x, np.where(y == 1, 0, y)), x, THREE)
    assert (scores[:, 1] == 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1)


@EACH
def test_the_table_gives_the_same_baselines(contract, tmp_path):
    """Through Parquet, to the last digit; and in some of the rows."""
    known, y = fitted(contract)
    known.to_table().to_parquet(path := tmp_path / baselines.FILE)
    again = baselines.Baselines.from_table(pd.read_parquet(path))
    assert again.measure(y, contract) == known.measure(y, contract)
    rows = np.arange(0, 1000, 3)
    assert again.take(rows).measure(y[rows], contract) == known.take(rows).measure(
        y[rows], contract
    )


@pytest.mark.parametrize("columns", [["shallow/a tree/0"], ["other/x/0"], ["x"]])
def test_another_table_is_refused(columns):
    """Without a constant, or with what is no baseline."""
    with pytest.raises(ValueError, match=r"there is no|not enough"):
        baselines.Baselines.from_table(pd.DataFrame({name: [1.0] for name in columns}))


def test_a_constant_in_which_a_metric_is_undefined_comes_last():
    """The shares of a rare class call no row positive, so that precision has no value."""
    rare = {"the shares": np.tile([0.9, 0.1], (9, 1)), "always 'yes'": np.tile([0.0, 1], (9, 1))}
    metric, y = metrics.find("classification", "precision"), np.arange(9) % 3 // 2
    best = baselines.Baselines(rare, {}).against(metric, y, BINARY)
    assert set(best) == {"constant"}
    assert best["constant"].name == "always 'yes'"


@pytest.mark.parametrize(
    ("task", "metric", "other"),
    [
        ("classification", "f1", "f1"),
        ("classification", "recall", "roc_auc"),
        ("classification", "precision", "roc_auc"),
        ("classification", "calibration_error", "roc_auc"),
        ("regression", "mae", "mae"),
        ("regression", "bias", "rmse"),
    ],
)
def test_another_metric_where_a_constant_can_be_perfect(task, metric, other):
    """That of the task."""
    assert baselines.skill_metric(task, metric) == other


def test_many_rows_take_seconds():
    """300,000 of ten columns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300_000, 10)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=len(x)) > 1).astype(int)
    start = time.process_time()
    assert len(baselines.fit((x, y), x, BINARY).measure(y, BINARY)) == 10
    assert time.process_time() - start < 30
