"""From a table to drafts of the user's files that the stages accept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mlops_loop import paths, project
from mlops_loop.columns import texts
from mlops_loop.draft import gate_file, params_file, schema_file, table, task_files, verify
from mlops_loop.draft.kinds import Facts, look
from mlops_loop.draft.neighbours import with_room
from mlops_loop.draft.roles import Roles, Stated, guess
from mlops_loop.draft.table import Table
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.pipeline.prepare import Prepared
from mlops_loop.yaml_text import parse

STAGES = Path("dvc.yaml")
LEAST_ROWS = 20


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
    facts = {str(name): look(found.rows[name], found.rows) for name in found.rows}
    try:
        return _accepted(found, facts, guess(found.rows, facts, stated))
    except DataRefused as error:
        if stated.split or stated.time or stated.group:
            raise
        return _split_otherwise(found, facts, stated, error)


def _split_otherwise(
    found: Table, facts: Mapping[str, Facts], stated: Stated, error: DataRefused
) -> Draft:
    """By chance in place of a guessed column; raises the first error where that is no better."""
    roles = guess(found.rows, facts, stated)
    if not roles.column:
        raise error
    strategy = "stratified" if roles.task == "classification" else "random"
    other = guess(found.rows, facts, replace(stated, split=strategy))
    refused = f"not by {roles.strategy} of {roles.column!r}: {str(error).partition('. ')[0]}"
    other.notes["split"] = refused
    return _accepted(found, facts, replace(other, doubtful=(*other.doubtful, "split")))


def _accepted(found: Table, facts: Mapping[str, Facts], roles: Roles) -> Draft:
    """The draft of these roles, with as much overlap as the table has."""
    repeated = _repeated(found.rows, roles)
    files = _files(found, facts, roles, repeated)
    try:
        prepared = _check(found.rows, files)
    except DataRefused:
        lenient = _check(found.rows, _files(found, facts, roles, repeated, 1.0))
        share = math.ceil(lenient.overlap * 110) / 100
        roles.notes["overlap"] = (
            f"{lenient.overlap:.1%} of the holdout equals rows that training sees: are these cases "
            "of their own, or is something missing in prepare.key?"
        )
        roles = replace(roles, doubtful=(*roles.doubtful, "overlap"))
        files = _files(found, facts, roles, repeated, min(share, 1.0))
        prepared = _check(found.rows, files)
    doubts = tuple(schema_file.doubts(facts, roles))
    return Draft(found, facts, roles, files, doubts, prepared)


def _repeated(rows: pd.DataFrame, roles: Roles) -> float:
    """The share of rows whose key an earlier one has."""
    names = roles.key or tuple(rows)
    keys = pd.DataFrame({name: texts(rows[name]) for name in names})
    return float(keys.duplicated().mean())


def _check(rows: pd.DataFrame, files: Mapping[Path, str]) -> Prepared:
    return verify.check(rows, {path.name: text for path, text in files.items()})


def _files(
    found: Table, facts: Mapping[str, Facts], roles: Roles, repeated: float,
    max_overlap: float | None = None,
) -> dict[Path, str]:  # fmt: skip
    own, old = Path("src", project.package()), _read(paths.PARAMS)
    gate = gate_file.text(_read(paths.GATE_POLICY), found.rows, facts, roles)
    files = {
        own / "schema.py": schema_file.text(facts, roles),
        own / "features.py": schema_file.FEATURES,
        paths.PARAMS: params_file.text(old, facts, roles, found.source, repeated, max_overlap),
        paths.GATE_POLICY: gate,
    }
    if parse(old).get("task") != roles.task:
        files[own / "estimators.py"] = task_files.estimators(roles.task)
        files[STAGES] = task_files.stages(_read(STAGES), roles.task)
    return files


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing. Run this in the project's root folder.") from error
