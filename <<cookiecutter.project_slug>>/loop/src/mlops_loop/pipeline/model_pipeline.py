"""The pipeline around an estimator: encoded rows to features, those that are selected, the model.

All that is learned from data is inside, so that nothing is learned from the holdout and serving
loads one object. The estimators themselves are the user's: `estimators.py` of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlops_loop import project, tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import UNSEEN, Contract
from mlops_loop.pipeline import distances, libraries
from mlops_loop.stage_params import Select, Train
from mlops_loop.text import listed

# How estimators want their numbers. Trees get them unscaled: a scaled float32 could fall on the
# other side of a split in ONNX than it did in training.
NUMBERS = {
    "raw": lambda: "passthrough",
    "filled": lambda: SimpleImputer(strategy="median", keep_empty_features=True),
    "scaled": lambda: make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
}


def _one_hot(codes: list[list[float]], numbers: str) -> OneHotEncoder:
    return OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)


def _as_codes(codes: list[list[float]], numbers: str) -> OrdinalEncoder:
    """One column each; an unseen category is a missing value where the model takes those."""
    return OrdinalEncoder(
        categories=codes,
        handle_unknown="use_encoded_value",
        unknown_value=np.nan if numbers == "raw" else int(UNSEEN),
        dtype=np.float32,
    )


# How estimators want their categories; called with the codes by column, and a key of `NUMBERS`.
CATEGORIES = {"one_hot": _one_hot, "codes": _as_codes}


@dataclass(frozen=True)
class Estimator:
    """A model that `train.estimator` may name.

    make: called with `random_state`; returns an estimator with the interface of scikit-learn.
    grid: the values to search where `train.grid` is null.
    numbers: how the model wants its numbers: "raw" with NaN for a missing one, "filled" with the
    median, or "scaled" to mean 0 and standard deviation 1 with the mean for a missing one.
    categories: how the model wants its categories: "one_hot", a column of 0 and 1 for each level,
    or "codes", one column with the position of the level, which suits trees. A missing category is
    a level of its own. An unseen one is no level in "one_hot"; in "codes" it is NaN, or -1 where
    the numbers are not "raw".
    library: "lightgbm", "xgboost", or both as a tuple: the libraries that the model is made of. The
    loop knows their types, and how they become ONNX.
    trusted: for any other library and for own classes, the types that a trained model holds beside
    those of scikit-learn, as "package.module.Type". Read their code before you add one.
    onnx: for the same, called before the conversion to register a converter with skl2onnx; may
    return the newest opset that the converter can write, by domain.
    """

    make: Callable[..., BaseEstimator]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    numbers: str = "raw"
    categories: str = "one_hot"
    library: str | tuple[str, ...] = ()
    trusted: Sequence[str] = ()
    onnx: Callable[[], Mapping[str, int] | None] | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a form or a library that is not known."""
        for key, value, known in (
            ("numbers", self.numbers, NUMBERS),
            ("categories", self.categories, CATEGORIES),
        ):
            if value not in known:
                raise UsageError(
                    f"estimators.py: {key}={value!r} is not known. Choose one of: {listed(known)}."
                )
        libraries.find(self.libraries)
        if isinstance(self.trusted, str) or not all(isinstance(t, str) for t in self.trusted):
            raise UsageError(
                f"estimators.py: trusted={self.trusted!r} must be a list of names, as "
                "['package.module.Type']"
            )

    @property
    def libraries(self) -> tuple[str, ...]:
        """The names in `library`, of which there may be one, several or none."""
        return (self.library,) if isinstance(self.library, str) else tuple(self.library)

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """Full names of the types, beside scikit-learn's, that a file with this model may hold."""
        known = [name for library in libraries.find(self.libraries) for name in library.trusted]
        return (*self.trusted, *known)

    def register_converters(self) -> dict[str, int] | None:
        """Let skl2onnx know the converters; the newest opset by domain, None for any.

        Raises ModuleNotFoundError where a library is missing, UsageError where `onnx` returns
        something else, and what it raises.
        """
        distances.register_converters()
        opsets = [library.register() for library in libraries.find(self.libraries)]
        if self.onnx and (own := self.onnx()):
            if not isinstance(own, Mapping):
                raise UsageError(
                    f"estimators.py: onnx= returned {own!r}. Next: let it return the opset by "
                    'domain, as {"ai.onnx.ml": 3}, or None'
                )
            opsets.append(own)
        return libraries.oldest(opsets) or None


def find_estimator(name: str) -> Estimator:
    """The estimator of the user's `estimators.py`; raises UsageError with the names it has."""
    known = project.estimators()
    if name not in known:
        raise UsageError(
            f"train.estimator = {name!r} is not known. Choose one of: {', '.join(known)}."
        )
    return known[name]


def set_options(model: BaseEstimator, train: Train) -> None:
    """Give a model what `train` says beside its grid; raises UsageError where it cannot do that."""
    for name in ("class_weight", "early_stopping"):
        if value := getattr(train, name):
            if not _can(model, name):
                raise UsageError(f"train.{name}: {train.estimator} cannot do that. Leave it out.")
            model.set_params(**{name: value})


def _can(model: BaseEstimator, option: str) -> bool:
    """Whether a model has it: early stopping by rows that `fit` is given, not by random ones."""
    if option == "early_stopping" and "X_val" not in signature(model.fit).parameters:
        return False
    return option in model.get_params()


def feature_names(contract: Contract, categories: str) -> list[str]:
    """What the model sees without selection: numbers, then categories.

    categories: a key of `CATEGORIES`. Of "one_hot" there is a name for each level.
    """
    columns = [contract.columns[i] for i in contract.categories]
    levels = [(c.name, level) for c in columns for level in [*c.levels, "missing"][: c.n_codes]]
    one_hot = [f"{column} = {level}" for column, level in levels]
    names = [contract.columns[i].name for i in contract.numbers]
    return names + ([c.name for c in columns] if categories == "codes" else one_hot)


def _make_selector(select: Select, n_features: int, contract: Contract, seed: int) -> BaseEstimator:
    if select.keep > n_features:
        raise UsageError(f"train.select.keep = {select.keep}: there are {n_features} features.")
    return SELECTORS[select.by](select.keep, n_features, contract, seed)


def _by_mutual_information(
    keep: int, n_features: int, contract: Contract, seed: int
) -> BaseEstimator:
    discrete = list(range(len(contract.numbers), n_features))
    score = tasks.of(contract).mutual_information()
    return SelectKBest(partial(score, discrete_features=discrete, random_state=seed), k=keep)


def _by_importance(keep: int, n_features: int, contract: Contract, seed: int) -> BaseEstimator:
    forest = tasks.of(contract).forest(max_depth=8, min_samples_leaf=5, random_state=seed)
    return SelectFromModel(forest, threshold=-np.inf, max_features=keep)


def _by_components(keep: int, n_features: int, contract: Contract, seed: int) -> BaseEstimator:
    return PCA(keep, svd_solver="full", random_state=seed)


# By `train.select.by`: called with how many features to keep, of how many, contract, seed.
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
    numbers, categories = forms_of(estimator, select)
    codes = [[float(c) for c in range(contract.columns[i].n_codes)] for i in contract.categories]
    columns = ColumnTransformer(
        [
            ("numbers", NUMBERS[numbers](), contract.numbers),
            ("categories", CATEGORIES[categories](codes, numbers), contract.categories),
        ]
    )
    n_features = len(feature_names(contract, categories))
    selectors = [("select", _make_selector(select, n_features, contract, seed))] if select else []
    model = estimator.make(random_state=seed)
    return Pipeline([("columns", columns), *selectors, ("model", model)])


def forms_of(estimator: Estimator, select: Select | None) -> tuple[str, str]:
    """Keys of `NUMBERS` and `CATEGORIES`: what the model and the selection can both read."""
    if select and select.by == "pca":  # the distance of two codes means nothing
        return "scaled", "one_hot"
    if select and select.by == "mutual_information" and estimator.numbers == "raw":
        return "filled", estimator.categories
    return estimator.numbers, estimator.categories
