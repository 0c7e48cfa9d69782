"""Workbooks: one sheet is a table, and each cell keeps its type."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from sheets import workbook

from mlops_loop import errors, paths, source_params
from mlops_loop.sources import table

ROWS = [
    ["id", "size", "when", "word", "ok", 2024],
    [100000000000001, 1.5, dt.datetime(2024, 1, 31, 12, 30), "NA", True, "00501"],
    [2, 2, dt.datetime(2024, 2, 1), None, False, None],
]


@pytest.fixture
def read(tmp_path):
    """`read(b"...", sheet="a")` reads a workbook."""

    def read_bytes(content: bytes, **keys: str) -> pd.DataFrame:
        (tmp_path / "a.xlsx").write_bytes(content)
        place = {"path": str(tmp_path / "*.xlsx"), "fingerprint": str(paths.SOURCE_STATE)}
        return table.read(source_params.Files(**place, **keys))

    return read_bytes


def test_cells_keep_their_types(read):
    """Whole numbers have all digits, 'NA' is a word, and a name is a text."""
    found = read(workbook({"rows": ROWS}))
    assert list(found) == ["id", "size", "when", "word", "ok", "2024"]
    assert found["id"].tolist() == [100000000000001, 2]
    assert found["size"].tolist() == [1.5, 2]
    assert found["when"][0] == pd.Timestamp("2024-01-31 12:30")
    assert found["word"].fillna("").tolist() == ["NA", ""]
    assert found["ok"].tolist() == [True, False]
    assert found["2024"].fillna("").tolist() == ["00501", ""]


def test_the_sheet_is_named_where_there_are_several(read):
    """Else the message lists them."""
    book = workbook({"notes": [["by"], ["Ada"]], "rows": ROWS})
    assert len(read(book, sheet="rows")) == 2
    for keys in ({}, {"sheet": "row"}):
        with pytest.raises(errors.DataRefused, match=r"'notes', 'rows'\. Next: set `sheet: NAME`"):
            read(book, **keys)


def test_what_is_no_workbook_is_refused(read):
    """With the file's name."""
    with pytest.raises(errors.DataRefused, match=r"a\.xlsx cannot be read as excel"):
        read(b"a,b\n1,2\n")
