"""What the schedule finds, and what it does about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops_loop.monitoring import alerts as watch
from mlops_loop.monitoring.config import Policy
from mlops_loop.registry import ledger

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
ALARM = {"staleness": {"status": "alarm", "told": "v1.0.0 is old."}}


@pytest.fixture
def act(repo, hub):
    """`act(findings)` says what was done."""
    return lambda findings: watch.act(repo, findings, Policy(stale_days=5), hub, NOW)


@pytest.mark.parametrize(("days", "status"), [(9, "alarm"), (10, "ok")])
def test_staleness(repo, monkeypatch, days, status):
    """Counts from the registration; a new image makes a model no younger."""
    monkeypatch.setattr(ledger.time, "time", NOW.timestamp)
    ledger.assign(repo, "v1.0.0", why="image", image=f"sha256:{'0' * 64}")
    found = watch.staleness(repo, Policy(stale_days=days), NOW)
    assert found["status"] == status
    assert "registered 2026-01-01" in found["told"]


def test_nothing_in_production(tmp_path, git):
    """It cannot tell."""
    git(tmp_path, "init", "--quiet")
    assert watch.evaluate(tmp_path, Policy(stale_days=1), NOW)["staleness"]["status"] == "unknown"


def test_an_alarm(act, hub):
    """One issue, however often, and a retraining each time."""
    assert act(ALARM) == act(ALARM) == "Alarm: staleness. Dispatched retrain."
    (issue,) = hub.issues
    assert "v1.0.0 is old." in issue["body"]
    assert hub.comments[issue["number"]] == []
    sent = [call for operation, call in hub.calls if "dispatch" in operation]
    inputs = {"reason": "monitor: staleness"}
    assert sent == [{"workflow_id": "retrain.yml", "ref": "main", "inputs": inputs}] * 2


def test_an_alarm_while_held(repo, act, hub):
    """The issue stays, and nothing is trained."""
    ledger.assign(repo, "v1.0.0", why="bad", hold=True)
    assert act(ALARM).startswith("Alarm: staleness. Not retrained: v1.0.0 is held")
    assert len(hub.issues) == 1
    assert not [o for o, _ in hub.calls if "dispatch" in o]


def test_an_end(act, hub):
    """What is well again is closed, what cannot be told is left."""
    act(ALARM)
    act({"staleness": {"status": "unknown", "told": ""}})
    assert hub.issues[0]["state"] == "open"
    assert act({"staleness": {"status": "ok", "told": "fresh"}}) == "No alarm, nothing to do."
    assert hub.issues[0]["state"] == "closed"


def test_schedules_are_kept_on(hub):
    """Not what a person switched off, nor what is GitHub's own."""
    states = {"a": "active", "b": "disabled_inactivity", "c": "disabled_manually"}
    rows = [(f".github/workflows/{name}.yml", state) for name, state in states.items()]
    rows += [("dynamic/dependabot/updates", "active")]
    hub.workflows = [{"id": p, "path": p, "state": state} for p, state in rows]
    assert watch.keep_alive(hub) == "Kept alive: a.yml, b.yml"
    assert [call["workflow_id"][-5:] for _, call in hub.calls] == ["a.yml", "b.yml"]
