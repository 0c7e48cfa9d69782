"""Which column is predicted, and as what."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlops_loop.draft.kinds import Facts
from mlops_loop.errors import UsageError
from mlops_loop.text import listed
from mlops_loop.values import label_of

TARGETS = "target label class klasse outcome response y ziel zielvariable ergebnis"
YES = ("1", "true", "yes", "y", "ja", "j", "si", "sí", "oui", "sim", "t", "pos", "positive")
MOST_CLASSES = 20  # different whole numbers that may be classes


def words(name: str) -> list[str]:
    """The words of a column name, in small letters."""
    parts = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", parts.lower())


def guess_target(facts: Mapping[str, Facts], notes: dict[str, str]) -> str:
    """The one column that is named as a target; raises UsageError where there is none."""
    named = [name for name in facts if set(words(name)) & set(TARGETS.split())]
    usable = [name for name in named if facts[name].distinct > 1 and not facts[name].differs]
    if len(usable) == 1:
        notes["target"] = f"guessed by its name: {usable[0]!r}"
        return usable[0]
    two = [name for name, column in facts.items() if column.distinct == 2]
    hint = f" Two values have: {listed(two)}." if two else ""
    raise UsageError(
        f"The column to predict cannot be guessed. There are: {listed(facts)}.{hint} "
        f"Next: loop schema ... --target {_quoted((two or list(facts))[-1])}"
    )


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else f"{name!r}"


def guess_task(target: Facts, notes: dict[str, str]) -> str:
    """Regression for amounts; a few different whole numbers are classes."""
    if target.kind == "number":
        return "regression"
    if target.kind == "integer" and target.distinct > MOST_CLASSES:
        return "regression"
    if target.kind == "integer" and target.distinct > 2:
        notes["task"] = (
            f"{target.distinct} different whole numbers are taken as classes; "
            "as an amount it is --task regression"
        )
    return "classification"


def require_outcomes(target: Facts, task: str) -> None:
    """Raise UsageError for a target that the task cannot have."""
    if target.distinct < 2:
        raise UsageError(
            f"Column {target.name!r} has {target.distinct} value, so there is nothing to predict. "
            "Next: loop schema ... --target COLUMN"
        )
    numbers = target.kind in ("number", "integer", "boolean")
    if task == "regression" and not numbers:
        raise UsageError(
            f"Column {target.name!r} is no number, such as {listed(target.counts, 3)}. "
            "Next: --task classification, or another --target"
        )
    if task == "classification" and (target.kind == "moment" or 2 * target.distinct > target.n):
        other = "--task regression, or another --target" if numbers else "another --target"
        raise UsageError(
            f"Column {target.name!r} has {target.distinct:,} different values in {target.n:,} "
            f"rows, too many for classes. Next: {other}"
        )


def require_positive(target: Facts, positive: str) -> None:
    """Raise UsageError for a class that no row has."""
    if positive and positive not in (known := classes(target)):
        raise UsageError(
            f"--positive {positive!r} is none of the values of {target.name!r}: {listed(known)}."
        )


def classes(target: Facts) -> dict[str, int]:
    """By class its rows, as labels are written in the project."""
    counts: dict[str, int] = {}
    for value, n in target.counts.items():
        label = label_of(value) or value
        counts[label] = counts.get(label, 0) + n
    return counts


def guess_positive(target: Facts, task: str, notes: dict[str, str]) -> str:
    """Of two classes a yes, or else the rarer one; empty where there are more."""
    found = classes(target)
    if task != "classification" or len(found) != 2:
        return ""
    known = [label for label in found if label.lower() in YES]
    if len(known) == 1:
        return known[0]
    rare = min(found, key=lambda label: (found[label], label))
    notes["positive"] = f"the rarer class, {found[rare]:,} of {sum(found.values()):,} rows"
    return rare
