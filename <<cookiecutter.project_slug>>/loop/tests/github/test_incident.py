"""The issue about a rollback."""

from __future__ import annotations

import pytest

from mlops_loop.github import incident
from mlops_loop.registry import ledger

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
FACTS = {"outcome": "success", "to": "v1.0.0", "instead_of": "v1.1.0", "why": "late"}


@pytest.fixture
def report(registered, hub, monkeypatch):
    """`report(why="x")` reports a rollback and returns the issue."""
    monkeypatch.setenv("GITHUB_ACTOR", "eve")
    monkeypatch.delenv("GITHUB_TOKEN")

    def run(**change):
        rollback = incident.Rollback(**FACTS | change)
        assert incident.report(registered, rollback, hub).startswith("URL/")
        return hub.issues[0]

    monkeypatch.setattr(incident.issues, "this_run", lambda: "RUN")
    return run


def test_who_why_and_where(registered, report):
    """And how the hold is lifted."""
    ledger.assign(registered, "v1.0.0", why="late", hold=True, push=True)
    body = report()["body"]
    assert "| who | eve |" in body
    assert "| from | v1.1.0 |" in body
    assert "| to | v1.0.0 |" in body
    assert "registry assign v1.0.0 --lift-hold" in body
    assert "was rolled back: RUN" in body


@pytest.mark.parametrize("outcome", ["failure", "skipped", "cancelled"])
def test_a_rollback_that_failed(report, outcome):
    """It says so, and no hold is to be lifted."""
    issue = report(outcome=outcome, to="", instead_of="")
    assert f"was not rolled back ({outcome})" in issue["body"]
    assert "nothing is in production" in issue["body"]
    assert "--lift-hold" not in issue["body"]
    assert issue["title"] == "A rollback did not succeed"
    assert "Next: read the run's log" in issue["body"]


def test_a_second_attempt(report, hub):
    """Of the same run: a comment in the same issue, and the same again is nothing."""
    report(outcome="failure")
    report()
    report()
    (issue,) = hub.issues
    assert [said["body"].count("was rolled back") for said in hub.comments[issue["number"]]] == [1]


def test_foreign_text_stays_text(report):
    """No mention, link, element or cell."""
    body = report(why="@octocat <img src=x>\n\n| a | [x](http://a.b) `c`")["body"]
    assert not [word for word in ("@octocat", "<img", "](", "\n| a |") if word in body]
