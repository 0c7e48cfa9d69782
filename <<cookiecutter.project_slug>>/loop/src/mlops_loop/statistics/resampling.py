"""The one rule by which rows are drawn: every interval of a model is made by it.

So a metric has the same bounds in the verdict of the gate, the evaluation, the report and the card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from mlops_loop.columns import shown, texts
from mlops_loop.errors import DataRefused
from mlops_loop.stage_params import Evaluate
from mlops_loop.statistics.bootstrap import Bootstrap


@dataclass(frozen=True)
class Resampling(Bootstrap):
    """How rows are drawn, and how sure intervals are, as `evaluate` of params.yaml says.

    cluster: a column of the rows; those with the same value of it (a day, a customer) are drawn
    together. None: rows are independent.
    """

    resamples: int = Evaluate().resamples
    seed: int = 0
    confidence: float = Evaluate().confidence
    cluster: str | None = None

    @classmethod
    def of(cls, evaluate: Evaluate, seed: int) -> Resampling:
        """The rule of a project; `seed` is that of its parameters."""
        return cls(evaluate.resamples, seed, evaluate.confidence, evaluate.cluster)

    def clusters(self, rows: pd.DataFrame) -> np.ndarray | None:
        """Numbers of the clusters that rows are in, (n_rows,), for `interval`.

        None for independent rows. Raises DataRefused where there is no such column, and for rows
        without a value in it: they would be one cluster, or as many as rows, and nobody knows.
        """
        if not self.cluster:
            return None
        groups = grouped(rows, self.cluster)
        if missing := int(texts(rows[self.cluster]).isna().sum()):
            raise DataRefused(
                f"evaluate.cluster: {self.cluster!r} is missing in {missing:,} of {len(rows):,} "
                "rows, which would be one cluster. Next: fill it in features.model_rows, or name "
                "another column in params.yaml"
            )
        return groups.ngroup().to_numpy()


def grouped(rows: pd.DataFrame, column: str) -> DataFrameGroupBy:
    """Rows of the holdout by the text of their value of a column, where missing is a value too.

    Raises DataRefused where there is no such column.
    """
    if column not in rows:
        raise DataRefused(f"The holdout has no column {column}. It has: {', '.join(rows)}.")
    return rows.groupby(shown(rows[column]).to_numpy())
