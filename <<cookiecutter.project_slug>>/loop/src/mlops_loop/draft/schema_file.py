"""The text of a drafted `schema.py`, and of the `features.py` that fits it."""

from __future__ import annotations

import builtins
import keyword
import math
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pandera.pandas as pa

from mlops_loop.draft.kinds import Facts
from mlops_loop.draft.roles import ALONE, Roles
from mlops_loop.draft.targets import draft_of

WIDTH = 100
LONGEST = 30  # letters of an attribute
MOST_LEVELS = 50
TAKEN = {*dir(pa.DataFrameModel), *dir(builtins), "pa", "pd", "Series", "Annotated", "annotations"}
INT64 = -(2**63), 2**63 - 1
ZONED = 'Annotated[pd.DatetimeTZDtype, "us", "UTC"]'
HEAD = '''"""Tables and their rules, as pandera models. Yours to edit.

A draft by `loop schema` from {n:,} rows. `RawRows` is what the source gives: `validate` quarantines
rows that break it. `ModelInput` is what the model takes and a client sends: the contract, the API
and the web form are derived from it.

Every rule is a guess from these rows. A range is that of the values with its whole width added on
both sides, and not below 0 where no value is; correct it by what you know. A list of categories is
closed (`isin`) where each was seen at least twice, since then a new one is unlikely (Good 1953,
doi:10.1093/biomet/40.3-4.237); without `isin` training learns them, and a new one counts as unseen.
Dates and missing values: see loop/docs/data-rules.md.
"""

from __future__ import annotations
'''
FEATURES = '''"""From raw rows to the model's input. Yours to edit.

`model_rows` makes the columns of `schema.ModelInput` out of raw rows, row by row. What is learned
from data (scaling, imputing, encoding) belongs to the estimator's pipeline, never here, so that
nothing is learned from the holdout.
"""

from __future__ import annotations

import pandas as pd


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Give the raw rows as they are: the model takes its columns from them.

    Add columns by `raw.assign(new=...)`, and to `ModelInput` in schema.py. Look at one row at a
    time: same row, same result, whatever stands beside it.
    """
    return raw
'''


def text(facts: Mapping[str, Facts], roles: Roles) -> str:
    """The module, as `ruff format` writes it."""
    names = attributes(facts)
    levels = {name: found for name, f in facts.items() if (found := _levels(f, roles))}
    used = {name: _constant(names[name]) for name in levels}
    imports = ["import pandera.pandas as pa", "from pandera.typing import Series"]
    bodies = [_raw_rows(facts, roles, names, used), _model_input(facts, roles, names, used)]
    body = "\n\n\n".join(bodies)
    if "pd." in body:
        imports.insert(0, "import pandas as pd")
    standard = ["from typing import Annotated", ""] if "Annotated[" in body else []
    constants = [_assigned(used[name], levels[name]) for name in levels]
    n = next(iter(facts.values())).n
    parts = [HEAD.format(n=n), "\n".join([*standard, *imports]) + "\n"]
    parts += ["\n".join(constants) + "\n"] if constants else []
    return "\n".join(parts) + "\n\n" + body + "\n"


def attributes(facts: Iterable[str]) -> dict[str, str]:
    """By column a name that Python and pandera allow, each once."""
    found: dict[str, str] = {}
    for name in facts:
        plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
        plain = plain.encode("ascii", "ignore").decode()
        word = re.sub(r"\W+", "_", plain.strip())[:LONGEST].strip("_") or "column"
        if not _is_usable(word):
            word = f"column_{word}"
        fits = _is_usable(name) and name.isascii() and len(name) <= LONGEST
        best = name if fits else word.lower()
        taken, n = {*found.values()}, 2
        while best in taken:
            best, n = f"{word.lower()}_{n}", n + 1
        found[name] = best
    return found


def _is_usable(name: str) -> bool:
    words = keyword.iskeyword(name) or keyword.issoftkeyword(name)
    return name.isidentifier() and not words and name not in TAKEN and not name.startswith("_")


def _constant(attribute: str) -> str:
    return f"{attribute.upper()}_LEVELS"


def _levels(column: Facts, roles: Roles) -> list[Any]:
    """The allowed values of a column; none where any may come."""
    if column.name == roles.target and draft_of(roles.task).is_closed:
        whole = column.kind == "integer"
        values = [int(value) for value in column.counts] if whole else list(column.counts)
        return [] if column.kind == "boolean" else sorted(values)
    closed = column.kind == "text" and 0 < column.distinct <= MOST_LEVELS
    closed = closed and min(column.counts.values()) > 1 and not column.constant
    return sorted(column.counts) if closed else []


def _raw_rows(
    facts: Mapping[str, Facts], roles: Roles, names: Mapping[str, str], used: Mapping[str, str]
) -> str:
    lines = ["class RawRows(pa.DataFrameModel):", '    """A row of the source."""', ""]
    for name, column in facts.items():
        lines += _comments(_about(column, roles, name in used))
        lines.append(_field(column, roles, names[name], used.get(name, "")))
    return "\n".join([*lines, "", "    class Config:", "        coerce = True"])


def _model_input(
    facts: Mapping[str, Facts], roles: Roles, names: Mapping[str, str], used: Mapping[str, str]
) -> str:
    lines = ["class ModelInput(pa.DataFrameModel):"]
    lines += ['    """What is known when a prediction is made."""', ""]
    lines += _comments([draft_of(roles.task).advice])
    lines += _comments(f"Left out: {name!r} {why}" for name, why in roles.unused.items())
    lines.append("")
    for name in roles.inputs:
        lines.append(_field(facts[name], roles, names[name], used.get(name, "")))
    return "\n".join([*lines, "", "    class Config:", "        coerce = True",
                      '        strict = "filter"'])  # fmt: skip


def _about(column: Facts, roles: Roles, closed: bool) -> list[str]:
    """What is doubtful in a column of RawRows, or needs an eye; with the evidence."""
    said = []
    if column.name == roles.target:
        said.append(_join("the target", roles.notes.get("target"), roles.notes.get("task")))
    if column.name in roles.key:
        said.append(roles.notes.get("key", "the key, as stated"))
    if column.name == roles.column:
        said.append(_join(f"the column of the split by {roles.strategy}", roles.notes.get("split")))
    if column.missing:
        said.append(f"missing in {column.missing:,} of {column.n:,} rows")
    if column.constant and column.filled:
        said.append(
            f"{column.filled:,} of {column.filled:,} values are {next(iter(column.counts))!r}"
        )
    if (
        column.kind == "text"
        and not closed
        and not column.constant
        and column.name not in roles.key
    ):
        once = sum(n == 1 for n in column.counts.values())
        said.append(f"{column.distinct:,} different texts, {once:,} of them once: not closed")
    return [*said, *column.notes]


def _join(first: str, *others: str | None) -> str:
    return "; ".join([first, *filter(None, others)])


def _comments(texts: Iterable[str]) -> list[str]:
    wrapped = (textwrap.wrap(one, _room(one)) for one in texts)
    return [f"    # {printable(line)}" for lines in wrapped for line in lines]


def printable(line: str) -> str:
    """One line of text, whatever a table has in its names."""
    return "".join(c if c.isprintable() else "?" for c in line)


def _field(column: Facts, roles: Roles, attribute: str, levels: str) -> str:
    is_key = column.name in roles.key or column.name == roles.column
    arguments = []
    if attribute != column.name:
        arguments.append(f"alias={quoted(column.name)}")
    if levels:
        arguments.append(f"isin={levels}")
    elif column.kind in ("number", "integer"):
        low, high = (0 if column.low >= 0 else None, None) if is_key else widened(column)
        arguments += [f"ge={_number(low)}"] if low is not None else []
        arguments += [f"le={_number(high)}"] if high is not None else []
    if column.nullable or column.kind == "empty":
        arguments.append("nullable=True")
    if column.notation:
        arguments.append(f'metadata={{"format": {quoted(column.notation)}}}')
    return _call(f"    {attribute}: Series[{_type(column)}] = pa.Field", arguments)


def _type(column: Facts) -> str:
    if column.kind == "moment":
        return ZONED if column.zoned else "pd.Timestamp"
    if column.nullable and column.kind in ("integer", "boolean"):
        return {"integer": "pd.Int64Dtype", "boolean": "pd.BooleanDtype"}[column.kind]
    return {"number": "float", "integer": "int", "boolean": "bool"}.get(column.kind, "str")


def widened(column: Facts) -> tuple[Any, Any]:
    """The range of a column of numbers with its whole width added on both sides, and rounded.

    Not below 0 where no value is. For n rows in any order the next value is beyond the seen range
    with probability 2 / (n + 1); so far beyond it, it most likely has another unit, or is wrong.
    None for an end that no number can be.
    """
    if column.kind == "integer":
        return _widened_whole(int(column.low), int(column.high))
    low, high = float(column.low), float(column.high)
    width = (high - low) or max(abs(high), 1.0)
    if not math.isfinite(3 * width):
        return None, None
    step = 10.0 ** (math.floor(math.log10(width)) - 1)
    below, above = math.floor((low - width) / step) * step, math.ceil((high + width) / step) * step
    below, above = float(f"{below:.10g}"), float(f"{above:.10g}")
    return (0.0 if low >= 0 else min(below, low)), max(above, high)


def _widened_whole(low: int, high: int) -> tuple[int, int]:
    width = (high - low) or max(abs(high), 1)
    step = 10 ** max(len(str(width)) - 2, 0)
    below = max((low - width) // step * step, INT64[0])
    above = min(-((-high - width) // step) * step, INT64[1])
    return (max(below, 0) if low >= 0 else below), above


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    plain = f"{Decimal(repr(value)):f}"
    return plain if len(plain) < 15 else repr(value)


def quoted(name: str) -> str:
    """A text as `ruff format` quotes it: with the sign that needs fewer backslashes."""
    sign = "'" if name.count('"') > name.count("'") else '"'
    plain = "".join(c if c in "'\"" else repr(c)[1:-1] for c in name)
    return sign + plain.replace(sign, f"\\{sign}") + sign


def _call(start: str, arguments: list[str]) -> str:
    """On one line where it fits, else with a line for each argument."""
    line = f"{start}({', '.join(arguments)})"
    if _width(line) <= WIDTH or not arguments:
        return line
    return "\n".join([f"{start}(", *(_line(f"        {a},") for a in arguments), "    )"])


def _assigned(name: str, values: list[Any]) -> str:
    shown = [quoted(value) if isinstance(value, str) else str(value) for value in values]
    line = f"{name} = [{', '.join(shown)}]"
    if _width(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = [", *(_line(f"    {one},") for one in shown), "]"])


def _room(text: str) -> int:
    """Letters of a line of comment, fewer where some take two columns."""
    return WIDTH - 6 if _width(text) == len(text) else (WIDTH - 6) // 2


def _width(text: str) -> int:
    """Columns on a screen, as ruff counts them: signs of East Asia take two."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def _line(text: str) -> str:
    """A text of a table may be longer than a line of code."""
    return text if _width(text) <= WIDTH else f"{text}  # noqa: E501"


def doubts(facts: Mapping[str, Facts], roles: Roles) -> list[str]:
    """What a person has to look at, a line each."""
    found = [f"{role}: {roles.notes[role]}" for role in roles.doubtful if role in roles.notes]
    found += [f"{name!r}: {note}" for name, column in facts.items() for note in column.notes]
    found += [f"{name!r} {why}" for name, why in roles.unused.items() if why.startswith(ALONE)]
    return found
