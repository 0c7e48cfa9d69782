"""The keys of a source of files: what the ending says, and how numbers are written."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_loop import columns
from mlops_loop.file_format import FileFormat, mark, plain_numbers, without_mark

BY_ENDING = {
    "a.csv": ("csv", "none"), "a": ("csv", "none"), "a.CSV.GZ": ("csv", "gzip"),
    "a.tsv.zst": ("csv", "zstd"), "a.txt.zip": ("csv", "zip"), "a.csv.bz2": ("csv", "bz2"),
    "a.csv.xz": ("csv", "xz"), "a.parquet": ("parquet", "none"), "a.PQ": ("parquet", "none"),
    "a.xlsx": ("excel", "none"), "a.xls": ("excel", "none"), "a.ods": ("excel", "none"),
    "https://h/a.parquet?key=b.csv": ("parquet", "none"), "data/v1.2/rows": ("csv", "none"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "kinds"), BY_ENDING.items(), ids=BY_ENDING)
def test_the_ending_says_what_a_file_is(path, kinds):
    """In small or capital letters, in a URL too."""
    plain = FileFormat()
    assert (plain.form_of(path), plain.compression_of(path)) == kinds


def test_a_key_is_stronger_than_the_ending():
    """A CSV may be called anything."""
    given_ = FileFormat(format="csv", compression="none")
    assert (given_.form_of("a.parquet"), given_.compression_of("a.gz")) == ("csv", "none")


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"encoding": "ansi-7"}, "often it is utf-8, cp1252 or utf-16"),
        ({"encoding": "base64"}, "no such encoding"),
        ({"decimal": ",", "thousands": ","}, "both ','"),
        ({"separator": '"'}, "separator and quote"),
        ({"separator": ";;"}, "at most 1 char"),
        ({"separator": ""}, "at least 1 char"),
        ({"decimal": "'"}, "Input should be '.' or ','"),
        ({"format": "xml"}, "'csv', 'parquet' or 'excel'"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(keys, reason):
    """With what is allowed."""
    with pytest.raises(ValidationError, match=reason):
        FileFormat(**keys)


def read(texts: list[str], **signs: str) -> list[float]:
    """Numbers of a table that is written so."""
    table = mark(pd.DataFrame({"x": pd.Series(texts, dtype="str")}), FileFormat(**signs))
    return columns.numbers(plain_numbers(table["x"], table)).tolist()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,5", 1.5), ("-1.234,5", -1234.5), ("1.234.567", 1234567), ("+,5", 0.5), ("7", 7),
        (" 2,0 ", 2), ("1,5e3", 1500), ("1234567,5", 1234567.5), ("true", 1),
        ("1.5", None), ("12.34", None), ("1,234.5", None), ("1.2345", None), ("x", None),
        ("1,2,3", None), (",", None),
    ],
)  # fmt: skip
def test_numbers_with_a_decimal_comma(text, number):
    """What is written otherwise is no number, and never another one."""
    [found] = read([text], decimal=",", thousands=".")
    assert found == number if number is not None else found != found


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f", "\u2009"])
def test_a_blank_stands_for_all_blanks(blank):
    """They look alike on a screen."""
    assert read([f"1{blank}234,5"], decimal=",", thousands=" ") == [1234.5]


def test_thousands_with_an_apostrophe():
    """As in Switzerland."""
    assert read(["1'234.5", "1234.5"], thousands="'") == [1234.5, 1234.5]


@given(
    st.lists(st.floats(-1e15, 1e15).map(lambda x: round(x, 3)), min_size=1),
    st.sampled_from([(",", "."), (",", " "), (".", "'"), (".", ","), (",", ""), (".", "")]),
)
def test_every_number_is_read_as_it_was_written(numbers, signs):
    """Against Python's own way to set signs between thousands."""
    decimal, thousands = signs
    plain = [f"{x:,.3f}" for x in numbers]
    table = str.maketrans({",": thousands, ".": decimal})
    assert read(
        [text.translate(table) for text in plain], decimal=decimal, thousands=thousands
    ) == [float(text.replace(",", "")) for text in plain]


def test_a_table_without_marks_is_left_alone():
    """'1,5' stays what it is, and so do numbers of a workbook."""
    table = pd.DataFrame({"x": pd.Series(["1,5"], dtype="str"), "n": [1.5]})
    assert plain_numbers(table["x"], table)[0] == "1,5"
    marked = mark(table.copy(), FileFormat(decimal=","))
    assert plain_numbers(marked["n"], marked)[0] == 1.5
    assert without_mark(marked).attrs == {}
