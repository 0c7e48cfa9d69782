"""The state of a source is written when it changed, and only then."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from mlops_loop import errors, paths, source_params
from mlops_loop.sources import files as source_files
from mlops_loop.sources import fingerprint

STATE = paths.SOURCE_STATE


@pytest.fixture
def look(tmp_path, monkeypatch, make_params):
    """`look(path="*.csv")` looks at a source from an empty folder; gives what was seen."""
    monkeypatch.chdir(tmp_path)

    def run(**source: str) -> fingerprint.Fingerprint:
        return fingerprint.run(
            make_params("binary", {"source": {"fingerprint": str(STATE)} | source})
        )

    return run


@pytest.fixture
def rows(look, monkeypatch):
    """`rows("VALUES (1)")`: whether a query with these rows has changed."""
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    def run(query: str) -> bool:
        Path("rows.sql").write_text(query)
        return look(kind="sql", query="rows.sql").changed

    return run


def test_local_files(look):
    """Their time and size; paths are those of the project, whatever the machine."""
    Path("a.csv").write_text("x\n1\n")
    os.utime("a.csv", (1, 1))
    assert look(kind="files", path="a.csv") == fingerprint.Fingerprint("a.csv", STATE, True)
    assert '"a.csv": {' in STATE.read_text()
    assert str(Path.cwd()) not in STATE.read_text()
    assert look(kind="files", path="a.csv") == fingerprint.Fingerprint("a.csv", STATE, False)
    os.utime("a.csv", (2, 2))
    assert look(kind="files", path="a.csv").changed


def test_one_more_file(look):
    """Is a change of the source."""
    Path("a.csv").write_text("x\n1\n")
    look(kind="files", path="*.csv")
    Path("b.csv").write_text("x\n1\n")
    assert look(kind="files", path="*.csv").changed
    assert not look(kind="files", path="*.csv").changed


def test_nothing_is_written_where_nothing_changed(look):
    """The file keeps its time."""
    Path("a.csv").write_text("x\n1\n")
    look(kind="files", path="a.csv")
    os.utime(STATE, (1, 1))
    look(kind="files", path="a.csv")
    assert STATE.stat().st_mtime == 1


@pytest.mark.parametrize("mark", [None, "ETag", "Last-Modified", "mtime", "LastModified"])
def test_what_a_file_system_says(look, monkeypatch, mark):
    """A tag or a time is enough; without one the content is read."""
    info = {"name": "a", "size": 4, "type": "file", "created": "now"} | (
        {mark: "v1"} if mark else {}
    )
    monkeypatch.setattr(source_files.fsspec.get_filesystem_class("memory"), "info", lambda *a: info)
    with source_files.fsspec.open("memory://a.csv", "wb") as file:
        file.write(b"x\n1\n")
    state = source_files.state_of_files(
        source_params.Files(path="memory://a.csv", fingerprint=str(STATE))
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
    assert look(kind="files", path="a.csv", fingerprint="a.csv").changed is None
    assert not STATE.exists()


def test_rows_of_a_query(rows):
    """Their hash, and how many there are."""
    assert rows("SELECT 1 AS n UNION SELECT 2")
    assert '"rows": "2"' in STATE.read_text()
    assert not rows("SELECT 1 AS n UNION SELECT 2")


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
    assert not rows(after)


@pytest.mark.parametrize(("before", "after"), OTHER)
def test_any_other_difference_is_a_change(rows, before, after):
    """Values, types, missing values, names, how often."""
    rows(before)
    assert rows(after)


def test_a_source_that_cannot_be_read_leaves_the_file(rows):
    """The last known state stays."""
    rows("VALUES (1)")
    before = STATE.read_bytes()
    with pytest.raises(errors.DataRefused):
        rows("nonsense")
    assert STATE.read_bytes() == before


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_broken_file_is_written_anew(rows, text):
    """As if there was none."""
    STATE.parent.mkdir()
    STATE.write_text(text)
    assert rows("VALUES (1)")


def test_rows_of_a_database_in_a_file(look, monkeypatch):
    """A row that is added is seen."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///rows.db")
    Path("rows.sql").write_text("SELECT * FROM t")
    for _ in range(3):
        with closing(sqlite3.connect("rows.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS t (n)")
            database.execute("INSERT INTO t VALUES (1)")
        assert look(kind="sql", query="rows.sql").changed
    assert not look(kind="sql", query="rows.sql").changed


def test_rows_of_an_own_source(look, own_package):
    """Their hash, as for a query; where DVC checks a file of the project, nothing is read."""
    own_package(
        extensions="""
        import pandas as pd
        def read(options):
            return pd.DataFrame({"n": options["numbers"]})
        SOURCES = {"numbers": read, "broken": None}
        """
    )
    assert look(kind="numbers", numbers=[1, 2]).changed
    assert not look(kind="numbers", numbers=[2, 1]).changed
    assert look(kind="numbers", numbers=[2, 3]).changed
    assert look(kind="broken", fingerprint="data/raw").changed is None


def test_the_hash_is_the_same_on_every_machine():
    """A fixed one, by hand: a change of it would run every project's pipeline again."""
    table = pd.DataFrame({"n": [2, 1], "s": [None, "ä"]})
    text = '\0"n","s"\0001,"ä"\0002,"\1"'
    assert fingerprint.state_of_rows(table)["sha256"] == hashlib.sha256(text.encode()).hexdigest()
