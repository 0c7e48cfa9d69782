"""How a project for classification begins; see `task_draft.py`."""

from __future__ import annotations

import numpy as np

from mlops_loop.errors import UsageError
from mlops_loop.tasks.task_draft import Limits, TargetFacts, TaskDraft, by_label

YES = ("1", "true", "yes", "y", "ja", "j", "si", "sí", "oui", "sim", "t", "pos", "positive")
MOST_CLASSES = 20  # different whole numbers that may be classes
RARE = 0.05  # share of a class; below, the log loss rests on a few rows
NUMBERS = ("number", "integer", "boolean")
PLOTS = """\
  - reports/plots/roc.csv:
      x: false positive rate
      y: true positive rate
      template: simple
      title: Receiver operating characteristic
  - reports/plots/precision_recall.csv:
      x: recall
      y: precision
      template: simple
      title: Precision and recall
  - reports/plots/calibration.csv:
      x: predicted
      x_label: predicted probability
      y: observed
      y_label: observed share
      template: simple
      title: Calibration
  - reports/plots/confusion.csv:
      x: predicted
      x_label: predicted class
      y: actual
      y_label: actual class
      template: confusion
      title: "Decisions: holdout rows"
"""


class ClassDraft(TaskDraft):
    """A few values that repeat."""

    plots = PLOTS
    scoring = "roc_auc"
    by_chance = "stratified"
    is_closed = True

    def suits(self, target: TargetFacts) -> bool:
        few = target.kind == "integer" and target.distinct <= MOST_CLASSES
        return few or target.kind not in ("number", "integer")

    def doubt(self, target: TargetFacts) -> str:
        if target.kind != "integer" or target.distinct <= 2:
            return ""
        return (
            f"{target.distinct} different whole numbers are taken as classes; "
            "as an amount it is --task regression"
        )

    def check(self, target: TargetFacts) -> None:
        if target.kind == "moment" or 2 * target.distinct > target.n:
            other = "another --target"
            other = f"--task regression, or {other}" if target.kind in NUMBERS else other
            raise UsageError(
                f"Column {target.name!r} has {target.distinct:,} different values in "
                f"{target.n:,} rows, too many for classes. Next: {other}"
            )

    def positive(self, target: TargetFacts) -> tuple[str, str]:
        """Of two classes a yes, or else the rarer one."""
        found = by_label(target)
        if len(found) != 2:
            return "", ""
        known = [label for label in found if label.lower() in YES]
        if len(known) == 1:
            return known[0], ""
        rare = min(found, key=lambda label: (found[label], label))
        return rare, f"the rarer class, {found[rare]:,} of {sum(found.values()):,} rows"

    def limits(self, target: TargetFacts, amounts: np.ndarray) -> Limits:
        shares = np.array([*by_label(target).values()]) / target.filled
        entropy = round(float(-(shares * np.log(shares)).sum()) * 1.1, 3)
        absolute = {"roc_auc": (0.5, "that of chance; write what is useful to you")}
        if shares.min() >= RARE:
            note = "a tenth above that of the shares of the classes alone"
            absolute["log_loss"] = (entropy, note)
        return Limits("roc_auc", absolute, too_good=0.995, max_gain=0.1)
