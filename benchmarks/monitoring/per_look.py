"""What other rules and tools say of one look: where nothing changed, and where something did.

Each compares two tables: a reference of 10,000 rows, and a window. Of rows that are dealt one by
one, or of whole days that are dealt to one of both (200 rows are of one day, 2,000 of two). The
changes are those of delays.py, on 900 rows that are dealt one by one: days would hide them, as
all of these rules alarm there anyway. They see the model's input and the true outcome.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import peers
from .changed import CHANGES
from .flights import Flights, dealt

SIZES, CHANGED_ROWS, KNOWN_ROWS = (200, 2000), 900, 10_000
Pair = tuple[pd.DataFrame, pd.DataFrame]


def show(flights: Flights, given: Namespace) -> None:
    """Print the share of looks with an alarm: two tables for each Python."""
    for cells in (_same(flights, given), _changed(flights, given)):
        with tempfile.TemporaryDirectory() as place:
            folders = [_written(Path(place) / name, pairs) for name, pairs in cells]
            names = " | ".join(folder.name for folder in folders)
            print(f"\n| rule | {names} |\n|---|{'---:|' * len(folders)}", flush=True)
            for python in [sys.executable, *given.peers]:
                subprocess.run([python, peers.__file__, *map(str, folders)], check=True)


def _same(flights: Flights, given: Namespace) -> Iterator[tuple[str, Iterator[Pair]]]:
    rng = np.random.default_rng(given.half)
    for unit in ("rows", "days"):
        for n in SIZES:
            pairs = (_pair(flights, given.half, unit, n, rng) for _ in range(given.runs))
            yield f"{unit} {n:,}", pairs


def _changed(flights: Flights, given: Namespace) -> Iterator[tuple[str, Iterator[Pair]]]:
    for name in ("nothing", *CHANGES):
        rng = np.random.default_rng([given.half, 5])
        yield name, (_changed_pair(flights, given.half, name, rng) for _ in range(given.runs))


def _changed_pair(flights: Flights, half: int, name: str, rng: np.random.Generator) -> Pair:
    known, new = _pair(flights, half, "rows", CHANGED_ROWS, rng)
    new = new.copy()
    if name in CHANGES:
        CHANGES[name][0](new, np.ones(len(new), dtype=bool), rng)
    return known, new


def _pair(flights: Flights, half: int, unit: str, n: int, rng: np.random.Generator) -> Pair:
    quarter = flights.half(half)[:91]
    if unit == "rows":
        rows = flights.rows[flights.rows["day"].isin(quarter)]
        both = rows.sample(KNOWN_ROWS + n, random_state=rng).reset_index(drop=True)
        return both.iloc[:KNOWN_ROWS], both.iloc[KNOWN_ROWS:]
    order = dealt(quarter, "days", rng)
    known = flights.take(order[:63], 160, rng, "2020-01-01")
    return known, flights.take(order[63 : 63 + max(1, n // 900)], min(n, 1000), rng, "2021-01-01")


def _written(folder: Path, pairs: Iterator[Pair]) -> Path:
    folder.mkdir()
    for look, pair in enumerate(pairs):
        for part, rows in zip(("reference", "window"), pair, strict=True):
            rows.drop(columns=["day", "p"]).to_parquet(folder / f"{look:02d}-{part}.parquet")
    return folder
