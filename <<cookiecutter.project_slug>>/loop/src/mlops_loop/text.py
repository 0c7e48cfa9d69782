"""Values as text, in messages and in tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite

# What a pattern is made of, as far as `$` goes: an escape, a set, an end.
PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)


def listed(names: Iterable[object], most: int = 12) -> str:
    """Names for a message, quoted, the first few of many."""
    shown = [repr(str(name)[:60]) for name in names]
    more = [f"{len(shown) - most:,} more"] if len(shown) > most else []
    return ", ".join([*shown[:most], *more]) or "none"


def number(value: float | None) -> str:
    """Four significant digits, and a dash for what does not exist."""
    if value is None or not isfinite(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def plain(value: float) -> str:
    """Ten significant digits at most, and never an exponent."""
    return f"{Decimal(f'{value:.10g}'):f}"


def short(value: float, highest: float) -> str:
    """Four significant digits of a value below `highest`; more where these would be `highest`."""
    rounded = float(f"{value:.4g}")
    return plain(rounded if rounded < highest else value)


def with_unit(name: str, unit: str) -> str:
    """The title of an axis or a column: the name, and its unit in brackets where it has one."""
    return f"{name} ({unit})" if unit else name


def measured(value: float | None, unit: str) -> str:
    """A number with its unit; a dash alone for what does not exist."""
    shown = number(value)
    return shown if shown == "-" else f"{shown} {unit}".rstrip()


def natural(name: str) -> list[tuple[str, int]]:
    """Sorts names as people do: 'cluster 2' before 'cluster 10'."""
    parts = re.findall(r"(\D*)(\d*)", name)
    return [(text, int(digits or -1)) for text, digits in parts]


def many(n: int, noun: str) -> str:
    """A count with its noun: 1 case, 2 cases."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def public_url(url: str) -> str:
    """A URL without user, password, query and fragment, to be shown; a path as it is."""
    return re.sub(r"(?<=://)[^/?#]*@|[?#].*", "", url) if "://" in url else url


def counted(statuses: Iterable[str]) -> str:
    """How many checks of the gate have each status, without those that none has."""
    words = {"pass": "passed", "hold": "held", "fail": "failed", "skip": "skipped"}
    found = list(statuses)
    counts = {word: found.count(status) for status, word in words.items()}
    return ", ".join(f"{n:,} {word}" for word, n in counts.items() if n) or "none"


def printable(text: str) -> str:
    """One line that cannot move a terminal's cursor or give GitHub's runner a command (`::`)."""
    shown = "".join(c if c.isprintable() else " " for c in text).strip()
    return shown.replace("::", ": :")[:500]


def to_the_end(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    """A pattern whose `$` is the end of the text, as for the API and in JSON Schema.

    Python's own also takes a line break behind it. With (?m) it is the end of a line, as written.
    """
    known = re.compile(pattern)
    if known.flags & re.MULTILINE:
        return known
    text = PARTS.sub(lambda part: r"\Z" if part[0] == "$" else part[0], known.pattern)
    return re.compile(text, known.flags)
