"""The drafted `gate.yaml`: that of the project, without what is about another table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop.columns import numbers
from mlops_loop.draft.kinds import Facts, outcome
from mlops_loop.draft.roles import Roles
from mlops_loop.draft.targets import draft_of
from mlops_loop.file_format import plain_numbers
from mlops_loop.tasks.task_draft import Limits
from mlops_loop.yaml_text import dump, emptied, flow, parse_kept, put

MOST_ROWS = 500
LARGE = 2000  # held-out rows that show a difference of a hundredth
STABILITY = "adjusted Rand index with models of resamples; 1 is the same clusters"
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
  memory_mb: {at_most: 450, required: false} # of the 537 that the endpoint may use
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
    put(gate["primary"], "margin", 0.01 if held >= LARGE else 0.03)
    target = outcome(facts, roles.target)
    _limits(gate, draft_of(roles.task).limits(target, _amounts(rows, target)))
    return dump(gate)


def _limits(gate: Any, limits: Limits) -> None:
    put(gate["primary"], "metric", limits.metric)
    if limits.margin:
        put(gate["primary"], "margin", *limits.margin)
    absolute = emptied(gate["absolute"])
    for name, (value, note) in limits.absolute.items():
        put(absolute, name, value, note)
    if limits.stability is not None:
        put(gate, "stability", flow({"at_least": limits.stability}), STABILITY)
    put(gate["suspicion"], "too_good", limits.too_good)
    put(gate["suspicion"], "max_gain", limits.max_gain)


def _amounts(rows: pd.DataFrame, target: Facts) -> np.ndarray:
    """The numbers of a target; none of one that has other values."""
    if target.kind not in ("number", "integer"):
        return np.empty(0)
    values = numbers(plain_numbers(rows[target.name], rows))
    return values.astype(float).dropna().to_numpy()
