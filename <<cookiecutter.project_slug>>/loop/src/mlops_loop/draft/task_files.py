"""What another task than that of the project needs: estimators, plots in dvc.yaml, anchors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from mlops_loop import paths, tasks
from mlops_loop.pipeline import known_names
from mlops_loop.tasks.task_names import Anchors

ESTIMATORS = Path(__file__).parent / "estimators"
TRAIN = re.compile(r"^  train:\n(?:    .*\n)*?    deps:\n", re.MULTILINE)
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
        return _with_anchors(old, task)
    known = {plot[1] for plot in PLOT.finditer(kept)}
    kept += "".join(plot[0] for plot in PLOT.finditer(own) if plot[1] not in known)
    return _with_anchors(kept, task)


def _with_anchors(text: str, task: str) -> str:
    """The stage `train` reads the anchors of a task that names what it finds."""
    if not tasks.find(task).names or f"- {paths.ANCHORS}" in text:
        return text
    return TRAIN.sub(rf"\g<0>      - {paths.ANCHORS} # by which names stay\n", text)


def anchors(inputs: Sequence[str]) -> str:
    """`data/anchors.json` for a table with these columns; empty where the one that is there fits.

    Rows of another table go; the largest number stays, so that none is given twice.
    """
    known = known_names.read() if paths.ANCHORS.exists() else None
    if known and all(name in anchor.row for anchor in known.rows for name in inputs):
        return ""
    return json.dumps(Anchors(last=known.last if known else 0).model_dump()) + "\n"
