"""What models of clusters there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_loop.errors import UsageError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

NO_PREDICT = "it cannot place a row that it was not fitted to"
REFUSED = {
    "GaussianMixture": "its probabilities differ in ONNX, and it has no distance to a centre",
    "BayesianGaussianMixture": "its probabilities differ in ONNX, and it has no distance",
    "BisectingKMeans": "it places a row by a tree of splits, and not by the nearest centre",
    "Birch": "it measures distances to subclusters, and ONNX cannot express it",
    "MeanShift": "it gives no distances to its centres",
    "AffinityPropagation": "it gives no distances to its centres",
}


def check(model: BaseEstimator, name: str) -> None:
    """Raise UsageError, with the reason, for a model that gives no distances to centres."""
    kind = type(model).__name__
    lacking = [m for m in ("fit_predict", "predict", "transform") if not hasattr(model, m)]
    reason = REFUSED.get(kind) or (NO_PREDICT if "predict" in lacking else "")
    if not reason and (lacking or "n_clusters" not in model.get_params()):
        reason = "it gives no distances to the centres of clusters"
    if reason:
        raise UsageError(
            f"train.estimator {name!r} is a {kind}: {reason}. Next: choose a KMeans or "
            "MiniBatchKMeans of estimators.py"
        )
