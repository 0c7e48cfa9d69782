"""Neural networks: multi-layer perceptrons that scikit-learn or PyTorch trains.

Whichever trains, the pipeline keeps a fitted MLPClassifier or MLPRegressor of scikit-learn (see
`plain`), so that export, proof, skops and serving know no other kind, and serving needs no PyTorch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_X_y

from mlops_loop.errors import ExportDisagrees, UsageError
from mlops_loop.pipeline.learners import (
    Layers,
    Learner,
    Mlp,
    Rows,
    SklearnLearner,
    classes_of,
    outputs,
)

INSTALL = "uv add --group pipeline 'mlops-loop[torch]'"
TOLERANCE = 1e-5  # between PyTorch and scikit-learn: of a probability, or relative to the targets
BAR = "epochs: {percentage:3.0f}%|{bar}| {elapsed}"


def _torch(network: Mlp, rows: Rows) -> Learner:
    _require_torch()
    from mlops_loop.pipeline.torch_learner import TorchLearner

    return TorchLearner(network, rows)


LEARNERS: dict[str, Callable[[Mlp, Rows], Learner]] = {"sklearn": SklearnLearner, "torch": _torch}


@dataclass(repr=False, eq=False)
class _Network(BaseEstimator, ABC):
    """Parameters are those of MLPClassifier, with `backend`: "sklearn" or "torch" trains.

    A fit ends after `max_iter` epochs, or where the loss has not fallen by `tol` within
    `n_iter_no_change` epochs: that of the training rows, or with `early_stopping` that of the
    validation rows that `fit` is given, and the best network is kept then.
    """

    hidden_layer_sizes: Any = (64,)
    activation: Literal["identity", "logistic", "tanh", "relu"] = "relu"
    alpha: float = 1.0
    batch_size: int | Literal["auto"] = "auto"
    learning_rate_init: float = 0.001
    max_iter: int = 50
    tol: float = 0.001
    n_iter_no_change: int = 3
    early_stopping: bool = False
    backend: str = "sklearn"
    random_state: int | None = None

    _parameter_constraints = MLPClassifier._parameter_constraints | {
        "backend": [StrOptions(set(LEARNERS))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        X_val: np.ndarray | None = None,  # named as HistGradientBoosting* does
        y_val: np.ndarray | None = None,
        sample_weight_val: np.ndarray | None = None,
    ) -> Any:
        """Train on x (n_rows, n_features), and stop by the loss on `X_val` where it is given.

        Raises ValueError for what cannot be learned from, UsageError without PyTorch, and
        ExportDisagrees where the network that is kept does not answer as the one trained.
        """
        self._validate_params()
        rows = self._rows(x, y)
        held = None if X_val is None else self._held(X_val, y_val, sample_weight_val)
        learner = LEARNERS[self.backend](self._blank(), rows)
        losses = self._train(learner, held)
        self.network_ = _fitted(self._blank(), rows, learner.layers(), losses)
        for known in filter(None, (rows, held)):
            _check_same(self.network_, learner, known.x)
        self._finish(self.network_)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Classes or numbers, (n_rows,)."""
        return self.network_.predict(x)

    def _rows(self, x: np.ndarray, y: np.ndarray) -> Rows:
        if np.isnan(x).any():
            raise ValueError('a network takes no missing value: set numbers="scaled"')
        x, y = check_X_y(x, y, dtype=np.float32)
        weight = getattr(self, "class_weight", None)
        return Rows(x, y, compute_sample_weight(weight, y).astype(np.float32) if weight else None)

    def _held(self, x: np.ndarray, y: Any, weight: np.ndarray | None) -> Rows:
        return Rows(np.asarray(x, np.float32), y, weight)

    def _finish(self, network: Mlp) -> None:
        """What is left to do to a network that is trained."""

    @abstractmethod
    def _blank(self) -> Mlp:
        """A network of scikit-learn with these parameters, not fitted."""

    def _settings(self) -> dict[str, Any]:
        """Parameters that the networks of scikit-learn have too."""
        own = ("backend", "class_weight", "early_stopping")
        return {name: value for name, value in self.get_params().items() if name not in own}

    def _train(self, learner: Learner, held: Rows | None) -> list[float]:
        """Train to the network of the last epoch, with `held` of the best; the losses by epoch."""
        from tqdm import tqdm  # not in a container, which may import this module

        losses, lowest, best = list[float](), math.inf, None
        for _ in tqdm(range(self.max_iter), bar_format=BAR, leave=False, delay=2, disable=None):
            loss = learner.epoch()
            losses.append(loss if held is None else learner.loss(held))
            if not math.isfinite(losses[-1]):
                raise ValueError("the loss grows without end: lower learning_rate_init")
            if held is not None and losses[-1] < lowest:
                lowest, best = losses[-1], learner.layers()
            if self._rests(losses):
                break
        if best:
            learner.go_back(best)
        return losses

    def _rests(self, losses: list[float]) -> bool:
        """Whether the last epochs did not improve on the best one before them."""
        before = losses[: -self.n_iter_no_change]
        return bool(before) and min(losses[len(before) :]) > min(before) - self.tol


@dataclass(repr=False, eq=False)
class NetworkClassifier(ClassifierMixin, _Network):
    """A network for classes: one output and the logistic function for two, else softmax."""

    class_weight: Any = None

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities, (n_rows, n_classes)."""
        return self.network_.predict_proba(x)

    def _blank(self) -> MLPClassifier:
        return MLPClassifier(**self._settings())

    def _finish(self, network: Mlp) -> None:
        self.classes_ = network.classes_


@dataclass(repr=False, eq=False)
class NetworkRegressor(RegressorMixin, _Network):
    """A network for numbers, trained on targets of mean 0 and standard deviation 1.

    So `alpha`, `tol` and `learning_rate_init` do not depend on their unit. The scaling becomes a
    part of the last layer.
    """

    def _blank(self) -> MLPRegressor:
        return MLPRegressor(**self._settings())

    def _rows(self, x: np.ndarray, y: np.ndarray) -> Rows:
        rows = super()._rows(x, y)
        self.mean_, self.scale_ = float(np.mean(y)), float(np.std(y)) or 1.0
        return Rows(rows.x, self._scaled(rows.y))

    def _held(self, x: np.ndarray, y: Any, weight: np.ndarray | None) -> Rows:
        return Rows(np.asarray(x, np.float32), self._scaled(y))

    def _scaled(self, y: np.ndarray) -> np.ndarray:
        return ((y - self.mean_) / self.scale_).astype(np.float32)

    def _finish(self, network: Mlp) -> None:
        last = network.intercepts_[-1].astype(float) * self.scale_ + self.mean_
        network.coefs_[-1] = (network.coefs_[-1].astype(float) * self.scale_).astype(np.float32)
        network.intercepts_[-1] = last.astype(np.float32)


def _fitted(network: Mlp, rows: Rows, layers: Layers, losses: list[float]) -> Mlp:
    """A fitted network with these layers; it cannot be trained further."""
    _, first = np.unique(rows.y, return_index=True)
    classes, batch_size = classes_of(network, rows), network.batch_size
    few = first if classes else first[:1]
    network.set_params(batch_size="auto").partial_fit(rows.x[few], rows.y[few], **classes)
    network.set_params(batch_size=batch_size)  # it has all that a fitted one has by now
    network.coefs_, network.intercepts_ = layers.coefs, layers.intercepts
    network.loss_curve_, network.n_iter_ = losses, len(losses)
    network.loss_, network.best_loss_ = losses[-1], min(losses)
    for name in ("_optimizer", "_best_coefs", "_best_intercepts"):  # of the one step above
        delattr(network, name)
    return network


def _check_same(network: Mlp, learner: Learner, x: np.ndarray) -> None:
    """Raise ExportDisagrees where two forms of a network differ on one of the rows."""
    trained = learner.outputs(x)
    gap = np.abs(outputs(network, x) - trained) / max(1.0, float(np.abs(trained).max()))
    if not (worst := float(gap.max())) <= TOLERANCE:
        raise ExportDisagrees(
            f"The network that is kept differs from the one that was trained by {worst:.2g} on "
            f"one of {len(x):,} rows (allowed {TOLERANCE:g}). Next: train with backend='sklearn', "
            "or with another version of torch"
        )


def plain(model: BaseEstimator) -> BaseEstimator:
    """The network of scikit-learn in a fitted model of this module; any other model as it is."""
    return model.network_ if isinstance(model, _Network) else model


def check_installed(model: BaseEstimator) -> None:
    """Raise UsageError where a model is trained by PyTorch, which is not there."""
    if getattr(model, "backend", "") == "torch":
        _require_torch()


def _require_torch() -> None:
    if not find_spec("torch"):
        raise UsageError(
            "estimators.py: backend='torch' needs PyTorch, which is not installed. Next: "
            f"{INSTALL}, or backend='sklearn'"
        )


def runtime(model: BaseEstimator) -> str:
    """Version and device of PyTorch where it trains this model; empty for another."""
    if not isinstance(model, _Network) or model.backend != "torch":
        return ""
    from mlops_loop.pipeline import torch_learner

    return torch_learner.runtime()
