"""Whether rows whose outcome is known are like the others: a standardized difference per column.

For a number the difference of the means over the pooled standard deviation, for a share of a level
or of missing values the difference of shares over theirs. 0.1 is the usual limit of a difference
that can be neglected (Austin, "Balance diagnostics for comparing the distribution of baseline
covariates between treatment groups", Statistics in Medicine 28, 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_loop.columns import MISSING, numbers, shown
from mlops_loop.model.contract import Column

NEGLIGIBLE = 0.1
OTHER = "(new levels)"
LEAST = 20  # rows on either side; with fewer a difference says nothing


@dataclass(frozen=True)
class Difference:
    """The largest difference of a column, labelled minus others; None where nobody can tell.

    what: "mean", "missing" or a level, whose share differs.
    """

    column: str
    what: str = ""
    value: float | None = None


def differences(
    labelled: pd.DataFrame, others: pd.DataFrame, columns: Sequence[Column]
) -> list[Difference]:
    """One for each column, the largest first."""
    found = [_difference(labelled[c.name], others[c.name], c) for c in columns]
    return sorted(found, key=lambda d: -abs(d.value or 0.0))


def _difference(labelled: pd.Series, others: pd.Series, column: Column) -> Difference:
    if min(len(labelled), len(others)) < LEAST:
        return Difference(column.name)
    parts = {"missing": _of_shares(labelled.isna(), others.isna())}
    if column.kind in ("number", "integer"):
        pair = (numbers(values).dropna().to_numpy(dtype=float) for values in (labelled, others))
        parts["mean"] = _of_means(*pair)
    else:
        texts = _levels(labelled, column), _levels(others, column)
        for level in sorted(set(texts[0]) | set(texts[1])):
            parts[level] = _of_shares(texts[0] == level, texts[1] == level)
    what = max(parts, key=lambda name: abs(parts[name]))
    return Difference(column.name, what, parts[what])


def _levels(values: pd.Series, column: Column) -> pd.Series:
    """Levels that training knew; all others, which may be any text, have one name."""
    texts = shown(values)
    known = texts.isin([MISSING, "true", "false", *column.levels])
    return texts.where(known, OTHER)


def _of_means(labelled: np.ndarray, others: np.ndarray) -> float:
    if not len(labelled) or not len(others):
        return 0.0  # then the shares of missing values differ
    spread = np.sqrt((labelled.var() + others.var()) / 2)
    return _over(labelled.mean() - others.mean(), spread)


def _of_shares(labelled: pd.Series, others: pd.Series) -> float:
    p, q = float(labelled.mean()), float(others.mean())
    return _over(p - q, np.sqrt((p * (1 - p) + q * (1 - q)) / 2))


def _over(difference: float, spread: float) -> float:
    """Infinite where two constants differ."""
    if spread > 0:
        return float(difference / spread)
    return float(np.copysign(np.inf, difference)) if difference else 0.0
