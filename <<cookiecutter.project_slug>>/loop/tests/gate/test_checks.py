"""Every refusal of the gate, on made models: what passes, what is held, what is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.gate import comparison, gate
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.statistics import bootstrap
from mlops_loop.statistics.resampling import Resampling

LATE = Contract("classification", "late", (), ("no", "yes"))
DELAY = Contract("regression", "delay", (), target_unit="min")


def rules(**changes):
    """A policy that a good model passes with room."""
    plain = {
        "task": "classification",
        "min_rows": 300,
        "primary": {"metric": "roc_auc", "margin": 0.02},
        "absolute": {"roc_auc": 0.6},
        "suspicion": {"too_good": 0.95, "max_gain": 0.1},
    }
    return GatePolicy.model_validate({**plain, **changes})


SLICES = {"columns": ["origin"], "metric": "roc_auc", "limit": 0.6, "max_loss": 0.05}
FAIRNESS = [{"column": "origin", "metric": "balanced_accuracy", "max_gap": 0.2}]


@dataclass
class Duel:
    """Rows whose outcome a signal foretells in part, and models that see it through noise."""

    n_rows: int = 3000
    seed: int = 0
    policy: GatePolicy = field(default_factory=rules)
    measurements: dict = field(default_factory=dict)
    rule: Resampling = field(default_factory=lambda: Resampling(resamples=200, seed=1))

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.signal = self.rng.normal(0, 1, self.n_rows)
        self.y = (self.signal + self.rng.normal(0, 1.5, self.n_rows) > 0.7).astype(int)
        self.origin = np.array(["EWR", "JFK", "LGA"], dtype=object)[np.arange(self.n_rows) % 3]
        self.seen = np.zeros(self.n_rows, dtype=bool)
        self.champion = self.model("old", 0.3)

    def model(self, name="new", noise=0.3, signal=None):
        """A model; more noise makes it worse, a signal of its own makes it another."""
        signal = self.signal if signal is None else signal
        z = signal + noise * np.random.default_rng([*name.encode()]).normal(0, 1, self.n_rows) - 0.7
        p = 1 / (1 + np.exp(-z))
        return bootstrap.Contender(name, name, LATE, self.y, np.column_stack([1 - p, p]))

    def comparison(self, challenger):
        models, rows = (challenger, self.champion), pd.DataFrame({"origin": self.origin})
        return comparison.Comparison(
            *models, self.seen, rows, self.policy, self.rule, self.measurements
        )

    def decide(self, challenger=None):
        return gate.decide(self.comparison(challenger or self.model()))


def minutes(name, y, scores, unit="min"):
    """A model of a delay."""
    contract = Contract("regression", "delay", (), target_unit=unit)
    return bootstrap.Contender(name, name, contract, y, scores)


def check(verdict, name, slice_=""):
    """The only check of this name (and slice)."""
    (result,) = [c for c in verdict.checks if c.name == name and slice_ in c.slice]
    return result


def test_an_equal_model_passes_non_inferiority():
    """Enough rows show that it is not worse by the margin."""
    verdict = Duel().decide()
    assert verdict.decision == "PROMOTE"
    assert verdict.summary == "new may replace old: every check passed."
    assert check(verdict, "comparison").message == "Shown to be not worse than old by 0.02 or more."


def test_an_equal_model_fails_superiority():
    """Enough rows show that there is no gain worth having."""
    duel = Duel(policy=rules(primary={"metric": "roc_auc", "margin": 0.02, "mode": "superiority"}))
    verdict = duel.decide()
    assert check(verdict, "comparison").message == "Shown to be less than 0.02 better than old."
    assert verdict.decision == "REJECT"


@pytest.mark.parametrize("mode", ["superiority", "non_inferiority"])
def test_a_better_model_is_called_better(mode):
    """It is shown to be better, not only estimated so, whatever was asked."""
    duel = Duel(policy=rules(primary={"metric": "roc_auc", "margin": 0.02, "mode": mode}))
    duel.champion = duel.model("old", 1.2)
    assert check(duel.decide(), "comparison").message == "Shown to be better than old."


def test_a_worse_model_is_rejected():
    """The estimate, its interval, the limit and the rows stand beside the refusal."""
    verdict = Duel().decide(Duel().model(noise=1.5))
    result = check(verdict, "comparison")
    assert (verdict.decision, result.status, result.threshold) == ("REJECT", "fail", -0.02)
    assert result.low < result.estimate < result.high < 0
    assert result.n_rows == 3000


def test_too_few_rows_hold_and_say_how_many_would_do():
    """An interval wider than the margin decides nothing."""
    duel = Duel(n_rows=300, policy=rules(primary={"metric": "roc_auc", "margin": 0.01}))
    verdict = duel.decide()
    result = check(verdict, "comparison")
    assert result.low < -0.01 < result.estimate
    assert (verdict.decision, result.status) == ("HOLD", "hold")
    assert 300 < verdict.rows_needed < 20_000
    assert f"About {verdict.rows_needed:,} rows would decide" in result.message


def test_fewer_rows_than_the_minimum_never_reject_a_gain():
    """From twenty rows nobody can be called worse."""
    duel = Duel(n_rows=60)
    verdict = duel.decide(duel.model(noise=9))
    assert verdict.decision == "HOLD"
    assert verdict.rows_needed >= 300
    assert {c.status for c in verdict.checks} == {"hold"}


def test_a_first_model_meets_absolute_limits_only():
    """No champion, nothing to compare with."""
    duel = Duel()
    duel.champion = None
    verdict = duel.decide()
    assert check(verdict, "comparison").status == "skip"
    assert (verdict.decision, verdict.champion) == ("PROMOTE", None)


def test_a_floor_is_a_floor():
    """Whatever the champion does."""
    duel = Duel(policy=rules(absolute={"roc_auc": 0.9}))
    result = check(duel.decide(), "absolute")
    assert (result.status, result.message) == ("fail", "It must be at least 0.9.")


def test_a_ceiling_is_a_ceiling():
    """Where less is better, the limit is the largest that passes."""
    assert check(Duel(policy=rules(absolute={"brier": 0.3})).decide(), "absolute").status == "pass"
    assert check(Duel(policy=rules(absolute={"brier": 0.1})).decide(), "absolute").status == "fail"


def test_a_floor_within_the_noise_is_held():
    """The estimate keeps to it, the interval does not."""
    duel = Duel(n_rows=400)
    estimate = check(duel.decide(), "absolute").estimate
    duel.policy = rules(absolute={"roc_auc": estimate - 0.002})
    result = check(duel.decide(), "absolute")
    assert result.status == "hold"
    assert result.rows_needed > 10_000


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("role", ["challenger", "champion"])
def test_scores_that_are_no_numbers_are_rejected(bad, role):
    """One is enough, whoever gave it."""
    duel = Duel()
    models = {"challenger": duel.model(), "champion": duel.champion}
    models[role].scores[17, 1] = bad
    verdict = duel.decide(models["challenger"])
    assert verdict.decision == "REJECT"
    assert "Not a finite number" in verdict.summary


def test_a_metric_without_a_value_is_rejected():
    """One class only: the AUC does not exist, and null says so in the file."""
    duel = Duel()
    duel.y = np.zeros_like(duel.y)
    duel.champion = duel.model("old")
    verdict = duel.decide()
    result = check(verdict, "absolute")
    assert (verdict.decision, result.status) == ("REJECT", "fail")
    assert "Not a finite number" in result.message
    assert '"estimate": null' in json.dumps(verdict.to_dict(), allow_nan=False)


def test_an_undefined_primary_metric_is_rejected_without_a_champion():
    """Also where no floor asks for it."""
    duel = Duel(policy=rules(absolute={"accuracy": 0.1}))
    duel.y, duel.champion = np.zeros_like(duel.y), None
    assert duel.decide().decision == "REJECT"


@pytest.mark.parametrize(("status", "decision"), [("fail", "REJECT"), ("hold", "HOLD")])
def test_a_champion_without_scores(status, decision):
    """A missing file is a refusal; other columns are a person's question."""
    duel = Duel()
    duel.champion = comparison.Unscorable("v1.0.0", status, "is unreadable: no such file")
    verdict = duel.decide()
    assert (verdict.decision, verdict.champion) == (decision, "v1.0.0")
    assert check(verdict, "champion").message == "v1.0.0 is unreadable: no such file"
    assert "comparison" not in {c.name for c in verdict.checks}  # and nothing denies that it exists


def test_a_challenger_without_scores_is_rejected():
    """Nothing else is asked."""
    verdict = Duel().decide(
        comparison.Unscorable("new", "hold", "needs columns that the holdout does not have")
    )
    assert (verdict.decision, len(verdict.checks)) == ("REJECT", 1)
    assert (verdict.challenger, verdict.champion) == ("new", "old")


@pytest.mark.parametrize(
    "contract",
    [
        DELAY,
        replace(LATE, target="cancelled"),
        replace(LATE, classes=("yes", "no")),
        replace(LATE, classes=("no", "maybe", "yes")),
    ],
)
def test_a_champion_of_another_question_is_held(contract):
    """Another task, target, positive class or set of classes: a person decides."""
    duel = Duel()
    duel.champion = replace(duel.champion, contract=contract)
    verdict = duel.decide()
    assert verdict.decision == "HOLD"
    assert "old answers another question: " in check(verdict, "champion").message


def test_minutes_are_not_compared_with_hours():
    """The same target in another unit is another question."""
    duel = Duel(policy=rules(task="regression", absolute={"mae": 9},
                             primary={"metric": "mae", "margin": 1},
                             suspicion={"too_good": 0.01, "max_gain": 9}))  # fmt: skip
    new, old = (minutes(unit, duel.signal, duel.signal + 1, unit) for unit in ("min", "h"))
    duel.champion = old
    why = "h answers another question: regression of delay (h), not regression of delay (min)."
    assert check(duel.decide(new), "champion").message == why


def test_thresholds_of_both_count():
    """Each model decides at its own threshold, so decisions differ though the scores do not."""
    duel = Duel(policy=rules(primary={"metric": "balanced_accuracy", "margin": 0.02}))
    same = replace(duel.champion, name="new", id="new", contract=replace(LATE, threshold=0.9))
    assert check(duel.decide(same), "comparison").status == "fail"


def test_the_champion_itself_passes():
    """The same bundle is not judged again, and the summary says why."""
    duel = Duel()
    verdict = duel.decide(duel.champion)
    assert verdict.decision == "PROMOTE"
    assert verdict.summary == "It is what production has: the model does not change."


@pytest.mark.parametrize("other", [Duel(n_rows=2999).champion, Duel(seed=1).champion])
def test_scores_of_other_rows_are_rejected(other):
    """A test set that changed has to be scored again, by both."""
    duel = Duel()
    duel.champion = other
    verdict = duel.decide()
    assert verdict.decision == "REJECT"
    assert "scored on other rows" in check(verdict, "champion").message


def test_rows_that_the_champion_has_seen_are_left_out_for_both():
    """Else it would look better than it is, and the report says how many they are."""
    duel = Duel(policy=rules(slices=SLICES))
    duel.seen = np.arange(3000) < 1000
    duel.champion.scores[duel.seen] = 0.5
    verdict = duel.decide()
    assert check(verdict, "comparison").status == "pass"
    assert check(verdict, "comparison").n_rows == 2000
    assert check(verdict, "absolute").n_rows == 3000
    assert check(verdict, "rows").message.startswith("1,000 more rows were left out: old was")
    assert sum(c.n_rows for c in verdict.checks if c.name == "slice") == 3000
    assert sum(c.n_rows for c in verdict.checks if c.name == "slice loss") == 2000


@pytest.mark.parametrize("seen", [2900, 3000])
def test_a_champion_that_has_seen_nearly_all_is_held(seen):
    """Too few rows are left, or none."""
    duel = Duel()
    duel.seen = np.arange(3000) < seen
    verdict = duel.decide()
    assert verdict.decision == "HOLD"
    assert verdict.rows_needed >= 300


def test_a_leaking_feature_is_held():
    """A model that knows the answer is too good, and gained too much at once."""
    duel = Duel()
    verdict = duel.decide(duel.model(signal=6.0 * duel.y))
    assert verdict.decision == "HOLD"
    assert {check(verdict, n).status for n in ("too good", "sudden gain")} == {"hold"}


def test_a_leak_is_found_without_a_champion():
    """The absolute value alone raises the alarm."""
    duel = Duel()
    duel.champion = None
    assert duel.decide(duel.model(signal=6.0 * duel.y)).decision == "HOLD"


def test_predictions_that_are_too_sure_are_rejected():
    """Good ranks with wrong probabilities."""
    duel = Duel(policy=rules(calibration={"metric": "calibration_error", "at_most": 0.1}))
    assert check(duel.decide(), "calibration").status == "pass"
    sure = duel.model(signal=8 * duel.signal)
    assert check(duel.decide(sure), "calibration").status == "fail"


def test_an_unfair_slice_is_rejected():
    """Good on average, blind in one airport: beyond its limit, and worse than the champion."""
    duel = Duel(policy=rules(slices=SLICES, primary={"metric": "roc_auc", "margin": 0.2}))
    blind = np.where(duel.origin == "LGA", 0, duel.signal)
    verdict = duel.decide(duel.model(signal=blind))
    assert verdict.decision == "REJECT"
    assert [c.name for c in verdict.checks if c.status == "fail"] == ["slice", "slice loss"]
    assert check(verdict, "slice loss", "LGA").message == "Worse than old here."


def test_a_slice_may_lose_a_little():
    """Shown to be worse, though by less than is allowed."""
    duel = Duel(policy=rules(slices={**SLICES, "limit": 0.1, "max_loss": 0.9}))
    blind = np.where(duel.origin == "LGA", 0, duel.signal)
    result = check(duel.decide(duel.model(signal=blind)), "slice loss", "LGA")
    assert (result.status, result.high < 0) == ("pass", True)


def test_small_slices_are_reported_and_not_judged():
    """Each with its rows."""
    duel = Duel(policy=rules(slices={**SLICES, "min_rows": 1001}))
    results = [c for c in duel.decide().checks if c.name == "slice"]
    assert [(c.status, c.n_rows) for c in results] == [("skip", 1000)] * 3
    assert "too few rows" in results[0].message


def few_positives(n, of=3000, **changes):
    """A holdout with so many positive rows, the first ones, and a model that finds nine of ten."""
    duel = Duel(n_rows=of, policy=rules(**changes))
    duel.y = (np.arange(of) < n).astype(int)
    found = np.where(duel.rng.random(of) < 0.9, duel.y, 0)
    duel.champion = None
    return duel, bootstrap.Contender("new", "new", LATE, duel.y, np.eye(2)[found])


@pytest.mark.parametrize("metric", ["recall", "precision", "roc_auc", "average_precision", "f1"])
def test_a_metric_of_few_cases_is_held(metric):
    """Neither passed nor failed by nine positives among three thousand rows."""
    duel, model = few_positives(9, absolute={metric: 0.1})
    result = check(duel.decide(model), "absolute")
    assert (result.status, result.n_rows) == ("hold", 3000)
    assert result.n_cases < 10
    assert f"rests on {result.n_cases} cases, fewer than 10" in result.message
    assert result.rows_needed >= 3000 * 10 / result.n_cases


@pytest.mark.parametrize(("least", "status"), [(20, "pass"), (21, "hold")])
def test_enough_cases_decide(least, status):
    """The minimum is a key of the policy, and the check says how many there are."""
    duel, model = few_positives(20, absolute={"recall": 0.4}, min_cases=least)
    result = check(duel.decide(model), "absolute")
    assert (result.status, result.n_cases) == (status, 20)


def test_rows_are_the_cases_of_a_mean():
    """The log loss rests on every row."""
    duel, model = few_positives(9, absolute={"brier": 0.5})
    result = check(duel.decide(model), "absolute")
    assert (result.status, result.n_cases) == ("pass", 3000)


def test_slices_of_few_cases_are_skipped():
    """As those of few rows, and they do not count among the intervals that hold together."""
    duel, model = few_positives(31, slices={**SLICES, "metric": "recall", "limit": 0.01})
    duel.origin = np.where((np.arange(3000) < 25) | (np.arange(3000) > 2000), "EWR", "JFK")
    ewr, jfk = (check(duel.decide(model), "slice", name) for name in ("EWR", "JFK"))
    assert (ewr.status, ewr.n_cases, jfk.status, jfk.n_cases) == ("pass", 25, "skip", 6)
    assert jfk.message == "It rests on 6 cases, fewer than 10."
    at_ewr = np.flatnonzero(duel.origin == "EWR")
    alone = duel.comparison(model).interval_of("recall", False, at_ewr)
    assert (ewr.low, ewr.high) == (alone.low, alone.high)


def test_groups_of_few_cases_are_held():
    """Nobody knows whether they are treated alike; the others are compared."""
    duel, model = few_positives(65, fairness=[{**FAIRNESS[0], "metric": "recall", "max_gap": 0.9}])
    names = np.array(["EWR", "JFK", "LGA"])
    duel.origin = np.r_[names.repeat([30, 30, 5]), names[np.arange(2935) % 3]]
    held, gap = [c for c in duel.decide(model).checks if c.name == "fairness"]
    assert (held.status, held.slice, held.n_cases) == ("hold", "origin", 5)
    assert "fewer than 10 cases cannot be compared: origin=LGA (5)" in held.message
    assert held.rows_needed == 6000
    assert (gap.status, gap.n_cases) == ("pass", 30)


def test_missing_groups_are_a_group():
    """Nobody falls out of the slices."""
    duel = Duel(policy=rules(slices=SLICES))
    duel.origin[:1000] = None
    assert check(duel.decide(), "slice", "origin=(missing)").n_rows == 1000


def test_a_column_that_is_not_there_is_named():
    """With the columns that there are."""
    duel = Duel(policy=rules(slices={**SLICES, "columns": ["origin", "sex"]}))
    with pytest.raises(DataRefused, match=r"no column sex\. It has: origin"):
        duel.decide()


def copied(duel, times):
    """The same rows several times, as of one customer; `_group` says which."""
    once, rows = duel.comparison(duel.model()), np.repeat(np.arange(duel.n_rows), times)
    models = [model.take(rows) for model in (once.challenger, once.champion)]
    table = once.rows.assign(_group=[f"customer {i}" for i in range(duel.n_rows)])
    return comparison.Comparison(*models, once.seen[rows], table.iloc[rows], once.policy, duel.rule)


def width(compared, name):
    result = check(gate.decide(compared), name, "EWR" if name == "slice" else "")
    return result.high - result.low


@pytest.mark.parametrize("name", ["absolute", "comparison", "slice", "fairness"])
def test_rows_of_one_cluster_are_drawn_together(name):
    """Nine copies of each row prove no more than the row; counted singly, three times as much."""
    policy = rules(slices=SLICES, fairness=FAIRNESS)
    duel, alike = (
        Duel(600, policy=policy, rule=Resampling(600, 1, cluster=cluster))
        for cluster in (None, "_group")
    )
    once = width(duel.comparison(duel.model()), name)
    naive, clustered = (width(copied(drawn, 9), name) for drawn in (duel, alike))
    assert clustered == pytest.approx(once, rel=0.15)
    assert naive == pytest.approx(once / 3, rel=0.15)


def test_one_cluster_decides_nothing():
    """All rows of one day: no interval, so nothing is shown."""
    duel = Duel(rule=Resampling(cluster="origin"))
    duel.origin[:] = "EWR"
    verdict = duel.decide()
    assert verdict.decision == "REJECT"
    assert "too few rows (clusters)" in check(verdict, "comparison").message


def test_rows_without_a_cluster_are_refused():
    """They would be one cluster, or as many as rows: nobody knows."""
    duel = Duel(rule=Resampling(cluster="origin"))
    duel.origin[:3] = None
    with pytest.raises(DataRefused, match=r"'origin' is missing in 3 of .*one cluster.*Next"):
        duel.decide()


def test_a_cluster_that_is_not_a_column_is_named():
    """With the columns that there are."""
    with pytest.raises(DataRefused, match=r"no column day\. It has: origin"):
        Duel(rule=Resampling(cluster="day")).decide()


def test_unknown_metrics_are_refused_with_the_known_ones():
    """A metric of the other task is as unknown as a typing error."""
    with pytest.raises(UsageError, match=r"no metric 'mae' for classification.*roc_auc"):
        Duel(policy=rules(absolute={"mae": 20})).decide()


def test_many_slices_raise_few_false_alarms():
    """Of these sixty slices three would be refused, were each judged as if it were the only one."""
    duel = Duel(n_rows=6000, policy=rules(slices={**SLICES, "limit": 0.8, "min_rows": 50}))
    duel.origin = np.array([f"place {i % 60}" for i in range(6000)], dtype=object)
    verdict = duel.decide()
    assert [c for c in verdict.checks if c.status == "fail"] == []
    assert any("Beyond 0.8, but that may be noise." in c.message for c in verdict.checks)


def test_an_unfair_gap_is_rejected():
    """Late flights are found in two airports and missed in the third."""
    duel = Duel(policy=rules(fairness=[{**FAIRNESS[0], "metric": "recall"}]))
    assert check(duel.decide(), "fairness").status == "pass"
    deaf = np.where(duel.origin == "LGA", duel.signal - 1.5, duel.signal)
    result = check(duel.decide(duel.model(signal=deaf)), "fairness")
    assert (result.status, result.threshold) == ("fail", 0.2)
    assert "origin=LGA" in result.slice


def test_the_widest_gap_is_corrected_for_all_pairs():
    """Ten groups have 45 gaps, and the widest of them is no accident."""
    duel = Duel(policy=rules(fairness=[{**FAIRNESS[0], "min_rows": 9}]))
    duel.origin = np.arange(3000) % 10
    gap, compared = check(duel.decide(), "fairness"), duel.comparison(duel.model())
    ends = [int(name.removeprefix("origin=")) for name in gap.slice.split(" and ")]
    parts = [
        compared.interval_of("balanced_accuracy", False, np.flatnonzero(duel.origin == end), 45)
        for end in ends
    ]
    expected = parts[0].minus(parts[1])
    assert (gap.low, gap.high) == pytest.approx((expected.low, expected.high))


def test_a_gap_that_may_be_noise_is_held():
    """Wide, though from a handful of rows."""
    fairness = [{**FAIRNESS[0], "max_gap": 1e-6, "min_rows": 9}]
    duel = Duel(n_rows=90, policy=rules(fairness=fairness, min_cases=1))
    result = check(duel.decide(), "fairness")
    assert (result.status, result.low < 0) == ("hold", True)
    assert result.rows_needed > result.n_rows


@pytest.mark.parametrize(
    ("measured", "required", "status"),
    [
        ({"mb": 90.0}, False, "pass"),
        ({"mb": 101.0}, False, "fail"),
        ({"mb": float("nan")}, False, "fail"),
        ({}, False, "skip"),
        ({}, True, "hold"),
    ],
)
def test_budgets(measured, required, status):
    """Over it fails; without a measurement it is skipped, and held where it is required."""
    budgets = {"mb": {"at_most": 100, "required": required}}
    duel = Duel(policy=rules(budgets=budgets), measurements=measured)
    assert check(duel.decide(), "budget").status == status


def test_regression_has_the_same_gate():
    """Fewer minutes are better, and the unit is reported."""
    changes = {"task": "regression", "absolute": {"mae": 1}, "slices": {**SLICES, "metric": "mae"}}
    suspicion = {"too_good": 0.1, "max_gain": 0.5}
    primary = {"metric": "mae", "margin": 0.05}
    duel = Duel(policy=rules(**changes, primary=primary, suspicion=suspicion))
    far, near = (duel.signal + k * duel.rng.normal(0, 1, 3000) for k in (0.9, 0.5))
    new, duel.champion = minutes("new", duel.signal, near), minutes("old", duel.signal, far)
    verdict = duel.decide(new)
    assert (verdict.decision, check(verdict, "comparison").unit) == ("PROMOTE", "min")
    old, duel.champion = duel.champion, new
    assert duel.decide(old).decision == "REJECT"


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 2), st.floats(0, 2))
def test_more_noise_never_improves_the_comparison(seed, noise, more):
    """The same model with less of the signal in it cannot get a better answer."""
    duel = Duel(n_rows=500, seed=seed)
    shuffled = duel.rng.permutation(duel.signal)
    worse = [duel.signal * (1 - w) + shuffled * w for w in sorted((noise / 2, more / 2))]
    results = [check(duel.decide(duel.model(noise=0, signal=s)), "comparison") for s in worse]
    if results[1].estimate < results[0].estimate - 0.05:
        order = ("pass", "hold", "fail")
        assert order.index(results[1].status) >= order.index(results[0].status)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000))
def test_the_verdict_does_not_depend_on_the_order_of_rows(seed):
    """To the last digit of every check."""
    duel = Duel(n_rows=400, seed=seed, policy=rules(slices=SLICES, fairness=FAIRNESS))
    model, order = duel.model(), duel.rng.permutation(400)
    before = duel.decide(model)
    duel.champion, duel.origin = duel.champion.take(order), duel.origin[order]
    assert duel.decide(model.take(order)) == before
