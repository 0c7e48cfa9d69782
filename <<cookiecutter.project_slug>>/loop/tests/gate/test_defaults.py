"""The gate that a new project starts with, where the template is at hand: useless models fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_loop import params
from mlops_loop.gate import comparison, gate
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.tasks import baselines

PROJECT = Path(__file__).parents[3]
LATE = Contract("classification", "late", (), ("on time", "late"))
N = 3000

pytestmark = pytest.mark.skipif(
    not (PROJECT / "gate.classification.yaml").exists(), reason="a generated project has its own"
)


def policy(task):
    return params.read_yaml(PROJECT / f"gate.{task}.yaml", GatePolicy)


@pytest.fixture
def rows():
    """Hours of ten rows."""
    rng = np.random.default_rng(0)
    columns = {"origin": rng.choice(["EWR", "JFK"], N), "carrier": rng.choice(["AA", "UA"], N)}
    return pd.DataFrame({**columns, "_time": np.arange(N) // 10})


@pytest.fixture
def fair():
    """A fair model of a class that is one row in four."""
    rng = np.random.default_rng(1)
    signal = rng.normal(0, 1, N)
    y = (signal + rng.normal(0, 1, N) > 0.95).astype(int)
    late = 1 / (1 + np.exp(1.6 - 1.7 * signal))
    contract = replace(LATE, threshold=0.25)
    return Contender("new", "new", contract, y, np.column_stack([1 - late, late]))


def decide(model, rows, task="classification"):
    none_seen = np.zeros(len(rows), dtype=bool)
    return gate.decide(comparison.Comparison(model, None, none_seen, rows, policy(task)))


def test_a_fair_model_is_promoted(fair, rows):
    """Every check has room for it."""
    assert decide(fair, rows).decision == "PROMOTE"


@pytest.mark.parametrize("threshold", [0.0, 0.0001, 0.999, 1.0])
def test_a_threshold_that_calls_all_rows_alike_is_rejected(fair, rows, threshold):
    """Though its probabilities are as good as ever."""
    blind = replace(fair, contract=replace(fair.contract, threshold=threshold))
    verdict = decide(blind, rows)
    assert verdict.decision == "REJECT"
    failed = {(check.name, check.metric) for check in verdict.checks if check.status == "fail"}
    assert ("absolute", "balanced_accuracy") in failed
    if threshold in (0.0, 1.0):
        assert ("predictions", "") in failed


def test_a_constant_is_rejected_though_it_keeps_to_every_limit(rows):
    """The mean of other rows: R2 is a little below 0, and both ceilings are far away."""
    rng = np.random.default_rng(2)
    y, other = (rng.exponential(50, N) - 40 for _ in range(2))
    contract = Contract("regression", "delay", (), target_unit="min")
    none = np.zeros((N, 1), dtype=np.float32)
    known = baselines.fit((none, other), none, contract)
    model = Contender("new", "new", contract, y, known.constants["the mean"])
    none_seen = np.zeros(N, dtype=bool)
    whole = comparison.Comparison(model, None, none_seen, rows, policy("regression"))
    verdict = gate.decide(replace(whole, baselines=known))
    assert verdict.decision == "REJECT"
    failed = {check.name for check in verdict.checks if check.status == "fail"}
    assert failed == {"against constant", "predictions"}
