"""What the schedule reports, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops_loop.monitoring import alerts
from mlops_loop.monitoring.alerts import Finding, Response
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.retrain import Held
from mlops_loop.registry import ledger

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
ALARM = {"staleness": Finding("alarm", "v1.0.0 is old.")}


@pytest.fixture
def act(repo, hub):
    """`act(findings)` returns what was done."""
    return lambda findings: alerts.act(repo, findings, MonitorConfig(stale_days=5), hub, NOW)


@pytest.mark.parametrize(("days", "status"), [(9, "alarm"), (10, "ok")])
def test_staleness(repo, monkeypatch, days, status):
    """Counts from the registration; a new image makes a model no younger."""
    monkeypatch.setattr(ledger.time, "time", NOW.timestamp)
    ledger.assign(repo, "v1.0.0", why="image", image=f"sha256:{'0' * 64}")
    finding = alerts.staleness(repo, MonitorConfig(stale_days=days), NOW)
    assert finding.status == status
    assert "registered 2026-01-01" in finding.message


def test_nothing_in_production(tmp_path, git):
    """It cannot tell."""
    git(tmp_path, "init", "--quiet")
    findings = alerts.evaluate(tmp_path, MonitorConfig(stale_days=1), NOW)
    assert findings["staleness"].status == "unknown"


def test_an_alarm(act, hub):
    """One issue, however often, and a retraining each time."""
    assert act(ALARM) == act(ALARM) == Response(("staleness",))
    (issue,) = hub.issues
    assert "v1.0.0 is old." in issue["body"]
    assert hub.comments[issue["number"]] == []
    sent = [call for operation, call in hub.calls if "dispatch" in operation]
    inputs = {"reason": "monitor: staleness"}
    assert sent == [{"workflow_id": "retrain.yml", "ref": "main", "inputs": inputs}] * 2


def test_an_alarm_while_held(repo, act, hub):
    """The issue stays, and nothing is trained."""
    ledger.assign(repo, "v1.0.0", why="bad", hold=True)
    assert act(ALARM) == Response(("staleness",), Held("v1.0.0", "Ada Tester", "bad"))
    assert len(hub.issues) == 1
    assert not [o for o, _ in hub.calls if "dispatch" in o]


def test_an_end(act, hub):
    """An issue closes when its alarm is over, and stays open while that is unknown."""
    act(ALARM)
    act({"staleness": Finding("unknown", "")})
    assert hub.issues[0]["state"] == "open"
    assert act({"staleness": Finding("ok", "fresh")}) == Response(())
    assert hub.issues[0]["state"] == "closed"


def test_schedules_are_kept_on(hub):
    """Not what a person disabled, nor what is GitHub's own."""
    states = {"a": "active", "b": "disabled_inactivity", "c": "disabled_manually"}
    rows = [(f".github/workflows/{name}.yml", state) for name, state in states.items()]
    rows += [("dynamic/dependabot/updates", "active")]
    hub.workflows = [{"id": p, "path": p, "state": state} for p, state in rows]
    assert alerts.keep_alive(hub) == ["a.yml", "b.yml"]
    assert [call["workflow_id"][-5:] for _, call in hub.calls] == ["a.yml", "b.yml"]
