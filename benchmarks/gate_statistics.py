"""How often the gate decides rightly: simulated pairs of models, next to the naive `>=`.

    make bake
    make -C build/flight-delays .venv
    build/flight-delays/.venv/bin/python benchmarks/gate_statistics.py [RUNS]

prints the first tables of docs/gate-statistics.md. Each run draws a holdout and the scores of a
champion and a challenger whose true difference is known, and asks `gate.decide`. The Monte
Carlo error of a share p is sqrt(p (1 - p) / runs), two times of which is printed.

Models of the simulation: classification is binormal, ROC AUC = Phi(mu / sqrt 2) (Hanley and
McNeil 1982), with correlated noise between the two models; regression has errors of normal
noise, correlated likewise, and RMSE 1. Where rows come in days, a share of the variance of each
model's noise is that of the day.
"""

import itertools
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import pandas as pd
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Comparison
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.resampling import Resampling
from scipy.stats import norm

RUNS = 300
MARGIN = {"classification": 0.01, "regression": 0.02}
METRIC = {"classification": "roc_auc", "regression": "rmse"}
CONTRACTS = {
    "classification": Contract("classification", "late", (), ("no", "yes")),
    "regression": Contract("regression", "delay", ()),
}
CORRELATION = 0.95  # of the noise of two models that learned from the same data
SLICE, DAY = "group", "day"
ROWS_OF_A_DAY, SHARE_OF_THE_DAY = 50, 0.5  # of the variance of noise


@dataclass(frozen=True)
class Cell:
    """One row of the table: a true `gain` (positive is better) on `n` rows."""

    name: str
    task: str
    gain: float
    n: int
    positives: float = 0.22
    slices: int = 0
    mode: str = "non_inferiority"
    days: bool = False  # rows of a day are alike
    cluster: str | None = None  # whose rows are drawn together


def cells() -> list[Cell]:
    """Every situation that the table shows."""
    table = []
    for task, n in itertools.product(METRIC, (500, 2000, 5000)):
        margin = MARGIN[task]
        table += [
            Cell("equal", task, 0, n),
            Cell("worse by the margin", task, -margin, n),
        ]
        if n < 5000:  # with more rows these two are easy to distinguish
            table.append(Cell("worse by two margins", task, -2 * margin, n))
            table.append(Cell("better by two margins", task, 2 * margin, n))
    table += [
        Cell("equal, 2 % positives", "classification", 0, 5000, positives=0.02),
        Cell("worse by two margins, 2 % positives", "classification", -0.02, 5000, 0.02),
        Cell("equal, 20 slices", "classification", 0, 5000, slices=20),
        Cell("equal, superiority asked", "classification", 0, 5000, mode="superiority"),
        Cell(
            "better by two margins, superiority", "classification", 0.02, 5000, mode="superiority"
        ),
    ]
    for task, cluster in itertools.product(METRIC, (None, DAY)):
        kind = f"days of {ROWS_OF_A_DAY} rows, cluster: {cluster or 'null'}"
        for name, gain in (("equal", 0), ("worse by the margin", -MARGIN[task])):
            table.append(Cell(f"{name}, {kind}", task, gain, 5000, days=True, cluster=cluster))
    return table


def days_of(cell: Cell) -> np.ndarray:
    """Return the day of each row."""
    return np.arange(cell.n) // ROWS_OF_A_DAY


def draw(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, and the scores of champion and challenger."""
    noise = rng.normal(size=(2, cell.n))
    if cell.days:
        day = rng.normal(size=(2, cell.n // ROWS_OF_A_DAY + 1))[:, days_of(cell)]
        noise = math.sqrt(SHARE_OF_THE_DAY) * day + math.sqrt(1 - SHARE_OF_THE_DAY) * noise
    other = CORRELATION * noise[0] + math.sqrt(1 - CORRELATION**2) * noise[1]
    if cell.task == "regression":
        truth = rng.normal(scale=2, size=cell.n)
        return truth, truth + noise[0], truth + (1 - cell.gain) * other
    truth = (rng.random(cell.n) < cell.positives).astype(int)
    shift = math.sqrt(2) * norm.ppf([0.70, 0.70 + cell.gain])
    old, new = (norm.cdf(s * truth + e) for s, e in zip(shift, (noise[0], other), strict=True))
    return truth, *(np.column_stack([1 - p, p]) for p in (old, new))


def rules(cell: Cell) -> GatePolicy:
    """Return a policy in which the comparison decides, and slices where the cell has them."""
    metric = METRIC[cell.task]
    better = cell.task == "classification"
    text = {
        "task": cell.task,
        "min_rows": 100,
        "primary": {"metric": metric, "margin": MARGIN[cell.task], "mode": cell.mode},
        "absolute": {metric: 0.01 if better else 100},
        "suspicion": {"too_good": 0.9999 if better else 1e-6, "max_gain": 0.5},
    }
    if cell.slices:
        text["slices"] = {"columns": [SLICE], "metric": metric, "limit": 0.01, "max_loss": 0.05}
    return GatePolicy.model_validate(text)


def judge(cell: Cell, seed: int) -> tuple[gate.Verdict, bool]:
    """Return the verdict on one drawn pair, and whether `>=` would promote."""
    rng = np.random.default_rng(seed)
    truth, *scores = draw(cell, rng)
    contract = CONTRACTS[cell.task]
    old, new = (
        Contender(name, name, contract, truth, s)
        for name, s in zip(("champion", "challenger"), scores, strict=True)
    )
    slices = rng.integers(0, max(cell.slices, 1), cell.n).astype(str)
    rows = pd.DataFrame({SLICE: slices, DAY: days_of(cell)})
    rule = Resampling(resamples=300, seed=seed, cluster=cell.cluster)
    comparison = Comparison(new, old, np.zeros(cell.n, bool), rows, rules(cell), rule)
    metric = comparison.metric(METRIC[cell.task])
    values = [metric(truth, model.scores, contract) for model in (old, new)]
    return gate.decide(comparison), metric.sign * (values[1] - values[0]) >= 0


def judge_again(cell: Cell, seed: int) -> tuple[int, str] | None:
    """Of a pair that is held: how many rows would decide, and the decision on so many new ones."""
    verdict, _ = judge(cell, seed)
    if verdict.decision != "HOLD":
        return None
    more = replace(cell, n=verdict.rows_needed)
    return more.n, judge(more, seed + 1_000_000)[0].decision


def share(hits: list[bool]) -> str:
    """Return a share in per cent with twice its Monte Carlo error."""
    p = sum(hits) / len(hits)
    return f"{100 * p:.0f} ± {200 * math.sqrt(p * (1 - p) / len(hits)):.0f}"


def line(*values: object) -> None:
    """Print a row of a Markdown table."""
    print("|", " | ".join(str(value) for value in values), "|", flush=True)


def main() -> None:
    """Run all cells on all processors and print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with ProcessPoolExecutor() as pool:
        line(
            "task",
            "challenger is",
            "rows",
            "PROMOTE %",
            "REJECT %",
            "HOLD %",
            "naive `>=` promotes %",
        )
        line("---", "---", *["---:"] * 5)
        for cell in cells():
            found = list(pool.map(judge, [cell] * runs, range(runs), chunksize=5))
            decisions = [verdict.decision for verdict, _ in found]
            shares = [share([d == n for d in decisions]) for n in ("PROMOTE", "REJECT", "HOLD")]
            line(cell.task, cell.name, f"{cell.n:,}", *shares, share([naive for _, naive in found]))
        print()
        line(
            "task",
            "challenger is",
            "held on 500 rows",
            "rows named (median)",
            "decided on so many %",
        )
        line("---", "---", *["---:"] * 3)
        for cell in [c for c in cells() if c.n == 500 and c.name == "equal"]:
            found = list(pool.map(judge_again, [cell] * runs, range(runs), chunksize=5))
            held = [pair for pair in found if pair]
            rows = f"{median(n for n, _ in held):,.0f}"
            decided = share([decision != "HOLD" for _, decision in held])
            line(cell.task, cell.name, len(held), rows, decided)


if __name__ == "__main__":
    main()
