"""Statistics that live data are compared with: frozen bins, and how days of training differ.

No row leaves training: of each day there are means alone, and of days their spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlops_loop.columns import texts
from mlops_loop.daily.fold import Table
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.units import units_of
from mlops_loop.model.contract import Contract
from mlops_loop.params import Params
from mlops_loop.statistics.bootstrap import Contender

N_BINS = 10


def make_reference(train: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    """Per column `kind`, `missing_share` and `shares`, by bin or by level, of the rows not missing.
    Numbers get bins of equal frequency: `edges` are the inner limits, and a bin takes values up to
    and including its upper edge.
    """
    columns = {}
    for column in contract.columns:
        values = train[column.name]
        counted = column.kind in ("category", "boolean")
        facts = {"kind": column.kind, "missing_share": float(values.isna().mean())}
        columns[column.name] = facts | (_levels if counted else _numbers)(values.dropna())
    return {"n_rows": len(train), "columns": columns}


def by_day(
    train: pd.DataFrame, holdout: pd.DataFrame, model: Contender, params: Params
) -> dict[str, Any]:
    """`days`: what the monitor compares days of production with (see daily/reference.py).

    Inputs are of the training rows; scores and losses of the holdout, whose rows `model` scores.
    """
    cluster, seed, slices = params.evaluate.cluster, params.seed, params.evaluate.slices
    frame = Frame.learn(train, (model.y, model.scores), model.contract, slices)
    inputs, held = units_of(train, cluster, seed), units_of(holdout, cluster, seed)
    losses = frame.losses(model.y, model.scores) if frame.loss else None
    known = {name: holdout[name] for name in frame.slices}
    predicted = Table(held.names, scores=model.scores, losses=losses, slices=known)
    reference = Reference.learn(frame, (train, inputs), (predicted, held))
    return {"days": reference.as_json()}


def _levels(values: pd.Series) -> dict[str, Any]:
    written = values.astype(str) if values.dtype == bool else texts(values)
    return {"shares": written.value_counts(normalize=True).sort_index().to_dict()}


def _numbers(values: pd.Series) -> dict[str, Any]:
    if values.empty:
        return {"edges": [], "shares": [], "mean": None, "std": None}
    numbers = values.to_numpy(dtype=float)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=len(edges) + 1)
    facts = {"edges": edges.tolist(), "shares": (counts / len(numbers)).tolist()}
    facts |= {"mean": float(numbers.mean()), "std": float(numbers.std())}
    return facts | {"minimum": float(numbers.min()), "maximum": float(numbers.max())}
