"""Columns of a table: the text of a value does not depend on the rest, and types keep it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import columns
from mlops_loop.values import text_of

ANY = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(),
    st.decimals(places=3, allow_nan=False),
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    st.sampled_from(["00501", "NA", "1.0", "", 2**53 + 1, 2**63, np.int8(1), np.float32(0.1)]),
)  # fmt: skip
ONE_KIND = st.sampled_from(
    [st.integers(-(2**63), 2**64), st.floats(), st.booleans(), st.text(),
     st.decimals(places=2, allow_nan=False), st.integers() | st.floats()]
).flatmap(lambda kind: st.lists(kind | st.none(), min_size=1, max_size=8))  # fmt: skip


def objects(values: list) -> pd.Series:
    return pd.Series(values, dtype=object, name="x")


def known(values: pd.Series) -> list:
    return values.astype(object).where(values.notna(), None).tolist()


@given(values=st.lists(ANY, min_size=1, max_size=8) | ONE_KIND)
@settings(max_examples=400, deadline=None)
def test_a_type_keeps_every_text(values):
    """Whatever stands beside a value, missing or of another type."""
    written = [text_of(value) for value in values]
    whole = columns.typed(objects(values))
    assert known(columns.texts(whole)) == written
    parts = [columns.typed(objects([value])).to_frame() for value in values]
    assert known(columns.texts(columns.joined(parts)["x"])) == written


DAYS = pd.date_range("2024-03-30", periods=9, freq="7h")
OLD = [*pd.date_range("1700-01-01", periods=3, unit="s")]
REPEATED = st.one_of(
    st.lists(st.integers(-3, 3) | st.integers(2**62, 2**63 - 1), min_size=1),
    st.lists(st.sampled_from([*DAYS, None])),
    st.lists(st.sampled_from([*DAYS.tz_localize("UTC").tz_convert("CET")])),
    st.lists(st.sampled_from(OLD)),
).filter(any)


@given(values=REPEATED)
@settings(max_examples=200, deadline=None)
def test_a_text_that_is_made_once_is_that_of_each(values):
    """Integers and moments repeat; each has the text that it has alone."""
    whole = pd.Series(values, index=range(5, 5 + len(values)))
    assert known(columns.texts(whole)) == [text_of(value) for value in values]
    assert columns.texts(whole).index.equals(whole.index)


def test_integers_of_another_machine_have_texts():
    """Big-endian, as binary formats give them: pandas does not factorize these."""
    assert known(columns.texts(pd.Series(np.array([1, 2, 1], dtype=">i4")))) == ["1", "2", "1"]


TYPES = {
    "integers": ([1, 2], "int64"),
    "integers, one missing": ([2**53 + 1, None], "Int64"),
    "unsigned": ([2**63, 1], "uint64"),
    "unsigned, one missing": ([2**63, None], "UInt64"),
    "no type of numpy": ([2**63, -1], "str"),
    "booleans": ([True, False], "bool"),
    "booleans, one missing": ([True, None], "boolean"),
    "floats": ([0.5, None], "float64"),
    "numbers": ([1, 0.5, None], "float64"),
    "numbers that floats cannot hold": ([2**53 + 1, 0.5], "str"),
    "decimals": ([Decimal("0.10"), None], "float64"),
    "decimals that floats cannot hold": ([Decimal("0.12345678901234567890")], "str"),
    "words among numbers": ([1, "a"], "str"),
    "nothing": ([None, None], "object"),
    "texts": (["a", None], "str"),
}


@pytest.mark.parametrize(("values", "dtype"), TYPES.values(), ids=TYPES)
def test_types(values, dtype):
    """The one that holds all values, and can be stored."""
    assert columns.typed(objects(values)).dtype == dtype


@pytest.mark.parametrize("dtype", ["category", "string", "str", object])
def test_an_empty_text_is_missing(dtype):
    """In every type of text."""
    found = columns.texts(pd.Series(["a", "", None], dtype=dtype))
    assert found.isna().tolist() == [False, True, True]


NUMBERS = {"1.5": 1.5, " 2 ": 2, "1e5": 1e5, "true": 1, "False": 0, "inf": np.inf, "NA": None}
NUMBERS |= {"": None, "0x10": None, "1_000": None, "1,5": None, "many": None, "0.1": 0.1}


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_numbers_out_of_texts(text, number):
    """What is none is missing."""
    assert known(columns.numbers(objects([text, "7"]))) == [number, 7]


INTEGERS = {"9007199254740993": 2**53 + 1, "+7": 7, " 7 ": 7, "7.0": 7, "1e3": 1000, "TRUE": 1}
INTEGERS |= {"7.5": None, "-1_0": None, "inf": None, str(2**63): None, "9" * 5000: None}
INTEGERS |= {"1e99999999": None, "٣": None, "a": None}


@pytest.mark.parametrize(("text", "number"), INTEGERS.items(), ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("beside", ["1", "", "x"])
def test_integers_out_of_texts(text, number, beside):
    """Exact, whatever stands beside them."""
    assert known(columns.integers(objects([text, beside])))[0] == number


@pytest.mark.parametrize(("dtype", "held"), [("int8", [127, None, 0]), ("uint8", [127, 128, None])])
def test_integers_that_a_type_cannot_hold(dtype, held):
    """Are none: numpy would wrap them around."""
    values = [127, 128, 0] if dtype == "int8" else [127, 128, -1]
    for given_ in (values, [*map(str, values)], [*values, None]):
        assert known(columns.integers(pd.Series(given_), dtype))[:3] == held


def test_names_of_groups():
    """A missing value has a name that no other has by chance."""
    assert columns.shown(objects([1, None, "nan"])).tolist() == ["1", columns.MISSING, "nan"]


@pytest.mark.parametrize(
    "dates",
    [
        pd.to_datetime(["2024-01-31", None]),
        pd.to_datetime(["2024-01-31", None], utc=True),
        pd.to_timedelta(["1s", None]),
        pd.PeriodIndex(["2024-01", None], freq="M"),
    ],
    ids=lambda dates: str(dates.dtype),
)
def test_a_date_is_no_number(dates):
    """A schema that calls such a column a number sends its rows into quarantine."""
    values = pd.Series(dates)
    for read in (columns.numbers, columns.integers, columns.booleans):
        assert read(values).isna().all()


@pytest.mark.parametrize("kind", ["uint64", "UInt64"])
def test_integers_beside_one_that_does_not_fit_stay_exact(kind):
    """The others are not made floats on the way, of which 2**63 - 1 is none."""
    values = pd.Series([2**63 - 1, 2**63, 1, 2**64 - 1], dtype=kind)
    found = columns.integers(values, "int64")
    assert found.tolist() == [2**63 - 1, pd.NA, 1, pd.NA]


def test_words_for_missing_in_a_column_of_texts():
    """By its different texts, with the index of the column."""
    written = ["NA", "1", None, "NA", " null ", ""]
    values = pd.Series(written, range(3, 9), dtype="str", name="a")
    found = columns.is_missing(values)
    pd.testing.assert_series_equal(found, columns.is_missing(values.astype(object)))
    assert found.tolist() == [True, False, True, True, True, True]
