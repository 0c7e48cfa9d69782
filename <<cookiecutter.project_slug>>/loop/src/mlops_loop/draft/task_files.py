"""What another task than that of the project needs: its estimators, and its plots in dvc.yaml."""

from __future__ import annotations

import re
from pathlib import Path

from mlops_loop import tasks

ESTIMATORS = Path(__file__).parent / "estimators"
PLOT = re.compile(r"^  - (reports/plots/\w+\.csv):.*\n(?:    .*\n)*", re.MULTILINE)


def estimators(task: str) -> str:
    """The text of `estimators.py` for a task."""
    return (ESTIMATORS / f"{task}.py").read_text(encoding="utf-8")


def stages(old: str, task: str) -> str:
    """`dvc.yaml` with the plots of a task in place of those of others."""
    entries = {name: other.draft.plots for name, other in tasks.table().items() if other.draft}
    own = entries.pop(task)
    others = {plot[1] for text in entries.values() for plot in PLOT.finditer(text)}
    kept = PLOT.sub(lambda plot: "" if plot[1] in others else plot[0], old)
    if kept == old:
        return old
    known = {plot[1] for plot in PLOT.finditer(kept)}
    return kept + "".join(plot[0] for plot in PLOT.finditer(own) if plot[1] not in known)
