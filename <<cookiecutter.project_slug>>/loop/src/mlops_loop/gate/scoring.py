"""Scores of a bundle on rows, the same way for challenger and champion; and of its baselines."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.errors import DataRefused, NoValidBundle, UsageError
from mlops_loop.gate.comparison import Unscorable
from mlops_loop.model.bundle import Bundle
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.tasks import baselines


def score(model: Bundle, rows: pd.DataFrame, name: str) -> Contender | Unscorable:
    """Scores of a bundle on every row; a model that cannot be scored is no error, but a result."""
    contract = model.contract
    if lacking := tuple(column for column in contract.names if column not in rows):
        reason = f"needs columns that the holdout does not have: {', '.join(lacking)}"
        return Unscorable(name, "hold", reason, lacking)
    try:
        y = tasks.of(contract).encode_target(rows, contract)
        matrix = contract.encode_table(rows)
    except (DataRefused, UsageError, ValueError, TypeError) as error:
        return Unscorable(name, "hold", f"cannot take these rows: {error}")
    try:
        scores = np.asarray(model.predictor.scores(matrix))
    except Exception as error:  # whatever a damaged model raises is a reason, not a crash
        return Unscorable(name, "fail", f"is unreadable: {error}")
    if bad := int((~np.isfinite(scores)).sum()):
        return Unscorable(name, "fail", f"gives {bad:,} scores that are not finite numbers")
    return Contender(name, model.id, contract, y, scores)


def read_baselines(model: Bundle, n_rows: int) -> baselines.Baselines:
    """The scores that the bundle holds of baselines, of `n_rows` rows of the holdout.

    Raises NoValidBundle without them: nobody can know then whether the model knows anything.
    """
    path = model.folder / baselines.FILE
    if not path.exists():
        raise NoValidBundle(f"{path} is missing: an older version wrote it. Next: make pipeline")
    try:
        table = pd.read_parquet(path)
        if len(table) != n_rows:
            raise ValueError(f"it has {len(table):,} rows, the holdout {n_rows:,}")
        return baselines.Baselines.from_table(table)
    except (OSError, ValueError) as error:
        raise NoValidBundle(
            f"{path} is not what `evaluate` writes: {error}. Next: make pipeline"
        ) from error
