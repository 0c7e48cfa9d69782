"""Which days can be judged by their outcomes: those whose labels have come, as is usual here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mlops_loop.daily.bins import NumberBins
from mlops_loop.daily.day import DELAYS_DAYS, Day

MOST, ENOUGH = 0.95, 0.8  # of all labels, and of the usual share of a day's rows


@dataclass(frozen=True)
class Coverage:
    """How outcomes arrive, by day of prediction.

    share: of the rows of these days that have an outcome. wait_days: within which 95 % of the
    outcomes come; None without one. usual: median share of days that are older. mature: the dates
    that count. rank_gap: mean rank of the scores of labelled rows less that of all rows of these
    dates: far from 0, the labelled rows are not like the others.
    """

    share: float = 0.0
    wait_days: int | None = None
    usual: float | None = None
    mature: tuple[str, ...] = ()
    rank_gap: float | None = None


def coverage(days: Sequence[Day], score: str, bins: NumberBins | None) -> Coverage:
    """Of days in the order of dates; ages are those at the end of the last one."""
    rows = np.array([day.rows for day in days], dtype=float)
    labelled = np.array([day.counts.get("loss", (0, 0, 0))[0] for day in days], dtype=float)
    if not labelled.any():
        return Coverage()
    shares = labelled / np.maximum(rows, 1)
    ages = np.array([age(day, days[-1]) for day in days])
    wait = _wait(days, ages)
    old = (ages >= wait) & (rows > 0)
    usual = float(np.median(shares[old])) if old.any() else None
    counts = old & (shares >= ENOUGH * (usual or 0)) & (labelled > 0)
    mature = [day for day, is_mature in zip(days, counts, strict=True) if is_mature]
    gap = _rank_gap(mature, score, bins) if bins else None
    share = float(labelled.sum() / rows.sum())
    return Coverage(share, wait, usual, tuple(day.date for day in mature), gap)


def age(day: Day, last: Day) -> int:
    """Whole days from one to the other."""
    return (date.fromisoformat(last.date) - date.fromisoformat(day.date)).days


def _wait(days: Sequence[Day], ages: np.ndarray) -> int:
    """Days within which 95 % of the outcomes come, by the oldest days: theirs are all in."""
    none = (0,) * (len(DELAYS_DAYS) + 1)
    counts = np.array([day.counts.get("delay", none) for day in days])
    complete = counts[ages >= DELAYS_DAYS[-1]]
    total = (complete if complete.any() else counts).sum(axis=0)
    if not total.any():
        return 0
    place = int(np.searchsorted(np.cumsum(total) / total.sum(), MOST))
    return DELAYS_DAYS[min(place, len(DELAYS_DAYS) - 1)]


def _rank_gap(days: Sequence[Day], score: str, bins: NumberBins) -> float | None:
    none = (0,) * bins.n_counts
    both = [
        np.sum([day.counts.get(name, none) for day in days], axis=0)[1:]
        for name in (f"labelled:{score}", score)
    ] if days else []  # fmt: skip
    if not both or not all(np.sum(counts) for counts in both):
        return None
    labelled, whole = (float(counts @ bins.ranks / counts.sum()) for counts in both)
    return labelled - whole
