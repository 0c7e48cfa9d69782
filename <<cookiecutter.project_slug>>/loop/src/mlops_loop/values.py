"""One text for a value, whatever source it came from and whatever stands beside it in its column.

Keys, groups, class labels, categories and slices are compared, hashed and shown as these texts.

    None, NaN, NaT, NA, ''      missing: None
    True, False                 'true', 'false'
    12, 12.0, Decimal('12.00')  '12'; integers of any size keep all their digits
    0.1, Decimal('0.10')        '0.1', the shortest digits that give the number back
    1e17, a float beyond 2**53  '1e+17': it need not be the integer that was written
    dates and times             ISO 8601; a moment with a time zone in UTC: '2024-01-31T12:00:00Z'
    '00501', ' a', 'NA'         a text stays as it is

Needs numpy only: the endpoint reads it too.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
from decimal import Decimal
from functools import singledispatch
from numbers import Integral
from typing import Any

import numpy as np

EXACT = 2**53  # from here on a float64 is not every integer
# What counts as missing where the schema says number or boolean, in any case. It is text elsewhere.
MISSING_WORDS = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "<na>"))
SEPARATOR = "\x1f"  # between the texts of a key of several columns
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ].*", re.ASCII)
_MOST = 64  # ways to write a key
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")


@singledispatch
def text_of(value: Any) -> str | None:
    """The text of a value as the table above says; None where it is missing."""
    if isinstance(value, np.ndarray | np.generic):
        return text_of(value.tolist())
    text = str(bytes(value) if isinstance(value, memoryview | bytearray) else value)
    return None if text == "<NA>" else text


@text_of.register(type(None))
def _(value: None) -> None:
    return None


@text_of.register
def _(value: str) -> str | None:
    return str(value) or None


@text_of.register(bool | np.bool_)
def _(value: Any) -> str:
    return "true" if value else "false"


@text_of.register
def _(value: Integral) -> str:
    return str(int(value))


@text_of.register(float | np.floating)
def _(value: Any) -> str | None:
    if value != value:
        return None
    if abs(value) <= EXACT and value == int(value):
        return str(int(value))
    return repr(float(value)) if isinstance(value, float) else str(value)


@text_of.register
def _(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if "." not in text and value.is_finite():
        return _unsigned_zero(text)
    short = repr(float(value))
    return short if Decimal(short) == value else text


@text_of.register(dt.date | dt.time)
def _(value: Any) -> str | None:
    if value != value:  # pandas' NaT is a date
        return None
    if getattr(value, "tzinfo", None) and isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def label_of(value: Any) -> str | None:
    """The class that a value names; None where it is missing.

    Its text, and two things more, because files write the same class in several ways: 'True' and
    'TRUE' are 'true', and a whole number has no decimals ('0.0' is '0'). '007' stays.
    """
    text = text_of(value)
    if text is None:
        return None
    if text.lower() in ("true", "false"):
        return text.lower()
    whole = _WHOLE.fullmatch(text)
    return _unsigned_zero(whole[1]) if whole else text


def _unsigned_zero(digits: str) -> str:
    return "0" if digits == "-0" else digits


def is_missing_word(value: Any) -> bool:
    """Whether a value counts as missing where a number or a boolean is meant."""
    return (text_of(value) or "").strip().lower() in MISSING_WORDS


def formerly(key: str) -> list[str]:
    """How an earlier version may have written a key, which took types from the whole column.

    5 became '5.0' beside a missing value, '00501' became '501', 'NA' missing. The key itself is
    one of them. Of more than 64 ways there are none: then nobody can tell.
    """
    parts = [sorted(_ways(part)) for part in key.split(SEPARATOR)]
    if math.prod(map(len, parts)) > _MOST:
        return []
    return [SEPARATOR.join(way) for way in itertools.product(*parts)]


def _ways(text: str) -> set[str]:
    ways = {text}
    if is_missing_word(text):
        return ways | {""}
    if text.lower() in ("true", "false"):
        return ways | {text.capitalize()}
    if _MOMENT.fullmatch(text):
        return ways | {text.replace("T", " ").replace("Z", "+00:00")}
    try:
        return ways | {str(float(text)), str(int(float(text)))}
    except (ValueError, OverflowError):
        return ways
