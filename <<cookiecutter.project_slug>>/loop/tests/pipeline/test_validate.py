"""Rows that break the schema go into quarantine, with the reason; the others go on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from mlops_loop import errors, files, paths, project
from mlops_loop.pipeline import ingest, validate


class Rows(pa.DataFrameModel):
    """Every kind of column, with rules."""

    n: Series[int] = pa.Field(ge=0)
    x: Series[float] = pa.Field(le=10, nullable=True)
    b: Series[bool]
    s: Series[str] = pa.Field(isin=["a", "b"])

    class Config:
        coerce = True


class Words(pa.DataFrameModel):
    """A text."""

    s: Series[str] = pa.Field(nullable=True)

    class Config:
        coerce = True


class Small(pa.DataFrameModel):
    """Integers of a byte."""

    n: Series[np.int8]

    class Config:
        coerce = True


class Unique(pa.DataFrameModel):
    """One column whose values may come once."""

    n: Series[int] = pa.Field(unique=True)

    class Config:
        coerce = True


class UniqueOrMissing(pa.DataFrameModel):
    """Values may come once, or be missing."""

    x: Series[float] = pa.Field(unique=True, nullable=True)

    class Config:
        coerce = True


GOOD = {"n": 1, "x": 2.5, "b": True, "s": "a"}


def table(*changes: dict) -> pd.DataFrame:
    """A good row, then one row for each change of it."""
    return pd.DataFrame([GOOD, *[GOOD | change for change in changes]])


def test_good_rows_pass_with_their_types():
    """Also when the source gave text."""
    passed = validate.validate(table().astype(str), Rows)
    assert passed.rows.to_dict("records") == [GOOD]
    assert passed.quarantined.empty
    assert passed.failures.empty


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n": -1}, "n: greater_than_or_equal_to(0)"),
        ({"n": 2.5}, "n: is no int"),
        ({"n": 1e300}, "n: is no int"),
        ({"n": np.inf}, "n: is no int"),
        ({"n": None}, "n: not_nullable"),
        ({"n": "many"}, "n: is no int"),
        ({"x": "much"}, "x: is no float"),
        ({"x": np.inf}, "x: less_than_or_equal_to(10)"),
        ({"b": None}, "b: not_nullable"),
        ({"b": "perhaps"}, "b: is no bool"),
        ({"s": None}, "s: not_nullable"),
        ({"s": "c"}, "s: isin(['a', 'b'])"),
        ({"x": 11.0, "s": "c"}, "s: isin(['a', 'b']); x: less_than_or_equal_to(10)"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_a_bad_row_is_quarantined_with_its_reason(change, reason):
    """The row beside it passes, and both keep their values."""
    result = validate.validate(table(change), Rows)
    assert result.rows.to_dict("records") == [GOOD]
    assert result.quarantined["_failures"].tolist() == [reason]


@pytest.mark.parametrize("text", ["True", "true", "1", 1, 1.0])
def test_words_for_yes_and_no(text):
    """'False' is not taken for a yes because it is not empty."""
    rows = validate.validate(table({"b": text}, {"b": "False"}, {"b": 0}), Rows).rows
    assert rows["b"].tolist() == [True, True, False, False]


@pytest.mark.parametrize("word", [None, "", " ", "NA", "N/A", "NaN", "nan", "NULL", "None"])
def test_words_for_missing_in_numbers(word):
    """They are missing where the schema says a number or a boolean; anywhere else they are text."""
    assert validate.validate(table({"x": word}), Rows).rows["x"].isna().tolist() == [False, True]
    refused = validate.validate(table({"n": word, "b": word}), Rows).quarantined
    assert refused["_failures"].tolist() == ["b: not_nullable; n: not_nullable"]


@pytest.mark.parametrize("beside", [None, "2.5", 2.5, "word"])
def test_a_text_does_not_depend_on_the_rest_of_its_column(beside):
    """1 is '1', and integers keep every digit."""
    values = [1, 2**53 + 1, True, "007", beside]
    raw = pd.DataFrame({"s": pd.Series(values, dtype=object), "n": 1})
    found = validate.validate(raw, Words).rows["s"].tolist()
    assert found[:4] == ["1", "9007199254740993", "true", "007"]


@pytest.mark.parametrize("value", ["100000000000000001", 100000000000000001, "+100000000000000001"])
def test_integers_are_exact_beside_missing_ones(value):
    """Also of a column that was text; one row is refused, no digit is lost."""
    raw = pd.DataFrame([GOOD, GOOD | {"n": value}, GOOD | {"n": None}], dtype=object)
    assert validate.validate(raw, Rows).rows["n"].tolist() == [1, 100000000000000001]


def test_an_integer_that_was_a_float_is_refused_where_floats_round():
    """1e17 may have been any of 16 integers."""
    result = validate.validate(table({"n": 1e17}, {"n": 2.0**53}), Rows)
    assert result.rows["n"].tolist() == [1, 2**53]
    assert result.quarantined["_failures"].tolist() == ["n: is no int"]


@pytest.mark.parametrize("value", [300, -300, "300"])
def test_an_integer_that_its_type_cannot_hold_is_refused(value):
    """numpy would make 44 of 300."""
    result = validate.validate(pd.DataFrame({"n": [1, value]}), Small)
    assert result.quarantined["_failures"].tolist() == ["n: is no int"]
    assert result.rows["n"].tolist() == [1]


def test_all_failures_are_in_one_table():
    """A row per column and rule, with a count and up to three examples."""
    bad = [{"x": float(x)} for x in (11, 12, 13, 14, 14)] + [{"s": "c", "n": -1}]
    found = validate.validate(table(*bad), Rows).failures.set_index("column")
    assert found["n_rows"].to_dict() == {"n": 1, "s": 1, "x": 5}
    assert found.loc["x", "examples"] == ["11.0", "12.0", "13.0"]


def test_missing_columns_are_refused():
    """No row can be right without them."""
    with pytest.raises(errors.DataRefused, match=r"miss the columns 'b', 's'"):
        validate.validate(table()[["n", "x"]], Rows)


def test_values_that_come_twice_are_quarantined():
    """A value that is unique among the others stays."""
    result = validate.validate(pd.DataFrame({"n": [1, 2, 2, "2", "x"]}), Unique)
    assert result.rows["n"].tolist() == [1]
    assert len(result.quarantined) == 4


def test_the_index_of_the_source_does_not_matter():
    """Rows with the same label are still two rows."""
    raw = table({"n": -1}, {"n": 5})
    result = validate.validate(raw.set_index(pd.Index([7, 7, 7])), Rows)
    assert result.rows["n"].tolist() == [1, 5]
    assert result.quarantined["n"].tolist() == [-1]


@pytest.mark.parametrize("rows", [[], [GOOD | {"n": -1}] * 3], ids=["no rows", "all bad"])
def test_no_row_may_be_left(rows):
    """An empty result keeps its columns."""
    result = validate.validate(pd.DataFrame(rows, columns=list(GOOD)), Rows)
    assert list(result.rows.columns) == list(GOOD)
    assert len(result.rows) == 0


def test_a_rule_without_a_row_refuses_the_column():
    """A check that looks at the column as a whole cannot name a row."""

    class Wide(Rows):
        @pa.check("n")
        def mean_is_small(cls, values: pd.Series) -> bool:
            return bool(values.mean() < 3)

    with pytest.raises(errors.DataRefused, match=r"'n' breaks mean_is_small as a whole .* Wide"):
        validate.validate(table({"n": 9}), Wide)


CELLS = {
    "n": st.none() | st.integers(-2, 5) | st.sampled_from([2.5, "3", "x", np.inf]),
    "x": st.none() | st.floats(-20, 20) | st.sampled_from(["1.5", "?", np.nan]),
    "b": st.none() | st.booleans() | st.sampled_from(["true", "maybe", 0]),
    "s": st.none() | st.sampled_from(["a", "b", "c", 5]),
}


@given(rows=st.lists(st.fixed_dictionaries(CELLS), max_size=12))
@settings(max_examples=60, deadline=None)
def test_rows_and_quarantine_are_a_partition(rows):
    """No row is lost or doubled, and what passed passes again unchanged."""
    raw = pd.DataFrame(rows, columns=list(CELLS), dtype=object)
    result = validate.validate(raw.assign(place=range(len(raw))), Rows)
    places = [*result.rows["place"], *result.quarantined["place"]]
    assert sorted(places) == list(range(len(raw)))
    again = validate.validate(result.rows, Rows)
    assert again.quarantined.empty
    pd.testing.assert_frame_equal(again.rows, result.rows)


@pytest.fixture
def lay_out(tmp_path, monkeypatch):
    """A project folder that has ingested nine good rows and a bad one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "raw_rows", lambda: Rows)
    files.write_table(table(*[{}] * 8, {"n": -1}), paths.INGESTED)
    return tmp_path


def test_run_passes_on_what_is_within_the_limit(lay_out, make_params):
    """One bad row of ten, a tenth is allowed."""
    validate.run(make_params(changes={"validate.max_failed_share": 0.1}))
    assert len(files.read_table(paths.VALIDATED)) == 9
    assert len(files.read_table(paths.QUARANTINE)) == 1
    assert json.loads(paths.VALIDATION_REPORT.read_text())["failed_share"] == 0.1


def test_run_refuses_beyond_the_limit_and_says_where_to_look(lay_out, make_params):
    """Quarantine and report are written all the same."""
    with pytest.raises(errors.DataRefused, match=r"10.00% .* allowed are 5.00% .*validation.json"):
        validate.run(make_params(changes={"validate.max_failed_share": 0.05}))
    assert paths.VALIDATION_REPORT.exists()
    assert len(files.read_table(paths.QUARANTINE)) == 1


def test_missing_values_that_repeat_in_a_unique_column_are_refused():
    """pandera names no row of them, so to take rows out would never end; one missing passes."""
    once = pd.DataFrame({"x": [np.nan, 1.0, 2.0]})
    assert len(validate.validate(once, UniqueOrMissing).rows) == 3
    with pytest.raises(errors.DataRefused, match=r"'x' breaks field_uniqueness.*UniqueOrMissing"):
        validate.validate(pd.DataFrame({"x": [np.nan, np.nan, 1.0]}), UniqueOrMissing)


def written_so(make_params, **keys):
    """A CSV with decimal commas in `source`, read by `ingest` as these keys say."""
    paths.INGESTED.parent.mkdir(exist_ok=True)
    with open("raw.csv", "w", encoding="utf-8") as file:
        file.write("n;x;b;s\n1.000;1,5;1;a\n2;-0,5;0;b\n3;;1;a\n")
    source = {"kind": "files", "path": "raw.csv", "fingerprint": "raw.csv", "separator": ";"}
    params = make_params(changes={"source": source | keys})
    ingest.run(params)
    return params


def test_numbers_are_read_as_the_source_writes_them(tmp_path, monkeypatch, make_params):
    """Only where the schema says number: the mark goes from stage to stage with the table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "raw_rows", lambda: Rows)
    validate.run(written_so(make_params, decimal=",", thousands="."))
    rows = files.read_table(paths.VALIDATED)
    assert rows["n"].tolist() == [1000, 2, 3]
    assert rows["x"].tolist()[:2] == [1.5, -0.5]
    assert rows["b"].tolist() == [True, False, True]
    assert rows.attrs == {}


def test_a_decimal_comma_that_nobody_told_of_is_named(tmp_path, monkeypatch, make_params):
    """The message ends with the key to set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "raw_rows", lambda: Rows)
    params = written_so(make_params)
    with pytest.raises(errors.DataRefused, match="decimal comma"):
        validate.run(params)
