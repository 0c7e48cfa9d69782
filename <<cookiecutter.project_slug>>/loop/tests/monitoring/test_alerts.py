"""What the schedule reports, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops_loop.monitoring import alerts
from mlops_loop.monitoring.alerts import Response
from mlops_loop.monitoring.causes import Cause
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.report import Finding, Report
from mlops_loop.monitoring.retrain import Broken, Held
from mlops_loop.registry import ledger

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
FACTS = ("2026-01-03", "2026-01-09")
HARM = Cause("harmed", "2026-01-05", (Check("loss", "loss", "", 7, *FACTS, "harmed"),))
BROKEN = Cause("broken", "2026-01-05", (Check("missing:a", "missing", "a", 1, *FACTS, "broken"),))
ALARM = {"staleness": Finding("alarm", "v1.0.0 is old.")}


@pytest.fixture
def act(repo, hub):
    """`act(findings)` returns what was done; `more` are facts of the report."""

    def acted(findings, **more):
        report = Report(findings, **more)
        return alerts.act(repo, report, MonitorConfig(stale_days=5), hub, NOW)

    return acted


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
    assert alerts.staleness(tmp_path, MonitorConfig(stale_days=1), NOW).status == "unknown"


def test_an_alarm(act, hub):
    """One issue, however often, and a retraining each time."""
    assert act(ALARM) == act(ALARM) == Response(("staleness",), ("staleness",))
    (issue,) = hub.issues
    assert "v1.0.0 is old." in issue["body"]
    assert hub.comments[issue["number"]] == []
    sent = [call for operation, call in hub.calls if "dispatch" in operation]
    inputs = {"reason": "monitor: staleness"}
    assert sent == [{"workflow_id": "retrain.yml", "ref": "main", "inputs": inputs}] * 2


def test_an_alarm_while_held(repo, act, hub):
    """The issue stays, and nothing is trained."""
    ledger.assign(repo, "v1.0.0", why="bad", hold=True)
    held = Held("v1.0.0", "Ada Tester", "bad")
    assert act(ALARM) == Response(("staleness",), ("staleness",), held)
    assert len(hub.issues) == 1
    assert not [o for o, _ in hub.calls if "dispatch" in o]


def test_an_end(act, hub):
    """An issue closes when its alarm is over, and stays open while that is unknown."""
    act(ALARM)
    act({"staleness": Finding("unknown", "")})
    assert hub.issues[0]["state"] == "open"
    assert act({"staleness": Finding("ok", "fresh")}) == Response(())
    assert hub.issues[0]["state"] == "closed"


SEEN = {"bundle_id": "b1", "date": "2026-01-09"}


def test_proven_harm_starts_retraining(act, hub):
    """And its issue is there already."""
    done = act({"model": Finding("alarm", "")}, **SEEN, causes=(HARM,), retrain=True)
    assert done.reasons == ("harm",)
    assert done.obstacle is None
    assert [issue["title"][:4] for issue in hub.issues] == ["Harm"]
    (sent,) = [call for operation, call in hub.calls if "dispatch" in operation]
    assert sent["inputs"] == {"reason": "monitor: harm"}


def test_harm_without_proof_is_an_issue_alone(act, hub):
    """The e-detector decides."""
    assert act({}, **SEEN, causes=(HARM,)).reasons == ()
    assert not [o for o, _ in hub.calls if "dispatch" in o]


def test_broken_data_block_retraining(act, hub):
    """Also that of a stale model: it would learn them."""
    done = act(ALARM, **SEEN, causes=(BROKEN,))
    assert done.obstacle == Broken("URL/2")
    assert not [o for o, _ in hub.calls if "dispatch" in o]
    hub.issues[0]["labels"].append({"name": "accepted"})
    assert act(ALARM, **SEEN, causes=(BROKEN,)).obstacle is None


def test_where_no_day_was_examined_causes_stay(act, hub):
    """Nobody knows whether they are over."""
    act({}, **SEEN, causes=(BROKEN,))
    act({"traffic": Finding("unknown", "The log is away.")})
    assert [issue["state"] for issue in hub.issues] == ["open"]


def test_no_rows_are_one_issue(act, hub):
    """Though the text tells of another day each time."""
    for day in (8, 9):
        act({"traffic": Finding("alarm", f"0 rows on 2026-01-0{day}.")}, **SEEN)
    (issue,) = hub.issues
    assert issue["title"] == "Alarm: traffic"
    assert hub.comments[issue["number"]] == []


def test_schedules_are_kept_on(hub):
    """Not what a person disabled, nor what is GitHub's own."""
    states = {"a": "active", "b": "disabled_inactivity", "c": "disabled_manually"}
    rows = [(f".github/workflows/{name}.yml", state) for name, state in states.items()]
    rows += [("dynamic/dependabot/updates", "active")]
    hub.workflows = [{"id": p, "path": p, "state": state} for p, state in rows]
    assert alerts.keep_alive(hub) == ["a.yml", "b.yml"]
    assert [call["workflow_id"][-5:] for _, call in hub.calls] == ["a.yml", "b.yml"]


def test_a_chat_is_told_once(act):
    """When a cause is new; with numbers alone."""
    check = Check("missing:a", "missing", "a", 1, *FACTS, "broken", value=0.4, expected=0.1)
    cause = Cause("broken", "2026-01-05", (check,))
    (notice,) = alerts.notices(act({}, **SEEN, causes=(cause,)))
    assert notice.facts == {"missing:a": {"now": 0.4, "training": 0.1}}
    assert (notice.verdict, notice.url) == ("broken", "URL/1")
    assert alerts.notices(act({}, **SEEN, causes=(cause,))) == []
