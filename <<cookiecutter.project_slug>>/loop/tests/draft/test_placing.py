"""Drafts are put in place, and nothing that a person wrote is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_loop import project
from mlops_loop.draft import drafting, placing
from mlops_loop.draft.roles import Stated
from mlops_loop.errors import UsageError


@pytest.fixture
def table() -> pd.DataFrame:
    """Sixty rows that are no flights."""
    rng = np.random.default_rng(1)
    return pd.DataFrame({"id": range(60), "x": rng.normal(size=60), "y": np.arange(60) % 2})


@pytest.fixture
def committed(in_project) -> Path:
    """The project under git, with a sample of other columns."""
    own = in_project / "src" / project.package()
    own.mkdir(parents=True)
    for name in ("__init__", "schema", "features"):
        (own / f"{name}.py").touch()
    for folder in ("raw", "later"):
        (in_project / "data" / folder).mkdir(exist_ok=True)
        (in_project / "data" / folder / "flights.csv").write_text("carrier,dest\nAA,JFK\n")
    git("init", "--quiet")
    git("add", "--all")
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "Start")
    return in_project


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)


def made(table: pd.DataFrame, path: Path, **stated: str) -> drafting.Draft:
    table.to_csv(path, index=False)
    return drafting.make([path], Stated(target="y", **stated))


def test_a_draft_lies_beside_the_project(committed, table, tmp_path_factory):
    """Nothing of the project changes without being asked."""
    draft = made(table, tmp_path_factory.mktemp("home") / "own.csv")
    placed = placing.write(draft, Path("build/schema"))
    assert {path.name for path in placed.written} == {
        "schema.py", "features.py", "params.yaml", "gate.yaml",
    }  # fmt: skip
    assert placed.removed == []
    assert subprocess.run(["git", "diff", "--quiet"]).returncode == 0


def test_a_table_moves_in_and_the_sample_moves_out(committed, table, tmp_path_factory):
    """Its copy is the only file of data/raw, and params.yaml names it by a glob."""
    draft = made(table, tmp_path_factory.mktemp("home") / "own.csv")
    placed = placing.replace(draft)
    assert [path.as_posix() for path in placed.removed] == [
        "data/raw/flights.csv",
        "data/later/flights.csv",
    ]
    assert [path.name for path in Path("data/raw").iterdir()] == ["own.csv"]
    assert "path: data/raw/*.csv" in Path("params.yaml").read_text()


def test_files_of_the_same_columns_stay(committed, table):
    """Rows of the same table that come later."""
    made(table, Path("data/later/own-2.csv"))
    placed = placing.replace(made(table, Path("data/raw/own.csv")))
    assert Path("data/later/own-2.csv").exists()
    assert len(placed.removed) == 2


def test_what_is_no_table_stays(committed, table, tmp_path_factory):
    """A database that rows are read from, a note, and what git ignores."""
    others = [Path("data/raw", name) for name in ("own.db", "README.md", ".gitignore", "x.csv.dvc")]
    for path in others:
        path.write_text("one\n")
    git("add", "--force", "--all")
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "Notes")
    placed = placing.replace(made(table, tmp_path_factory.mktemp("home") / "own.csv"))
    assert all(path.exists() for path in others)
    assert len(placed.removed) == 2


def test_files_that_git_does_not_have_stay(committed, table):
    """Whatever their columns; then the path names the one file."""
    Path("data/raw/other.csv").write_text("a,b\n1,2\n")
    placed = placing.replace(made(table, Path("data/raw/own.csv")))
    assert Path("data/raw/other.csv").exists()
    assert Path("data/raw/other.csv") not in placed.removed
    assert "path: data/raw/own.csv" in Path("params.yaml").read_text()


@pytest.mark.parametrize("name", ["params.yaml", "gate.yaml"])
def test_work_that_git_does_not_have_is_never_overwritten(committed, table, name):
    """Refused with the file; nothing is written, nothing removed."""
    path = Path(name)
    path.write_text(path.read_text() + "\n# my own remark\n")
    with pytest.raises(UsageError, match=f"Nothing was written: '{name}'"):
        placing.replace(made(table, Path("data/raw/own.csv")))
    assert "my own remark" in path.read_text()
    assert Path("src", project.package(), "schema.py").read_text() == ""
    assert Path("data/later/flights.csv").exists()


def test_a_draft_in_place_can_be_made_again(committed, table):
    """Its own files are no work of a person; once edited they are."""
    placing.replace(made(table, Path("data/raw/own.csv")))
    placing.replace(made(table, Path("data/raw/own.csv"), split="random"))
    schema = Path("src", project.package(), "schema.py")
    schema.write_text(schema.read_text() + "# mine\n")
    with pytest.raises(UsageError, match=r"schema\.py"):
        placing.replace(made(table, Path("data/raw/own.csv")))


def test_another_file_of_the_same_name_is_not_overwritten(committed, table, tmp_path_factory):
    """In data/raw, where the table would go."""
    Path("data/raw/own.csv").write_text("id,x,y\n1,2,3\n")
    with pytest.raises(UsageError, match=r"data/raw/own\.csv"):
        placing.replace(made(table, tmp_path_factory.mktemp("home") / "own.csv"))
