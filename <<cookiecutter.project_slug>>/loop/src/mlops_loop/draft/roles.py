"""What each column is for: target, key, time, group, input of the model, or none of these.

A column name is a hint, its values are the evidence. What is doubtful says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import pandas as pd

from mlops_loop.columns import shown
from mlops_loop.draft.kinds import Facts
from mlops_loop.draft.targets import (
    draft_of,
    guess_positive,
    guess_target,
    guess_task,
    require_no_target,
    require_outcomes,
    require_positive,
    words,
)
from mlops_loop.errors import UsageError
from mlops_loop.text import listed

IDS = "id ids key uuid guid nr no number nummer numero número schluessel schlüssel kennung rowid"
ALONE = "alone predicts"  # how the reason begins
CODES = "code plz zip zipcode postcode postal postleitzahl"
BIRTHS = "birth birthday birthdate dob born geburt geburtsdatum geboren naissance nacimiento"
FEW_GROUPS = 20
FREE_TEXT = 0.2  # as many different texts for a row are no categories
ID_DIGITS = 12  # a whole number with as many is no amount


@dataclass(frozen=True)
class Stated:
    """What the user says; empty: to be guessed."""

    target: str = ""
    positive: str = ""
    task: str = ""
    key: tuple[str, ...] = ()
    time: str = ""
    group: str = ""
    split: str = ""
    leaks: tuple[tuple[str, str], ...] = ()  # columns that are no input, and why; from the values


@dataclass(frozen=True)
class Roles:
    """The columns by what they are for.

    notes: by role (`target`, `positive`, `key`, `split`, `cluster`) the evidence. unused: by column
    why it is no input. doubtful: the roles whose guess is doubtful.
    """

    task: str
    target: str
    positive: str
    key: tuple[str, ...]
    strategy: str
    column: str  # of the split; empty without
    cluster: str
    inputs: tuple[str, ...]
    unused: dict[str, str]
    notes: dict[str, str]
    doubtful: tuple[str, ...] = field(default=())

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns that the holdout needs beside the model's."""
        return (self.cluster,) if self.cluster and not self.cluster.startswith("_") else ()


def guess(rows: pd.DataFrame, facts: Mapping[str, Facts], stated: Stated) -> Roles:
    """The roles of the columns; raises UsageError where the target cannot be guessed."""
    _require_known(facts, stated)
    notes: dict[str, str] = {}
    doubtful: list[str] = []
    task, target, positive = _outcome(facts, stated, notes)
    others = {name: column for name, column in facts.items() if name != target}
    time = stated.time or _time(others, stated)
    group = stated.group or _group(others, stated)
    key = stated.key or _key(rows, others, time, group, notes)
    strategy, column = _split(stated, time, group, task, others, notes)
    cluster = _cluster(strategy, time, group, others, notes)
    unused = _unused(others, {*key, *filter(None, (time, group))}) | dict(stated.leaks)
    inputs = tuple(name for name in others if name not in unused)
    if not inputs:
        raise UsageError(
            f"No column is left as an input of the model. {_reasons(unused)}. "
            "Next: write schema.py by hand, see loop/docs/own-data.md"
        )
    doubtful += [role for role in ("target", "positive", "key", "split") if role in notes]
    return Roles(
        task, target, positive, key, strategy, column, cluster, inputs, unused, notes,
        tuple(doubtful),
    )  # fmt: skip


def _outcome(
    facts: Mapping[str, Facts], stated: Stated, notes: dict[str, str]
) -> tuple[str, str, str]:
    """The task, its target and its positive outcome; the latter two empty without a target."""
    if stated.task and not draft_of(stated.task).has_target:
        require_no_target(stated.task, stated.target, stated.positive)
        return stated.task, "", ""
    target = stated.target or guess_target(facts, notes)
    task = stated.task or guess_task(facts[target], notes)
    require_outcomes(facts[target], task)
    _note_missing(facts[target], notes)
    require_positive(facts[target], stated.positive)
    return task, target, stated.positive or guess_positive(facts[target], task, notes)


def _note_missing(target: Facts, notes: dict[str, str]) -> None:
    """That rows without an outcome are of no use."""
    if target.nullable:
        lost = f"missing in {target.missing:,} of {target.n:,} rows, which are dropped"
        notes["target"] = "; ".join([*filter(None, [notes.get("target")]), lost])


def _reasons(unused: Mapping[str, str]) -> str:
    return "; ".join(f"{name!r}: {reason}" for name, reason in list(unused.items())[:5])


def _require_known(facts: Mapping[str, Facts], stated: Stated) -> None:
    options = {"target": [stated.target], "key": stated.key}
    options |= {"time": [stated.time], "group": [stated.group]}
    for option, names in options.items():
        if unknown := [name for name in names if name and name not in facts]:
            raise UsageError(
                f"--{option}: there is no column {unknown[0]!r}. There are: {listed(facts)}."
            )


# Time, group, key


def _time(others: Mapping[str, Facts], stated: Stated) -> str:
    """The one column of moments that every row has; none where the split is another one."""
    if stated.split not in ("", "time"):
        return ""
    births = set(BIRTHS.split())
    found = [
        name
        for name, column in others.items()
        if column.kind == "moment" and not column.nullable and column.distinct > 9
        and not set(words(name)) & births
    ]  # fmt: skip
    return found[0] if found else ""


def is_named_id(name: str) -> bool:
    """By its last word, as in `customer_id`; `number_of_rooms` is an amount."""
    found = words(name)
    return bool(found) and (found[-1] in IDS.split() or name.lower() in ("index", "unnamed: 0"))


def _is_id(column: Facts) -> bool:
    if column.kind == "integer" and max(abs(column.low), abs(column.high)) >= 10**ID_DIGITS:
        return True
    return is_named_id(column.name) and column.kind in ("integer", "text")


def is_code(column: Facts) -> bool:
    """Whether a column of whole numbers counts nothing: a postcode, an article number."""
    named = bool({*words(column.name)} & {*CODES.split()})
    return column.kind == "integer" and (named or _is_id(column))


def _group(others: Mapping[str, Facts], stated: Stated) -> str:
    """The column of codes with most values that repeat: rows of one customer, say."""
    found = [
        column
        for column in others.values()
        if _is_id(column) and not column.nullable and not column.unread
        and FEW_GROUPS <= column.distinct <= column.n / 1.5
    ]  # fmt: skip
    return max(found, key=lambda column: column.distinct).name if found else ""


def _key(
    rows: pd.DataFrame, others: Mapping[str, Facts], time: str, group: str, notes: dict[str, str]
) -> tuple[str, ...]:
    single = [
        name for name, column in others.items()
        if column.differs and column.kind in ("integer", "text") and not column.nullable
    ]  # fmt: skip
    named = [name for name in single if is_named_id(name)]
    first = [name for name in single if name == next(iter(others))]
    if found := named or first or [name for name in single if _is_id(others[name])]:
        n = others[found[0]].n
        notes["key"] = f"{n:,} of {n:,} values differ: likely the key"
        return (found[0],)
    codes = [name for name, column in others.items() if _is_id(column) and not column.constant]
    near = dict.fromkeys(name for name in (group, time, *codes[:4]) if name)
    for pair in combinations(near, 2):
        if not any(others[name].nullable for name in pair) and _differ(rows, pair):
            notes["key"] = f"together all {len(rows):,} differ: likely the key"
            return pair
    notes["key"] = "no column differs in every row, so all columns together identify one"
    return ()


def _differ(rows: pd.DataFrame, names: Sequence[str]) -> bool:
    return not pd.DataFrame({name: shown(rows[name]) for name in names}).duplicated().any()


def _split(
    stated: Stated, time: str, group: str, task: str, others: Mapping[str, Facts],
    notes: dict[str, str],
) -> tuple[str, str]:  # fmt: skip
    by_group = group and (not time or (stated.group and not stated.time))
    strategy = stated.split or ("group" if by_group else "time" if time else "")
    if strategy == "time":
        if not time:
            raise UsageError("--split time needs a column of moments. Next: add --time COLUMN")
        if others[time].kind == "moment":
            low, high = (f"{others[time].low:%Y-%m-%d}", f"{others[time].high:%Y-%m-%d}")
            notes["split"] = f"{others[time].distinct:,} moments from {low} to {high}"
        notes.setdefault("split", "as stated")
        return "time", time
    if strategy == "group":
        if not group:
            raise UsageError("--split group needs a column. Next: add --group COLUMN")
        column = others[group]
        notes["split"] = f"{column.distinct:,} values in {column.n:,} rows, which stay together"
        return "group", group
    return strategy or draft_of(task).by_chance, ""


def _cluster(
    strategy: str, time: str, group: str, others: Mapping[str, Facts], notes: dict[str, str]
) -> str:
    if strategy == "group":
        return "_group"
    if group and strategy == "time":
        notes["cluster"] = f"rows of one {group!r} are alike, so they are resampled together"
        return group
    column = others.get(time)
    if strategy == "time" and column and 100 <= column.distinct < 0.9 * column.n:
        notes["cluster"] = "rows of one moment are alike, so they are resampled together"
        return "_time"
    return ""


# Inputs


def _unused(others: Mapping[str, Facts], roles: set[str]) -> dict[str, str]:
    """By column why the model does not get it."""
    reasons = {}
    for name, column in others.items():
        if reason := _reason(column, name in roles):
            reasons[name] = reason
    return reasons


def _reason(column: Facts, has_role: bool) -> str:
    if column.name.startswith("_"):
        return "names with _ before them are the loop's own"
    if has_role:
        return "identifies rows, or orders them"
    if column.constant:
        return "has no value" if column.kind == "empty" else "has one value only"
    if column.kind == "moment":
        return "is a date: what the model needs of it is to be made in features.py (date_parts)"
    if column.kind == "text" and _is_free(column):
        return f"has {column.distinct:,} different texts in {column.filled:,} rows: no categories"
    if is_code(column) and column.distinct > FEW_GROUPS:
        return f"looks like a code, with {column.distinct:,} different values"
    return ""


def _is_free(column: Facts) -> bool:
    return column.distinct > FEW_GROUPS and column.distinct > FREE_TEXT * column.filled
