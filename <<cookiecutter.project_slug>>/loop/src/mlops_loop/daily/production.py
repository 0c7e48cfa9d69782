"""Rows of production to counts of days: columns are taken out of the rows' inputs and outputs.

Rows are tables of the columns at (datetime64, UTC), row, model_version, inputs and output (a dict
each), outcome, outcome_at, and latency_ms where it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.daily.day import Day, merge
from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.tasks.target import TARGET

DAY_S = 86_400.0


def fold_rows(frame: Frame, rows: pd.DataFrame, version: str | None = None) -> list[Day]:
    """The counts of each day of rows of the model `version`; None takes those of all models.

    Of rows of other models their number alone is counted, in `models`.
    """
    own = np.full(len(rows), True)
    if version is not None:
        own = (rows["model_version"] == version).to_numpy()
    counted = fold(frame, _table(frame, rows[own])) if own.any() else []
    return merge([*counted, *_others(frame, rows[~own])])


def _others(frame: Frame, rows: pd.DataFrame) -> Iterator[Day]:
    for (date, version), n in Counter(
        zip(_dates(rows), rows["model_version"], strict=True)
    ).items():
        yield Day(date, frame.id, {}, {version: n})


def _dates(rows: pd.DataFrame) -> list[str]:
    moments = rows["at"].dt.tz_localize(None).to_numpy()
    dates: list[str] = np.datetime_as_string(moments, "D").tolist()
    return dates


def _table(frame: Frame, rows: pd.DataFrame) -> Table:
    scores = _scores(frame, rows["output"].tolist())
    latencies = rows["latency_ms"].to_numpy(dtype=float) if "latency_ms" in rows else None
    return Table(
        dates=_dates(rows),
        inputs=_inputs(frame, rows["inputs"].tolist()),
        scores=scores,
        losses=_losses(frame, rows["outcome"].tolist(), scores),
        requests=rows["row"].to_numpy() == 0,
        latencies=latencies,
        delays=(rows["outcome_at"] - rows["at"]).dt.total_seconds().to_numpy(dtype=float) / DAY_S,
        models=rows["model_version"].to_numpy(dtype=object),
    )


def _inputs(frame: Frame, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns by name. Of those that may not be missing, one that no row has is not logged."""
    needed = [column.name for column in frame.contract.columns if not column.nullable]
    left_out = {name for name in needed if not any(name in row for row in rows)}
    names = [name for name in frame.contract.names if name not in left_out]
    return {name: [row.get(name) for row in rows] for name in names}


def _scores(frame: Frame, outputs: list[dict[str, Any]]) -> np.ndarray:
    scores_of, contract = tasks.of(frame.contract).scores_of, frame.contract
    scores = np.array([scores_of(output, contract) for output in outputs], dtype=float)
    return scores[:, 0] if scores.shape[1] == 1 else scores


def _losses(frame: Frame, outcomes: list[Any], scores: np.ndarray) -> np.ndarray | None:
    """NaN where there is no outcome, or one that this model cannot have."""
    if not frame.loss:
        return None
    task, losses = tasks.of(frame.contract), np.full(len(outcomes), np.nan)
    known = pd.Series(_accepted(frame, outcomes), dtype=object)
    rows = known.notna().to_numpy()
    if rows.any():
        codes, distinct = pd.factorize(known[rows])
        y = task.encode_target(pd.DataFrame({TARGET: distinct}), frame.contract)[codes]
        losses[rows] = frame.losses(y, scores[rows])
    return losses


def _accepted(frame: Frame, outcomes: list[Any]) -> list[Any]:
    """Outcomes as the task writes them; a text is asked for once."""
    outcome, contract = tasks.of(frame.contract).outcome, frame.contract
    texts = {value for value in outcomes if isinstance(value, str)}
    known = {text: outcome(text, contract) for text in texts} | {None: None}
    return [
        known[value] if value is None or isinstance(value, str) else outcome(value, contract)
        for value in outcomes
    ]
