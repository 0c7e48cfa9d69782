"""Outcomes: have they stopped coming for days of prediction that are old enough to have them?

The last m days with rows have shares of outcomes that are all lower than in each of the n days
before. Where days are exchangeable, the chance of that is 1 / C(n + m, m): the exact test of
Wilcoxon, Mann and Whitney (1947, doi:10.1214/aoms/1177730491) for samples that do not overlap. So
many days are asked for that it is below alpha.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mlops_loop.daily.day import Day
from mlops_loop.monitoring.labels import Coverage, age
from mlops_loop.monitoring.runs import Watched

REFERENCE, LEAST = 28, 21  # days before the row
FEWEST = 3  # days that an alarm takes


def old_days(days: Sequence[Day], labels: Coverage, least: int) -> list[Day]:
    """Those with `least` rows, so old that nearly all outcomes should have come."""
    wait = labels.wait_days
    if wait is None:
        return []
    return [day for day in days if day.rows >= least and age(day, days[-1]) >= wait]


def watch_outcomes(days: Sequence[Day], alpha: float, material: float) -> Watched:
    """The share of rows with an outcome, of old days in order.

    alpha: of a look. material: share of the lowest usual share whose loss matters.
    """
    rows = np.array([day.rows for day in days], dtype=float)
    labelled = np.array([day.counts.get("loss", (0,))[0] for day in days], dtype=float)
    shares = labelled / np.maximum(rows, 1)
    length, needed = _length(shares, alpha, 1 - material)
    usual = shares[max(0, len(shares) - length - REFERENCE) : len(shares) - length]
    low = (1 - material) * usual.min() if len(usual) >= LEAST else math.nan
    expected, p = float(np.median(usual)) if len(usual) else math.nan, chance(len(usual), length)
    each = np.ones(len(shares))
    return Watched(
        "labels", shares, expected * each, low * each if low else np.nan * each, each, p * each,
        labelled, material * expected * each, needed, _reason(usual),
    )  # fmt: skip


def chance(n: int, m: int) -> float:
    """That all of m exchangeable days are lower than all of n others."""
    return 1 / math.comb(n + m, m)


def _length(shares: np.ndarray, alpha: float, kept: float) -> tuple[int, int]:
    """Of the longest row of low days at the end, else of the shortest that would be an alarm; and
    of the latter."""
    needed = FEWEST
    while needed < len(shares) and chance(_n_usual(shares, needed), needed) >= alpha:
        needed += 1
    for length in range(len(shares) - LEAST, needed - 1, -1):
        usual = shares[max(0, len(shares) - length - REFERENCE) : len(shares) - length]
        if shares[-length:].max() < kept * usual.min():
            return length, needed
    return needed, needed


def _n_usual(shares: np.ndarray, length: int) -> int:
    return min(REFERENCE, len(shares) - length)


def _reason(usual: np.ndarray) -> str:
    if len(usual) < LEAST:
        return f"{len(usual)} days with outcomes to compare with of {LEAST}"
    return "a day of the weeks before had no outcome either"
