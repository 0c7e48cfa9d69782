"""How many days until it sees a change: deals as of false_alarms.py, changed from day 31 on."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

import numpy as np

from .changed import CHANGES, Change
from .flights import DEALS, N_REFERENCE, Flights, dealt, learn, looks

CALM, WITHIN = 30, 30
FIRST = "2021-01-31"  # the first changed day


@dataclass(frozen=True)
class Delay:
    """Days to the first alarm of what changed, and of the e-detector; infinite where there is none.

    smallest: the shift that the check could have seen on the last day before; None where none.
    """

    days: float
    proven: float
    smallest: float | None


def show(flights: Flights, given: Namespace) -> None:
    """Print the days from a change to the first alarm of what changed."""
    print("\n| change | days are dealt | rows a day | runs | median days to alarm "
          "| found within 30 | e-detector: median days | found | smallest shift, no change |\n"
          "|---|---|---:|---:|---:|---:|---:|---:|---|")  # fmt: skip
    for name, (change, column) in CHANGES.items():
        for how, dealt_how in DEALS.items():
            for per_day in given.per_day:
                rng = np.random.default_rng([given.half, per_day, 7])
                found = [_delay(flights, given.half, how, per_day, change, column, rng)
                         for _ in range(given.runs)]  # fmt: skip
                print(f"| {name} | {dealt_how} | {per_day} | {_cells(found)} |", flush=True)


def _cells(found: list[Delay]) -> str:
    cells = [str(len(found))]
    for days in ([d.days for d in found], [d.proven for d in found]):
        cells += [_median(days), f"{np.isfinite(days).mean():.2f}"]
    seen = [d.smallest for d in found if d.smallest is not None]
    return " | ".join([*cells, f"{np.median(seen):.2f}" if seen else "none"])


def _median(days: list[float]) -> str:
    middle = np.median(days)
    return f"{middle:.1f}" if np.isfinite(middle) else "not found"


def _delay(
    flights: Flights, half: int, how: str, per_day: int, change: Change, column: str,
    rng: np.random.Generator,
) -> Delay:  # fmt: skip
    order = dealt(flights.half(half), how, rng)
    known = flights.take(order[:N_REFERENCE], per_day, rng, "2020-01-01")
    live = flights.take(order[N_REFERENCE:][: CALM + WITHIN], per_day, rng, "2021-01-01")
    reference = learn(known, known, flights.model)
    calm = next(looks(reference, live, first=CALM - 1)).by_name()
    level = calm.get(f"level:{column}") or calm.get(column)
    changed = live.copy()
    change(changed, changed["day"].to_numpy() >= FIRST, rng)
    first = proven = np.inf
    for day, found in enumerate(looks(reference, changed, first=CALM), 1):
        hits = [c for cause in found.causes for c in cause.checks if column in (c.column, c.kind)]
        first = min(first, day if hits else np.inf)
        proven = min(proven, day if found.harm and found.harm.alarm else np.inf)
        if np.isfinite(first) and (column != "loss" or np.isfinite(proven)):
            break
    return Delay(first, proven, level.smallest if level else None)
