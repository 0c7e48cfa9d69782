"""Issues about causes: one for each, whatever happens between two looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mlops_loop.monitoring import cause_issues
from mlops_loop.monitoring.cause_issues import About
from mlops_loop.monitoring.causes import Cause
from mlops_loop.monitoring.checks import OPERATIONAL, Check

DAY = date(2026, 3, 1)


def check(name: str, verdict: str = "broken", effect: float = 0.3) -> Check:
    kind, _, column = name.partition(":")
    return Check(
        name, kind, column, 7, "2026-02-23", "2026-03-01", verdict, 700, 0.35, 0.05, (0.0, 0.2),
        effect, 1e-9, 0.15, 0.15,
    )  # fmt: skip


def cause(*names: str, verdict: str = "broken", since: str = "2026-02-20", **more) -> Cause:
    return Cause(verdict, since, tuple(check(name, verdict, **more) for name in names))


@pytest.fixture
def update(hub):
    """`update(causes, days=0, bundle="b1")`: a look so many days after the first one."""
    return lambda *causes, days=0, bundle="b1", **more: cause_issues.update(
        hub, causes, bundle, DAY + timedelta(days=days), **more
    )


def accept(issue) -> None:
    issue["labels"] = [*issue["labels"], {"name": "accepted"}]


def test_one_issue_with_its_evidence(hub, update):
    """It has the table, what follows, and the label of the monitor."""
    (kept,) = update(cause("missing:size"), note="A replay.")
    (issue,) = hub.issues
    assert kept.is_new
    assert issue["title"] == "Broken data since 2026-02-20: missing:size"
    for part in ("| missing:size |", "0 to 0.2", "Retraining is blocked", "A replay."):
        assert part in issue["body"]
    assert "See loop/docs/runbook.md#data-in-production-are-broken." in issue["body"]
    assert [label["name"] for label in issue["labels"]] == ["monitor"]


def test_a_second_look_edits_it(hub, update):
    """The first day of the shift moves, a check joins and another leaves: it is the same issue."""
    update(cause("missing:size", "level:size"))
    (kept,) = update(cause("missing:size", "mix:town", since="2026-02-22"), days=1)
    (third,) = update(cause("mix:town", since="2026-02-25"), days=2)
    (issue,) = hub.issues
    assert not kept.is_new
    assert not third.is_new
    assert "since 2026-02-25: mix:town" in issue["title"]
    assert hub.comments[issue["number"]] == []


def test_two_causes_are_two_issues(hub, update):
    """And each keeps its own."""
    for days in (0, 1):
        update(cause("missing:size"), cause("score", verdict="drifted"), days=days)
    assert [issue["title"].split(" since")[0] for issue in hub.issues] == ["Drift", "Broken data"]


@pytest.mark.parametrize(("quiet", "state"), [(6, "open"), (7, "closed")])
def test_a_quiet_week_closes_it(hub, update, quiet, state):
    """However often one looks in between."""
    update(cause("missing:size"))
    for days in (1, 3, 3, quiet):
        update(days=days)
    assert hub.issues[0]["state"] == state


def test_an_alarm_in_between_begins_the_week_anew(hub, update):
    """Seven days count from the last one."""
    update(cause("missing:size"))
    update(cause("missing:size"), days=5)
    update(days=9)
    assert hub.issues[0]["state"] == "open"


def test_another_model_closes_it(hub, update):
    """Its causes are compared with another training."""
    update(cause("missing:size"))
    update(cause("missing:size"), days=1, bundle="b2")
    assert [issue["state"] for issue in hub.issues] == ["open", "closed"]


def test_what_is_accepted_blocks_nothing_until_it_grows(hub, update):
    """Half as large again: the label goes, and a comment says why."""
    update(cause("missing:size"))
    assert cause_issues.blocking(hub) is hub.issues[0]
    accept(hub.issues[0])
    assert cause_issues.blocking(hub) is None
    (kept,) = update(cause("missing:size", effect=0.44), days=1)
    assert kept.is_accepted
    (kept,) = update(cause("missing:size", effect=0.46), days=2)
    assert kept.is_new
    assert cause_issues.blocking(hub)
    (comment,) = hub.comments[hub.issues[0]["number"]]
    assert "grown from 2.00 to 3.07" in comment["body"]


def test_slow_growth_is_compared_with_what_was_accepted(hub, update):
    """Not with the look before."""
    update(cause("missing:size"))
    accept(hub.issues[0])
    kept = [
        update(cause("missing:size", effect=0.3 + day / 50), days=day)[0] for day in range(1, 9)
    ]
    assert [one.is_new for one in kept].index(True) == 7


def test_drift_and_harm_block_no_retraining(hub, update):
    """Broken data do."""
    update(cause("score", verdict="drifted"), cause("loss", verdict="harmed"))
    assert cause_issues.blocking(hub) is None


def test_operations_say_what_to_look_at(hub, update):
    """Each check what is its own, and that nothing is blocked."""
    update(cause("volume", verdict="degraded"))
    (issue,) = hub.issues
    assert issue["title"] == "Degraded since 2026-02-20: volume"
    for part in ("No data are wrong", "`volume`: fewer or more rows than usual"):
        assert part in issue["body"]
    assert cause_issues.blocking(hub) is None
    assert set(cause_issues.NEXT_OF) == set(OPERATIONAL)


def test_names_of_columns_stay_text(hub, update):
    """In the title and in the table."""
    update(cause("missing:@ada <b>|x"))
    (issue,) = hub.issues
    assert "<b>" not in issue["body"]
    assert "@ada" not in issue["body"] + issue["title"]


def test_a_damaged_mark_is_left_alone(hub, update):
    """A new issue is opened beside it."""
    update(cause("missing:size"))
    hub.issues[0]["body"] = "<!-- cause something else -->"
    update(cause("missing:size"), days=1)
    assert len(hub.issues) == 2


def test_a_mark_is_read_as_it_was_written():
    """The effect to two digits."""
    about = About.of(cause("missing:size", "level:size", effect=0.3), "b1", DAY)
    read = About.read({"body": about.mark() + "\ntext"})
    assert read == replace(about, effect=2.0)
