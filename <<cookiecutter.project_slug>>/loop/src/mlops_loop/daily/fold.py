"""Rows to counts of days; production.py takes them from rows of production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.daily import slices
from mlops_loop.daily.day import DELAYS_DAYS, LATENCIES_MS, MILLION, Day
from mlops_loop.daily.frame import Frame, places_of


@dataclass(frozen=True)
class Table:
    """Rows to fold; each part has a value for each row, or is None where it is not known.

    inputs: columns of the model input by name; those that are left out are not counted. scores: as
    the model gives them. losses: shares of the frame's bound, NaN where no outcome is known.
    requests: True for the first row of each. latencies: milliseconds, NaN where unknown. delays:
    days from prediction to the report of the outcome, NaN without one. slices: columns that are
    counted by slice alone, as inputs are, too.
    """

    dates: Sequence[str]  # in UTC, ISO 8601
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scores: np.ndarray | None = None
    losses: np.ndarray | None = None
    requests: np.ndarray | None = None
    latencies: np.ndarray | None = None
    delays: np.ndarray | None = None
    models: Sequence[str] | np.ndarray | None = None
    slices: Mapping[str, Any] = field(default_factory=dict)


def fold(frame: Frame, table: Table) -> list[Day]:
    """The counts of each day of a table, in the order of dates."""
    codes, names = _distinct(table.dates)
    tally = _Tally(codes, len(names))
    parts = (_rows, _inputs, _scores, _losses, _slices, _times)
    found = (part(frame, table, tally) for part in parts)
    whole = {name: rows.tolist() for part in found for name, rows in part}
    models = _models(table.models, tally)
    return [
        Day(date, frame.id, {n: tuple(rows[i]) for n, rows in whole.items()}, models[i])
        for i, date in enumerate(names)
    ]


def _distinct(names: Sequence[str] | np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The place of each name, (n_rows,), in the distinct names, in order."""
    codes, distinct = pd.factorize(np.asarray(names, dtype=object), sort=True)
    return codes, [str(name) for name in distinct]


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
            places = places_of(bins, table.inputs[name])
            yield f"column:{name}", tally.of(places, bins.n_counts)


def _scores(frame: Frame, table: Table, tally: _Tally) -> Named:
    if table.scores is None:
        return
    found = tasks.of(frame.contract).groups(table.scores, frame.contract)
    if frame.groups and found is not None:
        yield "group", tally.of(frame.groups.places(found.tolist()), frame.groups.n_counts)
    for name, values in frame.watched(table.scores).items():
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
        scores = frame.watched(table.scores)[slices.SCORE]
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


def _models(names: Sequence[str] | np.ndarray | None, tally: _Tally) -> list[dict[str, int]]:
    if names is None:
        return [{} for _ in range(tally.n_days)]
    places, known = _distinct(names)
    rows = tally.of(places, len(known)).tolist()
    return [{name: c for name, c in zip(known, row, strict=True) if c} for row in rows]
