"""Metrics by name: those of a task, and the user's own from `extensions.METRICS`."""

from __future__ import annotations

import numpy as np

from mlops_loop import project, tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric


def table(task: str) -> dict[str, Metric]:
    """By name all metrics of a task, the user's own last.

    Raises UsageError for an own metric that is no `Metric`, or that has the name of another.
    """
    known, own = tasks.find(task).metrics, project.extension("METRICS")
    for name, metric in own.items():
        if not isinstance(metric, Metric) or metric.name != name:
            raise UsageError(f"extensions.METRICS[{name!r}] must be a Metric with that name.")
        if name in known:
            raise UsageError(
                f"extensions.METRICS has {name!r}, which is a metric of {task}. Rename it."
            )
    return {**known, **own}


def find(task: str, name: str) -> Metric:
    """The metric of a task by name; raises UsageError with the names that there are."""
    metrics = table(task)
    if name not in metrics:
        known = ", ".join(metrics)
        raise UsageError(f"There is no metric {name!r} for {task}. Choose one of: {known}.")
    return metrics[name]


def score_all(y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, float]:
    """Every metric of the contract's task."""
    return {name: metric(y, scores, contract) for name, metric in table(contract.task).items()}
