"""Rows with their outcome: what is taken, what is left out, and the proposal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mlops_loop.commands import feedback as commands
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Column, Contract
from mlops_loop.monitoring import feedback, feedback_proposal
from mlops_loop.monitoring.traffic import table

DAY = date(2026, 1, 5)
CONTRACT = Contract(
    "classification", "outcome",
    (Column("size", "number"), Column("town", "category", levels=("a", "b"))), ("no", "yes"),
)  # fmt: skip
SCHEMA = """
    import pandera.pandas as pa
    from pandera.typing import Series

    class RawRows(pa.DataFrameModel):
        size: Series[float] = pa.Field(le=100)
        town: Series[str]
        outcome: Series[str]
        note: Series[str] = pa.Field(nullable=True)

        class Config:
            coerce = True
"""


def record(number, outcome=None, town="a", id_=None):
    facts = {"prediction_id": id_ or f"p{number:03}", "row": 0, "model_version": "v1"}
    facts |= {"at": f"{DAY}T10:00:00+00:00", "inputs": {"size": number + 0.5, "town": town}}
    facts["inputs"]["secret"] = "not of the contract"
    known_at = f"{DAY}T11:00:00+00:00" if outcome else None
    return facts | {"output": {}, "outcome": outcome, "outcome_at": known_at, "subject": "ada"}


def chunk(*records):
    return table.Chunk(DAY, table.of_records(records))


@pytest.fixture
def params(project, own_package, make_params, monkeypatch):
    """A project whose source is data/raw/*.csv with two rows, one of which production saw too."""
    own_package(schema=SCHEMA)
    monkeypatch.chdir(project.root)
    raw = project.root / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "a.csv").write_text("note,size,town,outcome\nx,1.50,a,yes\ny,9,b,no\n")
    project.commit("Rows")
    source = {"kind": "files", "path": "data/raw/*.csv", "fingerprint": "data/raw"}
    return lambda **changes: make_params(changes={"source": source} | changes)


@pytest.fixture
def collected():
    """Four rows with an outcome, one of them twice, one of them too large; two without."""
    labelled = [record(1, "yes"), record(2, "no", "b"), record(300, "yes"), record(4, "yes")]
    return feedback.collect(
        [chunk(*labelled, record(5)), chunk(record(6), record(2, "no", "b"))], CONTRACT, "outcome"
    )


def test_what_is_collected(collected):
    """Inputs of the contract and the target; every id once; days with their shares."""
    assert list(collected.rows) == ["size", "town", "outcome"]
    assert len(collected.rows) == 4
    assert collected.repeated == 1
    assert collected.days == [feedback.Day(DAY, 7, 5)]


def test_nothing_to_collect(monkeypatch):
    """No outcome, too many rows, or a target that is an input."""
    with pytest.raises(DataRefused, match="No row of these days has an outcome"):
        feedback.collect([chunk(record(1))], CONTRACT, "outcome")
    monkeypatch.setattr(feedback, "MOST", 1)
    with pytest.raises(UsageError, match="more than 1 rows"):
        feedback.collect([chunk(record(1, "yes"), record(2))], CONTRACT, "outcome")
    with pytest.raises(UsageError, match="'size' is the target and an input"):
        feedback.collect([], CONTRACT, "size")


def test_what_is_chosen(collected, params):
    """In the columns of the source, whose rows and refusals of RawRows are left out and counted."""
    made = feedback.choose(collected, params(), 10)
    assert made.obstacle == ""
    assert list(made.rows) == ["note", "size", "town", "outcome"]
    assert made.rows["size"].tolist() == [4.5, 2.5]  # the last of two with one id
    assert made.rows["note"].isna().all()
    assert (made.known, made.n_refused, made.over_limit) == (1, 1, 0)
    assert sum(made.refused.values()) == 1
    assert "size" in next(iter(made.refused))


def test_a_limit(collected, params):
    """Rows are chosen by a hash, the same on every run."""
    made, again = (feedback.choose(collected, params(), 1) for _ in range(2))
    assert (len(made.rows), made.over_limit) == (1, 1)
    pd.testing.assert_frame_equal(made.rows, again.rows)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": {"kind": "files", "path": "s3://b/*.csv", "fingerprint": "data/source.json"}},
         "no file of this repository"),
        ({"source": {"kind": "files", "path": "data/raw/a.csv", "fingerprint": "data/raw"}},
         "matches no second file"),
        ({"target": {"column": "size", "above": 1, "classes": ["a", "b"]}}, "target.above"),
    ],
)  # fmt: skip
def test_obstacles(collected, params, changes, said):
    """Then the file has all rows, and says why nothing is proposed."""
    made = feedback.choose(collected, params(**changes), 10)
    assert said in made.obstacle
    assert len(made.rows) == 4


def test_columns_that_do_not_fit(collected, params, own_package):
    """RawRows needs more than the model takes; or the model takes what no source has."""
    own_package(schema=SCHEMA.replace("pa.Field(nullable=True)", "pa.Field()"))
    assert "RawRows needs 'note'" in feedback.choose(collected, params(), 10).obstacle
    own_package(schema=SCHEMA)
    Path("data/raw/a.csv").write_text("note,town,outcome\nx,a,yes\n")
    assert "takes 'size', which the source" in feedback.choose(collected, params(), 10).obstacle


@pytest.fixture
def proposed(collected, params, hub, project, git, tmp_path):
    """`proposed()` writes and proposes; origin is a repository beside the project."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin")
    project.git("remote", "add", "origin", str(tmp_path / "origin"))
    project.git("push", "--quiet", "origin", "main")

    def run(day=DAY):
        made = feedback.choose(collected, params(), 10)
        written = feedback_proposal.write(made, params())
        hub.branches = project.git("ls-remote", "--heads", "origin").split("refs/heads/")[1:]
        hub.branches = [name.split()[0] for name in hub.branches if name.startswith("feedback/")]
        return feedback_proposal.propose(project.root, made, written, params(), hub, day)

    return run


def test_a_proposal(proposed, project, hub):
    """One file on a branch of its own, and one issue; the work tree stays as it is."""
    made = proposed()
    project.git("fetch", "--quiet", "origin")
    changed = project.git("diff", "--name-only", "main", f"origin/{made.branch}")
    assert changed == made.path
    content = project.git("show", f"origin/{made.branch}:{made.path}")
    assert content.splitlines() == ["note,size,town,outcome", ",4.5,a,yes", ",2.5,b,no"]
    assert not (project.root / made.path).exists()
    assert project.git("status", "--porcelain", "--", "data") == ""
    (issue,) = hub.issues
    assert f"/compare/main...{made.branch}?" in issue["body"]
    assert "| with an outcome | 4 |" in issue["body"]
    assert "not of the contract" not in issue["body"]


def test_once_for_the_same_rows(proposed, project, hub):
    """Also on another day."""
    first = proposed()
    assert proposed(date(2026, 1, 9)) == first
    assert len(hub.issues) == 1
    assert len(project.git("ls-remote", "--heads", "origin", "feedback/*").splitlines()) == 1


def test_a_file_that_git_ignores(proposed, project):
    """Says where it is, and what to do."""
    (project.root / ".gitignore").write_text("/data/\n/build/\n")
    with pytest.raises(UsageError, match=r"git ignores data/raw/feedback-.*copy build/feedback"):
        proposed()


def test_names_are_escaped(collected, params):
    """Columns come from data."""
    made = feedback.choose(collected, params(), 10)
    evil = "<img src=x>|@all"
    odd = feedback.Feedback(
        made.rows.rename(columns={"town": evil}), collected, "", refused={f"{evil}: isin": 1}
    )
    text = feedback_proposal.report(odd)
    assert "<img" not in text
    assert "@all" not in text


@pytest.mark.parametrize("traffic", ["", "traffic: {kind: replay}"])
def test_the_command_needs_production(params, monkeypatch, traffic):
    """Neither without a section, nor from a replay."""
    monkeypatch.setattr(commands.params, "load", lambda: params())
    Path("monitor.yaml").write_text(f"stale_days: 30\n{traffic}\n")
    result = CliRunner().invoke(commands.feedback, ["propose", "--since", "2026-01-05"])
    assert isinstance(result.exception, UsageError)
    said = "A replay's rows are no feedback" if traffic else "has no section traffic"
    assert said in str(result.exception)
