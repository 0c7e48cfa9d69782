"""The part of `reference.json` that production days are compared with: frame, spreads, holdout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_loop.daily.day import Day
from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.quantities import series
from mlops_loop.daily.spread import Spread
from mlops_loop.daily.units import Units
from mlops_loop.model.contract import Contract

FORMAT = 1


@dataclass(frozen=True)
class Reference:
    """What a model was trained on, day by day.

    spreads: by (name of a check, part of a mix). unit: "day" where rows have a time; "cluster" and
    "block" where they have not, whose days may differ by more than is known here. newest: the last
    day of them all; empty where rows have no time, and in bundles of before.
    """

    frame: Frame
    spreads: Mapping[tuple[str, str], Spread]
    unit: str = "day"
    unit_column: str = ""
    newest: str = ""

    @classmethod
    def learn(
        cls,
        frame: Frame,
        inputs: tuple[pd.DataFrame, Units],
        predicted: tuple[Table, Units],
    ) -> Reference:
        """From the training rows, and from the holdout with scores and losses, with their units."""
        train, units = inputs
        table = Table(units.names, {name: train[name] for name in frame.contract.names})
        spreads = dict(_spreads(frame, fold(frame, table), units))
        spreads |= dict(_spreads(frame, fold(frame, predicted[0]), predicted[1]))
        newest = max([*units.names, *predicted[1].names]) if units.kind == "day" else ""
        return cls(frame, spreads, units.kind, units.column, newest)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = [
            {"check": name, "part": part, **spread.as_json()}
            for (name, part), spread in self.spreads.items()
        ]
        unit = {"unit": self.unit, "unit_column": self.unit_column, "newest": self.newest}
        return {"format": FORMAT, **unit, "frame": self.frame.as_json(), "checks": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], contract: Contract) -> Reference:
        """Raises KeyError, TypeError or ValueError where it is not what `as_json` gives."""
        if data["format"] != FORMAT:
            raise ValueError(f"days have format {data['format']}, this code reads {FORMAT}")
        spreads = {(row["check"], row["part"]): Spread.from_json(row) for row in data["checks"]}
        frame = Frame.from_json(data["frame"], contract)
        newest = data.get("newest", "")
        return cls(frame, spreads, data["unit"], data["unit_column"], newest)


def _spreads(
    frame: Frame, days: Sequence[Day], units: Units
) -> Iterator[tuple[tuple[str, str], Spread]]:
    for one in series(frame, days):
        if spread := Spread.of(one, units.is_ordered):
            yield (one.name, one.part), spread
