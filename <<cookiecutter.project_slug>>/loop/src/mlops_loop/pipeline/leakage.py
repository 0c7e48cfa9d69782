"""Detect a feature that alone predicts the target: most often it is known only afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlops_loop import tasks
from mlops_loop.errors import DataRefused
from mlops_loop.model.contract import Contract
from mlops_loop.tasks.target import FLOAT32
from mlops_loop.tasks.task import Rows

MOST_ROWS = 20_000


def refuse(train: Rows, held: Rows, contract: Contract, limit: float) -> None:
    """Raise DataRefused for the first column that alone reaches `limit`; 1 turns the check off.

    train, held: (x, y) with x (n_rows, n_columns) of `Contract.encode_table`. A simple model of the
    task is fitted on at most 20,000 evenly taken rows of `train`, missing values being a value of
    their own. The lower of its scores on both parts counts, as either can be high by luck on few
    rows.
    """
    if limit >= 1:
        return
    for name, score in scores(train, held, contract):
        if score >= limit:
            raise DataRefused(
                f"Column {name!r} alone predicts the target: {tasks.of(contract).leakage_metric} "
                f"{score:.4f}, allowed is less than {limit:g}. If it is known only after the "
                "outcome, drop it from schema.ModelInput; if it is honest knowledge, raise "
                "train.leakage_threshold."
            )


def scores(train: Rows, held: Rows, contract: Contract) -> Iterator[tuple[str, float]]:
    """By column how well it alone predicts the target, see `refuse`; none where none can leak."""
    task, thin = tasks.of(contract), _thin(len(train[0]))
    for i, column in enumerate(contract.columns):
        fitted, other = _column(train, i), _column(held, i)
        fitted = fitted[0][thin], fitted[1][thin]
        score = task.leakage_score(fitted, other, contract, column.kind == "category")
        if score is not None:
            yield column.name, score


def _thin(n: int) -> np.ndarray:
    return np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(int)


def _column(rows: Rows, i: int) -> Rows:
    """One column as the only one, with infinite values as the largest finite ones."""
    return np.clip(rows[0][:, [i]], FLOAT32.min, FLOAT32.max), rows[1]
