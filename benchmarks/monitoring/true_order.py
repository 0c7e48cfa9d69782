"""July to December as they were, by two references: the sample's own, and two months of summer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

import numpy as np
import pandas as pd
from mlops_loop.daily.reference import Reference
from mlops_loop.monitoring.examine import Findings

from .flights import N_LOOKS, N_REFERENCE, PROJECT, Flights, learn, looks


def show(flights: Flights, given: Namespace) -> None:
    """Print what alarmed, and when."""
    days = [day for day in sorted(flights.of_day) if "2013-06" < day[:7] < "2014"]
    rng, own = np.random.default_rng(1), learn(*_sample(flights), flights.model)
    for per_day in given.per_day:
        live = flights.take(days, per_day, rng, "2013-07-01")
        _tell(f"the sample's, {per_day} rows a day from July on", own, live, len(days))
        known = flights.take(days[:N_REFERENCE], per_day, rng, "2013-07-01")
        later = flights.take(days[N_REFERENCE:][:N_LOOKS], per_day, rng, "2013-09-02")
        summer = learn(known, known, flights.model)
        _tell(f"July and August, {per_day} rows a day for 90 days", summer, later, N_LOOKS)


def _sample(flights: Flights) -> list[pd.DataFrame]:
    """Training and holdout of the project."""
    files, contract = PROJECT / "data" / "prepared", flights.model.contract
    parts = [pd.read_parquet(files / f"{name}.parquet") for name in ("train", "holdout")]
    late = contract.classes[1]
    return [
        part.assign(
            day=part["_time"].str[:10],
            p=flights.model.predictor.scores(contract.encode_table(part))[:, 1].astype(float),
            y=(part["_target"] == late).astype(int),
        )
        for part in parts
    ]


def _tell(title: str, reference: Reference, live: pd.DataFrame, most: int) -> None:
    found = list(looks(reference, live, most=most))
    n_issues = sum(bool(f.actions.issues) for f in found)
    n_broken = sum(f.verdict == "broken" for f in found)
    n_proven = sum(bool(f.harm and f.harm.alarm) for f in found)
    limit = found[-1].harm.limit if found[-1].harm else float("nan")
    print(f"\nReference: {title}. Looks: {len(found)}; with an issue: {n_issues}; with broken: "
          f"{n_broken}; e-detector: {n_proven}; limit of the loss: {limit:.3f}.")  # fmt: skip
    _show_alarms(found)
    losses = (live["y"] - live["p"]) ** 2
    week = losses.groupby(live["day"]).mean().rolling(7).mean().dropna()
    print(f"\nRealised Brier score of 7 days: {week.min():.3f} to {week.max():.3f}.")
    blind = [f"{name} ({check.reason})" for name, check in found[-1].blind().items()]
    print(f"Cannot tell at the end: {', '.join(blind) or 'none'}", flush=True)


def _show_alarms(found: Sequence[Findings]) -> None:
    seen: dict[str, list[str]] = {}
    for look in found:
        for cause in look.causes:
            for check in cause.checks:
                seen.setdefault(f"{check.name} ({check.verdict})", []).append(look.date)
    print("\n| check | looks with an alarm | first | last |\n|---|---:|---|---|")
    for name, dates in sorted(seen.items(), key=lambda item: -len(item[1])):
        print(f"| {name} | {len(dates)} | {dates[0]} | {dates[-1]} |")
