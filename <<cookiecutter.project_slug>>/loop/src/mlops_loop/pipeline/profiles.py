"""Profiles of groups of rows: how large each is, and what its columns typically hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.columns import texts
from mlops_loop.model.contract import Column
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.text import natural

ALL = "all rows"
MISSING = "missing"


def of(rows: pd.DataFrame, model: Contender) -> list[dict[str, Any]]:
    """A record for each group that the task makes of the rows, by name, then one for all rows.

    A record has `group`, `n_rows`, `share`, and `typical`: by column its median, or its most
    frequent level with the share of it among the rows of the group. Empty without groups.
    """
    groups = tasks.of(model.contract).groups(model.scores, model.contract)
    if groups is None:
        return []
    names = sorted({*groups.astype(str)}, key=natural)
    parts = [(name, rows[groups == name]) for name in names]
    return [_record(name, part, len(rows), model) for name, part in [*parts, (ALL, rows)]]


def _record(name: str, part: pd.DataFrame, n_rows: int, model: Contender) -> dict[str, Any]:
    typical = {c.name: _typical(c, part[c.name]) for c in model.contract.columns}
    facts = {"group": name, "n_rows": len(part), "share": len(part) / n_rows}
    return facts | {"typical": typical}


def _typical(column: Column, values: pd.Series) -> str:
    """The median with its unit, or the most frequent level with its share."""
    if column.kind in ("number", "integer"):
        known = values.dropna().to_numpy(dtype=float)
        middle = column.rounded(float(np.median(known))) if len(known) else MISSING
        return f"{middle:,} {column.unit}".rstrip() if len(known) else MISSING
    written = values.astype(str) if values.dtype == bool else texts(values).fillna(MISSING)
    counts = written.value_counts().sort_index(kind="stable")
    return f"{counts.idxmax()} ({counts.max() / len(values):.0%})"
