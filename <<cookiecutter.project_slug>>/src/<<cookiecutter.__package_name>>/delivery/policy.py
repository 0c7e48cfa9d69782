"""The only reader of `gate.yaml`: what a model must show before it may ship, typed and frozen.

A value that is not allowed is a UsageError that names the key, the value and what is allowed.
Numbers are in the unit of their metric: shares between 0 and 1, or the unit of the target.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from ..errors import UsageError
from ..params import Section, read_yaml
from ..pipeline import metrics

Positive = Annotated[FiniteFloat, Field(gt=0)]
Rows = Annotated[int, Field(ge=1)]


class Primary(Section):
    """The metric that compares challenger and champion.

    non_inferiority: the challenger may be worse by less than `margin`, and must prove it.
    superiority: it must prove that it is better; `margin` is the smallest gain worth finding.
    """

    metric: str
    mode: Literal["non_inferiority", "superiority"] = "non_inferiority"
    margin: Positive


class Calibration(Section):
    """How far predictions may be from what happened, on average: a ceiling for `metric`."""

    metric: str
    at_most: Positive


class Slices(Section):
    """The same limits for every value of every column with at least `min_rows` rows.

    `limit` is a floor or a ceiling, by the direction of the metric. `max_loss` is how much
    worse than the champion a slice may get.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    metric: str
    limit: FiniteFloat
    max_loss: Positive
    min_rows: Rows = 100


class Fairness(Section):
    """The largest allowed difference of `metric` between any two values of `column`."""

    column: str
    metric: str
    max_gap: Positive
    min_rows: Rows = 100


class Suspicion(Section):
    """What is too good to be true: a value of the primary metric, and a gain in it."""

    too_good: FiniteFloat
    max_gain: Positive


class Budget(Section):
    """A ceiling for something measured outside; `required` holds without a measurement."""

    at_most: Positive
    required: bool = False


class Policy(Section):
    """`gate.yaml`, whole. `confidence` is that of every interval, two-sided."""

    task: Literal["classification", "regression"]
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    min_rows: Rows
    primary: Primary
    absolute: Annotated[dict[str, FiniteFloat], Field(min_length=1)]
    calibration: Calibration | None = None
    slices: Slices | None = None
    fairness: tuple[Fairness, ...] = ()
    suspicion: Suspicion
    budgets: dict[str, Budget] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _metrics_exist(self) -> Policy:
        for name in self._metric_names():
            try:
                metrics.find(self.task, name)
            except UsageError as error:
                raise ValueError(str(error).rstrip(".")) from error
        return self

    def _metric_names(self) -> list[str]:
        parts = (self.primary, self.calibration, self.slices, *self.fairness)
        return [*self.absolute, *(part.metric for part in parts if part is not None)]

    @property
    def slice_columns(self) -> tuple[str, ...]:
        """Every column that a check needs beside the target, each once."""
        sliced = self.slices.columns if self.slices else ()
        return tuple(dict.fromkeys([*sliced, *(rule.column for rule in self.fairness)]))


def load(path: Path = Path("gate.yaml")) -> Policy:
    """Read and check `gate.yaml`; raises UsageError."""
    return read_yaml(path, Policy)
