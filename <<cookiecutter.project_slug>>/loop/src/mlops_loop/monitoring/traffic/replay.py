"""Traffic of kind `replay`, where there is no host yet: later rows, scored as if they came today.

The clock: the first day of the files that training has not seen falls on the day that lies
`warm_up_days` before the registration of the model in production, and each later day on the day
after. So the same model, files and moment give the same rows, ids included. Rows of the time that
is still to come are not there yet, and outcomes come `label_delay_days` after their row.

The bundle is scored in this process. A container would give the same scores: `verify-image` and
`smoke` prove that for each release, and pulling it would cost minutes a day. Rows that the endpoint
would refuse are left out, as they never reach the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import fsspec
import pandas as pd

from mlops_loop import files, moments, project, tasks
from mlops_loop.columns import one_type_per_column, shown
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model.bundle import Bundle
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Replay
from mlops_loop.monitoring.traffic.opened import Production
from mlops_loop.params import Params
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.pipeline.validate import validate
from mlops_loop.prediction_log.database import REFUSED, Problems
from mlops_loop.source_params import Files
from mlops_loop.sources.files import read_files
from mlops_loop.text import listed
from mlops_loop.values import SEPARATOR


class ReplayTraffic:
    """See `table.Source`. `refused` counts rows that the endpoint would have refused, by day."""

    def __init__(self, config: Replay, production: Production, params: Params, now: datetime):
        """Raises UsageError and DataRefused where the files hold no rows that can be replayed."""
        self._config, self._production, self._now = config, production, now
        self._contract = production.bundle.contract
        self._task = tasks.of(self._contract)
        self._reader = RowReader(self._contract, table.CHUNK_ROWS)
        rows = _unseen(
            _read(config, params), _time_column(config, params), production.bundle, config
        )
        self._rows = _model_rows(rows, params, self._contract.names)
        self._first = rows[_AT].min().date()
        self.start = production.registered.astimezone(UTC).date()
        self.start -= timedelta(days=config.warm_up_days)
        self.end = self.start + (rows[_AT].max().date() - self._first)
        self.refused: dict[date, int] = {}

    @property
    def note(self) -> str:
        """That this is a replay, of what, and until when."""
        days = f"{self.start} to {self.end}"
        return (
            f"A replay, no traffic: rows of {self._config.name} from {self._first} on, scored by "
            f"{self._production.version} as if they came on {days}; outcomes "
            f"come {self._config.label_delay_days:g} d later."
        )

    def day(self, day: date) -> Iterator[pd.DataFrame]:
        """The rows of a day in tables; none before `start`, after `end`, and of what is to come."""
        shift = timedelta(days=(self.start - self._first).days)
        start, end = (pd.Timestamp(moment) - shift for moment in table.bounds(day))
        at = self._rows[_AT]
        rows = self._rows[at.ge(start) & at.lt(end) & at.le(pd.Timestamp(self._now) - shift)]
        self.refused[day] = 0
        for begin in range(0, len(rows), table.CHUNK_ROWS):
            some = rows.iloc[begin : begin + table.CHUNK_ROWS]
            if records := self._records(some, shift, day):
                yield table.of_records(records)

    def problems(self, day: date) -> Problems | None:
        """Rows that the endpoint would have refused, each as a request."""
        return {("", REFUSED): self.refused[day]} if day in self.refused else None

    def _records(self, rows: pd.DataFrame, shift: timedelta, day: date) -> list[dict[str, Any]]:
        inputs, accepted = self._accepted(_as_sent(rows[self._contract.names]))
        self.refused[day] += len(rows) - len(accepted)
        if not accepted:
            return []
        scores = self._production.bundle.predictor.scores(self._contract.encode_rows(inputs))
        outputs = self._task.predictions(scores, self._contract)
        kept = rows.iloc[accepted]
        facts = zip(kept.index, kept[_AT], inputs, outputs, kept[_TRUE], strict=True)
        return [self._record(name, at + shift, *rest) for name, at, *rest in facts]

    def _record(self, name: str, at: Any, inputs: Any, output: Any, true: Any) -> dict[str, Any]:
        known_at = at + timedelta(days=self._config.label_delay_days)
        known = true is not None and true == true and known_at <= self._now
        outcome = self._task.outcome(true, self._contract) if known else None
        return {
            "prediction_id": f"replay-{name}-{self._production.bundle.id}",
            "row": 0,
            "at": at.isoformat(),
            "model_version": self._production.version,
            "inputs": inputs,
            "output": output,
            "outcome": outcome,
            "outcome_at": known_at.isoformat() if outcome is not None else None,
        }

    def _accepted(self, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[int]]:
        """Rows that the endpoint takes, and their positions."""
        try:
            return self._reader.check(rows), list(range(len(rows)))
        except RowsRefused:
            if len(rows) == 1:
                return [], []
        half = len(rows) // 2
        (first, places), (second, others) = map(self._accepted, (rows[:half], rows[half:]))
        return first + second, places + [half + place for place in others]


_AT, _TRUE = "_replay_at", "_replay_true"


def _read(config: Replay, params: Params) -> pd.DataFrame:
    """Raw rows that keep the schema; the index is an id of each by its content.

    CSV files are written as those of the source are, where that is of files.
    """
    if not fsspec.open_files(config.path):
        raise UsageError(
            f"traffic.path = {config.name!r} in monitor.yaml matches no file. Next: put files with "
            "later rows there, or set another traffic, see loop/docs/monitoring-traffic.md"
        )
    place = {"path": config.path, "format": config.format, "fingerprint": str(SOURCE_STATE)}
    known = params.source.model_dump() if isinstance(params.source, Files) else {}
    source = Files.model_validate(known | place)
    rows = validate(one_type_per_column(read_files(source)), project.raw_rows()).rows
    keys = map(SEPARATOR.join, zip(*(shown(rows[name]) for name in rows), strict=True))
    ids = pd.Series([hashlib.sha256(key.encode()).hexdigest()[:16] for key in keys], dtype=str)
    nth = ids.groupby(ids).cumcount()  # of equal rows
    return rows.set_index(pd.Index([f"{name}-{n}" for name, n in zip(ids, nth, strict=True)]))


def _time_column(config: Replay, params: Params) -> str:
    if name := config.time or (params.split.column if params.split.strategy == "time" else ""):
        return name
    raise UsageError(
        "A replay needs to know when a row came: name the raw column with its moment as "
        "traffic.time in monitor.yaml, or choose another traffic.kind."
    )


def _unseen(rows: pd.DataFrame, column: str, bundle: Bundle, config: Replay) -> pd.DataFrame:
    """Rows in the order of time, those left out that training may have seen."""
    if column not in rows:
        known = listed(rows.columns)
        raise UsageError(
            f"traffic.time = {column!r} is no column of {config.name}, which has {known}."
        )
    points = moments.one_kind(rows[column])
    rows = rows.assign(**{_AT: points if points.dt.tz else points.dt.tz_localize(UTC)})
    rows = rows[rows[_AT].notna()].sort_values(_AT, kind="stable")
    rule = bundle.manifest.get("split", {})
    if rule.get("strategy") == "time" and isinstance(since := rule["holdout_from"], str):
        rows = rows[rows[_AT] >= pd.Timestamp(since)]
    if rows.empty:
        raise DataRefused(
            f"{config.name} has no row that came after the training data of {bundle.id}. Next: "
            "add later rows there, or choose another traffic.kind in monitor.yaml"
        )
    return rows


def _model_rows(rows: pd.DataFrame, params: Params, names: list[str]) -> pd.DataFrame:
    """The model's input with moment and true outcome of each row."""
    made = project.model_rows(rows.drop(columns=_AT))
    if missing := [name for name in names if name not in made]:
        raise UsageError(
            f"features.model_rows makes no {listed(missing)}, which the model in production takes: "
            "it is of an earlier schema. Next: release a model of this one"
        )
    if not made.index.isin(rows.index).all() or not made.index.is_unique:
        raise UsageError(
            "features.model_rows gives its rows another index, so a replay cannot tell which is "
            "which. Next: keep the index of the raw rows there"
        )
    target = tasks.find(params.task).make_target(made, params.target).astype(object)
    return made[names].assign(**{_AT: rows[_AT].reindex(made.index), _TRUE: target})


def _as_sent(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as a client sends them: plain values, null for a missing one."""
    plain = rows.astype(object)
    records = plain.where(plain.notna(), None).to_dict("records")
    return [files.tidy(record, digits=None) for record in records]
