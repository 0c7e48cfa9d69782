"""Frozen bins: what the values of a column are counted in, in training and ever after.

The first count of each column is that of missing values. A number goes on with its bins in order;
the first and the last of them are outside training's range by more than a quarter of it. A category
goes on with levels that training did not know, levels too rare to have a count of their own, and
the named levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlops_loop.model.contract import Column

N_BINS = 20
USUAL_SHARE = 0.5  # a value with a larger share gets a bin, and checks, of its own
BEYOND = 0.25  # of training's range: what is farther out is outside
MOST_LEVELS, RARE = 30, 0.01  # named levels, and the smallest share of one
MISSING, UNKNOWN, OTHER, NAMED = range(4)  # places of counts of a category


@dataclass(frozen=True)
class NumberBins:
    """Bins of a number: `edges` are the inner limits, a bin takes values up to its upper edge.

    shares: of the training rows that are not missing, by bin. usual: the value of more than half of
    them, which has a bin of its own; None where there is no such value.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    usual: float | None = None

    @classmethod
    def of(cls, values: np.ndarray) -> NumberBins:
        """From the values of training rows, (n_rows,), NaN where missing."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls((), (0.0,))
        distinct, counts = np.unique(known, return_counts=True)
        usual = float(distinct[counts.argmax()])
        usual_share = counts.max() / len(known)
        room = BEYOND * (distinct[-1] - distinct[0])
        edges = [np.nextafter(distinct[0] - room, -math.inf), distinct[-1] + room]
        edges += np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1]).tolist()
        if usual_share > USUAL_SHARE:
            edges += [np.nextafter(usual, -math.inf), usual]
        inner = np.unique(np.asarray(edges, dtype=float))
        counted = np.bincount(np.searchsorted(inner, known), minlength=len(inner) + 1)
        shares = tuple((counted / len(known)).tolist())
        return cls(tuple(inner.tolist()), shares, usual if usual_share > USUAL_SHARE else None)

    @property
    def n_counts(self) -> int:
        """Of missing values and of each bin."""
        return len(self.edges) + 2

    @property
    def usual_bin(self) -> int | None:
        """The bin of the usual value."""
        return None if self.usual is None else int(np.searchsorted(self.edges, self.usual))

    @cached_property
    def ranks(self) -> np.ndarray:
        """The middle rank of each bin in training, in [0, 1], without the usual value."""
        shares = np.array(self.shares)
        if self.usual_bin is not None:
            shares[self.usual_bin] = 0
        total = shares.sum()
        return (np.cumsum(shares) - shares / 2) / total if total > 0 else shares + 0.5

    def places(self, values: np.ndarray) -> np.ndarray:
        """The place of each value in the counts, (n_rows,)."""
        found = np.searchsorted(np.asarray(self.edges), values) + 1
        return np.where(np.isnan(values), MISSING, found)


@dataclass(frozen=True)
class LevelBins:
    """Counts of a category: `levels` are all that training knows, `named` those with own counts."""

    levels: tuple[str, ...]
    named: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str | None], levels: Sequence[str]) -> LevelBins:
        """From the texts of training rows; levels with less than a hundredth of them are pooled."""
        known = set(levels)
        values, counts = np.unique([t for t in texts if t in known], return_counts=True)
        shares = dict(zip(values.tolist(), (counts / max(len(texts), 1)).tolist(), strict=True))
        ordered = sorted(shares, key=lambda level: (-shares[level], level))
        return cls(tuple(levels), tuple(n for n in ordered[:MOST_LEVELS] if shares[n] >= RARE))

    @property
    def n_counts(self) -> int:
        """Of missing values, unknown levels, rare levels, and each named level."""
        return NAMED + len(self.named)

    @cached_property
    def _places(self) -> dict[Any, int]:
        places: dict[Any, int] = dict.fromkeys(self.levels, OTHER)
        places |= {name: NAMED + i for i, name in enumerate(self.named)}
        return places | dict.fromkeys((None, ""), MISSING)

    def places(self, texts: Sequence[str | None]) -> np.ndarray:
        """The place of each text in the counts, (n_rows,)."""
        places = self._places
        return np.array([places.get(text, UNKNOWN) for text in texts], dtype=int)


Bins = NumberBins | LevelBins


def levels_of(column: Column) -> tuple[str, ...]:
    """All levels that a column of categories or booleans can have."""
    return ("false", "true") if column.kind == "boolean" else column.levels


def is_counted(column: Column) -> bool:
    """Whether a column has levels, and no ranks."""
    return column.kind in ("category", "boolean")


def as_json(bins: Bins) -> dict[str, Any]:
    """What `reference.json` holds; the levels of a category are in `contract.json`."""
    if isinstance(bins, LevelBins):
        return {"named": list(bins.named)}
    return {"edges": list(bins.edges), "shares": list(bins.shares), "usual": bins.usual}


def from_json(data: Mapping[str, Any], levels: Sequence[str] = ()) -> Bins:
    """Raises KeyError or TypeError where it is not what `as_json` gives."""
    if "named" in data:
        return LevelBins(tuple(levels), tuple(data["named"]))
    return NumberBins(tuple(data["edges"]), tuple(data["shares"]), data["usual"])
