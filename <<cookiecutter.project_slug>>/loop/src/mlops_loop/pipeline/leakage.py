"""A look at what should not be known: one column that tells the target nearly perfectly."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlops_loop.errors import DataRefused
from mlops_loop.model.contract import Contract
from mlops_loop.statistics import metrics

MOST_ROWS = 20_000
FLOAT32 = np.finfo(np.float32)


def refuse(train: tuple, held: tuple, contract: Contract, limit: float) -> None:
    """Raise DataRefused for the first column that alone reaches `limit`; 1 looks at none.

    train, held: (x, y) with x (n_rows, n_columns) of `Contract.encode_table`. A tree is fitted on
    at most 20,000 evenly taken rows of `train`, missing values being a value of their own. Its
    score is ROC AUC (one against the rest, macro average), or R2 of ranks for regression; the
    lower of that on both parts counts, as either can be high by luck on few rows.
    """
    if limit >= 1:
        return
    x, y = train
    thin = np.linspace(0, len(x) - 1, min(len(x), MOST_ROWS)).astype(int)
    for i, column in enumerate(contract.columns):
        fitted, other = [np.clip(part[:, [i]], FLOAT32.min, FLOAT32.max) for part in (x, held[0])]
        parts = [(fitted[thin], y[thin]), (other, held[1])]
        if (score := _score(parts, contract, column.kind == "category")) >= limit:
            name = "R2 of ranks" if contract.task == "regression" else "ROC AUC"
            raise DataRefused(
                f"Column {column.name!r} alone tells the target: {name} {score:.4f}, allowed is "
                f"less than {limit:g}. If it is known only after the outcome, drop it from "
                "schema.ModelInput; if it is honest knowledge, raise train.leakage_threshold."
            )


def _score(parts: list[tuple], contract: Contract, is_category: bool) -> float:
    """The lower score on both parts of a tree fitted on the first."""
    if contract.task == "regression":
        # Few leaves cannot follow a long tail. 16 of them leave R2 of ranks below 0.997.
        known = np.sort(parts[0][1])
        parts = [(x, np.searchsorted(known, y) / len(known)) for x, y in parts]
        metric, model, depth = "r2", DecisionTreeRegressor, 6
    else:
        metric, model, depth = "roc_auc", DecisionTreeClassifier, 4
    if is_category:  # codes have no order: every level gets its leaf
        depth = None
    tree = model(max_depth=depth, min_samples_leaf=3, random_state=0).fit(*parts[0])
    predict = tree.predict if contract.task == "regression" else tree.predict_proba
    metric = metrics.find(contract.task, metric)
    return np.min([metric(y, predict(x), contract) for x, y in parts])  # NaN stays NaN
