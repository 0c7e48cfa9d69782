"""The drafted `gate.yaml`: that of the project, without what is about another table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop.columns import numbers
from mlops_loop.draft.kinds import Facts
from mlops_loop.draft.roles import Roles
from mlops_loop.draft.targets import classes
from mlops_loop.file_format import plain_numbers
from mlops_loop.yaml_text import dump, emptied, parse_kept, put

MOST_ROWS = 500
RARE = 0.05  # share of a class; below, the log loss rests on a few rows
LARGE = 2000  # held-out rows that show a difference of a hundredth
OTHER = """\
# What a model must show before it may ship. Exit codes: 0 PROMOTE, 1 REJECT, 2 HOLD.
# A person may override HOLD (too few rows, too good to be true), but not REJECT.
task: other
min_rows: 500 # with fewer held-out rows the verdict is HOLD
min_cases: 10 # of what a metric rests on, such as positive rows; fewer are HOLD as well

primary: # challenger against champion, on rows that neither was trained on
  metric: roc_auc
  mode: non_inferiority # not worse by more than `margin`; or superiority: better
  margin: 0.01

absolute: # limits for the challenger alone: a ceiling where less is better, else a floor
  roc_auc: 0.5

suspicion: # a leak looks like success, so a person decides
  too_good: 0.9
  max_gain: 0.1

budgets: # of the built container; skipped when it was not measured
  latency_p95_ms: {at_most: 50, required: false}
  image_mb: {at_most: 600, required: false}
"""


def text(old: str, rows: pd.DataFrame, facts: Mapping[str, Facts], roles: Roles, held: int) -> str:
    """The file; comments stay where the values do, and budgets and own checks as they are.

    held: how many rows the gate will see.
    """
    gate = parse_kept(old)
    if gate.get("task") != roles.task:
        gate = parse_kept(OTHER)
    put(gate, "task", roles.task)
    put(gate, "min_rows", max(min(MOST_ROWS, int(0.8 * held)), 1))
    for section in ("slices", "fairness", "calibration"):
        gate.pop(section, None)
    limits = _of_classes if roles.task == "classification" else _of_numbers
    put(gate["primary"], "margin", 0.01 if held >= LARGE else 0.03)
    limits(gate, rows, facts[roles.target])
    return dump(gate)


def _of_classes(gate: Any, rows: pd.DataFrame, target: Facts) -> None:
    shares = np.array([*classes(target).values()]) / target.filled
    entropy = round(float(-(shares * np.log(shares)).sum()) * 1.1, 3)
    put(gate["primary"], "metric", "roc_auc")
    limits = emptied(gate["absolute"])
    put(limits, "roc_auc", 0.5, "that of chance; write what is useful to you")
    if shares.min() >= RARE:
        put(limits, "log_loss", entropy, "a tenth above that of the shares of the classes alone")
    put(gate["suspicion"], "too_good", 0.995)
    put(gate["suspicion"], "max_gain", 0.1)


def _of_numbers(gate: Any, rows: pd.DataFrame, target: Facts) -> None:
    """Limits in the unit of the target, from its spread."""
    values = numbers(plain_numbers(rows[target.name], rows)).astype(float).dropna()
    spread, error = float(values.std()), float((values - values.median()).abs().mean())
    put(gate["primary"], "metric", "rmse")
    put(gate["primary"], "margin", _rounded(spread / 50), "a fiftieth of the standard deviation")
    limits = emptied(gate["absolute"])
    put(limits, "rmse", _rounded(spread * 1.1), "a tenth above that of the mean")
    put(limits, "mae", _rounded(error * 1.1), "a tenth above that of the median")
    put(gate["suspicion"], "too_good", _rounded(spread / 50))
    put(gate["suspicion"], "max_gain", _rounded(spread / 5))


def _rounded(value: float) -> float | int:
    """Two significant digits."""
    found = float(f"{value:.2g}")
    return int(found) if found == int(found) and math.fabs(found) < 1e15 else found
