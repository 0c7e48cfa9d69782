"""What another task than that of the project needs: its estimators, and its plots in dvc.yaml."""

from __future__ import annotations

import re
from pathlib import Path

ESTIMATORS = Path(__file__).parent / "estimators"
PLOTS = {
    "classification": """\
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
""",
    "regression": """\
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
""",
}
PLOT = re.compile(r"^  - (reports/plots/\w+\.csv):.*\n(?:    .*\n)*", re.MULTILINE)


def estimators(task: str) -> str:
    """The text of `estimators.py` for a task."""
    return (ESTIMATORS / f"{task}.py").read_text(encoding="utf-8")


def stages(old: str, task: str) -> str:
    """`dvc.yaml` with the plots of a task in place of those of others."""
    others = {
        plot[1] for name, text in PLOTS.items() if name != task for plot in PLOT.finditer(text)
    }
    kept = PLOT.sub(lambda plot: "" if plot[1] in others else plot[0], old)
    if kept == old:
        return old
    known = {plot[1] for plot in PLOT.finditer(kept)}
    own = [plot[0] for plot in PLOT.finditer(PLOTS[task]) if plot[1] not in known]
    return "".join([kept, *own])
