"""Anchors: rows that carry the names of the version in production into the next training.

`train` reads them from a file that is committed, so the champion is no hidden input of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from mlops_loop import files, paths, project, tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.bundle import Bundle
from mlops_loop.model.contract import Contract
from mlops_loop.params import read_yaml
from mlops_loop.pipeline import known_names
from mlops_loop.pipeline.assemble import spread_rows
from mlops_loop.registry import champion, ledger
from mlops_loop.tasks.task_names import Anchor, Anchors, TaskNames
from mlops_loop.text import listed

MOST_ROWS = 500


@dataclass(frozen=True)
class Written:
    """The version whose names were written, and how many rows carry them."""

    version: str
    n_rows: int


class _Stage(BaseModel):
    deps: list[str] = []


class _Stages(BaseModel):
    """What is asked of dvc.yaml."""

    stages: dict[str, _Stage] = {}


def write() -> Written:
    """Write `data/anchors.json`: held-out rows with what the version in production says of them.

    Raises UsageError where nothing is in production, where its task keeps no names, where `train`
    does not depend on that file, and where the holdout lacks one of its columns. Columns that
    ModelInput has by now are in the rows as well, so that a model with one more column knows them.
    """
    entries = ledger.read(Path())
    if (now := entries.current()) is None:
        raise UsageError("Nothing is in production, so no names have to stay.")
    model = champion.fetch_version(Path(), entries.find(now.version), paths.CHAMPION)
    if (own := tasks.of(model.contract).names) is None:
        raise UsageError(
            f"The outcomes of {model.contract.task} come with the data: nothing to do."
        )
    _check_stages()
    anchors = _anchors(model, own)
    files.write_json(anchors.model_dump(), paths.ANCHORS, digits=None)
    return Written(now.version, len(anchors.rows))


def _check_stages() -> None:
    """Raise UsageError where `train` would not see that the file has changed."""
    train = read_yaml(paths.STAGES, _Stages).stages.get("train", _Stage())
    if {*map(Path, train.deps)}.isdisjoint((paths.ANCHORS, *paths.ANCHORS.parents)):
        raise UsageError(
            f"{paths.STAGES}: the stage train does not depend on {paths.ANCHORS}, so it would not "
            f"read it. Next: add these lines to {paths.STAGES}, then loop anchors\n"
            f"stages:\n  train:\n    deps:\n      - {paths.ANCHORS}"
        )


def _rows_of(holdout: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    names = dict.fromkeys([*contract.names, *project.model_input().to_schema().columns])
    return spread_rows(holdout, [name for name in names if name in holdout], MOST_ROWS)


def _anchors(model: Bundle, own: TaskNames) -> Anchors:
    contract, holdout = model.contract, files.read_table(paths.HOLDOUT)
    if lacking := [name for name in contract.names if name not in holdout]:
        raise UsageError(
            f"The holdout lacks {listed(lacking)}, which the version in production takes. Next: "
            "add it to prepare.carry_columns in params.yaml, then make pipeline"
        )
    rows = _rows_of(holdout, contract)
    scores = model.predictor.scores(contract.encode_rows(rows))
    names = [one["prediction"] for one in tasks.of(contract).predictions(scores, contract)]
    known = known_names.read().last if paths.ANCHORS.exists() else 0
    made = tuple(Anchor(row=row, name=name) for row, name in zip(rows, names, strict=True))
    return Anchors(last=max(known, own.last(contract)), rows=made)
