"""The frame: all bins of a model, and the loss that is watched. It is part of `reference.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.columns import texts
from mlops_loop.daily import bins
from mlops_loop.daily.bins import MISSING, Bins, LevelBins, NumberBins
from mlops_loop.model.contract import Column, Contract
from mlops_loop.tasks import metrics
from mlops_loop.values import text_of

LARGE_LOSS = 0.95  # quantile of the holdout's losses that counts as 1, where losses have no limit


@dataclass(frozen=True)
class Frame:
    """How rows of a model are counted.

    columns: bins by name of a column of the contract. scores: bins by `score_names`. loss: a metric
    of the task, the mean of whose losses is watched; "" where there is none. bound: the loss of a
    row that counts as 1, and so do larger ones; in the unit of the metric. slices: columns whose
    levels are watched each, see slices.py. groups: those that the task makes of rows, whose shares
    are watched; None where it makes none.
    """

    contract: Contract
    columns: Mapping[str, Bins]
    scores: Mapping[str, NumberBins]
    loss: str = ""
    bound: float = 1.0
    slices: tuple[str, ...] = ()
    groups: LevelBins | None = None

    @classmethod
    def learn(
        cls, train: pd.DataFrame, holdout: tuple[np.ndarray, np.ndarray], contract: Contract,
        slices: Iterable[str] = (),
    ) -> Frame:  # fmt: skip
        """From training rows, and `y` and scores of the holdout, as the task gives them.

        slices: columns; those that the model does not take, and numbers, are left out.
        """
        columns = {column.name: _learn(column, train[column.name]) for column in contract.columns}
        y, scores = holdout
        known = {
            name: NumberBins.of(s)
            for name, s in tasks.of(contract).watched(scores, contract).items()
        }
        loss = tasks.of(contract).bounded_loss
        watched = tuple(n for n in dict.fromkeys(slices) if isinstance(columns.get(n), LevelBins))
        bound, groups = _bound(y, scores, contract, loss), _groups(scores, contract)
        return cls(contract, columns, known, loss, bound, watched, groups)

    @property
    def loss_unit(self) -> str:
        """The unit of `loss` and of `bound`; empty for a score."""
        return metrics.find(self.contract.task, self.loss).unit_of(self.contract)

    @cached_property
    def id(self) -> str:
        """The first 12 hex digits of a hash: counts of two frames cannot be added."""
        text = json.dumps(self.as_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def bins(self) -> dict[str, Bins]:
        """All bins by the name of their counts, as `column:temp` and `score`."""
        columns = {f"column:{name}": own for name, own in self.columns.items()}
        return columns | dict(self.scores)

    def watched(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """The numbers of each row that are watched, by name, each (n_rows,)."""
        return tasks.of(self.contract).watched(scores, self.contract)

    def losses(self, y: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The loss of each row as a share of `bound`, (n_rows,), in [0, 1]."""
        return _clipped(_losses(y, scores, self.contract, self.loss), self.bound)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        parts = {"columns": self.columns, "scores": self.scores}
        data = {key: {n: bins.as_json(b) for n, b in part.items()} for key, part in parts.items()}
        more: dict[str, Any] = {}  # where there are neither, the id is as it was
        if self.slices:
            more["slices"] = list(self.slices)
        if self.groups:
            more["groups"] = bins.as_json(self.groups)
        return {**data, "loss": self.loss, "bound": self.bound, **more}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], contract: Contract) -> Frame:
        """Raises KeyError or TypeError where it is not what `as_json` gives."""
        levels = {column.name: bins.levels_of(column) for column in contract.columns}
        columns = {n: bins.from_json(b, levels[n]) for n, b in data["columns"].items()}
        scores = {n: NumberBins(**_tuples(b)) for n, b in data["scores"].items()}
        slices = tuple(data.get("slices", ()))
        known = data.get("groups")
        groups = LevelBins(contract.classes, tuple(known["named"])) if known else None
        return cls(contract, columns, scores, data["loss"], data["bound"], slices, groups)


def _groups(scores: np.ndarray, contract: Contract) -> LevelBins | None:
    found = tasks.of(contract).groups(scores, contract)
    return None if found is None else LevelBins.of(found.tolist(), contract.classes)


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _learn(column: Column, values: pd.Series) -> Bins:
    if bins.is_counted(column):
        return LevelBins.of(as_texts(values), bins.levels_of(column))
    return NumberBins.of(as_floats(values))


def as_floats(values: Any) -> np.ndarray:
    """A column of a table, or a list, as float64; NaN where there is no number."""
    if isinstance(values, pd.Series) and values.dtype.kind not in "biuf":
        values = values.astype(object).where(values.notna(), None).tolist()
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(float)


def as_texts(values: Any) -> list[str | None]:
    """A column of a table, or a list, as texts; None where missing."""
    if not isinstance(values, pd.Series):
        return [(value or None) if type(value) is str else text_of(value) for value in values]
    known = texts(values)
    return known.astype(object).where(known.notna(), None).tolist()


def places_of(bins: Bins, values: Any) -> np.ndarray:
    """The place in the counts of each value of a column of a table, or a list, (n_rows,)."""
    if not isinstance(bins, LevelBins):
        return bins.places(as_floats(values))
    codes, distinct = _distinct_texts(values)
    return np.append(bins.places(distinct), MISSING)[codes]  # the last one is that of code -1


def _distinct_texts(values: Any) -> tuple[np.ndarray, list[str | None]]:
    """The place of the text of each value, (n_rows,), in the distinct texts; -1 where missing."""
    if isinstance(values, pd.Series) and values.dtype != object:
        codes, distinct = pd.factorize(values)
        return codes, as_texts(pd.Series(distinct))
    # Of objects the texts come first: True, 1 and 1.0 are equal, and have three texts.
    codes, known = pd.factorize(np.array(as_texts(values), dtype=object))
    return codes, known.tolist()


def _losses(y: np.ndarray, scores: np.ndarray, contract: Contract, loss: str) -> np.ndarray:
    function = metrics.find(contract.task, loss).losses
    assert function is not None
    return np.asarray(function(y, scores.astype(float)), dtype=float)


def _bound(y: np.ndarray, scores: np.ndarray, contract: Contract, loss: str) -> float:
    """1 where no loss of the metric is larger, else a quantile of the holdout's losses."""
    if not loss or metrics.find(contract.task, loss).highest == 1 or not len(y):
        return 1.0
    quantile = float(np.quantile(_losses(y, scores, contract, loss), LARGE_LOSS))
    return quantile if quantile > 0 else 1.0


def _clipped(losses: np.ndarray, bound: float) -> np.ndarray:
    return np.clip(losses / bound, 0, 1)
