"""What the page shows agrees with the days, the reference and the ledger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_loop.dashboard import facts
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.monitoring.operations import Limits
from mlops_loop.registry.entries import Ledger


def test_alarms_come_first(make_state):
    """And each check has the means of its days."""
    found = facts.watched(make_state())
    assert found[0].check.name == "missing:size"
    assert found[0].check.verdict == "broken"
    assert len(found[0].values) == 60
    assert np.mean(found[0].values[-5:]) > 0.4
    assert all(one.check.verdict != "broken" for one in found[1:])


def test_the_heat_of_a_column_is_its_largest_shift(make_state):
    """40 % are missing, 5 % are usual, and 20 % raise no alarm: more than twice as far."""
    dates, columns = facts.heat(make_state())
    assert dates[-1] == "2026-04-30"
    assert len(dates) == facts.HEAT_DAYS
    assert set(columns) == {"size", "rain", "town", "member"}
    assert min(columns["size"][-10:]) > 2
    assert max(columns["size"][:-12]) < 2


def test_a_check_that_cannot_tell_is_not_in_the_heat(make_state):
    """What lies at the end of its band only because no shift could be seen looks like an alarm."""
    state = make_state()
    checks = [replace(check, verdict="unknown") for check in state.findings.checks]
    _, columns = facts.heat(replace(state, findings=replace(state.findings, checks=tuple(checks))))
    assert {value for values in columns.values() for value in values} == {None}


def test_days_without_rows_are_gaps(make_state):
    """They are in the calendar, without a value."""
    state = make_state()
    gone = [day for day in state.days if day.date != "2026-04-10"]
    place = 39
    assert state.days[place].date == "2026-04-10"
    shown = facts.watched(facts.State(**{**vars(state), "days": gone}))
    assert shown[0].values[place] is None
    assert shown[0].values[place - 1] is not None


def test_a_slice_that_nobody_can_watch_is_shown_without_days(make_state):
    """With its reason."""
    state = make_state()
    limits = Limits(slices=("home",))
    found = examine(state.reference, state.days, MonitorConfig(stale_days=30), limits)
    shown = {one.check.name: one for one in facts.watched(replace(state, findings=found))}
    assert shown["loss:home"].values == []
    assert "no column of the model" in shown["loss:home"].check.reason


def test_only_the_last_days_are_shown(make_state, monkeypatch):
    """Of a longer history."""
    monkeypatch.setattr(facts, "SHOWN_DAYS", 7)
    assert {len(one.values) for one in facts.watched(make_state())} == {7}


def test_performance_knows_which_rows_have_labels(make_state):
    """The last four days have none: no loss, no coverage, but an estimate with its error."""
    found = facts.performance(make_state())
    assert found.values[-4:] == [None] * 4
    assert found.coverage[-4:] == [0] * 4
    assert found.coverage[0] == 1
    assert found.loss == "brier"
    assert found.bound == 1
    assert found.estimate.days == 56
    assert found.estimate.error < 0.05


def test_metrics_are_those_of_whole_holdouts(ledger):
    """A slice is no metric of a version, and versions of other tools have none."""
    (score,) = facts.scores(ledger)
    assert score.metric == "roc_auc"
    assert score.versions == ["v1.0.0", "v1.1.0", "v1.2.0"]
    assert [middle for _, middle, _ in score.intervals] == pytest.approx([0.7, 0.72, 0.74])
    assert facts.scores(Ledger([], [])) == []
