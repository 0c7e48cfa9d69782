"""Volume: are there far fewer or far more rows than usual on this day of the week?

A day is compared with 28 days that ended a week before, so that a new level counts as usual after a
week only. On a log scale a day is its weekday's mean and a normal error: the limits are those of a
new observation in a one-way layout (Montgomery, Peck and Vining 2012, ISBN
978-0-470-54281-1, section 2.5, with 7 groups), Student's t with K - 7 degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlops_loop.monitoring.runs import Watched

WEEK, REFERENCE, GAP = 7, 28, 7  # days
LEAST = 21  # days of the reference: three of each weekday
ROW = 2  # days that an alarm takes
HALF = 0.5  # of a row, so that a day without rows has a logarithm


@dataclass(frozen=True)
class Usual:
    """What a day may have. centre, error: on the log scale, of a new day; freedom: of t."""

    centre: float
    error: float
    freedom: int


def usual(counts: np.ndarray) -> Usual:
    """Of the day that comes GAP + 1 days after the last of these consecutive days.

    counts: rows of LEAST days or more, (n_days,). The error is at least that of independent rows.
    """
    logs = np.log(counts + HALF)
    weekday = (len(logs) + GAP - np.arange(len(logs))) % WEEK  # 0: that of the new day
    sizes = np.bincount(weekday, minlength=WEEK)
    means = np.bincount(weekday, logs, minlength=WEEK) / sizes
    freedom = len(logs) - WEEK
    own = ((logs - means[weekday]) ** 2).sum() / freedom
    variance = max(own, 1 / max(math.exp(means[0]), 1.0))
    return Usual(float(means[0]), math.sqrt(variance * (1 + 1 / sizes[0])), freedom)


def watch_volume(rows: np.ndarray, alpha: float, material: float, least: int) -> Watched:
    """Of days that follow each other; those before the first row are left out of the reference.

    rows: of all models, (n_days,). alpha: of a day. material: share of the usual rows whose loss
    matters; as many times more matter, too (0.5: half, or twice). least: smaller differences of
    rows do not matter. A day without any row is the check `traffic`.
    """
    n, filled = len(rows), np.flatnonzero(rows)
    start = int(filled[0]) if len(filled) else n
    parts = np.full((4, n), np.nan)  # expected, low, high, p
    for day in range(max(n - REFERENCE, start + GAP + LEAST), n):
        known = rows[max(start, day - GAP - REFERENCE) : day - GAP]
        parts[:, day] = _limits(usual(known), rows[day], alpha, material, least)
    values = np.where(rows > 0, rows, np.nan)
    expected, low, high, p = parts
    return Watched(
        "volume", values, expected, low, high, p, rows, material * expected, ROW,
        _reason(rows, start),
    )  # fmt: skip


def _limits(
    known: Usual, rows: float, alpha: float, material: float, least: int
) -> tuple[float, float, float, float]:
    expected = math.exp(known.centre) - HALF
    certain = -float(special.stdtrit(known.freedom, alpha / 2)) * known.error
    reach = max(certain, -math.log1p(-material))
    low, high = (math.exp(known.centre + sign * reach) - HALF for sign in (-1, 1))
    z = abs(math.log(rows + HALF) - known.centre) / known.error
    p = min(1.0, 2 * float(special.stdtr(known.freedom, -z)))
    return expected, min(low, expected - least), max(high, expected + least), p


def _reason(rows: np.ndarray, start: int) -> str:
    if len(rows) and not rows[-1]:
        return "no row at all: see traffic"
    return f"{len(rows) - start} days with rows are known, {GAP + LEAST + 1} are needed"
