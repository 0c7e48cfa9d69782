"""Which pull request a workflow runs for, what it reported, and whether a person overrode HOLD."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from githubkit import GitHub

from mlops_loop.commands.report import check_review
from mlops_loop.github import markers, review_marker
from mlops_loop.github.api import BOT, operation
from mlops_loop.github.review_marker import ModelMatch, Review
from mlops_loop.model import bundle


def model(id="b1", scores=(0.25, [0.1, 0.9])):
    return SimpleNamespace(id=id, golden=lambda: [{"row": {}, "score": s} for s in scores[:1]])


def hub(body=None, labels=(), merged="2026-01-01T00:00:00Z", author=BOT):
    """Answers as `Repository` does: one pull request, and one comment where there is a body."""
    pull = {"number": 7, "merged_at": merged, "labels": [{"name": name} for name in labels]}
    comments = [{"body": body, "user": {"login": author}}] if body else []
    answers = {
        "repos.list_pull_requests_associated_with_commit": [pull],
        "issues.list_comments": comments,
    }
    client = GitHub("none")
    return SimpleNamespace(
        client=client,  # `rest` lives as long as its client
        rest=client.rest,
        list_all=lambda method, **_: iter(answers[operation(method)]),
        call=lambda method, pull_number: {"pulls.get": {7: pull}}[operation(method)][pull_number],
    )


@pytest.fixture(autouse=True)
def _commit(monkeypatch):
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)


def report(made):
    return f"{markers.REPORT}\nText.\n{markers.of_bundle(made)}"


def test_the_reviewed_model_is_recognised():
    """The same bundle, byte for byte."""
    review = review_marker.check(model(), hub(report(model())))
    assert review == Review(7, ModelMatch("b1", "b1", 0.0))
    assert review.match.is_same


def test_another_model_is_measured_on_the_golden_rows():
    """By how much its scores differ."""
    review = review_marker.check(model(id="b2", scores=(0.5,)), hub(report(model())))
    assert review == Review(7, ModelMatch("b2", "b1", 0.25))
    assert not review.match.is_same


def test_other_golden_rows_are_recognised():
    """Scores of other rows are not compared."""
    other = SimpleNamespace(id="b2", golden=lambda: [])
    review = review_marker.check(other, hub(report(model())))
    assert review == Review(7, ModelMatch("b2", "b1", None))


@pytest.mark.parametrize(
    ("github", "pull"),
    [(hub(report(model()), author="ada"), 7), (hub("Looks good"), 7), (hub(merged=None), None)],
    ids=["a person's copy", "another comment", "not merged"],
)
def test_without_a_report_nothing_is_compared(github, pull):
    """Only the workflow's own comment on a merged pull request counts."""
    assert review_marker.check(model(), github) == Review(pull)


@pytest.mark.parametrize("labels", [["gate-override", "x"], ["x"], []])
def test_the_label_overrides(labels):
    """HOLD is overridden by the label alone."""
    review = review_marker.check(model(), hub(labels=labels))
    assert review == Review(7, override="gate-override" in labels)


SUMMARIES = {
    "no pull request": (Review(), "This commit has no pull request, so nothing was reviewed."),
    "open": (Review(7, is_open=True), "#7 is under review."),
    "no report": (Review(7), "#7 reported no model."),
    "the same": (
        Review(7, ModelMatch("b1", "b1", 0.0)),
        "#7 reported this very model, byte for byte (b1).",
    ),
    "other scores": (
        Review(7, ModelMatch("b2", "b1", 0.25)),
        "#7 reported another model (b1) than b2: the scores of golden rows differ by up to 0.25.",
    ),
    "other rows": (
        Review(7, ModelMatch("b2", "b1", None)),
        "#7 reported another model (b1) than b2, with other golden rows.",
    ),
}


@pytest.mark.parametrize(("review", "summary"), SUMMARIES.values(), ids=SUMMARIES)
def test_a_workflow_reads_summary_and_override(monkeypatch, tmp_path, review, summary):
    """As outputs of the step; the reason of an override names the label and the pull request."""
    review = replace(review, override=review.pull is not None)
    monkeypatch.setattr(review_marker, "check", lambda bundle: review)
    monkeypatch.setattr(bundle, "load", lambda folder: None)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert CliRunner().invoke(check_review).exit_code == 0
    lines = (tmp_path / "output").read_text().splitlines()
    override = "label gate-override of #7" if review.override else ""
    assert lines == [f"summary={summary}", f"override={override}"]


EVENTS = {
    "pull request": ({"pull_request": {"number": 7}}, 7),
    "merge queue": (
        {"merge_group": {"head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{'b' * 40}"}},
        7,
    ),
    "queue of a branch with slashes": (
        {"merge_group": {"head_ref": "refs/heads/gh-readonly-queue/a/pr-1-b/pr-12-bb"}},
        12,
    ),
    "another name": ({"merge_group": {"head_ref": "refs/heads/x/pr-7-$(id)"}}, None),
    "push": ({"ref": "refs/heads/main"}, None),
    "none": ({}, None),
}


@pytest.mark.parametrize(("cause", "number"), EVENTS.values(), ids=EVENTS)
def test_an_event_names_its_pull_request(cause, number):
    """By its own number, or by that in the name of the queue's branch; a push names none."""
    assert review_marker.pull_number(cause) == number


@pytest.mark.parametrize("name", ["pull request", "merge queue"])
@pytest.mark.parametrize("labels", [["gate-override"], []])
def test_the_label_counts_before_the_merge(monkeypatch, tmp_path, name, labels):
    """It is asked for by the number; only in the queue is there a report to compare with."""
    (tmp_path / "event.json").write_text(json.dumps(EVENTS[name][0]))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    is_open = name == "pull request"
    match = None if is_open else ModelMatch("b1", "b1", 0.0)
    review = review_marker.check(model(), hub(report(model()), labels, merged=None))
    assert review == Review(7, match, bool(labels), is_open)
