"""Checks of pandera as facts of the contract, which the API and the web form hold clients to."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandera.pandas as pa

from mlops_loop.errors import UsageError
from mlops_loop.text import to_the_end
from mlops_loop.values import text_of

Statistics = Mapping[str, Any]
Facts = dict[str, Any]


def _range(s: Statistics) -> Facts:
    return {"minimum": s["min_value"], "maximum": s["max_value"]}


NUMBERS: dict[str, Callable[[Statistics], Facts]] = {
    "greater_than_or_equal_to": lambda s: {"minimum": s["min_value"]},
    "less_than_or_equal_to": lambda s: {"maximum": s["max_value"]},
    "in_range": _range,
}
INTEGERS: dict[str, Callable[[Statistics], Facts]] = NUMBERS | {
    "greater_than": lambda s: {"minimum": math.floor(s["min_value"]) + 1},
    "less_than": lambda s: {"maximum": math.ceil(s["max_value"]) - 1},
    "in_range": lambda s: {
        "minimum": s["min_value"] if s["include_min"] else math.floor(s["min_value"]) + 1,
        "maximum": s["max_value"] if s["include_max"] else math.ceil(s["max_value"]) - 1,
    },
}
CATEGORIES: dict[str, Callable[[Statistics], Facts]] = {
    "isin": lambda s: {"levels": tuple(map(text_of, s["allowed_values"])), "closed": True},
    "str_matches": lambda s: {"pattern": getattr(s["pattern"], "pattern", s["pattern"])},
}
KNOWN = {"category": CATEGORIES, "number": NUMBERS, "integer": INTEGERS, "boolean": {}}
# What to write in place of other checks of pandera; each matches the beginning of a text.
PATTERNS: dict[str, Callable[[Statistics], str]] = {
    "str_startswith": lambda s: re.escape(s["string"]),
    "str_endswith": lambda s: f".*{re.escape(s['string'])}$",
    "str_contains": lambda s: f".*(?:{getattr(s['pattern'], 'pattern', s['pattern'])})",
    "str_length": lambda s: _length(s),
    "not_equal_to": lambda s: _none_of([s["value"]]),
    "notin": lambda s: _none_of(s["forbidden_values"]),
}

BUILT_IN = {*PATTERNS, *INTEGERS, *CATEGORIES, "equal_to"}


def facts_of(name: str, column: pa.Column, kind: str) -> Facts:
    """What the checks of a column say, all of them together; raises UsageError for another one."""
    facts: Facts = {}
    for check in column.checks:
        facts = _both(facts, _facts(name, check, kind))
    if "levels" in facts and (pattern := facts.get("pattern")):
        whole = to_the_end(pattern)
        facts["levels"] = tuple(text for text in facts["levels"] if whole.match(text))
    return facts


def _facts(name: str, check: pa.Check, kind: str) -> Facts:
    statistics = check.statistics or {}
    known = KNOWN[kind].get(str(check.name))
    open_ends = kind == "number" and not all(
        statistics.get(end, True) for end in ("include_min", "include_max")
    )
    if known is None or not statistics or open_ends:
        raise UsageError(
            f"ModelInput.{name} has the check {check.name!r}, which the API and the web form "
            f"cannot make for a {kind}. Next: {_advice(check, kind)}"
        )
    return known(statistics)


def _both(one: Facts, other: Facts) -> Facts:
    """Facts that hold together."""
    joined = one | other
    for key, narrow in (("minimum", max), ("maximum", min)):
        if key in one and key in other:
            joined[key] = narrow(one[key], other[key])
    return joined


def _advice(check: pa.Check, kind: str) -> str:
    """What to write in place of a check."""
    name, statistics = str(check.name), check.statistics or {}
    if not statistics or name not in BUILT_IN:
        return "move it to RawRows, where rows that break it go into quarantine"
    if kind == "category" and name in PATTERNS:
        return f"write str_matches={PATTERNS[name](statistics)!r}"
    if kind == "category" and name == "equal_to":
        return f"write isin={[text_of(statistics['value'])]}"
    if kind == "number" and name in INTEGERS:
        return "write ge and le, with the smallest and the largest value that may be"
    if name in CATEGORIES:
        return "declare it as Series[str], with texts in isin, or take ge and le"
    return "take isin or str_matches for str, ge, le and in_range for numbers"


def _length(s: Statistics) -> str:
    exact = s.get("exact_value")
    least, most = s.get("min_value") or 0, s.get("max_value")
    return f"^.{{{exact}}}$" if exact is not None else f"^.{{{least},{most or ''}}}$"


def _none_of(values: Any) -> str:
    return f"^(?!(?:{'|'.join(re.escape(str(text_of(value))) for value in values)})$)"
