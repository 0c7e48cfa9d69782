"""A gate.yaml that would refuse every model is refused before a row is read."""

from __future__ import annotations

import pandera.pandas as pa
import pytest
import yaml
from click.testing import CliRunner
from pandera.typing import Series

from mlops_loop import errors, params, project
from mlops_loop.commands import pipeline
from mlops_loop.gate import policy_check
from mlops_loop.pipeline import preflight
from mlops_loop.statistics.metrics import Metric

PLAIN = {
    "task": "classification",
    "min_rows": 100,
    "primary": {"metric": "roc_auc", "margin": 0.01},
    "absolute": {"roc_auc": 0.6},
    "suspicion": {"too_good": 0.95, "max_gain": 0.1},
}
SLICES = {"columns": ["nowhere"], "metric": "roc_auc", "limit": 0.5, "max_loss": 0.1}
GAP = {"column": "size", "metric": "bias", "max_gap": 0.1}
WRONG = {
    "another task": ({"task": "regression"}, "task = 'regression', and params.yaml has 'class"),
    "primary": ({"primary": {"metric": "auc", "margin": 1}}, r"primary\.metric: .* metric 'auc'"),
    "absolute": ({"absolute": {"rmse": 3.0}}, r"absolute: There is no metric 'rmse' .*roc_auc"),
    "baselines": ({"baselines": {"metric": "r2"}}, r"baselines\.metric: There is no metric 'r2'"),
    "calibration": ({"calibration": {"metric": "x", "at_most": 1}}, r"calibration\.metric: .*'x'"),
    "slices": ({"slices": SLICES}, r"slices\.columns: .*'nowhere'.*carry_columns .*'size'"),
    "slices, metric": ({"slices": SLICES | {"metric": "m"}}, r"slices\.metric: .*'m'"),
    "stability": ({"stability": {"at_least": 0.5}}, r"stability: .*not fitted again: remove it"),
    "fairness": ({"fairness": [GAP]}, r"fairness\.metric: There is no metric 'bias'"),
    "fairness, column": (
        {"fairness": [GAP | {"metric": "recall", "column": "sex"}]}, r"fairness\.column: .*'sex'",
    ),
}  # fmt: skip


class Inputs(pa.DataFrameModel):
    """Of a model with one column."""

    size: Series[float]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a plain gate.yaml with some keys changed to where the stages run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "model_input", lambda: Inputs)
    monkeypatch.setattr(preflight, "check", lambda own: None)

    def write(**changes):
        (tmp_path / "gate.yaml").write_text(yaml.safe_dump({**PLAIN, **changes}))

    return write


@pytest.mark.parametrize("stage", ["ingest", "prepare", "train"])
@pytest.mark.parametrize(("changes", "reason"), WRONG.values(), ids=list(WRONG))
def test_each_stage_that_may_be_the_first_refuses_it(
    make_params, monkeypatch, write, changes, reason, stage
):
    """With the key, and what there is."""
    write(**changes)
    monkeypatch.setattr(params, "load", make_params)
    result = CliRunner().invoke(getattr(pipeline, stage))
    assert isinstance(result.exception, errors.UsageError)
    with pytest.raises(errors.UsageError, match=rf"gate\.yaml: {reason}"):
        raise result.exception


def test_what_the_gate_can_judge_is_taken(make_params, monkeypatch, write):
    """Columns of the model, carried ones and those that `prepare` makes; own metrics; no file."""
    policy_check.check(make_params())
    own = {"mine": Metric.from_function("mine", lambda y, scores: 1.0, greater_is_better=True)}
    monkeypatch.setattr("mlops_loop.project.extension", lambda name: own)
    slices = SLICES | {"columns": ["size", "_outliers", "team"], "metric": "mine"}
    write(slices=slices, absolute={"mine": 0.5})
    policy_check.check(make_params(changes={"prepare.carry_columns": ["team"]}))
