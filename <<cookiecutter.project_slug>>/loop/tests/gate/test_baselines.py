"""A model that knows nothing is refused, the first one too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_loop.errors import UsageError
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Comparison
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.metrics import Metric
from mlops_loop.statistics.resampling import Resampling
from mlops_loop.tasks import baselines, metrics

LATE = Contract("classification", "late", (), ("no", "yes"), threshold=0.3)
DELAY = Contract("regression", "delay", (), target_unit="min")


def rules(contract, metric, **changes):
    """A policy with a limit that everything keeps to."""
    plain = {
        "task": contract.task, "min_rows": 300,
        "primary": {"metric": metric, "margin": 0.02},
        "absolute": {"roc_auc": 0.1} if contract.classes else {"rmse": 1e6},
        "suspicion": {"too_good": 2 if contract.classes else 0, "max_gain": 1e6},
    }  # fmt: skip
    return GatePolicy.model_validate({**plain, **changes})


class World:
    """Rows of two columns, the first of which tells something of the outcome."""

    def __init__(self, contract=LATE, n=2000, signal=1.0, seed=0):
        self.contract, self.n = contract, n
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2 * n, 2)).astype(np.float32)
        y = 20 * (signal * x[:, 0] + x[:, 1] + rng.normal(0, 1, 2 * n))
        y = (y > 15).astype(int) if contract.classes else y
        self.x, self.y = x[n:], y[n:]
        self.known = baselines.fit((x[:n], y[:n]), self.x, contract)
        self.rows = pd.DataFrame({"hour": np.arange(n) // 4})

    def model(self, signal=1.0, noise=0.0):
        """Of both columns; `signal` 0 is a model that sees noise alone."""
        made = signal * self.x.sum(axis=1) + noise * np.random.default_rng(5).normal(size=self.n)
        if self.contract.classes:
            late = 1 / (1 + np.exp(1.2 - 1.5 * made))
            made = np.column_stack([1 - late, late])
        else:
            made = 20 * made
        return Contender("new", "new", self.contract, self.y, made.astype(np.float32))

    def decide(self, model, metric=None, champion=None, cluster=None, **changes):
        metric = metric or ("roc_auc" if self.contract.classes else "rmse")
        policy = rules(self.contract, metric, **changes)
        seen, rule = np.zeros(self.n, dtype=bool), Resampling(200, 1, cluster=cluster)
        known = Comparison(model, champion, seen, self.rows, policy, rule, {}, self.known)
        return gate.decide(known)


def check(verdict, name):
    [found] = [c for c in verdict.checks if c.name == name]
    return found


BOTH = pytest.mark.parametrize("contract", [LATE, DELAY], ids=["classes", "numbers"])


@BOTH
@pytest.mark.parametrize("cluster", [None, "hour"])
def test_a_first_model_that_knows_something_passes(contract, cluster):
    """It is shown to be better than both."""
    world = World(contract)
    verdict = world.decide(world.model(), cluster=cluster)
    assert verdict.decision == "PROMOTE"
    for name in ("against constant", "against shallow"):
        result = check(verdict, name)
        assert (result.status, result.threshold, result.n_rows) == ("pass", 0, 2000)
        assert 0 < result.low < result.estimate < result.high
    assert "predictions" not in {c.name for c in verdict.checks}


@BOTH
def test_every_constant_is_rejected(contract):
    """Though it keeps to all limits that the policy names."""
    world = World(contract)
    for name, scores in world.known.constants.items():
        model = Contender("new", "new", contract, world.y, scores)
        verdict = world.decide(model)
        assert verdict.decision == "REJECT", name
        assert check(verdict, "against constant").status == "fail"
        assert check(verdict, "predictions").status == "fail"
        assert check(verdict, "absolute").status == "pass"


@BOTH
def test_a_model_of_noise_is_rejected_with_a_champion_too(contract):
    """Whatever production has."""
    world = World(contract)
    bad = world.model(0, 1)
    verdict = world.decide(bad, champion=replace(bad, name="v1.0.0", id="old"))
    assert verdict.decision == "REJECT"
    assert check(verdict, "against constant").status in ("fail", "hold")


def test_a_gain_within_noise_is_held():
    """And the check says how many rows would decide."""
    world = World(n=400, seed=3)
    verdict = world.decide(world.model(0.05, 1), baselines={"shallow": False})
    result = check(verdict, "against constant")
    assert result.low < 0 < result.estimate
    assert (verdict.decision, result.status) == ("HOLD", "hold")
    assert "within noise. About" in result.message
    assert result.rows_needed > 400


@BOTH
def test_a_model_that_is_worse_than_a_tree_of_three_questions_is_rejected(contract):
    """It is better than a constant, but three questions know more."""
    world = World(contract, signal=4)
    weak = world.model(0.3, 0.9) if contract.classes else world.model(0.4, 0.1)
    verdict = world.decide(weak)
    assert check(verdict, "against constant").status == "pass"
    assert check(verdict, "against shallow").message.startswith("Shown to be worse than a decision")
    assert verdict.decision == "REJECT"
    left_out = world.decide(weak, baselines={"shallow": False})
    assert left_out.decision == "PROMOTE"


def test_a_model_that_equals_the_shallow_one_passes():
    """Undecided, and it is said with the numbers."""
    world = World()
    shallow = world.known.shallow["a decision tree of depth 3"]
    noise = np.random.default_rng(0).normal(0, 1e-4, len(shallow))
    scores = shallow + np.column_stack([-noise, noise]).astype(np.float32)
    verdict = world.decide(Contender("new", "new", LATE, world.y, scores))
    result = check(verdict, "against shallow")
    assert result.status == "pass"
    assert result.low < result.high < 0.05
    assert verdict.decision == "PROMOTE"


@pytest.mark.parametrize("metric", ["recall", "precision", "calibration_error"])
def test_a_metric_in_which_a_constant_can_be_perfect(metric):
    """The task's own metric compares: a good model passes, a constant does not."""
    world = World()
    passed = world.decide(world.model(), metric)
    assert check(passed, "against constant").metric == "roc_auc"
    assert check(passed, "against constant").status == "pass"
    always = Contender("new", "new", LATE, world.y, world.known.constants["always 'yes'"])
    assert check(world.decide(always, metric), "against constant").status == "fail"


def test_the_metric_of_the_policy_compares():
    """Where gate.yaml names one."""
    world = World()
    verdict = world.decide(world.model(), baselines={"metric": "log_loss"})
    assert check(verdict, "against constant").metric == "log_loss"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("recall", "'recall', or have no value. Set baselines.metric to one of: roc_auc"),
     ("speed", "no metric 'speed'")],
)  # fmt: skip
def test_a_metric_that_cannot_compare_is_refused_by_name(name, reason):
    """With those that can."""
    world = World()
    with pytest.raises(UsageError, match=reason):
        world.decide(world.model(), baselines={"metric": name})


def test_a_wrong_key_is_refused():
    """By pydantic, with its name."""
    with pytest.raises(ValueError, match="shalow"):
        rules(LATE, "roc_auc", baselines={"shalow": False})


def test_an_own_metric_compares_and_one_that_a_constant_has_not_is_refused(monkeypatch):
    """Fail closed, with the key to set."""
    gain = Metric.from_function(
        "gain", lambda y, s: float(y[s[:, 1] > 0.4].sum() - y.mean() * 100), greater_is_better=True
    )
    spread = Metric.from_function(
        "spread", lambda y, s: np.ptp(s[:, 1]) or np.nan, greater_is_better=True
    )
    for own in (gain, spread):
        monkeypatch.setattr(metrics.project, "extension", lambda _, own=own: {own.name: own})
        world = World()
        result = check(world.decide(world.model(), own.name), "against constant")
        assert result.metric == own.name
        if own is spread:
            assert result.status == "fail"
            assert "set baselines.metric in gate.yaml" in result.message


@pytest.mark.parametrize(("n", "status"), [(2000, "fail"), (200, "hold")])
def test_the_same_prediction_for_every_row(n, status):
    """By a threshold beyond all scores; few rows may have no other."""
    world = World(n=n)
    blind = replace(world.model(), contract=replace(LATE, threshold=0.9999))
    result = check(world.decide(blind), "predictions")
    assert result.status == status
    assert f"All {n:,} rows get the same prediction: no" in result.message


def test_rows_of_one_class_may_get_one_prediction():
    """There is nothing else to predict."""
    world = World()
    blind = replace(world.model(), y=np.zeros(2000, int), contract=replace(LATE, threshold=0.9999))
    assert "predictions" not in {c.name for c in world.decide(blind).checks}
