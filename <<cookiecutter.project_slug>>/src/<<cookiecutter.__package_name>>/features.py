"""From raw rows to the model's input. Yours to edit.

`model_rows` makes the columns of `schema.ModelInput` out of raw rows, row by row. What is learned
from data (scaling, imputing, encoding) belongs to the estimator's pipeline, never here, so that
nothing is learned from the holdout.
"""

from __future__ import annotations

import pandas as pd

from mlops_loop.pipeline.dates import date_parts


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the model input that the raw rows do not have yet.

    Looks at one row at a time: same row, same result, whatever stands beside it.
    """
    clock = raw["sched_dep_time"]
    return raw.assign(
        departure_hour=(clock // 100 + clock % 100 / 60).round(4),
        weekday=date_parts(raw["time_hour"], "America/New_York", ["day_of_week"])["day_of_week"],
    )
