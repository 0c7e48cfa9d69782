"""What one unit of noise is: the day of a row; else its cluster; else a block of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mlops_loop.columns import texts

TIME = "_time"  # as pipeline/split.py names it: ISO 8601 in UTC, or numbers
DAY = r"\d{4}-\d\d-\d\dT"
BLOCK_ROWS, MOST_BLOCKS = 50, 100


@dataclass(frozen=True)
class Units:
    """The unit that each row belongs to, (n_rows,) names whose order is that of the units."""

    kind: Literal["day", "cluster", "block"]
    column: str
    names: Sequence[str]

    @property
    def is_ordered(self) -> bool:
        """Whether units follow each other in time."""
        return self.kind == "day"


def units_of(rows: pd.DataFrame, cluster: str | None, seed: int) -> Units:
    """Days of the time column of the split; without one values of `cluster`; else random blocks."""
    if TIME in rows and rows[TIME].astype(str).str.match(DAY).all():
        return Units("day", TIME, [str(moment)[:10] for moment in rows[TIME]])
    if cluster and cluster in rows:
        return Units("cluster", cluster, texts(rows[cluster]).fillna("").tolist())
    n_blocks = max(1, min(MOST_BLOCKS, len(rows) // BLOCK_ROWS))
    dealt = np.random.default_rng(seed).permutation(np.arange(len(rows)) % n_blocks)
    return Units("block", "", [f"{block:03d}" for block in dealt])
