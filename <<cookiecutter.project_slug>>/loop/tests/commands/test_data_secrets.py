"""How commands get the secret DATA_SECRETS, and what they say where a run has none."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
import yaml

from mlops_loop import paths
from mlops_loop.cli import cli
from mlops_loop.commands import data_secrets
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.files import read_table
from mlops_loop.pipeline import preflight

URL = "postgresql://me:p%40ss@db/rows"
MASKS = [f"::add-mask::{text}" for text in ("p%2540ss", "p@ss", URL.replace("%", "%25"))]
SQL = {"kind": "sql", "query": "rows.sql", "fingerprint": str(paths.SOURCE_STATE)}
CSV = {"kind": "files", "path": "raw/*.csv", "fingerprint": "raw"}


@pytest.fixture
def step():
    """`step(text)` is the environment of a workflow's step that gets this secret."""
    with mock.patch.dict(os.environ):

        def begin(text: str) -> None:
            os.environ.pop("DATABASE_URL", None)
            os.environ.update({"GITHUB_ACTIONS": "true", "DATA_SECRETS": text})

        yield begin


@pytest.fixture
def project(tmp_path, monkeypatch, make_params):
    """`project(source)` is a folder with that source, and a database of two rows in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "check", lambda params: None)  # there is no package here
    Path("rows.sql").write_text("SELECT n FROM t")
    with closing(sqlite3.connect("rows.db")) as database, database:
        database.execute("CREATE TABLE t AS SELECT 1 AS n UNION SELECT 2")

    def make(source: dict[str, str]) -> None:
        own = make_params("binary", {"source": source}).model_dump(mode="json", by_alias=True)
        paths.PARAMS.write_text(yaml.safe_dump(own))

    return make


def loop(*words: str) -> None:
    """Run a command in this process."""
    cli.main(list(words), standalone_mode=False)


@pytest.mark.parametrize("where", ["true", ""])
def test_values_are_masked_in_a_workflow_and_shown_nowhere(step, capsys, where):
    """A laptop has no log that would hide them."""
    step(f"DATABASE_URL={URL}")
    os.environ["GITHUB_ACTIONS"] = where
    data_secrets.export()
    said = capsys.readouterr()
    assert sorted(said.err.splitlines()) == (sorted(MASKS) if where else [])
    assert said.out == ""
    assert os.environ["DATABASE_URL"] == URL
    assert "DATA_SECRETS" not in os.environ


def test_a_source_is_read_with_what_the_secret_names(step, project):
    """By both commands that read it."""
    project(SQL)
    for command in ("fingerprint", "ingest"):
        step("DATABASE_URL=sqlite:///rows.db")
        loop(command)
    assert sorted(read_table(paths.INGESTED)["n"]) == [1, 2]
    assert "rows.db" not in paths.SOURCE_STATE.read_text()


def test_a_run_without_the_secret_says_so(step, project):
    """One sentence more than the source's own, whether it misses a variable or is refused."""
    project(SQL)
    for url, kind in ((None, UsageError), ("sqlite:///nowhere/rows.db", DataRefused)):
        for command in ("fingerprint", "ingest"):
            step("")
            os.environ |= {"DATABASE_URL": url} if url else {}
            with pytest.raises(kind, match=r"DATABASE_URL.*no secret DATA_SECRETS.*Dependabot"):
                loop(command)


def test_a_source_that_needs_no_password_does_not_ask_for_one(step, project):
    """Files of the project; and a run that has the secret."""
    project(CSV)
    step("")
    with pytest.raises(UsageError, match="matches no file") as refused:
        loop("ingest")
    project(SQL)
    step("DATABASE_URL=sqlite:///nowhere/rows.db")
    with pytest.raises(DataRefused) as failed:
        loop("ingest")
    assert "DATA_SECRETS" not in f"{refused.value}{failed.value}"


@pytest.mark.parametrize("command", ["ingest", "fingerprint", "store pull", "store push"])
def test_a_line_that_is_refused_stops_the_command(step, project, command):
    """Before anything is read, and without a value."""
    project(SQL)
    step("DATABASE_URL=sqlite:///rows.db\nPATH=/hunter2\n")
    with pytest.raises(UsageError, match="line 2 PATH") as refused:
        loop(*command.split())
    assert "hunter2" not in str(refused.value)
