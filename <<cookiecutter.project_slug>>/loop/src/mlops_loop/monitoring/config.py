"""What `monitor.yaml` may say: what raises an alarm, and when a model may be retrained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from mlops_loop import paths
from mlops_loop.daily.spread import WINDOWS
from mlops_loop.monitoring.traffic.kinds import Traffic
from mlops_loop.monitoring.webhook import Kind
from mlops_loop.params import Section, read_yaml

Shift = Annotated[float, Field(gt=0, lt=1)]
CLOSED = 0.01  # unknown levels, of a column whose set of levels is closed


class RetrainConfig(Section):
    """When the schedule may propose a new model."""

    cool_down_days: NonNegativeFloat = 7  # the fewest days between two proposals
    refusals: PositiveInt = 3  # refused models in a row, after which a person has to look


class Material(Section):
    """The smallest shift of each kind of check that matters: see loop/docs/monitoring.md."""

    missing: Shift = 0.15  # more missing values, as a share of rows
    unknown: Shift = 0.05  # levels that training did not know, as a share of rows
    outside: Shift = 0.20  # numbers far beyond training's range, as a share of rows
    level: Shift = 0.10  # of the mean rank of a number
    away: Shift = 0.10  # values other than the usual one, of a number that is mostly one value
    mix: Shift = 0.10  # distance between the shares of levels
    score: Shift = 0.10  # of the mean rank of what the model predicts
    loss: Shift = 0.02  # of the mean loss, as a share of the largest one
    # the share of a usual day's rows whose loss matters; as many times more matter too
    volume: Shift = 0.5
    slow: Shift = 0.05  # of requests slower than the gate's budget, beyond the 5 % that it allows
    refused: Shift = 0.05  # of requests that break the contract
    errors: Shift = 0.02  # of requests that fail
    labels: Shift = 0.5  # of the usual outcomes that no longer come


class ColumnConfig(Section):
    """What differs for a column."""

    watch: bool = True  # whether the column is checked at all
    closed: bool = False  # no new levels are expected: one in a hundred rows matters
    missing: Shift | None = None  # in place of material.missing
    unknown: Shift | None = None  # in place of material.unknown
    outside: Shift | None = None  # in place of material.outside
    level: Shift | None = None  # in place of material.level
    away: Shift | None = None  # in place of material.away
    mix: Shift | None = None  # in place of material.mix


class MonitorConfig(Section):
    """`monitor.yaml`, whole."""

    stale_days: PositiveFloat  # days after its registration from which a model is stale
    # days after their newest row from which its data are stale; null: never
    data_days: PositiveFloat | None = None
    # false alarms that all checks together may raise; fewer find changes later
    alarms_per_year: Annotated[float, Field(gt=0, le=100)] = 1
    # days that are looked at together
    windows: Annotated[tuple[int, ...], Field(min_length=1)] = WINDOWS
    min_rows: PositiveInt = 20  # of a window; with fewer nothing is said
    material: Material = Material()
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
    webhook: Kind = "slack"  # what the address in MONITOR_WEBHOOK_URL takes
    retrain: RetrainConfig = RetrainConfig()
    traffic: Traffic | None = None  # None: no rows of production can be read

    @field_validator("windows")
    @classmethod
    def _are_known(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [days for days in windows if days not in WINDOWS]:
            known = ", ".join(map(str, WINDOWS))
            raise ValueError(f"{wrong[0]} days are no window of the reference: {known}")
        return tuple(sorted(set(windows)))

    def material_of(self, kind: str, column: str) -> float:
        """The smallest shift that matters to the check `kind` of a column ("" for none)."""
        own = self.columns.get(column, ColumnConfig())
        stated = getattr(own, kind, None)
        if stated is None and kind == "unknown" and own.closed:
            return CLOSED
        return getattr(self.material, kind) if stated is None else stated


def load(path: Path = paths.MONITOR_CONFIG) -> MonitorConfig:
    """Read `monitor.yaml`; raises UsageError with the key and the value."""
    return read_yaml(path, MonitorConfig)
