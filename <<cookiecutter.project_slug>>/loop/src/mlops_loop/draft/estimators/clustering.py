"""The models that `train.estimator` in params.yaml may name. Yours to edit.

Each `Estimator` says how to make the model, which grid to search where params.yaml has none, and
how the model wants its numbers, "filled" or "scaled". k-means measures distances, so numbers are
scaled, and a category is a column for each level. Other models of clusters are refused: most of
them place no new row, or give no distance to a centre.
"""

from __future__ import annotations

from functools import partial

from sklearn.cluster import KMeans, MiniBatchKMeans

from mlops_loop.pipeline.model_pipeline import Estimator

ESTIMATORS = {
    "k_means": Estimator(
        # The best of several starts: one alone may end in clusters that a retrain does not find.
        partial(KMeans, n_init=10),
        grid={"n_clusters": [2, 3, 4, 5, 6, 7, 8]},
        numbers="scaled",
    ),
    "mini_batch_k_means": Estimator(  # for many rows
        partial(MiniBatchKMeans, n_init=10),
        grid={"n_clusters": [2, 3, 4, 5, 6, 7, 8], "batch_size": [1024]},
        numbers="scaled",
    ),
}
