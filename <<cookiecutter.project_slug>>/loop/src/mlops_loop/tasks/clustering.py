"""The task `clustering`: the cluster of a row, by its distance to the centres of k-means.

There is no target: `y` are zeros (n_rows,). Scores are distances to the centres (n_rows,
n_clusters), in the space that the model sees, in the order of the contract's `classes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.stage_params import Export, Split, Target, Train
from mlops_loop.statistics import cluster_metrics
from mlops_loop.tasks import cluster_models, cluster_names
from mlops_loop.tasks.cluster_draft import ClusterDraft
from mlops_loop.tasks.cluster_refits import ONE, ClusterRefits
from mlops_loop.tasks.plot import Plot
from mlops_loop.tasks.task import Output, Prediction, Rows, Task, typed_dict

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

Distance = Annotated[float, Field(ge=0)]
FOR_TARGETS = ("class_weight", "calibrate", "early_stopping")


class Clustering(Task):
    """A cluster for each row; its name is a text."""

    name = "clustering"
    metrics = cluster_metrics.METRICS
    skill_metric = "silhouette"
    leak_hint = "Look for rows that repeat, and for a column that makes the clusters alone."
    refits = ClusterRefits()
    names = cluster_names.ClusterNames()
    draft = ClusterDraft()

    def check(self, target: Target, split: Split, train: Train, export: Export) -> None:
        if keys := sorted(target.model_fields_set):
            raise ValueError(f"target.{keys[0]}: {self.name} predicts no column: leave it out")
        if split.strategy == "stratified":
            raise ValueError("split.strategy 'stratified' needs classes: choose random or time")
        for key in FOR_TARGETS:
            if getattr(train, key):
                raise ValueError(f"train.{key} needs a target: leave it out for {self.name}")
        if "threshold" in train.model_fields_set:
            raise ValueError(f"train.threshold is for classes: leave it out for {self.name}")
        if train.select and train.select.by != "pca":
            raise ValueError(f"train.select.by {train.select.by!r} needs a target: take pca")
        for n in (train.grid or {}).get("n_clusters", ()):
            if not isinstance(n, int | float):
                raise ValueError(f"train.grid.n_clusters: {n!r} is no number of clusters")
            if n < 2:
                raise ValueError("train.grid.n_clusters: at least 2 clusters can be told apart")

    def check_model(self, model: BaseEstimator, name: str) -> None:
        cluster_models.check(model, name)

    def make_target(self, rows: pd.DataFrame, target: Target) -> pd.Series:
        import pandas as pd

        return pd.Series(0.0, index=rows.index)

    def contract_facts(self, values: pd.Series, target: Target) -> dict[str, Any]:
        return {"target": "cluster"}

    def encode_target(self, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
        return np.zeros(len(rows))

    def title(self, contract: Contract) -> str:
        return self.name

    def describe_outcomes(self, contract: Contract) -> str:
        return ", ".join(sorted(contract.classes, key=cluster_names.number_of))

    def can_fit(self, y: np.ndarray, contract: Contract) -> bool:
        return len(y) > 1

    def learn_from_validation(
        self, pipeline: Pipeline, contract: Contract, held: Rows, train: Train
    ) -> tuple[Pipeline, Contract]:
        """The names of the clusters, the largest first among the validation rows."""
        labels = cluster_metrics.nearest(raw_scores(pipeline, held[0]))
        sizes = np.bincount(labels, minlength=pipeline[-1].n_clusters)
        if len(sizes) < 2:
            raise UsageError("The model has one cluster. Next: set n_clusters to 2 or more")
        return pipeline, replace(contract, classes=cluster_names.by_size(sizes))

    def constants(self, y: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        """Every row as far from all centres."""
        return {ONE: np.ones(len(contract.classes))}

    def groups(self, scores: np.ndarray, contract: Contract) -> np.ndarray:
        return _names(scores, contract)

    def watched(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        """The distance to the nearest centre, and for the shares those to each centre."""
        return {"score": scores.min(axis=1)} | super().watched(scores, contract)

    def plots(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Plot]:
        labels, order = cluster_metrics.nearest(scores), cluster_names.in_order(contract)
        sizes = np.bincount(labels, minlength=scores.shape[1])[order]
        names = [contract.classes[i] for i in order]
        silhouette = np.sort(cluster_metrics.silhouettes(scores))
        share = np.linspace(0, 1, len(silhouette))
        return {
            "sizes": Plot(
                "Clusters by size", "bar", {"cluster": names, "rows": sizes},
                axes=("cluster", "holdout rows"),
            ),
            "silhouette": Plot(
                "Silhouettes of the holdout", "plot",
                {"share of rows": share, "silhouette": silhouette},
                limits={"xlim": (0, 1), "ylim": (0, 1)},
            ),
        }  # fmt: skip

    def card_text(self, contract: Contract, target: Target) -> str:
        return (
            f"Puts rows into {len(contract.classes)} clusters "
            f"({self.describe_outcomes(contract)}). "
            "A cluster is what k-means finds alike; it has no meaning but that of its profile."
        )

    def decision_rule(self, contract: Contract) -> str:
        return "A row is in the cluster whose centre is nearest."

    def predictions(self, scores: np.ndarray, contract: Contract) -> list[Prediction]:
        names, distances = _names(scores, contract), scores.min(axis=1).tolist()
        return [
            {
                "prediction": name,
                "distance": distance,
                "distances": dict(zip(contract.classes, row, strict=True)),
            }
            for name, distance, row in zip(names, distances, scores.tolist(), strict=True)
        ]

    def columns(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        scores = scores.astype(float)
        distances = {f"distance_{name}": scores[:, i] for i, name in enumerate(contract.classes)}
        return {"prediction": _names(scores, contract), "distance": scores.min(axis=1)} | distances

    def prediction_fields(self, contract: Contract) -> dict[str, Any]:
        meaning = "Distance to the nearest centre, in the space that the model sees."
        return {
            "prediction": Literal[contract.classes],
            "distance": Annotated[Distance, Field(description=meaning)],
            "distances": typed_dict("Distances", dict.fromkeys(contract.classes, Distance)),
        }

    def scores_of(self, prediction: Prediction, contract: Contract) -> list[float]:
        return [prediction["distances"][name] for name in contract.classes]

    def outputs(self, contract: Contract) -> list[Output]:
        distances = Output("distances", "FP64", (len(contract.classes),))
        return [Output("prediction", "BYTES"), Output("distance", "FP64"), distances]

    def outcome(self, value: str | float, contract: Contract) -> None:
        """None: of a cluster nothing comes true."""

    def allowed_outcomes(self, contract: Contract) -> str:
        return "none, since no outcome of a cluster ever comes true"

    def headline(self, prediction: Prediction, contract: Contract) -> str:
        return prediction["prediction"]

    def explained(self, scores: np.ndarray) -> np.ndarray:
        """Distances to the centre that is nearest to the first row."""
        return scores[:, int(scores[0].argmin())]

    def explained_name(self, prediction: Prediction, contract: Contract) -> str:
        return f"distance to {prediction['prediction']}"

    def describe_change(self, change: float, contract: Contract) -> str:
        return f"{change:+.3g}"


def _names(scores: np.ndarray, contract: Contract) -> np.ndarray:
    return np.array(contract.classes, dtype=object)[cluster_metrics.nearest(scores)]


TASK = Clustering()
