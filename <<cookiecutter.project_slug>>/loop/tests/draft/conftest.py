"""A project in a folder of its own, with the sample's parameters, for drafts from made tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlops_loop.draft import drafting
from mlops_loop.draft.drafting import Draft
from mlops_loop.draft.roles import Stated

PARAMS = """\
# What changes the model.
task: classification
seed: 2013

source: # see loop/docs/sources.md
  kind: files
  path: data/raw/*.csv # path, glob or URL
  fingerprint: data/raw

validate:
  max_failed_share: 0.01 # when a larger share breaks RawRows, the data are refused

target:
  column: arr_delay # minutes
  above: 15 # the airlines' own definition of late
  classes: [on time, late]

prepare:
  key: [time_hour, carrier]
  carry_columns: [] # raw columns to keep for slices
  outliers: {wind_gust: flag} # by column
  fences: 3

split:
  strategy: time # time, group, stratified or random
  column: time_hour
  validation: 0.15
  holdout: 0.25
  pinned: null # or a rule

train:
  estimator: hist_gradient_boosting
  grid:
    learning_rate: [0.03, 0.06]
  n_iter: 4 # candidates
  folds: 3
  scoring: roc_auc
  threshold: balanced_accuracy

export:
  format: onnx # or skops

evaluate:
  slices: [origin, carrier]
  cluster: _time # flights of one hour
  resamples: 500 # bootstrap draws
"""
GATE = """\
# What a model must show before it may ship.
task: classification
min_rows: 500 # with fewer held-out rows the verdict is HOLD

primary: # challenger against champion
  metric: roc_auc
  margin: 0.01

absolute: # limits for the challenger alone
  roc_auc: 0.62
  balanced_accuracy: 0.55 # of the decisions

slices: # each value of these columns
  columns: [origin, carrier]
  metric: roc_auc
  limit: 0.55
  max_loss: 0.05

fairness: # the largest gap
  - {column: origin, metric: balanced_accuracy, max_gap: 0.12}

suspicion: # a leak looks like success
  too_good: 0.9
  max_gain: 0.1

budgets: # of the container
  image_mb: {at_most: 600, required: false}
  memory_mb: {at_most: 450, required: false}
"""
STAGES = """\
stages:
  train:
    cmd: loop train
    deps:
      - data/prepared
plots:
  - reports/plots/importance.csv: {x: loss, y: column, template: bar_horizontal}
  - reports/plots/roc.csv: {x: false positive rate, y: true positive rate, template: simple}
  - reports/plots/calibration.csv: {x: predicted, y: observed, template: simple}
"""


def write_project(folder: Path) -> None:
    """The files that a draft starts from."""
    for name, text in {"params.yaml": PARAMS, "gate.yaml": GATE, "dvc.yaml": STAGES}.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def in_project(tmp_path, monkeypatch, own_package) -> Path:
    """The project's folder, which is the current one."""
    own_package()
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def drafted(in_project) -> Callable[..., Draft]:
    """`drafted(table, target="y", style={...})`: the draft of a table, as a CSV in data/raw."""

    def make(
        table: pd.DataFrame, style: dict | None = None, name: str = "data/raw/own.csv", **stated
    ) -> Draft:
        table.to_csv(name, index=False, **(style or {}))
        return drafting.make([Path(name)], Stated(**stated))

    return make
