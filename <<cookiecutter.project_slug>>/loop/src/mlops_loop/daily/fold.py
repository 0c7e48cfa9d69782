"""Rows to counts of days: `fold` takes columns of any table, `fold_log` the prediction log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.daily import slices
from mlops_loop.daily.bins import Bins, LevelBins
from mlops_loop.daily.day import DELAYS_DAYS, LATENCIES_MS, MILLION, Day, merge
from mlops_loop.daily.frame import Frame, as_floats, as_texts, named_scores
from mlops_loop.tasks.target import TARGET

CHUNK = 50_000  # rows in memory at once
DAY_S = 86_400.0
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows to fold; each part has a value for each row, or is None where it is not known.

    inputs: columns of the model input by name; those that are left out are not counted. scores: as
    the model gives them. losses: shares of the frame's bound, NaN where no outcome is known.
    requests: True for the first row of each. latencies: milliseconds, NaN where not known. delays:
    days from prediction to the report of the outcome, NaN without one. slices: columns that are
    counted by slice alone, as inputs are, too.
    """

    dates: Sequence[str]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scores: np.ndarray | None = None
    losses: np.ndarray | None = None
    requests: np.ndarray | None = None
    latencies: np.ndarray | None = None
    delays: np.ndarray | None = None
    models: Sequence[str] | None = None
    slices: Mapping[str, Any] = field(default_factory=dict)


def fold(frame: Frame, table: Table) -> list[Day]:
    """The counts of each day of a table, in the order of dates."""
    names, codes = np.unique(np.asarray(table.dates, dtype=str), return_inverse=True)
    tally = _Tally(codes, len(names))
    parts = (_rows, _inputs, _scores, _losses, _slices, _times)
    found = (part(frame, table, tally) for part in parts)
    whole = {name: rows.tolist() for part in found for name, rows in part}
    models = _models(table.models, tally)
    return [
        Day(str(date), frame.id, {n: tuple(rows[i]) for n, rows in whole.items()}, models[i])
        for i, date in enumerate(names)
    ]


@dataclass(frozen=True)
class _Tally:
    """codes: the number of the day of each row, (n_rows,)."""

    codes: np.ndarray
    n_days: int

    def of(self, places: np.ndarray, n_counts: int, rows: Any = slice(None)) -> np.ndarray:
        """How often each place occurs on each day, (n_days, n_counts), in some rows."""
        flat = self.codes[rows] * n_counts + places[rows]
        counts = np.bincount(flat, minlength=self.n_days * n_counts)
        return counts.reshape(self.n_days, n_counts)


Named = Iterator[tuple[str, np.ndarray]]  # counts of each day by name


def _rows(frame: Frame, table: Table, tally: _Tally) -> Named:
    one = np.zeros(len(tally.codes), dtype=int)
    requests = slice(None) if table.requests is None else table.requests
    yield "rows", np.hstack([tally.of(one, 1), tally.of(one, 1, requests)])


def _inputs(frame: Frame, table: Table, tally: _Tally) -> Named:
    for name, bins in frame.columns.items():
        if name in table.inputs:
            places = _places(bins, table.inputs[name])
            yield f"column:{name}", tally.of(places, bins.n_counts)


def _scores(frame: Frame, table: Table, tally: _Tally) -> Named:
    if table.scores is None:
        return
    for name, values in named_scores(table.scores, frame.contract).items():
        if own := frame.scores.get(name):
            places = own.places(values)
            yield name, tally.of(places, own.n_counts)
            if table.losses is not None:
                labelled = tally.of(places, own.n_counts, ~np.isnan(table.losses))
                yield f"labelled:{name}", labelled


def _losses(frame: Frame, table: Table, tally: _Tally) -> Named:
    """Rows, sum of losses, sum of squares."""
    if table.losses is None:
        return
    known = ~np.isnan(table.losses)
    losses, sums = table.losses[known], np.zeros((tally.n_days, 3), dtype=np.int64)
    for i, values in enumerate((np.ones_like(losses), losses * MILLION, losses**2 * MILLION)):
        np.add.at(sums[:, i], tally.codes[known], np.rint(values).astype(np.int64))
    yield "loss", sums


def _slices(frame: Frame, table: Table, tally: _Tally) -> Named:
    quantities = {}
    if table.losses is not None:
        quantities["loss"] = table.losses
    if table.scores is not None and slices.SCORE in frame.scores:
        scores = named_scores(table.scores, frame.contract)[slices.SCORE]
        quantities[slices.SCORE] = slices.ranks(frame.scores[slices.SCORE], scores)
    values = {**table.slices, **table.inputs}
    yield from slices.count_slices(frame, values, tally.codes, tally.n_days, quantities)


def _times(frame: Frame, table: Table, tally: _Tally) -> Named:
    if table.latencies is not None:
        known = ~np.isnan(table.latencies)
        first = known if table.requests is None else known & table.requests
        yield "latency_ms", _by_limits(table.latencies, LATENCIES_MS, tally, first)
    if table.delays is not None:
        yield "delay", _by_limits(table.delays, DELAYS_DAYS, tally, ~np.isnan(table.delays))


def _by_limits(values: np.ndarray, limits: Sequence[int], tally: _Tally, rows: Any) -> np.ndarray:
    places = np.searchsorted(np.asarray(limits, dtype=float), values)
    return tally.of(places, len(limits) + 1, rows)


def _places(bins: Bins, values: Any) -> np.ndarray:
    if isinstance(bins, LevelBins):
        return bins.places(as_texts(values))
    return bins.places(as_floats(values))


def _models(names: Sequence[str] | None, tally: _Tally) -> list[dict[str, int]]:
    if names is None:
        return [{} for _ in range(tally.n_days)]
    known, places = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    rows = tally.of(places, len(known)).tolist()
    return [{str(n): c for n, c in zip(known, row, strict=True) if c} for row in rows]


def fold_log(
    frame: Frame,
    records: Iterable[Record],
    version: str | None = None,
    logged: Collection[str] | None = None,
) -> list[Day]:
    """The counts of each day of a prediction log, chunk by chunk.

    records: as `prediction_log.records` or `/logs/export` give them, in any order; of a Parquet
    file, whose inputs, output and outcome are JSON texts, too. version: of the model; of rows of
    others their number alone is counted, in `models`; None takes all. logged: the input columns
    that the log stores; None: all.
    """
    days: list[Day] = []
    rest = iter(records)
    while chunk := list(islice(rest, CHUNK)):
        own = [r for r in chunk if version is None or r["model_version"] == version]
        others = [r for r in chunk if version is not None and r["model_version"] != version]
        counted = fold(frame, _table(frame, own, logged)) if own else []
        days = merge([*days, *counted, *_others(frame, others)])
    return days


def _others(frame: Frame, records: Sequence[Record]) -> Iterator[Day]:
    """How many rows of other models each day has."""
    pairs = Counter((f"{_moment(r['at']):%Y-%m-%d}", r["model_version"]) for r in records)
    for (day, version), rows in pairs.items():
        yield Day(day, frame.id, {}, {version: rows})


def _table(frame: Frame, chunk: list[Record], logged: Collection[str] | None) -> Table:
    inputs = [_parsed(record["inputs"]) for record in chunk]
    names = [n for n in frame.contract.names if logged is None or n in logged]
    moments = [_moment(record["at"]) for record in chunk]
    task, contract = tasks.of(frame.contract), frame.contract
    outputs = [task.scores_of(_parsed(record["output"]), contract) for record in chunk]
    scores = np.array(outputs, dtype=float)
    if scores.shape[1] == 1:
        scores = scores[:, 0]
    return Table(
        dates=[f"{moment:%Y-%m-%d}" for moment in moments],
        inputs={name: [row.get(name) for row in inputs] for name in names},
        scores=scores,
        losses=_losses_of(frame, chunk, scores),
        requests=np.array([record["row"] == 0 for record in chunk]),
        latencies=np.array([record["latency_ms"] for record in chunk], dtype=float),
        delays=np.array([_delay(r, at) for r, at in zip(chunk, moments, strict=True)]),
        models=[record["model_version"] for record in chunk],
    )


def _losses_of(frame: Frame, chunk: list[Record], scores: np.ndarray) -> np.ndarray | None:
    if not frame.loss:
        return None
    losses, task = np.full(len(chunk), np.nan), tasks.of(frame.contract)
    outcomes = [_outcome(frame, record["outcome"]) for record in chunk]
    rows = [i for i, outcome in enumerate(outcomes) if outcome is not None]
    if rows:
        known = pd.DataFrame({TARGET: [outcomes[i] for i in rows]})
        losses[rows] = frame.losses(task.encode_target(known, frame.contract), scores[rows])
    return losses


def _outcome(frame: Frame, stored: Any) -> str | float | None:
    """None where there is no outcome, and for one that this model cannot have."""
    if stored is None:
        return None
    value = stored
    if isinstance(stored, str):
        try:
            value = json.loads(stored)  # of a Parquet file; a text of the log itself is a class
        except ValueError:
            value = stored
    return tasks.of(frame.contract).outcome(value, frame.contract)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _delay(record: Record, at: datetime) -> float:
    reported = record["outcome_at"]
    return (_moment(reported) - at).total_seconds() / DAY_S if reported else float("nan")
