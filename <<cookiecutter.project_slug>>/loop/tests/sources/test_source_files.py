"""Files of any place become one table, or the file that does not fit is named."""

from __future__ import annotations

import functools
import http.server

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_loop import errors, paths, source_params
from mlops_loop.sources import files as source_files
from mlops_loop.sources import table

TABLE = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, None, 1.5], "s": ["a", "b", None]})
AS_TEXT = pd.DataFrame({"n": ["1", "2", "3"], "x": ["0.5", None, "1.5"], "s": ["a", "b", None]})


@pytest.fixture
def read(tmp_path):
    """`read("*.csv")` reads what matches in the test's folder."""

    def read_path(path: str, form: str = "csv") -> pd.DataFrame:
        full = path if "://" in path else str(tmp_path / path)
        return table.read(
            source_params.Files(path=full, format=form, fingerprint=str(paths.SOURCE_STATE))
        )

    return read_path


@pytest.fixture
def server(tmp_path, listening):
    """The address of a web server with the files of the test's folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            if "broken" in self.path:
                return self.send_error(500)
            if "cut" in self.path:
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                return self.wfile.write(b"x\n1\n")
            return super().do_GET()

    handler = functools.partial(Quiet, directory=tmp_path)
    with listening(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as running:
        yield f"http://127.0.0.1:{running.server_port}"


@pytest.mark.parametrize("path", ["a.csv", "*.csv"])
def test_csv_by_path_and_glob(tmp_path, read, path):
    """Every column is text, and an empty field is missing."""
    TABLE.to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read(path), AS_TEXT)


@pytest.mark.parametrize("path", ["a.parquet", "*.parquet"])
def test_parquet_by_path_and_glob(tmp_path, read, path):
    """Types are those of the file."""
    TABLE.to_parquet(tmp_path / "a.parquet", index=False)
    pd.testing.assert_frame_equal(read(path, "parquet"), TABLE)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_url(tmp_path, read, server, form):
    """A file on a web server reads like a local one."""
    getattr(TABLE, f"to_{form}")(tmp_path / "a", index=False)
    pd.testing.assert_frame_equal(read(f"{server}/a", form), AS_TEXT if form == "csv" else TABLE)


@pytest.mark.parametrize("order", ["abc", "cab"])
def test_files_come_in_the_order_of_their_names(tmp_path, read, monkeypatch, order):
    """Not in the order in which the file system tells them."""
    for name in order:
        (tmp_path / f"{name}.csv").write_text(f"name\n{name}\n")
    opened = [fsspec.open(str(tmp_path / f"{name}.csv"), "rb") for name in order]
    monkeypatch.setattr(source_files.fsspec, "open_files", lambda *args: opened)
    assert read("*.csv")["name"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("path", ["*.csv", "nowhere.csv", "nofolder/*.csv"])
def test_nothing_to_read_is_reported_with_the_path(read, path):
    """A glob without a match and a path that is not there."""
    with pytest.raises(errors.UsageError, match=r"source.path"):
        read(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("nowhere.csv", "404|cannot be found"), ("broken.csv", "500"), ("cut.csv", "Not enough data")],
)
def test_a_server_that_does_not_give_the_file(read, server, path, reason):
    """404, 500 and a cut connection end in one sentence with the address."""
    with pytest.raises(errors.ProjectError, match=rf"{path}.*{reason}"):
        read(f"{server}/{path}")


def test_a_server_that_is_not_there(read):
    """A refused connection is reported, without a traceback."""
    with pytest.raises(errors.ProjectError, match=r"127\.0\.0\.1:9"):
        read("http://127.0.0.1:9/a.csv")


def test_an_unknown_protocol_is_a_wrong_call(read):
    """The message names the key in params.yaml."""
    with pytest.raises(errors.UsageError, match=r"source.path = 'nonsense://a' cannot be opened"):
        read("nonsense://a")


@pytest.mark.parametrize(
    ("form", "content", "reason"),
    [
        ("csv", b"", "is empty"),
        ("csv", b"\xff\xfe\x00", "cannot be read as csv"),
        ("csv", b'a,b\n"1,2\n3', 'has a " in line 2'),
        ("parquet", b"a,b\n1,2\n", "cannot be read as parquet"),
    ],
    ids=["empty", "not text", "open quote", "csv as parquet"],
)
def test_an_unreadable_file_is_refused_by_name(tmp_path, read, form, content, reason):
    """One sentence with the file, and the format that was tried or what is wrong."""
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(errors.DataRefused, match=f"bad {reason}"):
        read("bad", form)


def test_a_folder_is_not_a_file(tmp_path, read):
    """A glob was forgotten."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(errors.ProjectError, match="folder"):
        read("folder")


def test_a_column_that_some_files_lack_is_missing_there(tmp_path, read):
    """And the table says which; `validate` decides what may lack. A file without rows has all."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,z\n007,NA\n")
    (tmp_path / "c.csv").write_text("y\n")
    table = read("*.csv")
    assert table.astype(object).where(table.notna(), None).to_dict("list") == {
        "x": ["1", None],
        "y": ["2", "007"],
        "z": [None, "NA"],
    }
    assert table.attrs == {"lacking": {"x": ["b.csv"], "z": ["a.csv"]}}


def test_integers_of_a_column_that_some_files_lack_stay_exact(tmp_path, read):
    """Beside missing values, too."""
    pd.DataFrame({"y": [1], "n": [2**53 + 1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"y": [2]}).to_parquet(tmp_path / "b.parquet")
    assert read("*.parquet", "parquet")["n"].tolist() == [2**53 + 1, pd.NA]


def test_a_file_of_another_table_is_refused(tmp_path, read):
    """It has no column in common with the first one."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("u,v\n1,2\n")
    with pytest.raises(errors.DataRefused, match=r"b.csv has no column of the first.*'u', 'v'"):
        read("*.csv")


def test_another_order_of_columns_is_no_difference(tmp_path, read):
    """Columns go by name."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x\n2,1\n")
    assert read("*.csv").to_dict("list") == {"x": ["1", "1"], "y": ["2", "2"]}


def test_a_file_without_rows_changes_no_type(tmp_path, read):
    """A month without rows does not make text out of numbers."""
    TABLE[:0].astype(object).to_parquet(tmp_path / "a.parquet")
    TABLE.to_parquet(tmp_path / "b.parquet")
    assert read("*.parquet", "parquet")["n"].dtype == "int64"


@pytest.mark.parametrize("late", [["b", "a"], ["a", "b"]], ids="-".join)
def test_words_among_numbers_are_text(tmp_path, read, late):
    """A column of numbers in one file and words in another is text, and can be stored."""
    pd.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / f"{late[0]}.parquet")
    pd.DataFrame({"x": ["oops", None]}).to_parquet(tmp_path / f"{late[1]}.parquet")
    table = read("*.parquet", "parquet")
    table.to_parquet(tmp_path / "stored.parquet")
    assert sorted(table["x"].dropna()) == ["1", "2", "oops"]


TEXTS = ["00501", "NA", "null", "None", "nan", "1.0", "1e5", "True", " a", "100000000000000001"]


def test_texts_of_a_csv_are_those_of_the_file(tmp_path, read):
    """Zeros, letters that look like nothing, blanks, and every digit."""
    cells = [*TEXTS, '""', ""]
    (tmp_path / "a.csv").write_text("n,x\n" + "".join(f"1,{cell}\n" for cell in cells))
    found = read("a.csv")["x"]
    assert found.isna().tolist() == [False] * len(TEXTS) + [True, True]
    assert found.dropna().tolist() == TEXTS


def test_a_csv_with_more_fields_than_names_is_refused(tmp_path, read):
    """pandas would take the first field of each row for a name of the row, and shift the rest."""
    (tmp_path / "a.csv").write_text("x,y\n1,2,\n3,4,\n")
    with pytest.raises(errors.DataRefused, match=r"a.csv cannot be read .*more fields than"):
        read("a.csv")


ROUNDED = 2**53 + 1  # the first integer that a float cannot hold


@pytest.mark.parametrize("missing", [[], [None]], ids=["full", "one missing"])
def test_integers_of_parquet_are_exact(tmp_path, read, missing):
    """As Spark and Arrow write them, without pandas' own notes on types; booleans stay too."""
    wide = {"n": [1, ROUNDED, *missing], "u": pa.array([2**64 - 1, 2, *missing], pa.uint64())}
    pq.write_table(pa.table(wide | {"b": [True, False, *missing]}), tmp_path / "a.parquet")
    found = read("a.parquet", "parquet")
    assert found["n"].tolist()[:2] == [1, ROUNDED]
    assert found["u"].tolist()[:2] == [2**64 - 1, 2]
    assert found["b"].tolist()[:2] == [True, False]
    assert found.isna().to_numpy().sum() == 3 * len(missing)


def test_files_of_other_types_lose_no_digit(tmp_path, read):
    """Integers in one file, none in the next, numbers with decimals in a third."""
    pd.DataFrame({"n": [ROUNDED]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"n": [None]}).to_parquet(tmp_path / "b.parquet")
    found = read("*.parquet", "parquet")["n"]
    assert (found.dtype, found[0]) == ("Int64", ROUNDED)
    pd.DataFrame({"n": [0.5]}).to_parquet(tmp_path / "c.parquet")
    assert read("*.parquet", "parquet")["n"].dropna().tolist() == [str(ROUNDED), "0.5"]
