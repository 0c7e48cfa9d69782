"""Checks: a window of days against the days of training, each a pure function to a `Check`.

A check alarms where three hold: p < alpha, the shift is material, and the mean of the window lies
outside what days (a window of one) or bootstrapped windows showed in training. So it alarms where
the mean leaves its band, and the wider end of the band is the smallest shift that it can see. In a
window of several days the mean leaves it without its farthest day, too: one odd day is no shift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlops_loop.monitoring.noise import LEAST_ROWS, LEAST_UNITS, Noise

if TYPE_CHECKING:
    from mlops_loop.daily.quantities import Series
    from mlops_loop.daily.spread import Spread

Verdict = Literal["ok", "unknown", "drifted", "degraded", "harmed", "broken"]
WRONG: dict[str, Verdict] = {
    "missing": "broken", "unknown": "broken", "outside": "broken", "level": "drifted",
    "away": "drifted", "mix": "drifted", "score": "drifted", "loss": "harmed",
}  # fmt: skip
# Whose alarm is `degraded`: the service, or what feeds it; see operations.py.
OPERATIONAL = ("volume", "slow", "refused", "errors", "labels", "data")
UPWARDS = ("missing", "unknown", "outside", "loss")  # less of it is no alarm
# Days of the shortest window. A single day may be odd, as one of storm; rain and losses are skewed.
SHORTEST = {"missing": 1, "unknown": 1, "outside": 3, "level": 3, "mix": 3, "score": 3}
SHORTEST |= {"away": 7, "loss": 7}
SEVERAL = 3  # days of a window in which no one day alone may make an alarm
SHARES = ("missing", "unknown", "outside", "away", "mix")


@dataclass(frozen=True)
class Check:
    """The result of one check of one window; shares and ranks in [0, 1], see quantities.py; of a
    volume rows of a day.

    window: days. first, last: dates. rows: in the window. value: mean of the window, of a mix its
    distance from training (square root of the Jensen-Shannon divergence to base 2). expected: in
    training. band: without alarm. effect: the shift, in the direction of the value. p: without
    correction. material: the smallest shift that matters. smallest: the smallest shift that could
    have been seen; None where no possible one could. part: of a mix the level that moved most.
    reason: why the verdict is unknown, or ok beyond the band.
    """

    name: str
    kind: str
    column: str
    window: int
    first: str
    last: str
    verdict: Verdict
    rows: int = 0
    value: float | None = None
    expected: float | None = None
    band: tuple[float, float] | None = None
    effect: float | None = None
    p: float | None = None
    material: float | None = None
    smallest: float | None = None
    part: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Rule:
    """What a check is judged by. alpha: of one look at one window; least_rows: of a window."""

    alpha: float
    material: float
    unit: str = "day"
    least_rows: int = LEAST_ROWS


@dataclass(frozen=True)
class Window:
    """The last days of a history, by place in its series."""

    days: int
    first: str
    last: str
    places: slice


def windows(dates: Sequence[str], lengths: Sequence[int]) -> list[Window]:
    """The windows that end with the last of these consecutive dates; too long ones are left out."""
    return [
        Window(n, dates[len(dates) - n], dates[-1], slice(len(dates) - n, len(dates)))
        for n in lengths
        if n <= len(dates)
    ]


def examine_mean(series: Series, spread: Spread | None, window: Window, rule: Rule) -> Check:
    """One mean of rows against its days in training."""
    empty = _empty(series, window, rule)
    rows, means = series.rows[window.places], series.means[window.places]
    empty = replace(empty, rows=int(rows.sum()))
    if spread is None:
        return replace(empty, reason="training had no such values")
    empty = replace(empty, expected=spread.mean)
    if spread.units < LEAST_UNITS:
        return replace(empty, reason=f"training had {spread.units} {rule.unit}s of {LEAST_UNITS}")
    if window.days < shortest(series.kind, spread, rule.material):
        return replace(empty, reason=f"{window.days} days are too few for what varies so")
    found = _judged(rows, means, spread, rule, series.kind, window.days)
    if rows.sum() < rule.least_rows:
        text = f"{int(rows.sum())} rows of {rule.least_rows}"
        return replace(empty, smallest=found.smallest, reason=text)
    verdict: Verdict = WRONG[series.kind] if found.is_outside else "ok"
    reason = ""
    if found.smallest is None and verdict == "ok":
        verdict, reason = "unknown", "no possible shift could be seen"
    return replace(
        empty, verdict=verdict, value=found.value, band=found.band, p=found.p,
        effect=found.value - spread.mean, smallest=found.smallest, reason=reason,
    )  # fmt: skip


def shortest(kind: str, spread: Spread, material: float) -> int:
    """Days of the shortest window of a check.

    A share of missing values that some day of training had, too, is no news on a single day.
    """
    known = kind == "missing" and spread.ranges[1][1] >= material
    return max(SHORTEST[kind], SEVERAL) if known else SHORTEST[kind]


@dataclass(frozen=True)
class _Judged:
    value: float
    band: tuple[float, float]
    p: float
    smallest: float | None
    is_outside: bool


def _judged(
    rows: np.ndarray, means: np.ndarray, spread: Spread, rule: Rule, kind: str, length: int
) -> _Judged:
    sides, share = (1 if kind in UPWARDS else 2), rule.material / 2
    noise = Noise.of(spread, rule.unit, share * (1 - share) if kind in SHARES else 0.0)
    if not rows.any():
        rows, means = np.full(1, rule.least_rows), np.full(1, spread.mean)
    value = float(noise.weights(rows) @ np.where(rows > 0, means, 0))
    error = noise.standard_error(rows)
    away = max(rule.material, noise.reach(error, rule.alpha, sides))
    low, high = spread.ranges[length]
    band = (min(low, spread.mean - away), max(high, spread.mean + away))
    if sides == 1:
        band = (-math.inf, band[1])
    seen = [band[1] - spread.mean] * (band[1] < 1) + [spread.mean - band[0]] * (band[0] > 0)
    p = noise.p_value(value - spread.mean, error, sides)
    outside = not band[0] <= value <= band[1]
    if outside and length >= SEVERAL:
        least = _without_one(noise, rows, means, upwards=value > spread.mean)
        outside = not band[0] <= least <= band[1]
    shown = (max(band[0], 0.0), min(band[1], 1.0))
    return _Judged(value, shown, p, max(seen, default=None), outside)


def _without_one(noise: Noise, rows: np.ndarray, means: np.ndarray, upwards: bool) -> float:
    """The mean without the day that is farthest in the direction of the shift."""
    known = rows > 0
    if known.sum() < 2:
        return noise.mean
    rows, means = rows[known], means[known]
    kept = np.arange(len(rows)) != (means.argmax() if upwards else means.argmin())
    return float(noise.weights(rows[kept]) @ means[kept])


def examine_mix(
    parts: Sequence[Series], spreads: Mapping[str, Spread], window: Window, rule: Rule
) -> Check:
    """The shares of levels: some level leaves its band, and all together moved by what matters."""
    known = [part for part in parts if part.part in spreads]
    rows = int(parts[0].rows[window.places].sum())
    empty = replace(_empty(parts[0], window, rule), rows=rows, expected=0.0)
    if reason := _why_not_a_mix([spreads[part.part] for part in known], rows, window, rule):
        return replace(empty, reason=reason)
    each, usual = replace(rule, alpha=rule.alpha / len(known), material=0.0), []
    found = []
    for part in known:
        spread, at = spreads[part.part], window.places
        found.append(_judged(part.rows[at], part.means[at], spread, each, "mix", window.days))
        usual.append(spread.mean)
    distance = _distance(np.array([one.value for one in found]), np.array(usual), rows)
    reach = min(_implied(one.smallest, share) for one, share in zip(found, usual, strict=True))
    worst = min(range(len(found)), key=lambda i: found[i].p)
    moved = distance >= rule.material and any(one.is_outside for one in found)
    return replace(
        empty, verdict="drifted" if moved else "ok", value=distance, effect=distance,
        band=(0.0, max(rule.material, reach)), smallest=max(rule.material, reach),
        p=min(1.0, found[worst].p * len(found)), part=known[worst].part,
    )  # fmt: skip


def _why_not_a_mix(spreads: Sequence[Spread], rows: int, window: Window, rule: Rule) -> str:
    if not spreads:
        return "training had no such values"
    if (units := min(spread.units for spread in spreads)) < LEAST_UNITS:
        return f"training had {units} {rule.unit}s of {LEAST_UNITS}"
    if window.days < SHORTEST["mix"]:
        return f"{window.days} days are too few for what varies so"
    return f"{rows} rows of {rule.least_rows}" if rows < rule.least_rows else ""


def _implied(shift: float | None, share: float) -> float:
    """About the distance by which a level with this share moves when it moves by `shift`."""
    if shift is None or not 0 < share < 1:
        return 1.0
    return min(1.0, shift / math.sqrt(8 * share * (1 - share) * math.log(2)))


def _distance(shares: np.ndarray, usual: np.ndarray, rows: int) -> float:
    """Square root of the Jensen-Shannon divergence, less what so few rows would show of it.

    Lin 1991, doi:10.1109/18.61115. The divergence of a sample from its own distribution is about
    (levels - 1) / (8 rows ln 2), a quarter of half of chi square / rows.
    """
    from scipy.special import rel_entr

    p, q = (np.append(x, max(0.0, 1 - x.sum())) for x in (shares, usual))
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2 / math.log(2)
    chance = (len(shares) - 1) / (8 * rows * math.log(2))
    return math.sqrt(max(0.0, divergence - chance))


def _empty(series: Series, window: Window, rule: Rule) -> Check:
    return Check(
        series.name, series.kind, series.column, window.days, window.first, window.last, "unknown",
        material=rule.material,
    )  # fmt: skip


def failed(series: Series, window: Window, rule: Rule, reason: str) -> Check:
    """The result of a check that raised an error."""
    return replace(_empty(series, window, rule), reason=reason)


def grouped(found: Iterator[Series]) -> dict[str, list[Series]]:
    """Series by the name of their check: several of a mix, one of all others."""
    groups: dict[str, list[Series]] = {}
    for series in found:
        groups.setdefault(series.name, []).append(series)
    return groups
