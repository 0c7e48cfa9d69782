"""Rows of a query become a table, and no password is ever shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pandas as pd
import pytest
import sqlalchemy as sa

from mlops_loop import errors, paths, source_params
from mlops_loop.sources import sql as source_sql
from mlops_loop.sources import table

SECRET = "s3cr3t-pw"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """`read("SELECT 1")` asks a small database."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("rows.db")) as database, database:
        database.execute("CREATE TABLE t (n INTEGER, x REAL, s TEXT, m)")
        rows = [(i, None if i < 5 else i / 2, f"{i}%", "word" if i == 8 else i) for i in range(10)]
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///rows.db")

    def ask(text: str, **changes) -> pd.DataFrame:
        Path("rows.sql").write_text(text)
        source = {
            "query": "rows.sql",
            "chunk_rows": 3,
            "fingerprint": str(paths.SOURCE_STATE),
        } | changes
        return table.read(source_params.Sql(**source))

    return ask


@pytest.mark.parametrize(("chunk_rows", "n_chunks"), [(1, 10), (3, 4), (10, 1), (1000, 1)])
def test_chunks_make_no_difference(read, monkeypatch, chunk_rows, n_chunks):
    """Not even where the first ones have no value in a column."""
    sizes, of = [], source_sql.columns.joined
    count = lambda chunks: sizes.extend(map(len, chunks)) or of(chunks)  # noqa: E731
    monkeypatch.setattr(source_sql.columns, "joined", count)
    table = read("SELECT n, x, s FROM t ORDER BY n", chunk_rows=chunk_rows)
    assert len(sizes) == n_chunks
    assert table["n"].tolist() == list(range(10))
    assert table["x"].dtype == "float64"
    assert table["x"].isna().sum() == 5
    assert table["s"].iloc[-1] == "9%"


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_integers_beside_null_are_exact(read, chunk_rows):
    """And the same in one chunk as in many: ids of 16 digits and more, booleans as 0 and 1."""
    ids = [2**53 + 1, 2**53, None, 2**63 - 1, -1]
    rows = ", ".join(f"({'NULL' if n is None else n}, {i % 2})" for i, n in enumerate(ids))
    found = read(
        f"SELECT column1 AS id, column2 AS yes FROM (VALUES {rows})", chunk_rows=chunk_rows
    )
    assert found["id"].dtype == "Int64"
    assert found["id"].dropna().tolist() == [n for n in ids if n is not None]
    assert found["yes"].dtype == "int64"


def test_words_among_numbers_are_text(read, tmp_path):
    """As with files: one type per column, and `validate` tells the words."""
    table = read("SELECT m FROM t ORDER BY n")
    table.to_parquet(tmp_path / "stored.parquet")
    assert table["m"].tolist() == [*"01234567", "word", "9"]


@pytest.mark.parametrize("query", ["SELECT s FROM t WHERE s LIKE '1%'", "SELECT ':s %s' AS s"])
def test_signs_of_parameters_are_plain_text(read, query):
    """A query has no parameters."""
    assert len(read(query)) == 1


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT missing FROM t", "no such column: missing"),
        ("SELEC", "syntax error"),
        ("-- no query", "does not return rows"),
        ("SELECT n, n FROM t", "more than one column 'n'"),
        ("SELECT n FROM t WHERE n < 0", "'rows.sql' has no rows"),
    ],
)
def test_a_query_that_gives_no_table_is_refused(read, query, reason):
    """With what the database says."""
    with pytest.raises(errors.DataRefused, match=reason) as error:
        read(query)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "query", ["DELETE FROM t", "INSERT INTO t (n) VALUES (1)", "DELETE FROM t RETURNING n"]
)
def test_a_query_never_changes_the_database(read, query):
    """What it did is rolled back."""
    if "RETURNING" in query:
        read(query)
    else:
        with pytest.raises(errors.DataRefused, match="does not return rows"):
            read(query)
    assert len(read("SELECT * FROM t")) == 10


@pytest.mark.parametrize("query", ["", " \n"])
def test_an_empty_query(read, query):
    """Named by its file."""
    with pytest.raises(errors.UsageError, match=r"'rows.sql' is empty"):
        read(query)


def test_a_missing_query(read):
    """Named by its file."""
    with pytest.raises(errors.UsageError, match=r"'no.sql' cannot be read"):
        read("", query="no.sql")


def test_a_missing_variable(read):
    """Named, with an example of what it holds."""
    with pytest.raises(errors.UsageError, match=r"NOWHERE is not set.*postgresql://USER"):
        read("SELECT 1", url_env="NOWHERE")


def test_a_missing_driver(read, monkeypatch):
    """Named, without the URL."""
    monkeypatch.setenv("DATABASE_URL", f"mysql+pymysql://me:{SECRET}@localhost/db")
    with pytest.raises(errors.UsageError, match="needs the driver 'pymysql'") as error:
        read("SELECT 1")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        f"postgres://me:{SECRET}@localhost/db",
        f"postgresql://me:x/{SECRET}@localhost/db",
        f"postgresql://me:1/{SECRET}@localhost/db",
        f"postgresql://me:x@{SECRET}@localhost/db",
        f"postgresql://me:{SECRET}@localhost:port/db",
        f"postgresql://me:{SECRET}@127.0.0.1:9/db",
        f"postgresql://me@127.0.0.1:9/db?password={SECRET}",
        f"postgresql://me:x@{SECRET}?x@localhost/db",
        f"sqlite://me:{SECRET}@localhost/db",
        f"sqlite:///no/{SECRET}.db?timeout={SECRET}",
    ],
)
def test_no_error_shows_the_password(read, monkeypatch, capsys, url):
    """Whether the URL cannot be parsed or the database cannot be reached."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises((errors.UsageError, errors.DataRefused), match="DATABASE_URL") as error:
        read("SELECT 1")
    assert SECRET not in f"{error.value}{capsys.readouterr()}"
    assert error.value.__suppress_context__ or error.value.__cause__ is None


@pytest.mark.parametrize("password", [SECRET, "a b/c@d:e%", "ä&=?"])
def test_a_driver_that_tells_the_password(read, monkeypatch, password):
    """In whatever way it is written."""
    url = sa.URL.create("sqlite", "me", password, "host")
    forms = [password, quote(password, safe=""), quote_plus(password), url.render_as_string(False)]

    def tell(*args, **options):
        raise sa.exc.OperationalError("SELECT", {}, Exception(f"cannot: {forms}"))

    monkeypatch.setattr(source_sql.sa, "create_engine", tell)
    monkeypatch.setattr(source_sql.sa, "make_url", lambda text: url)
    with pytest.raises(errors.DataRefused, match=r"cannot: .*\*\*\*") as error:
        read("SELECT 1")
    assert [form for form in forms if form in str(error.value)] == []
    assert str(error.value).count("***") == len(forms)
