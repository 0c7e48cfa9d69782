"""What a model has to beat: the best constant, and a shallow model of the same columns.

Both learn from the training rows alone. Their scores of the holdout are a file of the bundle, so
that evaluation, gate and report compare with the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from mlops_loop import tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric
from mlops_loop.tasks import metrics
from mlops_loop.tasks.target import FLOAT32
from mlops_loop.tasks.task import Rows

if TYPE_CHECKING:
    import pandas as pd

    from mlops_loop.statistics.bootstrap import Contender

FILE = "baselines.parquet"
MOST_ROWS = 50_000  # to fit the shallow model: more change it little


@dataclass(frozen=True)
class Baselines:
    """Scores of the same rows, float32 as those of an exported model, by the name of a baseline.

    constants: at least one, (n_rows,) or (n_rows, n_scores), the same in every row. shallow: one,
    or none where the task has none.
    """

    constants: Mapping[str, np.ndarray]
    shallow: Mapping[str, np.ndarray]

    def take(self, rows: np.ndarray) -> Baselines:
        """Of some rows, by position."""
        parts = (self.constants, self.shallow)
        return Baselines(*({name: s[rows] for name, s in part.items()} for part in parts))

    def against(self, metric: Metric, y: np.ndarray, contract: Contract) -> dict[str, Contender]:
        """`constant`, the one that is best by `metric` on these very rows, and `shallow`.

        A constant for which the metric is not defined comes last.
        """
        from mlops_loop.statistics.bootstrap import Contender

        def rank(model: Contender) -> float:
            value = metric.sign * value_of(model, metric)
            return value if value == value else -inf

        known = [Contender(name, "", contract, y, s) for name, s in self.constants.items()]
        models = {"constant": max(known, key=rank)}
        for name, scores in self.shallow.items():
            models["shallow"] = Contender(name, "", contract, y, scores)
        return models

    def measure(self, y: np.ndarray, contract: Contract) -> dict[str, dict[str, float]]:
        """By metric of the task its value for `constant` and `shallow`, see `against`."""
        return {
            name: {
                kind: value_of(model, metric)
                for kind, model in self.against(metric, y, contract).items()
            }
            for name, metric in metrics.table(contract.task).items()
        }

    def to_table(self) -> pd.DataFrame:
        """A column for each score, named by kind, baseline and position."""
        import pandas as pd

        return pd.DataFrame({
            f"{kind}/{name}/{i}": column
            for kind, part in (("constant", self.constants), ("shallow", self.shallow))
            for name, scores in part.items()
            for i, column in enumerate(scores.reshape(len(scores), -1).T)
        })  # fmt: skip

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> Baselines:
        """Raises ValueError where the table is not that of `to_table`."""
        parts: dict[str, dict[str, list]] = {"constant": {}, "shallow": {}}
        for name in table:
            kind, rest = str(name).split("/", 1)
            if kind not in parts:
                raise ValueError(f"there is no baseline {kind!r}")
            parts[kind].setdefault(rest.rsplit("/", 1)[0], []).append(table[name].to_numpy())
        if not parts["constant"]:
            raise ValueError("there is no constant")
        return cls(*({n: _stacked(c) for n, c in part.items()} for part in parts.values()))


def _stacked(columns: list[np.ndarray]) -> np.ndarray:
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def value_of(model: Contender, metric: Metric) -> float:
    """NaN also where a metric of the user's own fails on so odd a model."""
    try:
        return model.value(metric)
    except UsageError:
        return nan


def skill_metric(task: str, name: str) -> str:
    """This metric, or that of the task where a constant can be perfect in it; "" without one."""
    return name if metrics.find(task, name).shows_skill else tasks.find(task).skill_metric


def fit(training: Rows, x: np.ndarray, contract: Contract) -> Baselines:
    """Learn from the training rows, and score the rows `x` of `Contract.encode_table`.

    The shallow model is fitted on at most 50,000 evenly taken training rows.
    """
    task, n = tasks.of(contract), len(training[0])
    thin = np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(int)
    fitted = _finite(training[0][thin]), training[1][thin]
    shallow = task.shallow(fitted, _finite(x), contract)
    known = {name: np.asarray(s) for name, s in task.constants(training[1], contract).items()}
    return Baselines(
        {name: np.tile(s, (len(x), *[1] * s.ndim)).astype(np.float32) for name, s in known.items()},
        {} if shallow is None else {task.shallow_name: shallow.astype(np.float32)},
    )


def _finite(x: np.ndarray) -> np.ndarray:
    """Infinite values as the largest finite ones; NaN stays."""
    return np.clip(x, FLOAT32.min, FLOAT32.max)
