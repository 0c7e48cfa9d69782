"""Made rows on which the export proves a model: what a client may send and a holdout may lack.

Each is a held-out row with values replaced as the contract allows, by kind (see `KINDS`). They are
evenly taken and made with a fixed seed, so the same holdout gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mlops_loop.model.contract import UNSEEN, Column, Contract

SEED = 0
ROWS = 50  # made of as many held-out rows for each value
MOST = 2000  # rows of a kind; with many columns or levels fewer held-out rows for each
INTERVALS = 12  # of each number, in which a cut is looked for
PAIRS = 400  # of rows between which a cut is looked for, over all columns
STEPS = 33  # halvings after which any two float32 numbers are neighbours
TINY = 1e-30  # nearer to 0 is made 0: LightGBM takes what is nearer than 1e-35 as 0
LARGEST = float(np.finfo(np.float32).max)

# Kinds of made rows, with their words for messages, in the order in which they are asked.
MISSING, UNSEEN_LEVEL, SEVERAL, LEVEL, END, ZERO, CUT = (
    "missing", "unseen", "several", "level", "end", "zero", "cut"
)  # fmt: skip
KINDS = {
    MISSING: "rows with a missing value",
    UNSEEN_LEVEL: "rows with an unseen category",
    SEVERAL: "rows with several missing or unseen values",
    LEVEL: "rows with each category",
    END: "rows at an end of a range",
    ZERO: "rows with a zero",
    CUT: "rows beside a cut",
}

Scores = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Change:
    """A code that a column can have."""

    column: int
    code: float


def make_probes(x: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
    """By kind, without `CUT`: rows (n_probes, n_columns); kinds without a row are left out.

    x: encoded held-out rows (n_rows, n_columns), at least one.

    - MISSING, UNSEEN_LEVEL: one value missing, or of a category that training did not have.
    - SEVERAL: each column that may be missing or unseen is so with a chance of one half.
    - LEVEL: each category of each column.
    - END: `minimum` and `maximum` of a number, or what it is clipped to; where the contract has
      none, as far beyond the held-out rows as these reach.
    - ZERO: 0 where the range has it, which some models take as missing.
    """
    changes: dict[str, list[Change]] = {MISSING: [], UNSEEN_LEVEL: [], LEVEL: [], END: [], ZERO: []}
    for i, column in enumerate(contract.columns):
        for kind, codes in _codes(column, x[:, i]).items():
            changes[kind] += [Change(i, code) for code in codes]
    made = {kind: _one_changed(x, listed) for kind, listed in changes.items()}
    made[SEVERAL] = _several_changed(x, changes[MISSING] + changes[UNSEEN_LEVEL])
    return {kind: made[kind] for kind in KINDS if len(made.get(kind, ()))}


def _codes(column: Column, values: np.ndarray) -> dict[str, list[float]]:
    """By kind the codes of a column that rows are made with."""
    missing = {MISSING: [column.encode(None)] if column.nullable else []}
    if column.kind == "category":
        levels = [float(code) for code in range(len(column.levels))]
        return missing | {LEVEL: levels, UNSEEN_LEVEL: [] if column.closed else [UNSEEN]}
    low, high = number_range(column, values)
    return missing | {END: [low, high], ZERO: [0.0] if low <= 0 <= high else []}


def number_range(column: Column, values: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest number of a column, see END; values: (n_rows,)."""
    if column.kind == "boolean":
        return 0.0, 1.0
    known = values[np.isfinite(values)].astype(float)
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    width = np.ceil(high - low) or 1.0
    low = low - width if column.minimum is None else column.minimum
    high = high + width if column.maximum is None else column.maximum
    low, high = np.clip([column.encode(low), column.encode(high)], -LARGEST, LARGEST)
    return float(low), float(high)


def _evenly(n: int, most: int) -> np.ndarray:
    """Positions of at most `most` of `n`, evenly taken."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))


def _one_changed(x: np.ndarray, changes: list[Change]) -> np.ndarray:
    """Held-out rows with one change each, at most MOST."""
    if not changes:
        return x[:0]
    changes = [changes[i] for i in _evenly(len(changes), MOST)]
    rows = x[_evenly(len(x), min(ROWS, MOST // len(changes)))]
    made = np.tile(rows, (len(changes), 1))
    columns, codes = ([getattr(c, name) for c in changes] for name in ("column", "code"))
    made[np.arange(len(made)), np.repeat(columns, len(rows))] = np.repeat(codes, len(rows))
    return made


def _several_changed(x: np.ndarray, changes: list[Change]) -> np.ndarray:
    """A row with all changes, and rows with half of them; none where there is one change only."""
    if len(changes) < 2:
        return x[:0]
    made = x[_evenly(len(x), ROWS)].copy()
    chosen = np.random.default_rng(SEED).random((len(made), len(changes))) < 0.5
    chosen[0] = True
    for change, rows in zip(changes, chosen.T, strict=True):
        made[rows, change.column] = change.code
    return made


def beside_cuts(scores: Scores, x: np.ndarray, contract: Contract) -> np.ndarray:
    """Rows on both sides of a number at which `scores` jump, (n_probes, n_columns).

    Between two rows that differ in one number and in their scores, halving finds neighbours in
    float32 with different scores; these are made, and the next number on either side. The model is
    only asked for scores, so it may be of any kind and have any steps before it. An integer is
    rounded away from the cut. At most 4 * PAIRS rows, or 4 for each number.
    """
    numbers = [i for i in contract.numbers if contract.columns[i].kind != "boolean"]
    if not numbers:
        return x[:0]
    pairs = _Pairs.make(x, contract, numbers)
    low, high = pairs.halve(scores)
    return np.concatenate(list(pairs.around(low, high, contract)))


@dataclass(frozen=True)
class _Pairs:
    """Rows in which the number in `columns` is `low` or `high`, as the order of float32 counts."""

    rows: np.ndarray
    columns: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def make(cls, x: np.ndarray, contract: Contract, numbers: list[int]) -> _Pairs:
        each = max(1, PAIRS // len(numbers))
        rows = np.random.default_rng(SEED).integers(len(x), size=each * len(numbers))
        ends = [_intervals(x[:, i], contract.columns[i], each) for i in numbers]
        low, high = _order(np.concatenate(ends, axis=1))
        return cls(x[rows], np.repeat(numbers, each), low, high)

    def at(self, order: np.ndarray) -> np.ndarray:
        """The rows with the numbers at `order`."""
        made = self.rows.copy()
        made[np.arange(len(made)), self.columns] = _number(order)
        return made

    def halve(self, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours between which the scores jump: each time the half that changes more."""
        ends, values = (
            [self.low, self.high],
            [scores(self.at(self.low)), scores(self.at(self.high))],
        )
        for _ in range(STEPS):
            middle = (ends[0] + ends[1]) // 2
            value = scores(self.at(middle))
            right = _change(value, values[1]) > _change(values[0], value)
            ends = [np.where(right, middle, ends[0]), np.where(right, ends[1], middle)]
            values = [_choose(right, value, values[0]), _choose(right, values[1], value)]
        return ends[0], ends[1]

    def around(self, low: np.ndarray, high: np.ndarray, contract: Contract) -> Iterator[np.ndarray]:
        """The rows with each neighbour, and with the next number on either side."""
        whole = np.array([contract.columns[i].kind == "integer" for i in self.columns])
        ways = ((low, np.floor), (low - 1, np.floor), (high, np.ceil), (high + 1, np.ceil))
        for order, away in ways:
            number = _number(np.clip(order, self.low, self.high))
            number = np.where(whole, away(number), number)
            yield self.at(_order(np.where(np.abs(number) < TINY, 0, number)))


def _change(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest change of a score in each row, (n_rows,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.abs(one - other).reshape(len(one), -1).max(axis=1)


def _choose(first: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The rows of `one` where `first`, else those of `other`."""
    return np.where(first.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def _intervals(values: np.ndarray, column: Column, n: int) -> np.ndarray:
    """Ends of n intervals between quantiles of a column and the ends of its range, (2, n)."""
    known = values[np.isfinite(values)]
    inner = np.quantile(known, np.linspace(0, 1, INTERVALS - 1)) if len(known) else []
    low, high = number_range(column, values)
    grid = np.unique([low, *np.clip(inner, low, high), high])
    at = np.arange(n) % max(1, len(grid) - 1)
    return np.array([grid[at], grid[np.minimum(at + 1, len(grid) - 1)]])


def _order(numbers: np.ndarray) -> np.ndarray:
    """The place of float32 numbers among all of them: neighbours are 1 apart, 0 is at 0."""
    bits = np.asarray(numbers, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _number(order: np.ndarray) -> np.ndarray:
    """The float32 number at a place."""
    bits = np.where(order < 0, np.abs(order) | 0x80000000, order)
    return bits.astype(np.uint32).view(np.float32)
