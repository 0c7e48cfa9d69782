"""A file is predicted part by part, and its output is whole or not there."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from sheets import workbook

from mlops_loop.batch import run
from mlops_loop.batch.run import Call
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.file_format import FileFormat
from mlops_loop.sources import chunks


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Files of a test are relative to its own folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def predict(model):
    """`predict("rows.csv")` writes out.csv, and returns it and the result."""

    def call(file: str, out: str = "out.csv", style: FileFormat | None = None, **given):
        result = run.predict_file(model, Call(file, style or FileFormat(), Path(out), **given))
        read = pd.read_parquet if out.endswith("parquet") else pd.read_csv
        return read(out), result

    return call


def many(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    """The rows over and over, n of them."""
    return pd.concat([rows] * n, ignore_index=True).iloc[:n]


def test_each_row_has_a_row_in_its_order(predict, model, raw):
    """Numbered from 0, with its key as given, predictions, and the reason of a refused one."""
    raw.assign(id=["007", "0"]).to_csv("rows.csv", index=False)
    found, result = predict("rows.csv", optional=["id", "nothing"])
    assert list(found) == [
        *("row", "id", "prediction", "probability", "probability_on time", "probability_late"),
        "reason",
    ]
    assert Path("out.csv").read_text().splitlines()[1].startswith("0,007,")
    assert found["row"].tolist() == [0, 1]
    assert found.loc[0, "probability"] == model.predict(raw).loc[0, "probability"]
    assert found.loc[1, "reason"].startswith("In column id: 0 breaks a rule")
    assert found.loc[1, ["prediction", "probability"]].isna().all()
    assert (result.n_rows, result.n_refused) == (2, 1)
    assert result.first.startswith("row 1: In column id")


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "xlsx", "tsv", "european"])
def test_every_format_of_a_source_is_read(predict, model, raw, kind):
    """With the same answers; a European CSV is written as it is read."""
    style, name = FileFormat(), f"rows.{kind}"
    if kind == "csv.gz":
        Path(name).write_bytes(gzip.compress(raw.to_csv(index=False).encode()))
    elif kind == "parquet":
        raw.to_parquet(name)
    elif kind == "xlsx":
        cells = raw.astype(object).where(raw.notna(), None)
        table = {"rows": [list(raw), *cells.to_numpy().tolist()]}
        Path(name).write_bytes(workbook(table))
    elif kind == "csv":
        raw.to_csv(name, index=False)
    else:
        style = FileFormat(separator="\t" if kind == "tsv" else ";", decimal=",", encoding="cp1252")
        raw.assign(temp_c=["10,0", None], id=["1", "2"]).to_csv(
            name, index=False, sep=style.separator, encoding="cp1252"
        )
    predict(name, "out.parquet", style, keep=["dest"])
    found = pd.read_parquet("out.parquet")
    expected = model.predict(raw)
    pd.testing.assert_frame_equal(found[list(expected)], expected)
    predict(name, "out.csv", style, keep=["dest"])
    again = pd.read_csv("out.csv", sep=style.separator, decimal=style.decimal)
    assert again["probability"].tolist() == expected["probability"].tolist()


def test_parts_do_not_show(predict, raw, monkeypatch):
    """The same file, byte by byte, whatever the size of a part; also as Parquet."""
    rows = many(raw, 1000)
    rows.loc[::7, "dest"] = "bos"
    rows.to_csv("rows.csv", index=False)
    predict("rows.csv", "whole.csv", optional=["id"])
    whole, _ = predict("rows.csv", "whole.parquet", optional=["id"])
    monkeypatch.setattr(chunks, "ROWS", (7, 3))
    predict("rows.csv", "parts.csv", optional=["id"])
    parts, result = predict("rows.csv", "parts.parquet", optional=["id"])
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()
    pd.testing.assert_frame_equal(parts, whole)
    assert result.n_refused == len(rows.loc[::7])


def test_the_first_part_may_be_refused_as_a_whole(predict, raw, monkeypatch):
    """Types of the output do not depend on it."""
    rows = many(raw, 20).assign(dest=["bos"] * 10 + ["BOS"] * 10)
    rows.to_csv("rows.csv", index=False)
    monkeypatch.setattr(chunks, "ROWS", (5, 5))
    found, _ = predict("rows.csv", "out.parquet")
    assert found["prediction"].notna().tolist() == [False] * 10 + [True] * 10


def test_memory_does_not_grow_with_the_rows(model, raw, monkeypatch):
    """Four times the rows, the same memory."""
    monkeypatch.setattr(chunks, "ROWS", (1000, 100))
    peaks = []
    for n in (1000, 10_000, 40_000):  # the first call loads libraries
        many(raw, n).to_csv("rows.csv", index=False)
        tracemalloc.start()
        run.predict_file(model, Call("rows.csv", FileFormat(), Path(f"{n}.csv")))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_an_output_is_not_overwritten_unasked(predict, raw):
    """It stays as it was."""
    raw.to_csv("rows.csv", index=False)
    Path("out.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"out.csv is there already. Next: --out .* --overwrite"):
        predict("rows.csv")
    assert Path("out.csv").read_text() == "mine"
    assert len(predict("rows.csv", overwrite=True)[0]) == 2


def test_an_output_that_appears_meanwhile_stays(predict, raw, monkeypatch):
    """Of another run, which was faster."""
    raw.to_csv("rows.csv", index=False)
    begin = run._begin
    monkeypatch.setattr(
        run, "_begin", lambda *call: Path("out.csv").write_text("its") and begin(*call)
    )
    with pytest.raises(UsageError, match="is there already"):
        predict("rows.csv")
    assert Path("out.csv").read_text() == "its"


def test_the_file_itself_is_never_the_output(predict, raw):
    """Whatever was asked."""
    raw.to_csv("rows.csv", index=False)
    with pytest.raises(UsageError, match="is the file to predict"):
        predict("rows.csv", "rows.csv", overwrite=True)
    assert len(pd.read_csv("rows.csv")) == 2


def test_an_error_on_the_way_leaves_no_output(predict, raw, monkeypatch):
    """Neither under the name of the output nor beside it, and what was there stays."""
    lines = many(raw, 50).to_csv(index=False).splitlines()
    Path("rows.csv").write_text("\n".join([*lines, "1,day 4,JFK,BOS,10,3,and,more"]))
    Path("out.csv").write_text("old")
    monkeypatch.setattr(chunks, "ROWS", (10, 10))
    with pytest.raises(DataRefused, match=r"rows.csv has 8 fields in line 52, and 6 columns"):
        predict("rows.csv", overwrite=True)
    assert Path("out.csv").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["out.csv", "rows.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a;b;c\n1,5;2;3\n",
            "more fields than the header has names. Next: --set 'separator=;' --set 'decimal=,'",
        ),
        ("a;b\n1;2\n", "has one column only, 'a;b'. Next: --set 'separator=;'"),
        ("", "rows.csv is empty. Next: write the names of the columns"),
        ("a,b\n1,2\n3,4,5\n", "rows.csv has 3 fields in line 3, and 2 columns. Next: remove"),
        ('a,b\n1,2\n3,"4\n5,6\n', 'rows.csv has a " in line 3 or below that is not closed. Next:'),
        ("day,origin\n", "rows.csv has no rows"),
        ("x\n1\n", "no 'weekday', 'origin', 'dest', which the model needs; they have 'x'"),
        ("a,b\n1,2,3\n1,2,3\n", "the rows have more fields than the header has names"),
    ],
)
def test_a_file_that_cannot_be_predicted(predict, text, message):
    """Is refused with the reason, and what to do; no output is begun."""
    Path("rows.csv").write_text(text)
    with pytest.raises(DataRefused, match=message):
        predict("rows.csv")
    assert [path.name for path in Path().iterdir()] == ["rows.csv"]


def test_names_that_cannot_be(predict, raw):
    """Of the file, of its columns, of the output."""
    raw.to_csv("rows.csv", index=False)
    with pytest.raises(UsageError, match=r"nothing\.csv cannot be found \(no such file\)\.$"):
        predict("nothing.csv")
    with pytest.raises(UsageError, match=r"--keep colour: rows\.csv has 'id', 'day'"):
        predict("rows.csv", keep=["colour"])
    with pytest.raises(UsageError, match=r"must end with \.csv or \.parquet"):
        predict("rows.csv", "out.txt")
    Path("folder.csv").mkdir()
    with pytest.raises(UsageError, match=r"folder\.csv is a folder"):
        predict("rows.csv", "folder.csv", overwrite=True)


def test_given_columns_that_are_called_as_those_of_the_output(predict, raw):
    """Are there beside them."""
    raw.assign(row=["a", "b"], reason="given").to_csv("rows.csv", index=False)
    found, _ = predict("rows.csv", keep=["row", "reason"])
    assert found["given_row"].tolist() == ["a", "b"]
    assert found["given_reason"].tolist() == ["given"] * 2
    assert found["reason"].isna().all()


def test_texts_with_signs_of_a_csv(predict, raw):
    """Come back as they were."""
    ids = ['a"b', "x,y"]
    raw.assign(note=["line\nbreak", '"'], other=ids).to_csv("rows.csv", index=False)
    found, _ = predict("rows.csv", keep=["note", "other"])
    assert found["note"].tolist() == ["line\nbreak", '"']
    assert found["other"].tolist() == ids


def test_progress_is_shown_for_long_files(predict, raw, monkeypatch, capsys):
    """Rows done, and rows a second; nothing for short ones."""
    many(raw, 2000).to_csv("rows.csv", index=False)
    predict("rows.csv")
    assert "rows/s" not in capsys.readouterr().err
    monkeypatch.setattr(run, "SHOW_AFTER_S", 0)
    predict("rows.csv", overwrite=True)
    assert "rows/s" in capsys.readouterr().err
