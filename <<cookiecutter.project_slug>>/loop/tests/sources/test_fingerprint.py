"""The state of a source is noted when it changed, and only then."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from mlops_loop import errors, params, paths
from mlops_loop.sources import files as source_files
from mlops_loop.sources import fingerprint as watch

STATE = Path(str(paths.SOURCE_STATE))


@pytest.fixture
def look(tmp_path, monkeypatch, make_params, capsys):
    """`look(path="*.csv")` runs the verb on a source in an empty folder; gives what it says."""
    monkeypatch.chdir(tmp_path)

    def run(**source: str) -> str:
        watch.run(
            make_params("binary", {"source": {"fingerprint": str(paths.SOURCE_STATE)} | source})
        )
        return capsys.readouterr().out

    return run


@pytest.fixture
def rows(look, monkeypatch):
    """`rows("VALUES (1)")` is what the verb says to a query with these rows."""
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    def run(query: str) -> str:
        Path("rows.sql").write_text(query)
        return look(kind="sql", query="rows.sql")

    return run


def test_local_files(look):
    """Their time and size; paths are those of the project, whatever the machine."""
    Path("a.csv").write_text("x\n1\n")
    os.utime("a.csv", (1, 1))
    assert "a.csv changed" in look(kind="files", path="a.csv")
    assert '"a.csv": {' in STATE.read_text()
    assert str(Path.cwd()) not in STATE.read_text()
    assert "is as data/source.json says" in look(kind="files", path="a.csv")
    os.utime("a.csv", (2, 2))
    assert "changed" in look(kind="files", path="a.csv")


def test_one_more_file(look):
    """Is a change of the source."""
    Path("a.csv").write_text("x\n1\n")
    look(kind="files", path="*.csv")
    Path("b.csv").write_text("x\n1\n")
    assert "changed" in look(kind="files", path="*.csv")
    assert "is as" in look(kind="files", path="*.csv")


def test_nothing_is_written_where_nothing_changed(look):
    """The file keeps its time."""
    Path("a.csv").write_text("x\n1\n")
    look(kind="files", path="a.csv")
    os.utime(STATE, (1, 1))
    look(kind="files", path="a.csv")
    assert STATE.stat().st_mtime == 1


@pytest.mark.parametrize("mark", [None, "ETag", "Last-Modified", "mtime", "LastModified"])
def test_what_a_file_system_says(look, monkeypatch, mark):
    """A mark or a time is enough; without one the content is read."""
    said = {"name": "a", "size": 4, "type": "file", "created": "now"} | (
        {mark: "v1"} if mark else {}
    )
    monkeypatch.setattr(source_files.fsspec.get_filesystem_class("memory"), "info", lambda *a: said)
    with source_files.fsspec.open("memory://a.csv", "wb") as file:
        file.write(b"x\n1\n")
    state = source_files.state_of_files(
        params.Files(path="memory://a.csv", fingerprint=str(paths.SOURCE_STATE))
    )
    [facts] = state.values()
    assert facts["size"] == "4"
    if mark:
        assert facts.keys() - {"size"} == {mark.lower().replace("-", "")}
    else:
        assert len(facts["sha256"]) == 64


def test_a_folder_is_left_to_dvc(look):
    """It sees changes itself."""
    Path("a.csv").write_text("x\n1\n")
    assert "DVC watches a.csv itself" in look(kind="files", path="a.csv", fingerprint="a.csv")
    assert not STATE.exists()


def test_rows_of_a_query(rows):
    """Their hash, and how many there are."""
    assert "rows.sql changed" in rows("SELECT 1 AS n UNION SELECT 2")
    assert '"rows": "2"' in STATE.read_text()
    assert "is as data/source.json says" in rows("SELECT 1 AS n UNION SELECT 2")


SAME = [("VALUES (1), (2)", "VALUES (2), (1)")]
OTHER = [
    ("VALUES (1), (2)", "VALUES (1), (3)"),
    ("VALUES (1), (2)", "VALUES (1), (2), (2)"),
    ("VALUES (1)", "VALUES ('1')"),
    ("VALUES (''), ('a')", "VALUES (NULL), ('a')"),
    ("VALUES (0.1 + 0.2)", "VALUES (0.3)"),
    ("SELECT 1 AS a", "SELECT 1 AS b"),
    ("VALUES ('a\nb'), ('c\nd')", "VALUES ('a\nd'), ('c\nb')"),
    ("SELECT 'x' AS a, 'y' AS b", "SELECT 'y' AS a, 'x' AS b"),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_another_order_of_rows_is_no_change(rows, before, after):
    """A query without ORDER BY may give any."""
    rows(before)
    assert "is as" in rows(after)


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_any_other_difference_is_a_change(rows, before, after):
    """Values, types, missing values, names, how often."""
    rows(before)
    assert "changed" in rows(after)


def test_a_source_that_cannot_be_read_leaves_the_note(rows):
    """What was known stays known."""
    rows("VALUES (1)")
    before = STATE.read_bytes()
    with pytest.raises(errors.DataRefused):
        rows("nonsense")
    assert STATE.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_broken_note_is_written_anew(rows, text):
    """As if there was none."""
    STATE.parent.mkdir()
    STATE.write_text(text)
    assert "changed" in rows("VALUES (1)")


def test_rows_of_a_database_in_a_file(look, monkeypatch):
    """A row that is added is seen."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///rows.db")
    Path("rows.sql").write_text("SELECT * FROM t")
    for said in ("changed", "changed", "changed"):
        with closing(sqlite3.connect("rows.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS t (n)")
            database.execute("INSERT INTO t VALUES (1)")
        assert said in look(kind="sql", query="rows.sql")


def test_the_hash_is_the_same_on_every_machine():
    """A fixed one, by hand: a change of it would run every project's pipeline again."""
    table = pd.DataFrame({"n": [2, 1], "s": [None, "ä"]})
    text = '\0"n","s"\0001,"ä"\0002,"\1"'
    assert watch.state_of_rows(table)["sha256"] == hashlib.sha256(text.encode()).hexdigest()
