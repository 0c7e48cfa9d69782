"""PyTorch trains a network: on a GPU where there is one, else on one thread of the CPU.

NumPy draws the first weights and the order of rows, and nothing else is by chance. So on a CPU the
same seed gives the same bytes, whatever the number of cores; on a GPU last digits may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state, gen_batches, shuffle
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from mlops_loop.pipeline.learners import Layers, Mlp, Rows, batch_of

ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


def runtime() -> str:
    """Version and device, as 'PyTorch 2.15.0 on the CPU'."""
    place = torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"
    return f"PyTorch {torch.__version__} on {place}"


@cache
def _device() -> torch.device:
    """Where this process trains; said once."""
    tqdm.write(f"train: {runtime()}")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TorchLearner:
    """A network like `network`, which is not fitted, for `rows`: see `Learner`."""

    def __init__(self, network: Mlp, rows: Rows):
        self.activation = ACTIVATIONS[network.activation]
        self.alpha, self.batch = network.alpha, batch_of(network, len(rows.x))
        self.rng = check_random_state(network.random_state)
        self.labels = np.unique(rows.y) if isinstance(network, MLPClassifier) else None
        self.x, self.y, self.weight = self._tensors(rows)
        self.coefs, self.intercepts = self._first(network, rows.x.shape[1])
        rate = network.learning_rate_init
        self.adam = torch.optim.Adam([*self.coefs, *self.intercepts], rate)

    def _tensors(self, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        y = rows.y if self.labels is None else np.searchsorted(self.labels, rows.y)
        weight = np.ones(len(y), np.float32) if rows.weight is None else rows.weight
        kind = np.float32 if self._n_outputs() == 1 else np.int64
        arrays = (rows.x, y.astype(kind), weight.astype(np.float32))
        return tuple(torch.tensor(array, device=_device()) for array in arrays)

    def _n_outputs(self) -> int:
        return 1 if self.labels is None or len(self.labels) == 2 else len(self.labels)

    def _first(self, network: Mlp, n_features: int) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and intercepts to begin with, drawn in the order of scikit-learn."""
        inner = np.atleast_1d(network.hidden_layer_sizes).tolist()
        sizes, coefs, intercepts = [n_features, *inner, self._n_outputs()], [], []
        for n_in, n_out in pairwise(sizes):
            bound = np.sqrt((2 if network.activation == "logistic" else 6) / (n_in + n_out))
            coefs.append(self._drawn(bound, (n_in, n_out)))
            intercepts.append(self._drawn(bound, (n_out,)))
        return coefs, intercepts

    def _drawn(self, bound: float, shape: tuple[int, ...]) -> Tensor:
        values = self.rng.uniform(-bound, bound, shape).astype(np.float32)
        return torch.tensor(values, device=_device(), requires_grad=True)

    def _forward(self, x: Tensor) -> Tensor:
        """What the last layer gives, before the logistic function or softmax."""
        for coef, intercept in zip(self.coefs[:-1], self.intercepts[:-1], strict=True):
            x = self.activation(torch.addmm(intercept, x, coef))
        return torch.addmm(self.intercepts[-1], x, self.coefs[-1])

    def _loss(self, x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        found = self._forward(x)
        if self.labels is None:
            losses = (found[:, 0] - y) ** 2 / 2
        elif len(self.labels) == 2:
            losses = functional.binary_cross_entropy_with_logits(found[:, 0], y, reduction="none")
        else:
            losses = functional.cross_entropy(found, y, reduction="none")
        return (losses * weight).sum() / weight.sum()

    @_one_thread()
    def epoch(self) -> float:
        order = torch.tensor(shuffle(np.arange(len(self.x)), random_state=self.rng))
        order, total = order.to(self.x.device), torch.zeros((), device=self.x.device)
        for part in gen_batches(len(order), self.batch):
            at = order[part]
            loss = self._loss(self.x[at], self.y[at], self.weight[at])
            squares = sum(coef.square().sum() for coef in self.coefs)
            loss = loss + self.alpha / 2 * squares / self.weight[at].sum()
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
            total += loss.detach() * len(at)
        return float(total) / len(order)

    @_one_thread()
    @torch.no_grad()
    def loss(self, rows: Rows) -> float:
        return float(self._loss(*self._tensors(rows)))

    def layers(self) -> Layers:
        coefs, intercepts = (
            [each.detach().cpu().numpy().copy() for each in kind]
            for kind in (self.coefs, self.intercepts)
        )
        return Layers(coefs, intercepts)

    @torch.no_grad()
    def go_back(self, layers: Layers) -> None:
        now, before = self.coefs + self.intercepts, layers.coefs + layers.intercepts
        for tensor, array in zip(now, before, strict=True):
            tensor.copy_(torch.tensor(array))

    @_one_thread()
    @torch.no_grad()
    def outputs(self, x: np.ndarray) -> np.ndarray:
        found = self._forward(torch.tensor(x, device=_device()))
        if self.labels is None:
            return found[:, 0].cpu().numpy()
        if len(self.labels) > 2:
            return torch.softmax(found, 1).cpu().numpy()
        second = torch.sigmoid(found).cpu().numpy()
        return np.column_stack([1 - second, second])
