"""How a project for regression begins; see `task_draft.py`."""

from __future__ import annotations

import math

import numpy as np

from mlops_loop.errors import UsageError
from mlops_loop.tasks.class_draft import MOST_CLASSES, NUMBERS
from mlops_loop.tasks.task_draft import Limits, TargetFacts, TaskDraft
from mlops_loop.text import listed

PLOTS = """\
  - reports/plots/predicted.csv:
      x: predicted
      y: actual
      template: scatter
      title: Predicted and actual
  - reports/plots/residuals.csv:
      x: residual
      y: rows
      y_label: holdout rows
      template: simple
      title: "Residuals: actual - predicted"
"""


class NumberDraft(TaskDraft):
    """Amounts: numbers, most of them different."""

    plots = PLOTS
    scoring = "rmse"
    by_chance = "random"

    def suits(self, target: TargetFacts) -> bool:
        many = target.kind == "integer" and target.distinct > MOST_CLASSES
        return many or target.kind == "number"

    def check(self, target: TargetFacts) -> None:
        if target.kind not in NUMBERS:
            raise UsageError(
                f"Column {target.name!r} is no number, such as {listed(target.counts, 3)}. "
                "Next: --task classification, or another --target"
            )

    def limits(self, target: TargetFacts, amounts: np.ndarray) -> Limits:
        """In the unit of the target, from its spread."""
        spread = float(amounts.std(ddof=1))
        error = float(np.abs(amounts - np.median(amounts)).mean())
        small, note = _rounded(spread / 50), "a fiftieth of the standard deviation"
        absolute = {
            "rmse": (_rounded(spread * 1.1), "a tenth above that of the mean"),
            "mae": (_rounded(error * 1.1), "a tenth above that of the median"),
        }
        return Limits("rmse", absolute, small, _rounded(spread / 5), (small, note))


def _rounded(value: float) -> float | int:
    """Two significant digits."""
    found = float(f"{value:.2g}")
    return int(found) if found == int(found) and math.fabs(found) < 1e15 else found
