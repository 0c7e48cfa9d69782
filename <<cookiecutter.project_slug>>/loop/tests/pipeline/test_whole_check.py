"""Settings of pandera, tried one by one: each is counted, refused, or loses no row.

What pandera itself does with them was seen with version 0.35.
"""

from __future__ import annotations

import json
import warnings
from typing import Any, Optional

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.config import ValidationDepth, config_context
from pandera.typing import Index, Series

from mlops_loop import errors
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import whole_check
from mlops_loop.pipeline.validate import Validated, validate

RAW = pd.DataFrame({"n": [1, 2, 2, 4, 5], "x": [1.0, 2.0, 2.0, -1.0, None], "more": list("abcde")})
LOOSE = pa.Field(nullable=True)
STRICT = pa.Field(nullable=True, ge=0)


def model(config: dict | None = None, types: dict | None = None, **members: Any) -> Any:
    """A schema of `n` and `x` (nullable) with other settings, columns and methods."""
    body = {"n": pa.Field(), "x": LOOSE} | members
    body["__annotations__"] = {"n": Series[int], "x": Series[float]} | (types or {})
    settings_ = type("Config", (), {"coerce": True} | (config or {}))
    return type("RawRows", (pa.DataFrameModel,), body | {"Config": settings_})


def parser(function) -> Any:
    return pa.dataframe_parser(lambda cls, rows: function(rows))


class ByColumn(pa.DataFrameModel):
    """A column with `drop_invalid_rows`, which a field of a model cannot have."""

    @classmethod
    def to_schema(cls) -> pa.DataFrameSchema:
        return pa.DataFrameSchema({"x": pa.Column(float, pa.Check.ge(0), drop_invalid_rows=True)})


def checked(schema: Any, raw: pd.DataFrame = RAW) -> Validated:
    """The result, in which every row is either kept or in quarantine."""
    result = validate(raw, schema)
    assert len(result.rows) + len(result.quarantined) == len(raw)
    if "more" in result.rows:
        assert sorted([*result.rows["more"], *result.quarantined["more"]]) == sorted(raw["more"])
    return result


OPTIONAL = {"z": Optional[Series[float]]}  # noqa: UP045
PERIOD = pa.Field(dtype_kwargs={"freq": "D"})
REFUSED = {
    "drop_invalid_rows": (
        model({"drop_invalid_rows": True}, x=STRICT),
        "drop_invalid_rows: it drops",
    ),
    "drop_invalid_rows of a column": (ByColumn, "drop_invalid_rows of 'x'"),
    "strict": (model({"strict": True}), r"does not name the columns 'more' .strict = True"),
    "ordered": (model({"ordered": True}), r"'x' does not stand where RawRows has it"),
    "add_missing_columns without a value": (
        model({"add_missing_columns": True}, {"z": Series[float]}, z=pa.Field()),
        "miss the columns 'z'",
    ),
    "a regex that no column matches": (
        model(types={"y": Series[float]}, y=pa.Field(alias="y.*", regex=True)),
        r"miss the columns 'y\.\*'",
    ),
    "a column of two types": (
        model(types={"y": Series[str]}, y=pa.Field(alias="x.*", regex=True)),
        r"'x' is float64 by 'x' and str.* by 'x\.\*'",
    ),
    "an index": (model(types={"i": Index[int]}, i=pa.Field(le=2)), "Index: rows .* no index"),
    "a type for all columns": (model({"dtype": float}), r"Config\.dtype: it would override"),
    "a type that no source has": (
        model(types={"n": Series[pa.Decimal]}, n=pa.Field(dtype_kwargs={"precision": 5})),
        "'n' in schema.py is Decimal.*which no source has",
    ),
    "a column that is not there": (
        model(c=pa.check("nowhere")(lambda cls, values: values > 1)),
        r"schema\.RawRows: SchemaInitError: .*nowhere",
    ),
    "a parser that fails": (model(p=parser(lambda rows: rows["nowhere"])), "RawRows fails: KeyE"),
    "a schema that is no class": (pa.DataFrameSchema({}), "DataFrameSchema is no model of pandera"),
    "a parser that renumbers": (
        model(p=parser(lambda rows: rows.dropna().reset_index(drop=True))),
        "numbers rows anew",
    ),
    "a parser that sorts and renumbers": (
        model(x=STRICT, p=parser(lambda rows: rows[::-1].reset_index(drop=True))),
        "numbers rows anew",
    ),
    "a parser that doubles": (model(p=parser(lambda rows: pd.concat([rows, rows]))), "doubles"),
    "a period": (model(types={"more": Series[pd.PeriodDtype]}, more=PERIOD), "reads by a guess"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_counted_is_refused(name):
    """By its name."""
    schema, reason = REFUSED[name]
    raw = RAW[["x", "more", "n"]] if name == "ordered" else RAW
    with pytest.raises((errors.UsageError, errors.DataRefused), match=reason):
        checked(schema, raw)


ABC = pa.Field(nullable=True, dtype_kwargs={"categories": list("abc")})
COUNTED = {
    "a limit": (model(x=STRICT), "d"),
    "a unique set of columns": (model({"unique": ["n", "x"]}), "bc"),
    "n_failure_cases": (model(x=pa.Field(nullable=True, ge=2, n_failure_cases=1)), "ad"),
    "a parser that drops": (model(p=parser(lambda rows: rows.dropna())), "e"),
    "a parser, and a limit": (model(x=STRICT, p=parser(lambda rows: rows.dropna())), "de"),
    "its own validate": (
        model(validate=classmethod(lambda cls, rows, **options: rows.iloc[:2])),
        "cde",
    ),
    "categories": (model(types={"more": Series[pd.CategoricalDtype]}, more=ABC), "de"),
    "a check of the table": (
        model(c=pa.dataframe_check(lambda cls, rows: rows["n"] < 3)),
        "de",
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_rows_that_go_are_in_quarantine(name):
    """With a reason each."""
    schema, gone = COUNTED[name]
    result = checked(schema)
    assert sorted(result.quarantined["more"]) == list(gone)
    assert result.quarantined["_failures"].str.len().gt(5).all()


HARMLESS = {
    "strict='filter'": model({"strict": "filter"}),
    "a warning": model(x=pa.Field(nullable=True, ge=0, raise_warning=True)),
    "a default for a missing value": model(x=pa.Field(default=7.0)),
    "an optional column that is not there": model(types=OPTIONAL),
    "a column that is added": model(
        {"add_missing_columns": True}, {"z": Series[float]}, z=pa.Field(default=3)
    ),
    "a regex": model(
        types={"y": Series[float]}, y=pa.Field(alias="x.*", regex=True, nullable=True)
    ),
    "a parser that sorts": model(p=parser(lambda rows: rows.sort_values("n", ascending=False))),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_no_row_goes_and_the_order_stays(name):
    """Columns may go: a key of params.yaml that names one is refused later."""
    result = checked(HARMLESS[name])
    assert result.rows["n"].tolist() == RAW["n"].tolist()


@pytest.mark.parametrize(
    ("function", "n"),
    [(lambda values: values.where(values > 1), 2), (lambda values: values.dropna().iloc[1:], 1)],
    ids=["replaces", "drops"],
)
def test_values_that_a_parser_takes_away_are_counted(function, n):
    """A parser of a column cannot drop rows: what it leaves out becomes missing."""
    result = checked(model(p=pa.parser("x")(lambda cls, values: function(values))))
    assert result.became_missing == {"x": n}
    assert checked(model()).became_missing == {}


def far_below(rows: pd.DataFrame) -> pd.DataFrame:
    """Written past pandas, which copies a column only where it sees that it changes."""
    values = rows["x"].array
    values[values == -1] = float("nan")
    return rows


def test_a_parser_that_writes_to_the_array_leaves_the_table():
    """The caller's table is as it was, so that what was lost is counted."""
    raw = RAW.copy()
    found = checked(model(far=parser(far_below)), raw)
    assert found.became_missing == {"x": 1}
    pd.testing.assert_frame_equal(raw, RAW)


def test_defaults_are_filled_and_counted():
    """In a column that may not be missing."""
    result = checked(model(x=pa.Field(default=7.0)))
    assert result.rows["x"].tolist() == [1.0, 2.0, 2.0, -1.0, 7.0]
    assert result.filled == {"x": 1}


@pytest.mark.parametrize("kind", [int, float, bool, str])
def test_defaults_of_each_type(kind):
    """Read as the schema says, also where no value is there."""
    for values in (["1", "", "1"], ["", "", ""]):
        raw = pd.DataFrame({"a": values})
        schema = model(types={"a": Series[kind]}, a=pa.Field(default=kind(1)))
        result = validate(raw.assign(n=1, x=1.0), schema)
        assert result.rows["a"].tolist() == [kind(1)] * 3


def test_a_regex_reads_each_column_that_it_matches():
    """As its type, and by the rules of each field that names it."""
    fields = {"alias": r"s\d", "regex": True, "nullable": True, "ge": 0}
    schema = model(types={"s": Series[float], "s3": Series[float]}, s=pa.Field(**fields))
    raw = pd.DataFrame({"s1": ["1.5", "?", ""], "s2": ["-1", "1", "2"], "s3": ["1", "2", "3"]})
    result = validate(raw.assign(n=1, x=1.0), schema)
    assert result.rows[["s2", "s3"]].values.tolist() == [[2.0, 3.0]]
    assert result.quarantined["_failures"].tolist() == [
        "s2: greater_than_or_equal_to(0)",
        "s1: is no float",
    ]


def test_warnings_are_told_and_lose_no_row():
    """In one line each, without Python's frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = checked(model(x=pa.Field(nullable=True, ge=0, raise_warning=True)))
    [line] = result.warnings
    assert line.startswith("Column 'x' failed")
    assert "greater_than_or_equal_to(0)" in line


def test_other_warnings_of_a_parser_are_shown_as_ever():
    """They are not of pandera."""

    def warn(rows: pd.DataFrame) -> pd.DataFrame:
        warnings.warn("an old function", FutureWarning, stacklevel=1)
        return rows

    with pytest.warns(FutureWarning, match="an old function"):
        assert checked(model(p=parser(warn))).warnings == ()


def test_all_failures_are_counted_in_one_round(monkeypatch):
    """n_failure_cases=1 would take a round for each of them."""
    rounds, check = [], whole_check.check
    monkeypatch.setattr(whole_check, "check", lambda *a: rounds.append(1) or check(*a))
    checked(model(x=pa.Field(nullable=True, ge=2, n_failure_cases=1)))
    assert len(rounds) == 2


def test_arrow_types_are_read_as_their_namesakes():
    """A word is no number there either."""
    kinds = {"n": Series["int64[pyarrow]"], "x": Series["double[pyarrow]"]}
    raw = pd.DataFrame({"n": ["1", "2", "?"], "x": ["1.5", "", "1"]})
    result = validate(raw, model(types=kinds))
    assert result.rows["n"].tolist() == [1, 2]
    assert result.quarantined["_failures"].tolist() == ["n: is no int"]


DEPTHS = [{"validation_depth": ValidationDepth(name)} for name in ("SCHEMA_ONLY", "DATA_ONLY")]


@pytest.mark.parametrize("switched", [{"validation_enabled": False}, *DEPTHS], ids=str)
def test_no_environment_variable_switches_the_rules_off(switched):
    """PANDERA_VALIDATION_ENABLED=False would let every row pass."""
    with config_context(**switched):
        assert checked(model(x=STRICT)).quarantined["more"].tolist() == ["d"]


@given(bad=st.lists(st.booleans(), min_size=1, max_size=20), data=st.data())
@settings(max_examples=40, deadline=None)
def test_rows_in_are_rows_out_and_quarantine(bad, data):
    """Whichever rows a parser drops, and whichever break a rule."""
    n = len(bad)
    gone = set(data.draw(st.lists(st.integers(0, n - 1), max_size=n)))
    raw = pd.DataFrame({"n": range(n), "x": [-1.0 if is_bad else 1.0 for is_bad in bad]})
    result = validate(raw, model(x=STRICT, p=parser(lambda rows: rows[~rows["n"].isin(gone)])))
    kept = [i for i in range(n) if not bad[i] and i not in gone]
    assert result.rows["n"].tolist() == kept
    assert sorted([*kept, *result.quarantined["n"]]) == list(range(n))


CODES = ["BOS", "BOS\n", "BOS\n\n", "BOSTON", "bos\n", "\n"]


@pytest.mark.parametrize("dtype", [object, "str"])
@pytest.mark.parametrize("pattern", [r"^[A-Z]{3}$", r"[A-Z]{3}(?:$|TON$)"])
def test_a_line_break_is_no_end(dtype, pattern):
    """`$` is the end of the text, as the API reads it, and not the place before a line break."""
    schema = model(types={"code": Series[str]}, code=pa.Field(str_matches=pattern))
    rows = pd.DataFrame({"n": 1, "x": 1.0, "code": pd.Series(CODES, dtype=dtype)})
    kept = {"BOS", "BOSTON"} if "TON" in pattern else {"BOS"}
    for _ in range(2):  # a schema is settled once
        found = validate(rows, schema)
        assert set(found.rows["code"]) == kept
        assert list(found.failures["check"]) == [f"str_matches('{pattern}')"]
    column = Column("code", "category", pattern=pattern)
    reader = RowReader(Contract("regression", "y", (column,)), 10)
    for code in CODES:
        body = json.dumps({"code": code}).encode()
        if code in kept:
            assert reader.read(body) == {"code": code}
        else:
            with pytest.raises(RowsRefused):
                reader.read(body)
