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
    """Days between two proposals, and how many refused models in a row stop retraining."""

    cool_down_days: NonNegativeFloat = 7
    refusals: PositiveInt = 3


class Material(Section):
    """The smallest shift of each kind of check that matters: of a share, a rank or a distance.

    loss: of the mean loss, as a share of the largest one (see loop/docs/monitoring.md). volume: the
    share of a usual day's rows whose loss matters; as many times more matter, too. slow: the
    share of slow requests beyond the 5 % that a budget allows. refused, errors: the
    share of requests that may be refused, and fail. labels: the share of the usual
    outcomes whose loss matters.
    """

    missing: Shift = 0.15
    unknown: Shift = 0.05
    outside: Shift = 0.20
    level: Shift = 0.10
    away: Shift = 0.10
    mix: Shift = 0.10
    score: Shift = 0.10
    loss: Shift = 0.02
    volume: Shift = 0.5
    slow: Shift = 0.05
    refused: Shift = 0.05
    errors: Shift = 0.02
    labels: Shift = 0.5


class ColumnConfig(Section):
    """What differs for a column: a shift in place of that in `material`.

    closed: no new levels are expected, so one in a hundred rows matters. watch: whether the column
    is checked at all.
    """

    watch: bool = True
    closed: bool = False
    missing: Shift | None = None
    unknown: Shift | None = None
    outside: Shift | None = None
    level: Shift | None = None
    away: Shift | None = None
    mix: Shift | None = None


class MonitorConfig(Section):
    """`monitor.yaml`, whole. A model is stale `stale_days` after its registration, its data
    `data_days` after their newest row; None: they are never.

    alarms_per_year: how many false alarms a year all checks together may raise; the fewer, the
    later real ones come. windows: days that are looked at together. min_rows: with fewer in a
    window nothing is said. webhook: what the address in MONITOR_WEBHOOK_URL takes.
    """

    stale_days: PositiveFloat
    data_days: PositiveFloat | None = None
    alarms_per_year: Annotated[float, Field(gt=0, le=100)] = 1
    windows: Annotated[tuple[int, ...], Field(min_length=1)] = WINDOWS
    min_rows: PositiveInt = 20
    material: Material = Material()
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
    webhook: Kind = "slack"
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
