"""One issue for each problem, and nothing is posted twice."""

from __future__ import annotations

import pytest

from mlops_loop.github import issues


def write(hub, text="It is bad", problem="bad", **more):
    return issues.open_or_update(hub, "retrain", problem, "A title", text, **more)


def test_one_issue_with_comments(hub):
    """A problem has one issue; what is new becomes a comment, what was said is not repeated."""
    number = write(hub)["number"]
    for text in ("It is bad", "It is worse", "It is bad", "It is worse"):
        assert write(hub, text)["number"] == number
    (issue,) = hub.issues
    assert issue["body"].endswith("-->\nIt is bad")
    assert issue["title"] == "A title"
    assert [said["body"].split("\n")[1] for said in hub.comments[number]] == ["It is worse"]


def test_a_key_stands_for_the_text(hub):
    """Two texts of one key are the same news."""
    number = write(hub, "run 1", key="a")["number"]
    write(hub, "run 2", key="a")
    assert hub.comments[number] == []


def test_a_text_in_place(hub):
    """The issue has the newest text, and nobody gets a comment."""
    for text in ("It is bad", "It is worse", "It is worse"):
        number = issues.open_or_edit(hub, "retrain", "bad", "A title", text)["number"]
    (issue,) = hub.issues
    assert issue["body"] == "<!-- bad: -->\nIt is worse"
    assert hub.comments[number] == []
    assert [name for name, _ in hub.calls] == ["issues.create", "issues.update"]


def test_two_problems(hub):
    """Each has its own, also where one name begins as the other."""
    first = write(hub)["number"]
    assert write(hub, problem="bad-er")["number"] != first == write(hub)["number"]
    assert len(hub.issues) == 2


@pytest.mark.parametrize("change", [{"login": "eve"}, {"label": "other"}])
def test_what_others_wrote_is_not_ours(hub, change):
    """A mark in a stranger's issue, or under another label, is nothing."""
    made = hub.write("<!-- bad: x -->\nSend me money", **change)
    assert write(hub)["number"] != made["number"]


def test_a_closed_problem_comes_again(hub):
    """As a new issue; the old one has a last word."""
    first = write(hub)
    issues.close(hub, issues.find(hub, "retrain", "bad"), "It is well.")
    assert first["state"] == "closed"
    assert [said["body"] for said in hub.comments[first["number"]]] == ["It is well."]
    assert write(hub)["number"] != first["number"]


def test_no_issue_to_close(hub):
    """Nothing happens."""
    issues.close(hub, None, "It is well.")
    assert hub.calls == []
