"""One number, one interval: gate, evaluation and card give the same bounds, to the last digit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop.gate.comparison import Comparison
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.pipeline import card, evaluate
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.resampling import Resampling

CONTRACTS = {
    "binary": Contract("classification", "late", (), ("no", "yes")),
    "regression": Contract("regression", "delay", ()),
}


def made(kind):
    """A model and its rows, thirty days of ten rows that are alike."""
    rng, days = np.random.default_rng(5), np.arange(300) // 10
    y = rng.integers(0, 2, 300) if kind == "binary" else rng.normal(0, 1, 300)
    noise = rng.normal(0, 1, 30)[days] + rng.normal(0, 1, 300)
    late = 1 / (1 + np.exp(-(2 * y + noise - 1)))
    scores = np.column_stack([1 - late, late]) if kind == "binary" else y + noise
    rows = pd.DataFrame({"day": days, "team": "a", "colour": "b"})
    return rows, Contender("new", "new", CONTRACTS[kind], y, scores)


def policy(metric, task):
    suspicion = {"too_good": 0.999, "max_gain": 1}
    return GatePolicy.model_validate({
        "task": task, "min_rows": 100, "primary": {"metric": metric, "margin": 1},
        "absolute": {metric: 1}, "suspicion": suspicion,
    })  # fmt: skip


@pytest.mark.parametrize("cluster", [None, "day"])
@pytest.mark.parametrize(("kind", "metric"), [("binary", "log_loss"), ("regression", "mae")])
def test_a_number_has_one_interval(make_params, kind, metric, cluster):
    """Of every metric of the task, whether rows are drawn one by one or by days."""
    (rows, model), task = made(kind), CONTRACTS[kind].task
    params = make_params(kind, {"evaluate.cluster": cluster, "evaluate.confidence": 0.9})
    result = evaluate.measure(rows, model, params) | {"importance": [], "baselines": {}}
    rule = Resampling.of(params.evaluate, params.seed)
    unseen = np.zeros(len(rows), dtype=bool)
    compared = Comparison(model, None, unseen, rows, policy(metric, task), rule)
    gate = {name: compared.interval(name) for name in result["intervals"]}
    assert {name: [i.low, i.high] for name, i in gate.items()} == result["intervals"]
    text = card.model_card(model.contract, result, params, 900)
    bounds = " to ".join(f"{bound:.4f}" for bound in result["intervals"][metric])
    assert f"| {metric} | {result['metrics'][metric]:.4f} | {bounds} |" in text
    assert "| metric | value | 90 % interval |" in text
    assert ("Rows with the same `day` are drawn together." in text) == bool(cluster)
