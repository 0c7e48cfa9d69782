"""How far a daily mean strays when nothing is wrong: learned from whole days of training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mlops_loop.daily.quantities import Series

WINDOWS = (1, 3, 7, 28)  # days
SMALL = 0.1  # of the median number of rows: a day with fewer is cut off, as a first or a last one
BLOCK, DRAWS, SEED = 7, 500, 0
DIGITS = 6
STRONGEST = 0.95  # autocorrelation that is taken for one; beyond, no finite history tells


@dataclass(frozen=True)
class Spread:
    """A quantity over `units` days: mean and standard deviation of its daily means.

    rows: harmonic mean of the rows of a day. within: variance of a row inside a day. correlation:
    of a day with the next one, corrected for its bias. ranges: by length of a window in
    days the lowest and the highest mean of one; of a day those of training, of longer ones
    bootstrapped.
    """

    mean: float
    sd: float
    units: int
    rows: float
    within: float
    correlation: float
    ranges: Mapping[int, tuple[float, float]]

    @classmethod
    def of(cls, series: Series, is_ordered: bool = True) -> Spread | None:
        """None where no day has a row. is_ordered: whether a day and the next one may be alike."""
        if not series.rows.any():
            return None
        kept = series.rows >= max(1, SMALL * np.median(series.rows[series.rows > 0]))
        means, rows = series.means[kept], series.rows[kept]
        return cls(
            mean=float(means.mean()),
            sd=float(means.std(ddof=1)) if len(means) > 1 else math.nan,
            units=len(means),
            rows=float(len(rows) / (1 / rows).sum()),
            within=float((series.variances[kept] * rows).sum() / rows.sum()),
            correlation=_correlation(means) if is_ordered else 0.0,
            ranges={length: _range(means, length) for length in WINDOWS},
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values with six significant digits."""
        data = {name: _short(getattr(self, name)) for name in NAMES}
        ranges = {str(k): [_short(v) for v in ends] for k, ends in self.ranges.items()}
        return {**data, "ranges": ranges}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Spread:
        """Raises KeyError or TypeError where it is not what `as_json` gives."""
        ranges = {int(k): (float(low), float(high)) for k, (low, high) in data["ranges"].items()}
        values = {name: data[name] for name in NAMES}
        sd = math.nan if data["sd"] is None else data["sd"]
        return cls(**{**values, "sd": sd}, ranges=ranges)


NAMES = ("mean", "sd", "units", "rows", "within", "correlation")


def _short(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _correlation(means: np.ndarray) -> float:
    """Of neighbours in time, from 0; its bias of -(1 + 3 r) / n is added (Kendall 1954,
    doi:10.1093/biomet/41.3-4.403)."""
    n, centred = len(means), means - means.mean()
    if n < 5 or not (total := (centred**2).sum()):
        return 0.0
    raw = (centred[1:] * centred[:-1]).sum() / total
    return float(np.clip((raw + 1 / n) / (1 - 3 / n), 0, STRONGEST))


def _range(means: np.ndarray, length: int) -> tuple[float, float]:
    """The ends of what a mean of so many days can be, by days that follow each other in blocks.

    The circular block bootstrap (Politis and Romano 1992), 500 draws with a fixed seed.
    """
    if length > 1:
        rng, n_blocks = np.random.default_rng(SEED), -(-length // BLOCK)
        starts = rng.integers(len(means), size=(DRAWS, n_blocks))
        places = starts[:, :, None] + np.arange(BLOCK)
        means = means[places.reshape(DRAWS, -1)[:, :length] % len(means)].mean(axis=1)
    return float(means.min()), float(means.max())
