"""What a notebook does with the flights: pandas and scikit-learn alone, without the loop.

`full_data.py` runs this as a program of its own, in the folder of a generated project:

    plain_flights.py whole FORM    read, features, search, fit, score, by time
    plain_flights.py same FORM ... fit to the loop's own training rows, score its holdout

Text columns have one of three forms, the usual ones for boosting in scikit-learn: `one-hot`,
`codes` (OrdinalEncoder, an unseen value is missing) and `native` (`categorical_features`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from flight_delays import features
from flight_delays.schema import ModelInput
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import ParameterGrid, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

NAMES = list(ModelInput.to_schema().columns)
TEXT = ["carrier", "origin", "dest"]
ENCODERS = {
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "codes": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
}


def as_categories(x: pd.DataFrame) -> pd.DataFrame:
    """Text as pandas categories, which the model takes natively and matches by value."""
    return x.astype(dict.fromkeys(TEXT, "category"))


def fit(form: str, values: dict[str, Any], seed: int, x: pd.DataFrame, y: np.ndarray) -> Pipeline:
    """One of the three forms of text, then boosting."""
    model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **values)
    if form == "native":
        return make_pipeline(FunctionTransformer(as_categories), model).fit(x, y)
    columns = ColumnTransformer([("text", ENCODERS[form](), TEXT)], remainder="passthrough")
    return make_pipeline(columns, model).fit(x, y)


def auc(model: Pipeline, x: pd.DataFrame, y: np.ndarray) -> float:
    """Of the class 'late'."""
    return float(metrics.roc_auc_score(y, model.predict_proba(x)[:, 1]))


def whole(form: str, params: dict[str, Any]) -> float:
    """One frame, one Pipeline, the same candidates, folds and metrics as the loop's."""
    raw = pd.concat([pd.read_csv(path) for path in sorted(Path("data/raw").glob("*.csv"))])
    rows = features.model_rows(raw.dropna(subset="arr_delay").sort_values("time_hour"))
    x, y = rows[NAMES], (rows["arr_delay"] > params["target"]["above"]).to_numpy()
    cut, end = (int(len(rows) * share) for share in (0.6, 0.75))
    known, seed, parts = (x[:cut], y[:cut]), params["seed"], params["train"]["folds"]

    def score(values: dict[str, Any]) -> float:
        return sum(
            auc(fit(form, values, seed, x.iloc[early], y[early]), x.iloc[late], y[late])
            for early, late in TimeSeriesSplit(parts).split(x[:cut])
        )

    best = max(ParameterGrid(params["train"]["grid"]), key=score)
    return auc(fit(form, best, seed, *known), x[end:], y[end:])


def same(forms: list[str], params: dict[str, Any]) -> dict[str, float]:
    """By form: the loop's rows, columns, seed, and the one candidate of the grid."""
    parts = [pd.read_parquet(f"data/prepared/{part}.parquet") for part in ("train", "holdout")]
    late = params["target"]["classes"][1]
    train, held = ((rows[NAMES], (rows["_target"] == late).to_numpy()) for rows in parts)
    (values,) = ParameterGrid(params["train"]["grid"])
    return {form: auc(fit(form, values, params["seed"], *train), *held) for form in forms}


def main() -> None:
    """Print the results as JSON."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    what, *forms = sys.argv[1:]
    print(json.dumps(whole(*forms, params) if what == "whole" else same(forms, params)))


if __name__ == "__main__":
    main()
