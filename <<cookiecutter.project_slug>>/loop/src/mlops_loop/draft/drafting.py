"""From a table to drafts of the user's files that the stages accept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mlops_loop import paths, project, tasks
from mlops_loop.columns import integers, texts
from mlops_loop.draft import gate_file, params_file, schema_file, table, task_files, verify
from mlops_loop.draft.kinds import Facts, look
from mlops_loop.draft.neighbours import with_room
from mlops_loop.draft.roles import Roles, Stated, guess, is_code, is_named_id
from mlops_loop.draft.table import Table
from mlops_loop.draft.targets import draft_of
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.pipeline.prepare import Prepared
from mlops_loop.yaml_text import parse

LEAST_ROWS = 20
FEW = 20  # values of a code that are categories


@dataclass(frozen=True)
class Draft:
    """Files by their path in the project, and what a person should know.

    doubts: what was guessed, a line each. prepared: what `prepare` makes of the table with it.
    """

    table: Table
    facts: Mapping[str, Facts]
    roles: Roles
    files: Mapping[Path, str]
    doubts: tuple[str, ...]
    prepared: Prepared


def make(given: Sequence[Path], stated: Stated) -> Draft:
    """A draft from the files of a table; raises UsageError and DataRefused where there is none."""
    found = with_room(table.read(given))
    if len(found.rows) < LEAST_ROWS:
        raise DataRefused(
            f"The table has {len(found.rows):,} rows, too few to train, validate and hold out: "
            f"at least {LEAST_ROWS} are needed."
        )
    stated = replace(stated, task=stated.task or _own_task(stated))
    facts = {str(name): _facts(str(name), found.rows) for name in found.rows}
    draft, leaks = _fitting(found, facts, stated)
    if leaks:
        draft, _ = _fitting(found, facts, replace(stated, leaks=tuple(leaks.items())))
    return draft


def _own_task(stated: Stated) -> str:
    """That of the project where it predicts no column, and none is asked for; else empty."""
    own = parse(_read(paths.PARAMS)).get("task", "")
    draft = tasks.find(own).draft if own in tasks.table() and not stated.target else None
    return own if draft and not draft.has_target else ""


def _facts(name: str, rows: pd.DataFrame) -> Facts:
    """Those of a column, with what its name tells."""
    column = look(rows[name], rows)
    first, _, number = name.rpartition(".")
    if first in rows and number.isdigit():
        note = f"is this a second column {first!r}? It gets this name where a file has it twice"
        column = replace(column, notes=(*column.notes, note))
    return _as_category(_as_id(column, rows[name]))


def _as_id(column: Facts, values: pd.Series) -> Facts:
    """Ids that were written as 12.0, as pandas does where one is missing, are whole numbers."""
    if column.kind != "number" or column.unread or not is_named_id(column.name):
        return column
    if integers(values).isna().sum() > column.missing:
        return column
    return replace(column, kind="integer", low=int(column.low), high=int(column.high))


def _as_category(column: Facts) -> Facts:
    """A code of few values is no amount: its numbers are names."""
    if not is_code(column) or column.unread or not 2 <= column.distinct <= FEW:
        return column
    note = "named as a code, so it is taken as a category, and not as an amount"
    return replace(column, kind="text", notes=(*column.notes, note))


def _fitting(
    found: Table, facts: Mapping[str, Facts], stated: Stated
) -> tuple[Draft, dict[str, str]]:
    """A draft that is accepted, and which of its inputs give the target away.

    By chance in place of a guessed column where the rows do not allow that; raises the first error
    where it is no better.
    """
    roles = guess(found.rows, facts, stated)
    try:
        return _accepted(found, facts, roles)
    except DataRefused as error:
        if not roles.column or stated.split or stated.time or stated.group:
            raise
        strategy = draft_of(roles.task).by_chance
        other = guess(found.rows, facts, replace(stated, split=strategy))
        refused = f"not by {roles.strategy} of {roles.column!r}: {str(error).partition('. ')[0]}"
        other.notes["split"] = refused
        return _accepted(found, facts, replace(other, doubtful=(*other.doubtful, "split")))


def _accepted(
    found: Table, facts: Mapping[str, Facts], roles: Roles
) -> tuple[Draft, dict[str, str]]:
    """The draft of these roles, with as much overlap as the table has."""
    repeated = _repeated(found.rows, roles)
    if repeated and not roles.key:
        n = round(repeated * len(found.rows))
        roles.notes["key"] += f"; {n:,} rows equal an earlier one, and are dropped"
    files = _files(found, facts, roles, repeated)
    try:
        prepared, leaks = _check(found.rows, files)
    except DataRefused:
        roles, limit = _with_overlap(found, facts, roles, repeated)
        files = _files(found, facts, roles, repeated, limit)
        prepared, leaks = _check(found.rows, files)
    held = int((prepared.parts == "holdout").sum())
    files[paths.GATE_POLICY] = _gate(found, facts, roles, held)
    doubts = tuple(schema_file.doubts(facts, roles))
    return Draft(found, facts, roles, files, doubts, prepared), leaks


def _with_overlap(
    found: Table, facts: Mapping[str, Facts], roles: Roles, repeated: float
) -> tuple[Roles, float]:
    """The roles, with a note on how much of the holdout repeats, and a limit that allows it."""
    lenient, _ = _check(found.rows, _files(found, facts, roles, repeated, 1.0))
    roles.notes["overlap"] = (
        f"{lenient.overlap:.1%} of the holdout equals rows that training sees: are these cases "
        "of their own, or is something missing in prepare.key?"
    )
    limit = min(math.ceil(lenient.overlap * 110) / 100, 1.0)
    return replace(roles, doubtful=(*roles.doubtful, "overlap")), limit


def _repeated(rows: pd.DataFrame, roles: Roles) -> float:
    """The share of rows whose key an earlier one has."""
    names = roles.key or tuple(rows)
    keys = pd.DataFrame({name: texts(rows[name]) for name in names})
    return float(keys.duplicated().mean())


def _check(rows: pd.DataFrame, files: Mapping[Path, str]) -> tuple[Prepared, dict[str, str]]:
    return verify.check(rows, {path.name: text for path, text in files.items()})


def _files(
    found: Table, facts: Mapping[str, Facts], roles: Roles, repeated: float,
    max_overlap: float | None = None,
) -> dict[Path, str]:  # fmt: skip
    own, old = Path("src", project.package()), _read(paths.PARAMS)
    files = {
        own / "schema.py": schema_file.text(facts, roles),
        own / "features.py": schema_file.FEATURES,
        paths.PARAMS: params_file.text(old, facts, roles, found.source, repeated, max_overlap),
        paths.GATE_POLICY: _gate(found, facts, roles, len(found.rows)),
    }
    if parse(old).get("task") != roles.task:
        files[own / "estimators.py"] = task_files.estimators(roles.task)
        files[paths.STAGES] = task_files.stages(_read(paths.STAGES), roles.task)
    if tasks.find(roles.task).names and (kept := task_files.anchors(roles.inputs)):
        files[paths.ANCHORS] = kept
    return files


def _gate(found: Table, facts: Mapping[str, Facts], roles: Roles, held: int) -> str:
    return gate_file.text(_read(paths.GATE_POLICY), found.rows, facts, roles, held)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing. Run this in the project's root folder.") from error
