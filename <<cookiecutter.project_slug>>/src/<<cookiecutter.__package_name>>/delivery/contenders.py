"""Who stands before the gate, and the rows that they are judged on.

`score` is the only way from a bundle to scores, for challenger and champion alike: the same
columns, the same codes, the same predictor as in the container.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..bundle import Bundle
from ..contract import Contract
from ..errors import DataRefused
from .weighted import Sample

TARGET = "_target"
SEEN_BY_CHALLENGER = "_seen_by_challenger"
SEEN_BY_CHAMPION = "_seen_by_champion"
MISSING = "(missing)"


@dataclass(frozen=True)
class Holdout:
    """The rows that both are scored on, and what else is known of them.

    `target` holds class labels or numbers, (n_rows,); `groups` maps a column to the value of
    each row, as text; the masks say which rows a model has seen in training; `id` changes
    with any value of any row, not with their order.
    """

    target: np.ndarray
    groups: Mapping[str, np.ndarray]
    seen_by_challenger: np.ndarray
    seen_by_champion: np.ndarray
    id: str

    def __len__(self) -> int:
        return len(self.target)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, columns: Iterable[str] = ()) -> Holdout:
        """Rows with `_target`, `_seen_by_challenger`, `_seen_by_champion` and the columns.

        Raises DataRefused where a column is missing or a target is.
        """
        needed = [TARGET, SEEN_BY_CHALLENGER, SEEN_BY_CHAMPION, *columns]
        if absent := [name for name in needed if name not in frame]:
            have = ", ".join(map(str, frame.columns))
            raise DataRefused(f"The holdout has no column {', '.join(absent)}. It has: {have}.")
        if empty := int(frame[TARGET].isna().sum()):
            raise DataRefused(f"{empty} holdout rows have no target. Next: make pipeline")
        return cls(
            target=frame[TARGET].to_numpy(),
            groups={name: _as_text(frame[name]) for name in columns},
            seen_by_challenger=frame[SEEN_BY_CHALLENGER].to_numpy(dtype=bool),
            seen_by_champion=frame[SEEN_BY_CHAMPION].to_numpy(dtype=bool),
            id=identity(frame),
        )


def identity(frame: pd.DataFrame) -> str:
    """12 digits that name a set of rows: other values, other digits; the order is irrelevant.

    Reserved columns other than the target do not count.
    """
    data = frame.drop(columns=[SEEN_BY_CHALLENGER, SEEN_BY_CHAMPION], errors="ignore")
    data = data[sorted(data.columns)]
    hashes = np.sort(pd.util.hash_pandas_object(data, index=False).to_numpy())
    names = ",".join(data.columns).encode()
    return hashlib.sha256(names + hashes.tobytes()).hexdigest()[:12]


def _as_text(values: pd.Series) -> np.ndarray:
    text = values.astype(object).where(values.notna(), MISSING)
    return np.array([str(value) for value in text], dtype=object)


@dataclass(frozen=True)
class Contender:
    """A model with its scores: (n_rows, n_classes) probabilities, or (n_rows,) numbers.

    `id` is that of the bundle, `holdout_id` that of the rows which were scored.
    """

    name: str
    id: str
    contract: Contract
    scores: np.ndarray
    holdout_id: str

    def sample(self, target: np.ndarray, rows: np.ndarray | slice = slice(None)) -> Sample:
        """The model on these rows, with the target in the terms of its own contract.

        Raises KeyError with a label that the model does not know.
        """
        if self.contract.task == "regression":
            return Sample(target[rows].astype(float), self.scores[rows], self.contract)
        codes = {label: code for code, label in enumerate(self.contract.classes)}
        y = np.array([codes[str(label)] for label in target[rows]], dtype=int)
        return Sample(y, self.scores[rows], self.contract)


@dataclass(frozen=True)
class Unusable:
    """A model without scores: its bundle cannot be read, or it cannot take these rows."""

    name: str
    reason: str
    kind: Literal["unreadable", "incomparable"]


def score(bundle: Bundle, frame: pd.DataFrame, name: str) -> Contender | Unusable:
    """Scores of a bundle on every row of the frame; never raises for what a bundle may hold."""
    missing = [column for column in bundle.contract.names if column not in frame]
    if missing:
        reason = f"it needs columns that these rows do not have: {', '.join(missing)}"
        return Unusable(name, reason, "incomparable")
    try:
        matrix = bundle.contract.encode_table(frame)
    except (ValueError, TypeError) as error:
        return Unusable(name, f"it cannot take these rows: {_one_line(error)}", "incomparable")
    try:
        scores = np.asarray(bundle.predictor.scores(matrix))
    except Exception as error:  # whatever a damaged model raises is a reason, not a crash
        return Unusable(name, f"it gives no scores: {_one_line(error)}", "unreadable")
    return Contender(name, bundle.id, bundle.contract, scores, identity(frame))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
