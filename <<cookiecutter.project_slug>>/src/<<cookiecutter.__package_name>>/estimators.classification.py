"""The models that `train.estimator` in params.yaml may name. Yours to edit.

Each `Estimator` says how to make the model, which grid to search where params.yaml has none, how
the model wants its numbers, "raw" (missing values as NaN), "filled" or "scaled", and how its
categories: "one_hot", a column for each level, or "codes", one column, for trees. For LightGBM,
XGBoost, PyTorch and own classes see loop/docs/extensions.md.
"""

from __future__ import annotations

from functools import partial

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.pipeline.networks import NetworkClassifier

ESTIMATORS = {
    "linear": Estimator(
        partial(LogisticRegression, max_iter=1000),
        grid={"C": [0.01, 0.1, 1.0, 10.0]},
        numbers="scaled",
    ),
    "hist_gradient_boosting": Estimator(
        # Never early_stopping="auto", which would stop by rows taken at random, whatever the split.
        partial(HistGradientBoostingClassifier, early_stopping=False),
        grid={"learning_rate": [0.03, 0.1], "max_leaf_nodes": [8, 31], "min_samples_leaf": [50]},
        numbers="raw",
        categories="codes",
    ),
    "random_forest": Estimator(
        partial(RandomForestClassifier, n_jobs=-1),
        grid={"n_estimators": [100], "min_samples_leaf": [5, 20], "max_features": ["sqrt", 0.5]},
        numbers="filled",
    ),
    "mlp": Estimator(
        NetworkClassifier,
        grid={"hidden_layer_sizes": [(64,), (64, 32)], "alpha": [0.3, 1.0, 3.0]},
        numbers="scaled",
    ),
}
