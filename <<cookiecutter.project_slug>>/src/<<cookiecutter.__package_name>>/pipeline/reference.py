"""Statistics of the training rows that live data are compared with: frozen drift bins.

The bins are fixed here, once; the monitor counts later rows into the same bins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..contract import Column, Contract

N_BINS = 10


def make_reference(train: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    """`n_rows` and, per column, `missing_share` and shares by bin or by level.

    Numbers get bins of equal frequency: `edges` are the inner limits, a bin takes values up to
    and including its upper edge, and `shares` (one more than edges) are of the rows that are
    not missing.
    """
    columns = {column.name: _describe(column, train[column.name]) for column in contract.columns}
    return {"n_rows": len(train), "columns": columns}


def _describe(column: Column, values: pd.Series) -> dict[str, Any]:
    present = values.dropna()
    facts = {"kind": column.kind, "missing_share": float(values.isna().mean())}
    if column.kind in ("category", "boolean"):
        counts = present.astype(str).value_counts(normalize=True)
        return facts | {"shares": {level: float(share) for level, share in sorted(counts.items())}}
    return facts | _describe_numbers(present.to_numpy(dtype=float))


def _describe_numbers(values: np.ndarray) -> dict[str, Any]:
    if not len(values):
        return {"edges": [], "shares": [], "mean": None, "std": None}
    edges = np.unique(np.quantile(values, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return {
        "edges": edges.tolist(),
        "shares": (counts / len(values)).tolist(),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }
