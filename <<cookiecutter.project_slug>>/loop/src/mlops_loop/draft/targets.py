"""Which column is predicted, and as what."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlops_loop import tasks
from mlops_loop.draft.kinds import Facts
from mlops_loop.errors import UsageError
from mlops_loop.tasks.task_draft import TaskDraft, by_label
from mlops_loop.text import listed

TARGETS = "target label class klasse outcome response y ziel zielvariable ergebnis"


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
        f"Next: loop schema ... --target {_quoted((two or list(facts))[-1])}, or --task "
        f"{' or '.join(_without_target())} where there is nothing to predict"
    )


def _without_target() -> list[str]:
    known = tasks.table().items()
    return [name for name, task in known if task.draft and not task.draft.has_target]


def require_no_target(task: str, target: str, positive: str) -> None:
    """Raise UsageError for options that are about a target, which the task has not."""
    for option, value in {"--target": target, "--positive": positive}.items():
        if value:
            raise UsageError(
                f"{option} {value!r}: --task {task} predicts no column. Next: leave out {option}, "
                "and the column from schema.ModelInput where it should not count"
            )


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else f"{name!r}"


def guess_task(target: Facts, notes: dict[str, str]) -> str:
    """The task that such values suit."""
    drafts = {name: task.draft for name, task in tasks.table().items() if task.draft}
    name = next(name for name, draft in drafts.items() if draft.suits(target))
    if doubt := drafts[name].doubt(target):
        notes["task"] = doubt
    return name


def draft_of(task: str) -> TaskDraft:
    """What a task brings to a draft; raises UsageError for one that brings nothing."""
    if draft := tasks.find(task).draft:
        return draft
    known = [name for name, other in tasks.table().items() if other.draft]
    raise UsageError(f"--task {task}: loop schema drafts {listed(known)}.")


def require_outcomes(target: Facts, task: str) -> None:
    """Raise UsageError for a target that the task cannot have."""
    if target.distinct < 2:
        raise UsageError(
            f"Column {target.name!r} has {target.distinct} value, so there is nothing to predict. "
            "Next: loop schema ... --target COLUMN"
        )
    draft_of(task).check(target)


def require_positive(target: Facts, positive: str) -> None:
    """Raise UsageError for a class that no row has."""
    if positive and positive not in (known := by_label(target)):
        raise UsageError(
            f"--positive {positive!r} is none of the values of {target.name!r}: {listed(known)}."
        )


def guess_positive(target: Facts, task: str, notes: dict[str, str]) -> str:
    """The outcome that metrics are about; empty where the task, or the target, has none."""
    positive, doubt = draft_of(task).positive(target)
    if doubt:
        notes["positive"] = doubt
    return positive
