"""What trains a network (see `networks`): scikit-learn here, PyTorch in `torch_learner`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

Mlp: TypeAlias = MLPClassifier | MLPRegressor


@dataclass(frozen=True)
class Rows:
    """Inputs (n_rows, n_features), float32; what `Mlp.fit` takes as y; a weight each, or None."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True)
class Layers:
    """Weights (n_in, n_out) and intercepts (n_out,) of every layer, float32, as `Mlp` has them."""

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]


class Learner(Protocol):
    """Trains one pass over the rows at a time, by Adam (Kingma and Ba 2015).

    First weights (Glorot and Bengio 2010) and the order of rows are those of scikit-learn for the
    same seed.
    """

    def epoch(self) -> float:
        """One pass over all rows, in a new order; their mean loss on the way."""

    def loss(self, rows: Rows) -> float:
        """The mean loss on other rows: log loss, or half the squared error."""

    def layers(self) -> Layers:
        """A copy of the network as it is now."""

    def go_back(self, layers: Layers) -> None:
        """Be the network that `layers` once gave."""

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n_rows, n_classes), or numbers (n_rows,)."""


def outputs(network: Mlp, x: np.ndarray) -> np.ndarray:
    """Probabilities (n_rows, n_classes), or numbers (n_rows,), of a fitted network."""
    classifies = isinstance(network, MLPClassifier)
    return network.predict_proba(x) if classifies else network.predict(x)


def batch_of(network: Mlp, n_rows: int) -> int:
    """Rows of a batch: `batch_size`, of which "auto" is 200 as in scikit-learn, or all."""
    return min(200 if network.batch_size == "auto" else network.batch_size, n_rows)


def classes_of(network: Mlp, rows: Rows) -> dict[str, np.ndarray]:
    """What the first `partial_fit` of a classifier wants beside the rows."""
    return {"classes": np.unique(rows.y)} if isinstance(network, MLPClassifier) else {}


class SklearnLearner:
    """scikit-learn's own training, on one thread: more would wait for each other at this size."""

    def __init__(self, network: Mlp, rows: Rows):
        # With a number scikit-learn shuffles into one and the same order from the second epoch on.
        network.set_params(random_state=check_random_state(network.random_state))
        network.set_params(batch_size=batch_of(network, len(rows.x)))
        self.network, self.rows = network, rows
        self.classes = classes_of(network, rows)

    def epoch(self) -> float:
        with threadpool_limits(1):
            rows, classes = self.rows, self.classes
            self.network.partial_fit(rows.x, rows.y, sample_weight=rows.weight, **classes)
        return float(self.network.loss_)

    def loss(self, rows: Rows) -> float:
        found = self.outputs(rows.x)
        if found.ndim == 1:
            return float(np.mean((found - rows.y) ** 2) / 2)
        chosen = found[np.arange(len(found)), np.searchsorted(self.network.classes_, rows.y)]
        losses = -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
        return float(np.average(losses, weights=rows.weight))

    def layers(self) -> Layers:
        network = self.network
        return Layers([c.copy() for c in network.coefs_], [i.copy() for i in network.intercepts_])

    def go_back(self, layers: Layers) -> None:
        self.network.coefs_, self.network.intercepts_ = layers.coefs, layers.intercepts

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return outputs(self.network, x)
