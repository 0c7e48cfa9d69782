"""One text for a value, however it came."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import values

MISSING = [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, Decimal("NaN"), ""]
BERLIN = dt.timezone(dt.timedelta(hours=2))
DAY = dt.datetime(2024, 1, 31, 12, 30)
TEXTS = [
    (True, "true"), (np.bool_(False), "false"),
    (1, "1"), (np.int8(-1), "-1"), (np.uint64(2**64 - 1), str(2**64 - 1)), (10**30, "1" + "0" * 30),
    (1.0, "1"), (-0.0, "0"), (np.float32(2), "2"), (2.0**53, str(2**53)), (1e17, "1e+17"),
    (0.1, "0.1"), (np.float32(0.1), "0.1"), (1e-7, "1e-07"), (float("inf"), "inf"),
    (Decimal("1.00"), "1"), (Decimal("0.10"), "0.1"), (Decimal("1E+5"), "100000"),
    (Decimal("1E-7"), "1e-07"), (Decimal("0.12345678901234567890"), "0.1234567890123456789"),
    (Decimal("100000000000000001"), "100000000000000001"), (Decimal("-0.0"), "0"),
    (DAY, "2024-01-31T12:30:00"), (pd.Timestamp(DAY), "2024-01-31T12:30:00"),
    (DAY.replace(tzinfo=dt.UTC), "2024-01-31T12:30:00Z"),
    (DAY.replace(tzinfo=BERLIN), "2024-01-31T10:30:00Z"),
    (pd.Timestamp(DAY, tz="Europe/Berlin"), "2024-01-31T11:30:00Z"),
    (DAY.date(), "2024-01-31"), (DAY.time(), "12:30:00"),
    ("00501", "00501"), ("1.0", "1.0"), ("1e5", "1e5"), ("NA", "NA"), ("True", "True"), (" ", " "),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"), ([1, "a"], "[1, 'a']"),
    (np.arange(2000), str(list(range(2000)))), (memoryview(b"a"), "b'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[repr(text)[:40] for _, text in TEXTS])
def test_the_text_of_a_value(value, text):
    """As the table of the module says."""
    assert values.text_of(value) == text


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_what_is_missing_has_no_text(value):
    """Nor a label; for a number it is missing as well."""
    assert values.text_of(value) is None
    assert values.label_of(value) is None
    assert values.is_missing_word(value)


@settings(max_examples=400)
@given(st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False))
def test_equal_numbers_have_equal_texts(number):
    """An integer, a float and a decimal, as long as all three can hold the number."""
    text = values.text_of(number)
    for kind in (int, float, Decimal):
        try:
            same = kind(repr(number) if (kind, type(number)) == (Decimal, float) else number)
        except (ValueError, OverflowError):
            continue
        exact = same == number or kind is Decimal
        if exact and not (abs(number) > values.EXACT and float in (kind, type(number))):
            assert values.text_of(same) == text
    assert Decimal(text) == Decimal(number) or isinstance(number, float)
    assert float(text) == number or not isinstance(number, float)


LABELS = [
    ((0, 0.0, -0.0, "0", "0.0", "0.00", "-0", Decimal("0.0"), np.int64(0)), "0"),
    ((1, 1.0, "1", "1.0", "1.00"), "1"),
    ((-2, "-2", "-2.0"), "-2"),
    ((True, "true", "True", "TRUE", np.bool_(True)), "true"),
    ((False, "FALSE", "false"), "false"),
    (("007",), "007"), (("00",), "00"), (("1.5", 1.5), "1.5"), (("1.50",), "1.50"),
    (("1e5",), "1e5"), (("yes",), "yes"), ((" 1",), " 1"), (("NA",), "NA"), (("1.0.0",), "1.0.0"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "label"), LABELS, ids=lambda value: repr(value)[:40])
def test_a_class_has_one_label(written, label):
    """A code stays as it is; and a label is its own label."""
    assert {values.label_of(value) for value in written} == {label}
    assert values.label_of(label) == label


@pytest.mark.parametrize("word", ["NA", " na ", "N/A", "NaN", "NULL", "None", "<NA>", "#N/A", " "])
def test_words_for_missing(word):
    """In any case, with blanks around."""
    assert values.is_missing_word(word)


@pytest.mark.parametrize("word", ["0", 0, False, "-", "missing", "n", "inf", "?"])
def test_other_words_are_values(word):
    """And refused where a number is meant."""
    assert not values.is_missing_word(word)


FORMERLY = [
    ("5", {"5", "5.0"}), ("00501", {"00501", "501", "501.0"}), ("1.50", {"1.50", "1.5", "1"}),
    ("NA", {"NA", ""}), ("true", {"true", "True"}), ("a", {"a"}),
    ("100000000000000001", {"100000000000000001", "1e+17", "100000000000000000"}),
    ("2024-01-31T00:00:00Z", {"2024-01-31T00:00:00Z", "2024-01-31 00:00:00+00:00"}),
    ("a\x1f5", {"a\x1f5", "a\x1f5.0"}), ("\x1f".join("1234567"), set()),
]  # fmt: skip


@pytest.mark.parametrize(("key", "ways"), FORMERLY, ids=[repr(key) for key, _ in FORMERLY])
def test_how_an_earlier_version_wrote_a_key(key, ways):
    """Every way that there was; too many to ask for are none."""
    assert set(values.formerly(key)) == ways
