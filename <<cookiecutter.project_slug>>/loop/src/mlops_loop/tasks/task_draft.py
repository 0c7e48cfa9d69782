"""What `loop schema` asks of a task: whether a column can be its target, and how it begins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mlops_loop.values import label_of

SMALL = 1000  # rows; below, a linear model is the first one
Noted = tuple[float, str]  # a value, and the comment beside it


class TargetFacts(Protocol):
    """What is known of the column that is to be predicted; see `draft/kinds.py`."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def filled(self) -> int: ...
    @property
    def distinct(self) -> int: ...
    @property
    def counts(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class Limits:
    """The part of a drafted `gate.yaml` that depends on the task and the values of its target.

    margin: of `metric`; None leaves that of the draft. absolute: by metric. stability: the floor of
    it; None: that is not asked.
    """

    metric: str
    absolute: Mapping[str, Noted]
    too_good: float
    max_gain: float
    margin: Noted | None = None
    stability: float | None = None


class TaskDraft(ABC):
    """The beginning of a project of one task, by the values of its target."""

    plots: str
    """Entries of `plots` in dvc.yaml, for the tables that the task draws."""
    scoring: str
    """`train.scoring`."""
    by_chance: str
    """`split.strategy` where no column decides it."""
    is_closed: bool = False
    """Whether no other values of the target can come than those of the table."""
    has_target: bool = True
    """Whether a column is predicted; else the facts of the target are of an empty column."""
    no_use: tuple[str, ...] = ()
    """Keys of `train` that the task refuses."""
    estimators: str = "linear, hist_gradient_boosting, random_forest, mlp"
    """Those of its `estimators.py`, for the comment beside `train.estimator`."""
    advice: str = (
        "Delete what is known only after the outcome: a model that sees it looks good, and is of "
        "no use."
    )
    """A comment above the columns of ModelInput."""

    def first_estimator(self, n_rows: int) -> str:
        """The model to begin with."""
        return "linear" if n_rows < SMALL else "hist_gradient_boosting"

    @abstractmethod
    def suits(self, target: TargetFacts) -> bool:
        """Whether a column with such values is taken for a target of this task, unless told."""

    def doubt(self, target: TargetFacts) -> str:
        """Why that is not certain, and what else it could be; empty where it is."""
        return ""

    @abstractmethod
    def check(self, target: TargetFacts) -> None:
        """Raise UsageError for a column that cannot be a target of this task."""

    def positive(self, target: TargetFacts) -> tuple[str, str]:
        """The outcome that metrics are about, and why that is a guess; empty without one."""
        return "", ""

    @abstractmethod
    def limits(self, target: TargetFacts, amounts: np.ndarray) -> Limits:
        """What a useless model breaks. amounts: the numbers of the target, without missing ones."""


def by_label(target: TargetFacts) -> dict[str, int]:
    """By label, as the project writes them, the rows of a target."""
    counts: dict[str, int] = {}
    for value, n in target.counts.items():
        label = label_of(value) or value
        counts[label] = counts.get(label, 0) + n
    return counts
