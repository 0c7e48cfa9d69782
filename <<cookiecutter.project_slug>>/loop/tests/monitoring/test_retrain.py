"""Retraining on a schedule: the guard, what is new, and the proposal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops_loop import paths
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.model import bundle
from mlops_loop.monitoring import retrain
from mlops_loop.monitoring.config import RetrainConfig
from mlops_loop.monitoring.retrain import CoolingDown, Held, KnownModel, TooManyRefusals
from mlops_loop.registry import ledger

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def guard(repo, hub):
    """`guard(cool_down_days=1)` returns why no model may be trained."""
    return lambda **config: retrain.obstacle(repo, RetrainConfig(**config), hub, NOW)


@pytest.fixture
def propose(repo, hub):
    """`propose("REJECT")` proposes models/bundle after that verdict."""

    def run(decision="PROMOTE", challenger=None):
        made = bundle.load(repo / paths.BUNDLE)
        verdict = {"decision": decision, "challenger": challenger or made.id, "summary": "@all: x"}
        return retrain.propose(repo, made, verdict, hub, NOW)

    return run


@pytest.fixture
def proposals(git, repo, hub):
    """`proposals()` are the branches at origin, which GitHub knows then."""

    def run():
        lines = git(repo, "ls-remote", "--heads", "origin", "retrain/*").splitlines()
        hub.branches = [line.partition("refs/heads/")[2] for line in lines]
        return hub.branches

    return run


def test_a_model_may_be_trained(guard):
    """Nothing is held, proposed or refused."""
    assert guard() is None


def test_not_while_production_is_held(repo, guard):
    """By whom, and why."""
    ledger.assign(repo, "v1.0.0", why="late\nanswers", hold=True)
    assert guard() == Held("v1.0.0", "Ada Tester", "late\nanswers")


@pytest.mark.parametrize("by", ["branch", "issue"])
@pytest.mark.parametrize(("days", "until"), [(10, 15), (4, None)])
def test_not_soon_after_a_proposal(guard, hub, by, days, until):
    """By its branch, or by its issue where that was deleted."""
    hub.branches = ["retrain/2026-01-05-0123456789ab"] if by == "branch" else ["retrain/mine"]
    if by == "issue":
        body = "<!-- retrained-0123456789ab: x -->\nA model"
        hub.write(body, created="2026-01-05")["state"] = "closed"
    last, end = (day and datetime(2026, 1, day, tzinfo=UTC) for day in (5, until))
    assert guard(cool_down_days=days) == (CoolingDown(last, end) if end else None)


def test_a_branch_of_no_day_is_no_proposal(guard, hub):
    """Anybody may push one."""
    hub.branches = ["retrain/2026-02-30-mine"]
    assert guard(cool_down_days=10) is None


def test_not_after_too_many_refusals(guard, hub, propose, repo, write_bundle):
    """Each model counts once; closing the issue allows the next."""
    for mark in ("a", "a", "b", "b"):
        write_bundle(repo / paths.BUNDLE, mark)
        made = propose("REJECT")
        assert (made.decision, made.issue_url, made.branch) == ("REJECT", "URL/1", None)
    assert guard(refusals=3) is None
    assert guard(refusals=2) == TooManyRefusals(2, "URL/1")
    hub.issues[0]["state"] = "closed"
    assert guard(refusals=2) is None


def test_a_pass_ends_the_row(hub, propose, proposals):
    """The issue about refused models is closed."""
    propose("HOLD")
    propose()
    assert [i["state"] for i in hub.issues if "refused" in i["title"]] == ["closed"]


def test_what_is_new(repo, git):
    """Neither the model of production, nor the one that dvc.lock names in git."""
    made = bundle.load(repo / paths.BUNDLE)
    assert retrain.nothing_new(repo, made) is None
    git(repo, "commit", "--quiet", "--all", "--message", "Lock")
    assert retrain.nothing_new(repo, made) == KnownModel(made.id)
    verdict = {"decision": "PROMOTE", "challenger": made.id, "champion": "v1.0.0"}
    ledger.register(repo, made, verdict)
    ledger.assign(repo, "v1.1.0", why="better")
    assert retrain.nothing_new(repo, made) == KnownModel(made.id, "v1.1.0")


def test_a_proposal(repo, git, hub, propose, proposals):
    """A branch with lock and state of the source and nothing else, and one issue with a link."""
    (repo / "data").mkdir()
    (repo / "data/source.json").write_text("{}\n")
    (repo / "stray.txt").write_text("not mine\n")
    made = bundle.load(repo / paths.BUNDLE)
    propose()
    assert proposals() == [f"retrain/2026-01-10-{made.id}"]
    assert git(repo, "diff", "--name-only", "origin/main", "HEAD").split() == [
        "data/source.json",
        "dvc.lock",
    ]
    (issue,) = hub.issues
    assert f"https://github.com/o/r/compare/main...retrain/2026-01-10-{made.id}?" in issue["body"]
    assert "Closes+%231" in issue["body"]
    assert "@all" not in issue["body"]


def test_twice_changes_nothing(git, repo, hub, propose, proposals):
    """Also after its issue was closed by a person."""
    propose()
    before, commit = proposals(), git(repo, "rev-parse", "HEAD")
    hub.issues[0]["state"] = "closed"
    again = propose()
    assert (again.branch, again.issue_url) == (before[0], "URL/1")
    assert (proposals(), git(repo, "rev-parse", "HEAD"), len(hub.issues)) == (before, commit, 1)
    assert hub.comments[1] == []


def test_an_interrupted_proposal_is_completed(hub, propose, proposals):
    """An issue without its link is given it."""
    propose()
    body = hub.issues[0]["body"]
    hub.issues[0]["body"] = body.partition("\n\n**")[0]
    proposals()
    propose()
    assert hub.issues[0]["body"] == body


def test_a_newer_proposal_closes_the_older(repo, hub, write_bundle, propose, proposals):
    """And says which one it is."""
    propose()
    write_bundle(repo / paths.BUNDLE, "newer")
    (repo / "dvc.lock").write_text("newer\n")
    propose()
    assert [(i["number"], i["state"]) for i in hub.issues] == [(2, "open"), (1, "closed")]
    assert "#2" in hub.comments[1][-1]["body"]


def test_a_model_that_the_gate_has_not_judged(propose):
    """The verdict must be about this model."""
    with pytest.raises(UsageError, match="has not judged"):
        propose(challenger="another")


def test_origin_that_is_down(git, repo, hub, propose):
    """Nothing is proposed without its branch."""
    git(repo, "remote", "set-url", "origin", "http://127.0.0.1:9/x")
    with pytest.raises(StoreUnreachable, match="git failed at origin"):
        propose()
    assert hub.issues == []
