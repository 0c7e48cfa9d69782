"""What a model has to beat: the best constant, and a shallow model of the same columns.

Both learn from the training rows alone. Their scores of the holdout are a file of the bundle, so
that evaluation, gate and report compare with the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, nan
from typing import TYPE_CHECKING, Any

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
    from sklearn.pipeline import Pipeline

    from mlops_loop.statistics.bootstrap import Bootstrap, Contender, Interval

FILE = "baselines.parquet"
MOST_ROWS = 50_000  # to fit the shallow model: more change it little


@dataclass(frozen=True)
class Baselines:
    """Scores of the same rows, float32 as those of an exported model, by the name of a baseline.

    constants: at least one, (n_rows,) or (n_rows, n_scores), the same in every row, or of another
    model that knows nothing. shallow: one, or none where the task has none. refits: what models
    say that were fitted to resamples, (n_rows, n_refits); None where the task has none.
    """

    constants: Mapping[str, np.ndarray]
    shallow: Mapping[str, np.ndarray]
    refits: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Baselines:
        """Of some rows, by position."""
        parts = (self.constants, self.shallow)
        refits = None if self.refits is None else self.refits[rows]
        some, others = ({name: s[rows] for name, s in part.items()} for part in parts)
        return Baselines(some, others, refits)

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

        refits = {} if self.refits is None else {"labels": self.refits}
        kinds = {"constant": self.constants, "shallow": self.shallow, "refit": refits}
        return pd.DataFrame({
            f"{kind}/{name}/{i}": column
            for kind, part in kinds.items()
            for name, scores in part.items()
            for i, column in enumerate(scores.reshape(len(scores), -1).T)
        })  # fmt: skip

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> Baselines:
        """Raises ValueError where the table is not that of `to_table`."""
        parts: dict[str, dict[str, list]] = {"constant": {}, "shallow": {}, "refit": {}}
        for name in table:
            kind, rest = str(name).split("/", 1)
            if kind not in parts:
                raise ValueError(f"there is no baseline {kind!r}")
            parts[kind].setdefault(rest.rsplit("/", 1)[0], []).append(table[name].to_numpy())
        if not parts["constant"]:
            raise ValueError("there is no constant")
        refits = next((np.column_stack(c) for c in parts.pop("refit").values()), None)
        constants, shallow = ({n: _stacked(c) for n, c in part.items()} for part in parts.values())
        return cls(constants, shallow, refits)


def _stacked(columns: list[np.ndarray]) -> np.ndarray:
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def value_of(model: Contender, metric: Metric) -> float:
    """NaN also where a metric of the user's own fails on so odd a model."""
    try:
        return model.value(metric)
    except UsageError:
        return nan


def agreement(
    model: Contender, known: Baselines, rule: Bootstrap, clusters: np.ndarray | None
) -> Interval | None:
    """How a model agrees with its refits, with an interval over rows; None without refits."""
    own = tasks.of(model.contract).refits
    if own is None or known.refits is None:
        return None
    return rule.interval(own.metric, replace(model, y=known.refits), clusters=clusters)


def skill_metric(task: str, name: str) -> str:
    """This metric, or that of the task where a constant can be perfect in it; "" without one."""
    return name if metrics.find(task, name).shows_skill else tasks.find(task).skill_metric


def fit(
    training: Rows, x: np.ndarray, contract: Contract, load: Callable[[], Pipeline] | None = None
) -> Baselines:
    """Learn from the training rows, and score the rows `x` of `Contract.encode_table`.

    All but constants are fitted on at most 50,000 evenly taken training rows. load: gives the
    trained pipeline, for the tasks that fit it again; without it there are no refits.
    """
    task, n = tasks.of(contract), len(training[0])
    thin = np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(int)
    fitted, x = (_finite(training[0][thin]), training[1][thin]), _finite(x)
    shallow = task.shallow(fitted, x, contract)
    refits, known = None, _tiled(task.constants(training[1], contract), len(x))
    if load and (own := task.refits):
        pipeline = load()
        known = own.uninformed(pipeline, fitted[0], x)
        refits = own.predictions(pipeline, fitted[0], x)
    return Baselines(
        {name: scores.astype(np.float32) for name, scores in known.items()},
        {} if shallow is None else {task.shallow_name: shallow.astype(np.float32)},
        refits,
    )


def _tiled(constants: Mapping[str, Any], n_rows: int) -> Mapping[str, np.ndarray]:
    """The same scores for every row."""
    known = {name: np.asarray(scores) for name, scores in constants.items()}
    return {name: np.tile(s, (n_rows, *[1] * s.ndim)) for name, s in known.items()}


def _finite(x: np.ndarray) -> np.ndarray:
    """Infinite values as the largest finite ones; NaN stays."""
    return np.clip(x, FLOAT32.min, FLOAT32.max)
