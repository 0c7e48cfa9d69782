"""How often it cries wolf: days are dealt at random, so that nothing changed between them.

One by one, or in weeks whose days stay together; 63 of them are the reference, and 90 looks follow,
one each day. The rules PSI and KS look at every ninth day, against all rows of the reference.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .flights import DEALS, N_LOOKS, N_REFERENCE, Flights, dealt, learn, looks
from .peers import ks_alarm, psi_alarm


@dataclass(frozen=True)
class Run:
    """What 90 looks gave, and whether a simple rule ever alarmed."""

    alarms: list[set[str]]
    issue: bool
    proven: bool
    rules: list[bool]


def show(flights: Flights, given: Namespace) -> None:
    """Print the share of runs of 90 looks with an alarm."""
    print("\n| days are dealt | rows a day | runs | any alarm | an issue | e-detector "
          "| looks with an alarm | PSI > 0.2 | KS, Bonferroni | what alarmed |\n"
          "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")  # fmt: skip
    for how, name in DEALS.items():
        for per_day in given.per_day:
            rng = np.random.default_rng([given.half, per_day])
            runs = [_run(flights, given.half, how, per_day, rng) for _ in range(given.runs)]
            print(f"| {name} | {per_day} | {len(runs)} | {_cells(runs)} |", flush=True)


def _cells(runs: list[Run]) -> str:
    shares = [any(run.alarms) for run in runs], [r.issue for r in runs], [r.proven for r in runs]
    looks = np.mean([np.mean([bool(alarm) for alarm in run.alarms]) for run in runs])
    rules = np.mean([run.rules for run in runs], axis=0)
    names = Counter(name for run in runs for name in set().union(*run.alarms))
    cells = [f"{np.mean(share):.2f}" for share in shares] + [f"{looks:.3f}"]
    cells += [f"{rule:.2f}" for rule in rules]
    return " | ".join([*cells, ", ".join(f"{name} {n}" for name, n in names.most_common(6))])


def _run(flights: Flights, half: int, how: str, per_day: int, rng: np.random.Generator) -> Run:
    order = dealt(flights.half(half), how, rng)
    known = flights.take(order[:N_REFERENCE], per_day, rng, "2020-01-01")
    live = flights.take(order[N_REFERENCE:][:N_LOOKS], per_day, rng, "2021-01-01")
    found = list(looks(learn(known, known, flights.model), live))
    names = flights.model.contract.names
    days = [rows[names] for _, rows in live.groupby("day")][::9]
    return Run(
        [{f"{c.name} {c.window}" for cause in f.causes for c in cause.checks} for f in found],
        any(f.actions.issues for f in found),
        any(f.harm and f.harm.alarm for f in found),
        [any(rule(known[names], rows) for rows in days) for rule in (psi_alarm, ks_alarm)],
    )
