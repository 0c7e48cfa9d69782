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
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlops_loop import project, tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.stage_params import Select

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

    make: called with `random_state`; returns an estimator with the interface of scikit-learn.
    grid: the values to search where `train.grid` is null.
    numbers: a key of `NUMBERS`, how the model wants its numbers.
    onnx: for a model of another library, called before the conversion to register its converter
    with skl2onnx; may return the newest opset that the converter can write, by domain.
    """

    make: Callable[..., BaseEstimator]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    numbers: str = "raw"
    onnx: Callable[[], Mapping[str, int] | None] | None = None


def find_estimator(name: str) -> Estimator:
    """The estimator of the user's `estimators.py`; raises UsageError with the names it has."""
    known = project.estimators()
    if name not in known:
        raise UsageError(
            f"train.estimator = {name!r} is not known. Choose one of: {', '.join(known)}."
        )
    return known[name]


def feature_names(contract: Contract) -> list[str]:
    """What the model sees without selection: numbers, then one column for each category."""
    columns = [contract.columns[i] for i in contract.categories]
    levels = [(c.name, level) for c in columns for level in [*c.levels, "missing"][: c.n_codes]]
    return [contract.columns[i].name for i in contract.numbers] + [f"{c} = {v}" for c, v in levels]


def _make_selector(select: Select, contract: Contract, seed: int) -> BaseEstimator:
    n_features = len(feature_names(contract))
    if select.keep > n_features:
        raise UsageError(f"train.select.keep = {select.keep}: there are {n_features} features.")
    return SELECTORS[select.by](select.keep, contract, seed)


def _by_mutual_information(keep: int, contract: Contract, seed: int) -> BaseEstimator:
    discrete = list(range(len(contract.numbers), len(feature_names(contract))))
    score = tasks.of(contract).mutual_information()
    return SelectKBest(partial(score, discrete_features=discrete, random_state=seed), k=keep)


def _by_importance(keep: int, contract: Contract, seed: int) -> BaseEstimator:
    forest = tasks.of(contract).forest(max_depth=8, min_samples_leaf=5, random_state=seed)
    return SelectFromModel(forest, threshold=-np.inf, max_features=keep)


def _by_components(keep: int, contract: Contract, seed: int) -> BaseEstimator:
    return PCA(keep, svd_solver="full", random_state=seed)


# By `train.select.by`: called with how many features to keep, the contract and the seed.
SELECTORS = {
    "mutual_information": _by_mutual_information,
    "importance": _by_importance,
    "pca": _by_components,
}


def build_pipeline(
    estimator: Estimator, contract: Contract, seed: int, select: Select | None = None
) -> Pipeline:
    """Columns to features, those that are selected, and a model.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns), in
    which a missing number is NaN and a category a code. Raises UsageError where `select` keeps
    more features than there are.
    """
    columns = ColumnTransformer(
        [
            ("numbers", NUMBERS[_numbers_of(estimator, select)](), contract.numbers),
            ("categories", _one_hot(contract), contract.categories),
        ]
    )
    selectors = [("select", _make_selector(select, contract, seed))] if select else []
    model = estimator.make(random_state=seed)
    return Pipeline([("columns", columns), *selectors, ("model", model)])


def _numbers_of(estimator: Estimator, select: Select | None) -> str:
    """A key of `NUMBERS`: what the model and the selection can both read."""
    if select and select.by == "pca":
        return "scaled"
    if select and select.by == "mutual_information" and estimator.numbers == "raw":
        return "filled"
    return estimator.numbers


def _one_hot(contract: Contract) -> OneHotEncoder:
    counts = [contract.columns[i].n_codes for i in contract.categories]
    codes = [[float(code) for code in range(n_codes)] for n_codes in counts]
    return OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
