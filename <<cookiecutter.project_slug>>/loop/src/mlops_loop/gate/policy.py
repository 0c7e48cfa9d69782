"""What `gate.yaml` may say: what a model must prove before it may ship, typed and frozen.

Numbers are in the unit of their metric: shares between 0 and 1, or the unit of the target.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, PositiveFloat, PositiveInt, field_validator

from mlops_loop import project
from mlops_loop.sections import Section
from mlops_loop.tasks import TaskName
from mlops_loop.text import listed


class Primary(Section):
    """The metric that compares challenger and champion.

    non_inferiority: the challenger may be worse by less than `margin`, and must prove it.
    superiority: it must prove that it is better; `margin` is the smallest gain worth finding.
    """

    metric: str  # by which challenger and champion are compared
    # not worse by more than the margin, or shown to be better
    mode: Literal["non_inferiority", "superiority"] = "non_inferiority"
    # the largest loss that counts as none, or the smallest gain worth finding
    margin: PositiveFloat


class Baselines(Section):
    """The comparison with models that know little, on even where gate.yaml does not name it.

    metric: by default the primary one, see `baselines.compared_by`. shallow: whether a model that
    is shown to be worse than the shallow one fails; the constant always counts.
    """

    # of the comparison with models that know little; null: the primary one
    metric: str | None = None
    shallow: bool = True  # whether a model that is shown to be worse than the shallow one fails


class Calibration(Section):
    """How far predictions may be from the outcomes, on average."""

    metric: str  # the metric of how far predictions are from outcomes
    at_most: PositiveFloat  # the largest value of it


class Stability(Section):
    """How far the model must agree with models that are fitted to resamples of its rows."""

    # the least agreement with models that are fitted to resamples of the rows
    at_least: FiniteFloat


class Slices(Section):
    """Limits for every value of every column: a floor or ceiling, and a loss to the champion."""

    # each value of each of them is a slice
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    metric: str  # that is measured in each slice
    limit: FiniteFloat  # its floor, or its ceiling where less is better
    max_loss: PositiveFloat  # the largest loss against the champion
    min_rows: PositiveInt = 100  # of a slice; a smaller one is skipped


class Fairness(Section):
    """The largest allowed difference of `metric` between any two values of `column`."""

    column: str  # each value of it is a group
    metric: str  # that is measured in each group
    max_gap: PositiveFloat  # the largest difference between two groups
    min_rows: PositiveInt = 100  # of a group; a smaller one is skipped


class Suspicion(Section):
    """What is too good to be true: a value of the primary metric, and a gain in it."""

    too_good: FiniteFloat  # a value of the primary metric that nobody believes
    max_gain: PositiveFloat  # a gain over the champion that nobody believes


class Budget(Section):
    """A ceiling for a measurement of the container; without a `required` one the model is held."""

    at_most: PositiveFloat  # the ceiling of a measurement of the container
    required: bool = False  # whether the model is held without the measurement


class GatePolicy(Section):
    """`gate.yaml`, whole. How sure intervals are is in params.yaml, under `evaluate`."""

    task: TaskName  # that of params.yaml
    min_rows: PositiveInt  # held-out rows; fewer decide nothing: HOLD
    # rows of the rarest kind that a metric rests on; fewer decide nothing
    min_cases: PositiveInt = 10
    primary: Primary
    baselines: Baselines = Baselines()
    # by metric a floor, or a ceiling where less is better
    absolute: Annotated[dict[str, FiniteFloat], Field(min_length=1)]
    calibration: Calibration | None = None
    stability: Stability | None = None
    slices: Slices | None = None
    fairness: tuple[Fairness, ...] = ()
    suspicion: Suspicion
    budgets: dict[str, Budget] = Field(default_factory=dict)
    # by key of CHECKS in extensions.py the options of the check
    own_checks: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("own_checks")
    @classmethod
    def _exist(cls, own_checks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        known = project.extension("CHECKS") if own_checks else {}
        if unknown := [name for name in own_checks if name not in known]:
            raise ValueError(
                f"CHECKS in extensions.py has no {unknown[0]!r}. It has: {listed(known)}"
            )
        return own_checks
