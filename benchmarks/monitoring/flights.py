"""A year of flights, scored by the sample's own model, dealt into references and looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from flight_delays import features
from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.units import Units
from mlops_loop.model import bundle
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import Findings, examine

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import make_sample  # noqa: E402

PROJECT = ROOT / "build" / "flight-delays"
N_REFERENCE, N_LOOKS = 63, 90
FAULTS = {"2013-12-31", "2014-01-01"}  # no weather at all was recorded: something is wrong
SLICES = ("origin", "carrier")
DEALS = {"days": "one by one", "weeks": "in weeks"}
POLICY = MonitorConfig(stale_days=30)


@dataclass(frozen=True)
class Flights:
    """rows: `day`, the columns of the model, `p` and `y`; of_day: places of the rows of a day."""

    rows: pd.DataFrame
    of_day: dict[str, np.ndarray]
    model: bundle.Bundle

    def half(self, which: int) -> list[str]:
        """Return the days of January to June, or of July to December."""
        days = sorted({*self.of_day} - FAULTS)
        return [day for day in days if (day < "2013-07-01") == (which == 1)]

    def take(
        self, days: Sequence[str], per_day: int, rng: np.random.Generator, first: str
    ) -> pd.DataFrame:
        """Draw so many rows of each of these days, dated as consecutive days from `first` on."""
        picked = [rng.permutation(self.of_day[day])[:per_day] for day in days]
        dates = np.datetime64(first) + np.repeat(np.arange(len(days)), [len(p) for p in picked])
        return self.rows.iloc[np.concatenate(picked)].assign(day=dates.astype(str))


def read(archive: Path) -> Flights:
    """Read all flights with a known outcome, and score them."""
    model = bundle.load(PROJECT / "models" / "bundle")
    table = make_sample.join(*make_sample.read(archive)).dropna(subset="arr_delay")
    rows = features.model_rows(table)
    numbers = [column.name for column in model.contract.columns if column.kind != "category"]
    rows = rows.astype(dict.fromkeys(numbers, float))
    p = model.predictor.scores(model.contract.encode_table(rows))[:, 1].astype(float)
    rows = rows[model.contract.names].assign(
        day=rows["time_hour"].str[:10], p=p, y=(rows["arr_delay"] > 15).astype(int)
    )
    rows = rows.reset_index(drop=True)
    return Flights(rows, dict(rows.groupby("day").indices), model)


def table_of(rows: pd.DataFrame, frame: Frame) -> Table:
    """Return inputs, scores and losses."""
    scores = np.column_stack([1 - rows["p"], rows["p"]])
    losses = frame.losses(rows["y"].to_numpy(), scores)
    inputs = {name: rows[name] for name in frame.contract.names}
    return Table(rows["day"].tolist(), inputs, scores, losses)


def learn(train: pd.DataFrame, held: pd.DataFrame, model: bundle.Bundle) -> Reference:
    """Learn the reference of a model with these training and held-out rows."""
    scores = np.column_stack([1 - held["p"], held["p"]])
    frame = Frame.learn(train, (held["y"].to_numpy(), scores), model.contract, SLICES)
    units = [Units("day", "_time", part["day"].tolist()) for part in (train, held)]
    table = table_of(held, frame)
    predicted = replace(table, inputs={}, slices={name: held[name] for name in SLICES})
    return Reference.learn(frame, (train, units[0]), (predicted, units[1]))


def dealt(days: list[str], how: str, rng: np.random.Generator) -> list[str]:
    """Deal the days in another order, each alone or with its week."""
    length = 7 if how == "weeks" else 1
    blocks = [days[i : i + length] for i in range(0, len(days) - length + 1, length)]
    return [day for i in rng.permutation(len(blocks)) for day in blocks[i]]


def looks(
    reference: Reference, live: pd.DataFrame, first: int = 0, most: int = N_LOOKS
) -> Iterator[Findings]:
    """Examine at the end of each day."""
    days = fold(reference.frame, table_of(live, reference.frame))
    for n in range(first + 1, min(len(days), most) + 1):
        yield examine(reference, days[:n], POLICY)
