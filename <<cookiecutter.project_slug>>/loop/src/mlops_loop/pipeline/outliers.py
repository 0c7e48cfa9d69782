"""Outliers by column, as `prepare.outliers` says: flagged, clipped or dropped.

Fences are Tukey's, learned from training rows alone: `k` times the distance between the quartiles
beyond them (Exploratory Data Analysis, 1977; k = 1.5 is "outside", 3 "far out"). A column whose
quartiles are equal has none: more than half of its rows are one value.

- flag: rows are kept, and `_outliers` names their columns: a slice, if `evaluate.slices` has it.
- clip: the contract holds the fences, so that training and serving clip alike.
- drop: rows leave the training part. Validation and holdout keep theirs, as the world does.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from mlops_loop.errors import UsageError
from mlops_loop.stage_params import Prepare
from mlops_loop.text import listed

OUTLIERS = "_outliers"


def fences(values: pd.Series, k: float) -> tuple[float, float]:
    """The lowest and the highest value that is no outlier; infinite where there are none."""
    low, high = values.astype(float).quantile([0.25, 0.75])
    if not high > low:
        return -math.inf, math.inf
    return low - k * (high - low), high + k * (high - low)


def treat(
    rows: pd.DataFrame, parts: pd.Series, params: Prepare, inputs: list[str]
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Rows without those to drop and with `_outliers`, and a record for each column.

    rows: with the index of `parts`. inputs: names of the model's columns. A record has `column`,
    `action`, `low`, `high` and the number of outliers in each part. Raises UsageError for a column
    that is no number of the model input.
    """
    _require_numbers(rows[inputs], params)
    records, gone, flagged = [], parts.map(lambda part: False), parts.map(lambda part: "")
    for column, action in sorted(params.outliers.items(), key=lambda item: item[1] != "drop"):
        low, high = fences(rows.loc[(parts == "train") & ~gone, column], params.fences)
        beyond = (rows[column] < low) | (rows[column] > high)
        counts = beyond.groupby(parts).sum().to_dict()
        records.append({"column": column, "action": action, "low": low, "high": high} | counts)
        if action == "drop":
            gone |= beyond & (parts == "train")
        if action == "flag":
            flagged = flagged.mask(beyond, flagged + " " + column)
    if "flag" in params.outliers.values():
        rows = rows.assign(**{OUTLIERS: flagged.str.strip().replace("", "none")})
    return rows[~gone], records


def _require_numbers(inputs: pd.DataFrame, params: Prepare) -> None:
    numbers = list(inputs.select_dtypes("number"))
    if wrong := [column for column in params.outliers if column not in numbers]:
        raise UsageError(
            f"prepare.outliers: {wrong[0]!r} is no number of ModelInput: {listed(numbers)}."
        )
