"""What only rows outside of training have: categories, and columns that training has no value of.

Mostly after a split by time: a model cannot learn what only the newest rows show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_loop.columns import texts
from mlops_loop.text import listed

EXAMPLES = 5


@dataclass(frozen=True)
class Unseen:
    """A column of the model in which `n` of `of` validation and holdout rows have something new.

    categories: the most frequent new ones; empty where training has no value in this column.
    """

    column: str
    n: int
    of: int
    categories: tuple[str, ...]

    def describe(self) -> str:
        """A sentence, and what to do."""
        rows = f"{self.n:,} of {self.of:,} validation and holdout rows"
        if not self.categories:
            return (
                f"{self.column!r} has no value in training, and one in {rows}: the model learns "
                "nothing from it. Next: leave it out of ModelInput until training has values"
            )
        return (
            f"{self.column!r}: {rows} have categories that training does not know, such as "
            f"{listed(self.categories)}; the model takes them as unseen. Where they matter: split "
            "otherwise (split.strategy), lower prepare.min_category_count, or group them in "
            "features.model_rows"
        )

    def to_dict(self) -> dict[str, Any]:
        """For the report of the stage."""
        return {"column": self.column, "rows": self.n, "categories": list(self.categories)}


def find(rows: pd.DataFrame, parts: pd.Series, columns: Iterable[str], least: int) -> list[Unseen]:
    """What is unseen, by column.

    parts: 'train' or another part for each row. least: as many training rows make a category known.
    """
    training, later = rows[parts == "train"], rows[parts != "train"]
    found = (_of_column(training[name], later[name], least) for name in columns)
    return [item for item in found if item]


def _of_column(training: pd.Series, later: pd.Series, least: int) -> Unseen | None:
    name, filled = str(training.name), int(later.notna().sum())
    if filled and training.isna().all():
        return Unseen(name, filled, len(later), ())
    if pd.api.types.is_numeric_dtype(training):  # booleans too
        return None
    counts, values = texts(training).value_counts(), texts(later).dropna()
    new = values[~values.isin(counts.index[counts >= least])]
    examples = tuple(new.value_counts().index[:EXAMPLES])
    return Unseen(name, len(new), len(later), examples) if len(new) else None
