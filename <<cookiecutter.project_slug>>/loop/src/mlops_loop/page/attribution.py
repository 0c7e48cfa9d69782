"""What-if effects on one prediction: each column alone is set to its typical value in training.

This takes one more call of the model, with a row for each column, and no library. It sees one
change at a time: columns that act together share no credit, and no effect is a cause.
"""

from __future__ import annotations

from typing import Any

from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import Row

SHOWN = 5
SMALLEST = 1e-6  # smaller changes are rounding of float32


def what_if_effects(model: Model, row: Row) -> list[dict[str, Any]]:
    """The columns whose values change the score most, the largest change first.

    Each has `column`, `value`, `typical` and `change`. The score is what the task explains (see
    `Task.explained`), and `change` is how much higher it is than with the typical value (median, or
    most frequent category; `Column.example`). A missing value is None.
    """
    contract = model.contract
    typical = [row | {column.name: column.example} for column in contract.columns]
    scores = model.bundle.predictor.scores(contract.encode_rows([row, *typical]))
    scores = model.task.explained(scores)
    effects: list[dict[str, Any]] = [
        {
            "column": column,
            "value": row.get(column.name),
            "typical": column.example,
            "change": float(scores[0]) - float(other),
        }
        for column, other in zip(contract.columns, scores[1:], strict=True)
    ]
    effects.sort(key=lambda effect: -abs(effect["change"]))
    return [effect for effect in effects[:SHOWN] if abs(effect["change"]) > SMALLEST]
