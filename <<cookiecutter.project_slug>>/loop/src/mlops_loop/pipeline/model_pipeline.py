"""The pipeline around an estimator: encoded rows to features, those that are selected, the model.

All that is learned from data is inside, so that nothing is learned from the holdout and serving
loads one object. The estimators themselves are the user's: `estimators.py` of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import (
    SelectFromModel,
    SelectKBest,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.params import Select

# How estimators want their numbers. Trees get them unscaled: a scaled float32 could fall on the
# other side of a split in ONNX than it did in training.
NUMBERS = {
    "raw": lambda: "passthrough",
    "filled": lambda: SimpleImputer(strategy="median", keep_empty_features=True),
    "scaled": lambda: make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
}


@dataclass(frozen=True)
class Estimator:
    """A model that `train.estimator` may name.

    make: called with `random_state`; returns a scikit-learn estimator.
    grid: the values to search where `train.grid` is null.
    numbers: a key of `NUMBERS`, how the model wants its numbers.
    onnx: called once before a conversion, to register the converter of another library.
    """

    make: Callable[..., BaseEstimator]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    numbers: str = "raw"
    onnx: Callable[[], None] | None = None


def feature_names(contract: Contract) -> list[str]:
    """What the model sees without selection: numbers, then one column for each category."""
    columns = [contract.columns[i] for i in contract.categories]
    levels = [(c.name, level) for c in columns for level in [*c.levels, "missing"][: c.n_codes]]
    return [contract.columns[i].name for i in contract.numbers] + [f"{c} = {v}" for c, v in levels]


def _make_selector(select: Select, contract: Contract, seed: int) -> BaseEstimator:
    names, classify = feature_names(contract), contract.task == "classification"
    if select.keep > len(names):
        raise UsageError(f"train.select.keep = {select.keep}: there are {len(names)} features.")
    if select.by == "pca":
        return PCA(select.keep, svd_solver="full", random_state=seed)
    if select.by == "mutual_information":
        score = mutual_info_classif if classify else mutual_info_regression
        discrete = list(range(len(contract.numbers), len(names)))
        score = partial(score, discrete_features=discrete, random_state=seed)
        return SelectKBest(score, k=select.keep)
    forest = ensemble.ExtraTreesClassifier if classify else ensemble.ExtraTreesRegressor
    forest = forest(max_depth=8, min_samples_leaf=5, random_state=seed)
    return SelectFromModel(forest, threshold=-np.inf, max_features=select.keep)


def build_pipeline(
    estimator: Estimator, contract: Contract, seed: int, select: Select | None = None
) -> Pipeline:
    """Columns to features, those that are selected, and a model.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns), in
    which a missing number is NaN and a category a code. Raises UsageError where `select` keeps
    more features than there are.
    """
    numbers = estimator.numbers
    if select and (select.by == "pca" or (select.by == "mutual_information" and numbers == "raw")):
        numbers = "scaled" if select.by == "pca" else "filled"
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
    selectors = [("select", _make_selector(select, contract, seed))] if select else []
    model = estimator.make(random_state=seed)
    return Pipeline([("columns", columns), *selectors, ("model", model)])
