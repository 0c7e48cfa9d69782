"""What moved one prediction: each column alone is set to what is typical in training.

It takes one more call of the model, with a row for each column, and no library. It sees one change
at a time: columns that act together share no credit, and a change is no cause.
"""

from __future__ import annotations

from typing import Any

from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import Row

SHOWN = 5
SMALLEST = 1e-6  # below, float32 speaks


def moved(model: Model, row: Row) -> list[dict[str, Any]]:
    """The columns that moved the score most, by size: `column`, `value`, `typical`, `change`.

    The score is the probability of the positive class of two, that of the predicted one of many,
    or the number; `change` is how much higher it is than with the typical value (median, or most
    frequent category; `Column.example`). A missing value is None.
    """
    contract = model.contract
    typical = [row | {column.name: column.example} for column in contract.columns]
    scores = model.bundle.predictor.scores(contract.encode_rows([row, *typical]))
    if scores.ndim == 2:
        scores = scores[:, 1 if len(contract.classes) == 2 else int(scores[0].argmax())]
    effects = [
        {
            "column": column,
            "value": row.get(column.name),
            "typical": column.example,
            "change": float(scores[0]) - float(other),
        }
        for column, other in zip(contract.columns, scores[1:], strict=True)
    ]
    effects.sort(key=lambda effect: -abs(effect["change"]))
    return [each for each in effects[:SHOWN] if abs(each["change"]) > SMALLEST]
