"""What would make `gate.yaml` refuse every model of these parameters, asked before training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlops_loop import params, paths, project, tasks
from mlops_loop.errors import UsageError
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.tasks import metrics
from mlops_loop.text import listed


def check(own: params.Params, path: Path = paths.GATE_POLICY) -> None:
    """Raise UsageError for another task, and a metric or a column that there will not be.

    Without a `gate.yaml` there is nothing to ask.
    """
    if not path.exists():
        return
    policy = params.read_yaml(path, GatePolicy)
    if policy.task != own.task:
        raise UsageError(
            f"{path}: task = {policy.task!r}, and params.yaml has {own.task!r}. Next: write the "
            f"one that you mean in both, and limits of its metrics in {path}"
        )
    for key, name in _metrics(policy):
        try:
            metrics.find(own.task, name)
        except UsageError as error:
            raise UsageError(f"{path}: {key}: {error}") from error
    if policy.stability and not tasks.find(own.task).refits:
        raise UsageError(f"{path}: stability: models of {own.task} are not fitted again: remove it")
    _check_columns(policy, own, path)


def _metrics(policy: GatePolicy) -> Iterator[tuple[str, str]]:
    yield "primary.metric", policy.primary.metric
    yield from (("absolute", name) for name in policy.absolute)
    if policy.baselines.metric:
        yield "baselines.metric", policy.baselines.metric
    if policy.calibration:
        yield "calibration.metric", policy.calibration.metric
    if policy.slices:
        yield "slices.metric", policy.slices.metric
    yield from (("fairness.metric", rule.metric) for rule in policy.fairness)


def _check_columns(policy: GatePolicy, own: params.Params, path: Path) -> None:
    """Names that begin with _ are made by `prepare`."""
    known = [*project.model_input().to_schema().columns, *own.prepare.carry_columns]
    known += own.evaluate.slices
    asked = [("slices.columns", name) for name in (policy.slices.columns if policy.slices else ())]
    asked += [("fairness.column", rule.column) for rule in policy.fairness]
    for key, name in asked:
        if name not in known and not name.startswith("_"):
            raise UsageError(
                f"{path}: {key}: the holdout will not have the column {name!r}. Next: add it to "
                f"prepare.carry_columns in params.yaml, or choose one of: "
                f"{listed(dict.fromkeys(known))}"
            )
