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
        departure_hour=(clock // 100 + clock % 100 / 60).round(4),
        weekday=departure.dt.day_of_week.astype("int64"),
    )


# How estimators want their numbers. Trees get them unscaled: a scaled float32 could fall on the
# other side of a split in ONNX than it did in training.
NUMBERS = {
    "raw": lambda: "passthrough",
    "filled": lambda: SimpleImputer(strategy="median", keep_empty_features=True),
    "scaled": lambda: make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
}


def build_pipeline(estimator: BaseEstimator, contract: Contract, numbers: str) -> Pipeline:
    """Columns to features, features to scores.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns), in
    which a missing number is NaN and a category a code. `numbers` is a key of `NUMBERS`.
    """
    codes = [
        [float(code) for code in range(contract.columns[i].n_codes)] for i in contract.categories
    ]
    one_hot = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numbers", NUMBERS[numbers](), contract.numbers),
            ("categories", one_hot, contract.categories),
        ]
    )
    return Pipeline([("columns", columns), ("model", estimator)])
