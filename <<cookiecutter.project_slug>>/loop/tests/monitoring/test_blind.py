"""Looks that could not tell, and the one issue about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlops_loop.monitoring import alerts
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.report import Finding, Report

NOW = datetime(2026, 1, 10, 2, 41, tzinfo=UTC)  # v1.0.0 was registered on 2026-01-01
POLICY = MonitorConfig(stale_days=900, traffic={"kind": "replay"})
AWAY = {
    "traffic": Finding("unknown", "The store is away. Next: loop store pull"),
    "model": Finding("unknown", "No day was examined."),
}
SEEN = {"traffic": Finding("ok", "40 rows."), "model": Finding("ok", "v1.0.0 is ok.")}


@pytest.fixture
def act(repo, hub):
    """`act(findings)` on 2026-01-10, or so many days later."""
    return lambda findings, days=0, policy=POLICY: alerts.act(
        repo, Report(findings), policy, hub, NOW + timedelta(days=days)
    )


def told(hub, day: int, name: str = "monitor-verdict") -> None:
    """A look of a day in January could tell, a few minutes late."""
    made = f"2026-01-{day:02}T03:05:00Z"
    hub.artifacts.append({"name": name, "created_at": made})


@pytest.mark.parametrize(("last", "is_open"), [(8, False), (7, True)])
def test_the_third_day_is_an_issue(act, hub, last, is_open):
    """Whatever the minute of the look; an artifact of another name is none."""
    told(hub, last)
    told(hub, last - 1)
    told(hub, 9, "monitor")
    assert bool(act(AWAY).no_verdict) == bool(hub.issues) == is_open


def test_it_has_the_reason_and_the_next_command(act, hub):
    """Edited daily, without a comment."""
    told(hub, 5)
    assert act(AWAY).no_verdict == "URL/1"
    act(AWAY | {"traffic": Finding("unknown", "The log is away.")}, days=1)
    (issue,) = hub.issues
    assert issue["title"] == "Alarm: no verdict"
    assert "For 6 days no look could tell" in issue["body"]
    assert "> The log is away." in issue["body"]
    assert "loop monitor evaluate" in issue["body"]
    assert hub.comments[issue["number"]] == []


def test_it_closes_when_it_can_tell(act, hub):
    """Also by an alarm: that is a verdict."""
    act(AWAY)
    assert hub.issues[0]["state"] == "open"
    assert act(SEEN | {"model": Finding("alarm", "v1.0.0 is broken.")}).no_verdict == ""
    assert hub.issues[0]["state"] == "closed"
    assert hub.comments[1][0]["body"] == "v1.0.0 is broken."


def test_rows_that_tell_nothing_count_too(act, hub):
    """Then the reason is that of the checks."""
    act(SEEN | {"model": Finding("unknown", "Nobody can tell: 5 rows of 20 (9 checks).")})
    assert "5 rows of 20" in hub.issues[0]["body"]


def test_a_new_version_has_days_to_come(act, hub):
    """Before its registration there was nothing to tell."""
    assert not act(AWAY, days=-7).no_verdict
    assert act(AWAY, days=-6).no_verdict


def test_what_github_has_forgotten_is_said(act, hub):
    """An artifact is kept for two weeks."""
    act(AWAY, days=40)
    assert "For 14 days or more no look" in hub.issues[0]["body"]


def test_nothing_in_production_does_not_count(act, hub, git, repo):
    """Nor a project that asks for no rows."""
    act(AWAY, policy=MonitorConfig(stale_days=900))
    git(repo, "tag", "--delete", "model#production#1")
    act({"staleness": Finding("unknown", "Nothing is in production yet.")})
    assert hub.issues == []


def test_reasons_are_text(act, hub):
    """A registry may answer with anything."""
    act(AWAY | {"traffic": Finding("unknown", "@ada <b>no</b>")})
    assert "<b>" not in hub.issues[0]["body"]
    assert "@ada" not in hub.issues[0]["body"]
