"""The counts of a day: whole numbers, so that the halves of a day add up to the day exactly.

By name of the counts:

    rows                  rows, and requests
    column:NAME, score    by bin, see bins.py; score:CLASS where there are several scores
    labelled:SCORE        the same of rows whose true outcome is known
    loss                  rows with an outcome, the sum of their losses and that of the squares, in
                          millionths of the frame's bound
    slice:...             losses and scores of slices, see slices.py
    latency_ms            requests whose latency is known, by LATENCIES_MS
    delay                 outcomes by DELAYS_DAYS, from prediction to report
    refused               requests that were refused, and requests that failed; only where the log
                          says so
    refused:NAME          values of a column that were refused
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from mlops_loop.errors import UsageError

LATENCIES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # upper limits
DELAYS_DAYS = (0, 1, 2, 3, 5, 7, 10, 14, 21, 28)  # upper limits
MILLION = 1_000_000
Counts = tuple[int, ...]


@dataclass(frozen=True)
class Day:
    """The counts of a day (UTC, ISO 8601) in the bins of the frame with the id `frame`."""

    date: str
    frame: str
    counts: Mapping[str, Counts] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)  # rows by model version, of all

    def __add__(self, other: Day) -> Day:
        """Both parts of a day; raises UsageError for parts of different days or frames."""
        if (self.date, self.frame) != (other.date, other.frame):
            raise UsageError(
                f"Counts of {self.date} in frame {self.frame} and of {other.date} in frame "
                f"{other.frame} cannot be added. Next: fold both anew with one bundle"
            )
        return Day(self.date, self.frame, _added(self.counts, other.counts, _sums),
                   _added(self.models, other.models, int.__add__))  # fmt: skip

    @property
    def rows(self) -> int:
        """How many rows were predicted by the model whose rows are counted."""
        return self.counts.get("rows", (0, 0))[0]

    @property
    def total(self) -> int:
        """How many rows were predicted by any model."""
        return max(self.rows, sum(self.models.values()))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        counts = {name: list(values) for name, values in sorted(self.counts.items())}
        data: dict[str, Any] = {"date": self.date, "frame": self.frame, "counts": counts}
        return data | {"models": dict(sorted(self.models.items()))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Day:
        """Raises KeyError or TypeError where it is not what `as_json` gives."""
        counts = {name: tuple(map(int, values)) for name, values in data["counts"].items()}
        return cls(data["date"], data["frame"], counts, dict(data["models"]))


def _sums(one: Counts, other: Counts) -> Counts:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _added(one: Mapping[str, Any], other: Mapping[str, Any], add: Any) -> dict[str, Any]:
    both = {name: add(one[name], other[name]) for name in one.keys() & other.keys()}
    return dict(sorted({**one, **other, **both}.items()))


def merge(days: Iterable[Day]) -> list[Day]:
    """Parts of days as whole days, in the order of dates; raises UsageError as adding does."""
    merged: dict[str, Day] = {}
    for day in days:
        merged[day.date] = merged[day.date] + day if day.date in merged else day
    return [merged[date] for date in sorted(merged)]


def calendar(days: Iterable[Day]) -> list[Day]:
    """Whole days in order, with empty ones for the dates between them that have none.

    Raises UsageError as adding does, ValueError where there is no day.
    """
    known = {day.date: day for day in merge(days)}
    first, last = (date.fromisoformat(end) for end in (min(known), max(known)))
    dates = [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]
    return [known.get(name) or Day(name, known[str(first)].frame) for name in dates]
