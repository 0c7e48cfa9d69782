"""From raw rows to the model: what you would change first. Yours to edit.

`model_rows` makes the columns of `schema.ModelInput` out of raw rows, row by row. Everything
that is learned from data (scaling, imputing, encoding) belongs into `build_pipeline`, so that
nothing is learned from the holdout and serving loads one object.
"""

from __future__ import annotations

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .contract import Contract


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the model input that the raw rows do not have yet.

    Looks at one row at a time: same row, same result, whatever stands beside it.
    """
    departure = pd.to_datetime(raw["time_hour"], utc=True).dt.tz_convert("America/New_York")
    clock = raw["sched_dep_time"]
    return raw.assign(
        departure_hour=clock // 100 + clock % 100 / 60,
        weekday=departure.dt.weekday.astype("int64"),
    )


def build_pipeline(estimator: BaseEstimator, contract: Contract, scaled: bool) -> Pipeline:
    """Columns to features, features to scores.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns).
    `scaled` is true for estimators that need scaled numbers without gaps (the linear ones).
    Trees get numbers as they are: a scaled float32 could fall on the other side of a split
    than in ONNX.
    """
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    levels = [
        [float(code) for code in range(contract.columns[i].n_codes)] for i in contract.categories
    ]
    columns = ColumnTransformer(
        [
            ("numbers", numbers if scaled else "passthrough", contract.numbers),
            (
                "categories",
                OneHotEncoder(categories=levels, handle_unknown="ignore", sparse_output=False),
                contract.categories,
            ),
        ]
    )
    return Pipeline([("columns", columns), ("model", estimator)])
