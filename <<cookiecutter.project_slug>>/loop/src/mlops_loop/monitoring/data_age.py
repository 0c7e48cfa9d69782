"""Training data: how old is the newest row that the model in production has learned from?

A model may be new and its data old: retraining on the same rows makes neither better. How old data
may be is known to who owns them alone, so nothing is checked where `data_days` is not set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from mlops_loop.monitoring.runs import Watched


def watch_data(newest: str, dates: Sequence[str], most_days: float) -> Watched:
    """Days from the newest row to the end of each date; newest: a date, empty where unknown."""
    ages = np.full(len(dates), np.nan)
    if newest:
        born = date.fromisoformat(newest)
        ages = np.array([max((date.fromisoformat(day) - born).days, 0) for day in dates], float)
    each = np.ones(len(dates))
    return Watched(
        "data", ages, 0 * each, 0 * each, most_days * each, 0 * each, 0 * each, most_days * each, 1,
        "the bundle does not say when its newest row was",
    )  # fmt: skip
