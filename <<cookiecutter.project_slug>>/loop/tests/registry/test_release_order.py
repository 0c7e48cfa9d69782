"""Which release may replace what is in production, while others train and wait beside it."""

from __future__ import annotations

import pytest

from mlops_loop import paths
from mlops_loop.errors import UsageError
from mlops_loop.registry import ledger, release_order


@pytest.fixture
def deploy(project):
    """`deploy("a")` trains, registers and assigns; returns what production holds then."""

    def run(mark, **call):
        version, _ = ledger.register(project.root, *project.ship(mark))
        return ledger.assign(project.root, version.version, why=mark, **call)[0]

    return run


def test_a_verdict_about_the_champion_of_today_counts(deploy):
    """So does that of the first model, and of the one that production has already."""
    release_order.check_champion({"champion": None}, None, None)
    now = deploy("a")
    release_order.check_champion({"champion": "v1.0.0"}, None, now)
    release_order.check_champion({"champion": None}, "v1.0.0", now)


@pytest.mark.parametrize("compared", [None, "v9.9.9"])
def test_production_changed_since_the_gate(project, deploy, compared):
    """Nothing is registered; both models and the next command are named."""
    deploy("a")
    (made, verdict), before = project.ship("b"), project.git("tag")
    words = f"compared {made.id} with {compared or 'no champion'}, and v1.0.0 is in production"
    with pytest.raises(UsageError, match=f"{words} now. Next: loop gate$"):
        ledger.register(project.root, made, verdict | {"champion": compared})
    assert project.git("tag") == before


def test_production_is_empty_since_the_gate(project):
    """The first release was withdrawn."""
    made, verdict = project.ship("a")
    with pytest.raises(UsageError, match=r"with v1\.0\.0, and nothing is in production now"):
        ledger.register(project.root, made, verdict | {"champion": "v1.0.0"})


def test_in_a_workflow_all_jobs_run_again(monkeypatch):
    """Failed jobs alone would read the verdict of the first attempt."""
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    with pytest.raises(UsageError, match=r'Next: gh run rerun 7 \(.*"Re-run all jobs"\)$'):
        release_order.check_champion({"champion": "v1.0.0"}, None, None)


@pytest.mark.parametrize("known", [False, True])
def test_an_image_of_another_version(project, deploy, known):
    """Another release took the version first, or this model has one: nothing is registered."""
    deploy("a")
    call = project.root, *project.ship("b")
    if known:
        ledger.register(*call)
    before = project.git("tag")
    words = r"built as v9\.9\.9, and the model is v1\.1\.0: .* Next: make image"
    with pytest.raises(UsageError, match=words):
        ledger.register(*call, expect="v9.9.9")
    assert project.git("tag") == before
    assert ledger.register(*call, expect="v1.1.0")[1] is not known


def test_a_hold_is_said_by_the_assignment(project, deploy):
    """A model may be registered meanwhile; the assignment names who holds production."""
    deploy("a", hold=True)
    made, verdict = project.ship("b")
    version, _ = ledger.register(project.root, made, verdict | {"champion": "v9.9.9"})
    with pytest.raises(UsageError, match="is held in production"):
        ledger.assign(project.root, version.version, why="better")


def test_the_later_commit_wins(project, deploy):
    """Equal or unknown commits supersede nothing."""
    older = project.commit()
    newer = project.ship("a") and project.git("rev-parse", "HEAD")
    now = deploy("b", commit=newer)
    verdicts = {commit: release_order.is_superseded(project.root, commit, now)
                for commit in (older, newer, "", "0" * 40)}  # fmt: skip
    assert verdicts == {older: True, newer: False, "": False, "0" * 40: False}
    assert not release_order.is_superseded(project.root, older, None)


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_a_verdict_that_cannot_be_read_is_none(tmp_path, text):
    """Then nothing may be registered."""
    (tmp_path / paths.VERDICT).parent.mkdir()
    if text is not None:
        (tmp_path / paths.VERDICT).write_text(text)
    assert release_order.read_verdict(tmp_path) == {}
