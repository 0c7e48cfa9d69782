"""After a merge: what its pull request reported, and whether a person overrode HOLD."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mlops_loop.github import review_marker as reviewed
from mlops_loop.github.api import BOT
from mlops_loop.github.comment import MARKER


def model(id="b1", scores=(0.25, [0.1, 0.9])):
    return SimpleNamespace(id=id, golden=lambda: [{"row": {}, "score": s} for s in scores[:1]])


def hub(body=None, labels=(), merged="2026-01-01T00:00:00Z", author=BOT):
    """Answers as the door does: one pull request, and one comment where there is a body."""
    pull = {"number": 7, "merged_at": merged, "labels": [{"name": name} for name in labels]}
    comments = [{"body": body, "user": {"login": author}}] if body else []
    answers = {
        "repos.list_pull_requests_associated_with_commit": [pull],
        "issues.list_comments": comments,
    }
    return SimpleNamespace(all=lambda operation, **_: iter(answers[operation]))


@pytest.fixture(autouse=True)
def _commit(monkeypatch):
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)


def report(made):
    return f"{MARKER}\nText.\n{reviewed.seal(made)}"


def test_the_reviewed_model_is_recognised():
    """The same bundle, byte for byte."""
    told = reviewed.run(model(), hub(report(model())))["told"]
    assert told == "#7: The model is the one that was reported, byte for byte (b1)."


def test_another_model_is_measured_on_the_golden_rows():
    """By how much its scores differ."""
    told = reviewed.run(model(id="b2", scores=(0.5,)), hub(report(model())))["told"]
    assert "b2 is not the one that was reported (b1)" in told
    assert "differ by up to 0.25" in told


def test_other_golden_rows_are_told():
    """Scores of other rows are not compared."""
    other = SimpleNamespace(id="b2", golden=lambda: [])
    assert "golden rows are others" in reviewed.run(other, hub(report(model())))["told"]


@pytest.mark.parametrize(
    ("github", "told"),
    [
        (hub(report(model()), author="ada"), "#7 reported no model."),
        (hub("Looks good"), "#7 reported no model."),
        (hub(merged=None), "No pull request led here, so nothing was reviewed."),
    ],
    ids=["a person's copy", "another comment", "not merged"],
)
def test_without_a_report_it_says_so(github, told):
    """Only the workflow's own comment on a merged pull request counts."""
    assert reviewed.run(model(), github)["told"] == told


@pytest.mark.parametrize("labels", [["gate-override", "x"], ["x"], []])
def test_the_label_overrides(labels):
    """HOLD is overridden by the label, which is the reason that the gate keeps."""
    found = reviewed.run(model(), hub(labels=labels))["override"]
    assert found == ("label gate-override of #7" if "gate-override" in labels else "")
