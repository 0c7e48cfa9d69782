"""What the values of a column say of it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from mlops_loop.draft.kinds import look


def facts(values, dtype="str"):
    table = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    return look(table["x"], table)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", None], "integer"),
        (["123456789012345678", "123456789012345679"], "integer"),
        (["12345678901234567890", "1"], "text"),  # more than 64 bits
        (["00501", "10115"], "text"),
        (["+4915112345678", "+4915112345679"], "text"),
        (["1.5", "-2", "1e-3"], "number"),
        ([" 1", "2 "], "integer"),
        (["1", "NA", "null"], "integer"),
        (["NA", "NA"], "empty"),
        ([None, None], "empty"),
        (["true", "FALSE", None], "boolean"),
        (["yes", "no"], "text"),
        (["2020-01-31", "2020-02-01"], "moment"),
        (["31.01.2020", "01.02.2020"], "moment"),
        (["20200131", "20200201", "20200202"], "moment"),
        (["2020", "2021", "2022"], "integer"),
        (["9999-12-31", "2020-01-01"], "text"),  # beyond pandas' nanoseconds
        (["2020-01-01T10:00Z", "2020-01-01"], "text"),  # with a zone, and without
    ],
)
def test_the_kind_of_a_column_of_texts(values, kind):
    """As a CSV gives it."""
    assert facts(values).kind == kind


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2, None], "Int64", "integer"),
        ([1.0, 2.0, None], "float64", "integer"),
        ([1.5, 2.0], "float64", "number"),
        ([True, False], "bool", "boolean"),
        ([True, None], "boolean", "boolean"),
        ([dt.date(2020, 1, 31), dt.date(2020, 2, 1)], object, "moment"),
        (pd.date_range("2020-01-01", periods=3, tz="UTC"), None, "moment"),
    ],
)
def test_the_kind_of_a_column_with_a_type(values, dtype, kind):
    """As Parquet and workbooks give it."""
    assert facts(values, dtype).kind == kind


def test_a_few_values_that_are_no_numbers_are_said():
    """They are fewer than validate allows."""
    found = facts([*map(str, range(999)), "?"])
    assert (found.kind, found.unread, found.missing) == ("integer", 1, 0)
    assert found.notes == ("1 value is no number, such as '?': refused by validate",)


def test_many_values_that_are_no_numbers_make_a_text():
    """One in ten."""
    found = facts([*map(str, range(90)), *["?"] * 10])
    assert found.kind == "text"
    assert found.notes == (
        "90 of 100 values are numbers, but not '?': taken as text. "
        "If that means missing, let the source leave it empty",
    )
    assert facts([*map(str, range(90)), *(f"A{value}" for value in range(10))]).notes == ()


@pytest.mark.parametrize("values", [["71.0%", "4%"], ["$1.50", "$200"], ["3 €", "4.5 €"]])
def test_numbers_with_a_sign_are_said(values):
    """They are texts, which a model does not take as amounts."""
    found = facts(values)
    assert found.kind == "text"
    assert f"{values[0]!r} is a number with a sign, so a text" in found.notes[0]


def test_values_that_differ_in_case_only_are_said():
    """They would be classes of their own."""
    found = facts(["Yes", "no", "YES", "no ", "Yes", "maybe"])
    assert len(found.notes) == 1
    assert "'Yes', 'YES' differ in case or blanks only" in found.notes[0]
    assert facts(["Yes", "no"]).notes == ()


def test_a_date_that_can_be_read_in_two_ways_is_said():
    """Nothing tells the day from the month."""
    found = facts(["01/02/2020", "03/04/2020"])
    assert (found.kind, found.notation) == ("moment", "%d/%m/%Y")
    assert found.notes == ("%m/%d/%Y reads all values as well: which of both is it?",)
    assert facts(["31/01/2020", "03/04/2020"]).notes == ()
    assert facts(["01/31/2020", "03/04/2020"]).notation == "%m/%d/%Y"


def test_words_for_missing_are_texts_in_a_text():
    """As everywhere in the loop; the note says so."""
    found = facts(["a", "NA", None, "a"])
    assert (found.missing, found.distinct) == (1, 2)
    assert found.notes == ("'NA' is a text here, and no missing value",)


def test_three_digits_at_the_end_are_said():
    """They may be thousands."""
    assert "'1.234' is read as 1.234" in facts(["1.234", "2.345", "3.456"]).notes[0]
