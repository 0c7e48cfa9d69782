"""What another task than that of the project needs: its estimators, and its plots in dvc.yaml."""

from __future__ import annotations

import re
from pathlib import Path

ESTIMATORS = Path(__file__).parent / "estimators"
PLOTS = {
    "classification": """\
  - reports/plots/roc.csv: {x: false positive rate, y: true positive rate, template: simple}
  - reports/plots/precision_recall.csv: {x: recall, y: precision, template: simple}
  - reports/plots/calibration.csv: {x: predicted, y: observed, template: simple}
  - reports/plots/confusion.csv: {x: predicted, y: actual, template: confusion}
""",
    "regression": """\
  - reports/plots/predicted.csv: {x: predicted, y: actual, template: scatter}
  - reports/plots/residuals.csv: {x: residual, y: rows, template: bar_horizontal}
""",
}
PATH = re.compile(r"reports/plots/\w+\.csv")


def estimators(task: str) -> str:
    """The text of `estimators.py` for a task."""
    return (ESTIMATORS / f"{task}.py").read_text(encoding="utf-8")


def stages(old: str, task: str) -> str:
    """`dvc.yaml` with the plots of a task in place of those of others."""
    others = {path for name, text in PLOTS.items() if name != task for path in PATH.findall(text)}
    lines = old.splitlines(keepends=True)
    kept = [line for line in lines if not ((found := PATH.search(line)) and found[0] in others)]
    if len(kept) == len(lines):
        return old
    own = [line for line in PLOTS[task].splitlines(keepends=True) if line not in kept]
    return "".join([*kept, *own])
