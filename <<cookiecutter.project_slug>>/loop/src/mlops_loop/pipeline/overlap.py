"""How many rows of the holdout would equal a row of training by chance.

In coarse columns rows repeat though each was drawn by itself. A holdout row whose values have
probability p equals at least one of n other independent rows with probability 1 - (1 - p)**n
(Feller 1968, An Introduction to Probability Theory, section II.3). p is that of a tree: each
column depends on one other at most, the one with which it shares most information (Chow and Liu
1968, doi:10.1109/TIT.1968.1054142). Where columns depend on several others, or have few rows for
each value, p is too low, so that more is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_ROWS = 20_000  # that choose the tree
LEAST = 10  # rows for each pair of values, on average, or a pair tells nothing of two columns
ERRORS = 3.0  # standard errors of the share by chance that count as chance


@dataclass(frozen=True)
class Chance:
    """The share of holdout rows that equal others by chance, and its standard error."""

    share: float
    error: float

    @property
    def upper(self) -> float:
        """What may still be chance."""
        return self.share + ERRORS * self.error


def by_chance(rows: pd.DataFrame, held: pd.Series, columns: list[str]) -> Chance:
    """What `split.overlap` would be, were all rows independent.

    rows: values of `columns`; a missing one is a value, too. held: (n_rows,) True for the holdout,
    which has at least one row, as have the others.
    """
    codes = np.column_stack(
        [pd.factorize(rows[name], use_na_sentinel=False)[0] for name in columns]
    )
    known, asked = codes[~held.to_numpy()], codes[held.to_numpy()]
    p = _probabilities(known, asked)
    expected = -np.expm1(len(known) * np.log1p(-np.minimum(p, 1 - 1e-12)))
    share = float(expected.mean())
    return Chance(share, float(np.sqrt(share * (1 - share) / len(asked))))


def _probabilities(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Of each row of `asked`, (n_asked,), by the tree of `known`; both (n, n_columns) of codes."""
    p = np.ones(len(asked))
    for column, parent in _tree(known).items():
        if parent is None:
            p *= _counts(known[:, column], asked[:, column]) / len(known)
        else:
            both = _joint(known[:, column], known[:, parent], asked[:, column], asked[:, parent])
            of_parent = _counts(known[:, parent], asked[:, parent])
            p *= _counts(*both) / np.maximum(of_parent, 1)
    return p


def _counts(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How often each of `wanted` is among `values`; both are codes from 0 on."""
    return np.bincount(values, minlength=int(wanted.max()) + 1)[wanted]


def _joint(
    a: np.ndarray, b: np.ndarray, other_a: np.ndarray, other_b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of pairs of values, of (a, b) and of (other_a, other_b) alike."""
    width = int(max(b.max(), other_b.max())) + 1
    pairs = np.concatenate([a * width + b, other_a * width + other_b])
    codes = np.unique(pairs, return_inverse=True)[1]
    return codes[: len(a)], codes[len(a) :]


def _tree(known: np.ndarray) -> dict[int, int | None]:
    """By column its parent, parents first; the tree of most information (Prim's algorithm)."""
    thin = known[np.linspace(0, len(known) - 1, min(len(known), MOST_ROWS)).astype(int)]
    left = set(range(1, thin.shape[1]))
    parents: dict[int, int | None] = {0: None}
    best = {column: (_information(thin, column, 0), 0) for column in left}
    while left:
        column = max(left, key=lambda name: (best[name][0], -name))
        left.remove(column)
        information, parent = best[column]
        parents[column] = parent if information > 0 else None
        for name in left:
            best[name] = max(best[name], (_information(thin, name, column), column))
    return parents


def _information(codes: np.ndarray, a: int, b: int) -> float:
    """What two columns tell of each other, in nats; 0 where pairs of values are too rare."""
    width = int(codes[:, b].max()) + 1
    counts = np.unique(codes[:, a] * width + codes[:, b], return_counts=True)[1]
    if len(codes) < LEAST * len(counts):
        return 0.0
    return (
        _entropy(np.bincount(codes[:, a])) + _entropy(np.bincount(codes[:, b])) - _entropy(counts)
    )


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
