"""How often the gate decides rightly on clusters: tables of known structure, first and next models.

    make bake ANSWERS=task=clustering
    make -C build/flight-delays .venv
    build/flight-delays/.venv/bin/python benchmarks/gate_clusters.py [RUNS]

prints the tables of docs/gate-statistics.md on clusters. The first table judges a first model: each
run draws a training set and a holdout, fits k-means as a project does, with its refits, and asks
`gate.decide`. The second judges a challenger whose first centre was moved until its silhouette, on
400,000 rows, is lower by a known amount; the distances of each model have noise of their own, as of
models that see other columns. Twice the Monte Carlo error stands beside each share.
"""

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Comparison
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.cluster_metrics import silhouettes
from mlops_loop.statistics.resampling import Resampling
from mlops_loop.tasks.baselines import Baselines
from mlops_loop.tasks.cluster_refits import ClusterRefits
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

RUNS = 100
COLUMNS, TRAINING, MARGIN = 4, 2000, 0.03
HEAPS = 3 * np.eye(3, COLUMNS)  # three heaps in four columns; noise of each column is 1
LARGE, NOISE = 400_000, 0.2  # NOISE: standard deviation of the logarithm of a distance


def independent(n: int, rng: np.random.Generator) -> np.ndarray:
    """Columns that have nothing to do with each other, of normal values."""
    return rng.normal(size=(n, COLUMNS))


def two_valued(n: int, rng: np.random.Generator) -> np.ndarray:
    """Independent columns, of which one has two heaps of its own."""
    rows = rng.normal(size=(n, COLUMNS))
    rows[:, 0] += 8 * (rng.random(n) < 0.5)
    return rows


def correlated(n: int, rng: np.random.Generator) -> np.ndarray:
    """One heap, whose columns go together: each pair of them correlates at 0.6."""
    common = rng.normal(size=(n, 1))
    return math.sqrt(0.6) * common + math.sqrt(0.4) * rng.normal(size=(n, COLUMNS))


def heaps(n: int, rng: np.random.Generator, apart: float = 1.0) -> np.ndarray:
    """Three heaps of equal size, their centres 4.2 times `apart` from each other."""
    return apart * HEAPS[rng.integers(0, 3, n)] + rng.normal(size=(n, COLUMNS))


@dataclass(frozen=True)
class First:
    """One row of the first table: `k` clusters sought in `draw`."""

    name: str
    draw: object
    k: int
    right: str  # what the gate should say


FIRST = [
    First("independent columns", independent, 3, "no"),
    First("independent columns", independent, 6, "no"),
    First("one column of two heaps, the others independent", two_valued, 2, "no"),
    First("one heap, columns correlated at 0.6", correlated, 3, "no"),
    First("three heaps, centres 2.1 deviations apart", partial(heaps, apart=0.5), 3, "yes"),
    First("three heaps, centres 4.2 apart", heaps, 3, "yes"),
    First("three heaps, centres 8.5 apart", partial(heaps, apart=2.0), 3, "yes"),
    First("three heaps 8.5 apart, divided into two", partial(heaps, apart=2.0), 2, "no"),
    First("three heaps 8.5 apart, divided into five", partial(heaps, apart=2.0), 5, "no"),
]


def rules(least_rows: int = 100) -> GatePolicy:
    """Return the comparisons and the stability of the sample's gate, without its other limits."""
    return GatePolicy.model_validate({
        "task": "clustering",
        "min_rows": least_rows,
        "primary": {"metric": "silhouette", "margin": MARGIN},
        "absolute": {"silhouette": 0.01},
        "stability": {"at_least": 0.7},
        "suspicion": {"too_good": 0.999, "max_gain": 0.5},
    })  # fmt: skip


def contender(name: str, scores: np.ndarray) -> Contender:
    """Return a model by its distances to the centres."""
    names = tuple(f"cluster {i + 1}" for i in range(scores.shape[1]))
    contract = Contract("clustering", "cluster", (), names)
    return Contender(name, name, contract, np.zeros(len(scores)), scores)


def judge(cell: First, n: int, seed: int) -> gate.Verdict:
    """Return the verdict on a first model of a drawn table."""
    rng = np.random.default_rng([seed, cell.k, n])
    training, holdout = cell.draw(TRAINING, rng), cell.draw(n, rng)
    model = KMeans(cell.k, n_init=10, random_state=seed)
    with threadpool_limits(1):
        pipeline = make_pipeline(StandardScaler(), model).fit(training)
        refits = ClusterRefits()
        known = Baselines(
            refits.uninformed(pipeline, training, holdout),
            {},
            refits.predictions(pipeline, training, holdout),
        )
    new, rows = contender("challenger", raw_scores(pipeline, holdout)), pd.DataFrame(index=range(n))
    rule = Resampling(resamples=300, seed=seed)
    seen = np.zeros(n, dtype=bool)
    return gate.decide(Comparison(new, None, seen, rows, rules(), rule, baselines=known))


def distances(rows: np.ndarray, moved: float, rng: np.random.Generator) -> np.ndarray:
    """Return distances to the centres of the heaps, the first moved towards the second."""
    centres = 2 * HEAPS
    centres[0] += moved * (centres[1] - centres[0])
    exact = np.linalg.norm(rows[:, None] - centres, axis=2)
    return exact * np.exp(NOISE * rng.normal(size=exact.shape))


@cache
def shift_for(loss: float) -> float:
    """Return how far the first centre moves so that the silhouette is lower by `loss`."""
    rows = heaps(LARGE, np.random.default_rng(0), apart=2.0)

    def value(moved: float) -> float:
        return silhouettes(distances(rows, moved, np.random.default_rng(1))).mean()

    best, (low, high) = value(0), (0.0, 0.5)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if best - value(middle) < loss else (low, middle)
    return low


def judge_next(loss: float, n: int, seed: int) -> tuple[gate.Verdict, bool]:
    """Return the verdict on a challenger, negative `loss` for a better one, and that of `>=`."""
    rng = np.random.default_rng([seed, n])
    rows = heaps(n, rng, apart=2.0)
    moved = [0.0, shift_for(abs(loss)) if loss else 0.0]
    old, new = (distances(rows, m, rng) for m in (moved if loss >= 0 else moved[::-1]))
    models = contender("challenger", new), contender("champion", old)
    seen, table = np.zeros(n, dtype=bool), pd.DataFrame(index=range(n))
    policy = rules().model_copy(update={"stability": None})
    comparison = Comparison(*models, seen, table, policy, Resampling(resamples=300, seed=seed))
    return gate.decide(comparison), silhouettes(new).mean() >= silhouettes(old).mean()


def share(hits: list[bool]) -> str:
    """Return a share in per cent with twice its Monte Carlo error."""
    p = sum(hits) / len(hits)
    return f"{100 * p:.0f} ± {200 * math.sqrt(p * (1 - p) / len(hits)):.0f}"


def line(*values: object) -> None:
    """Print a row of a Markdown table."""
    print("|", " | ".join(str(value) for value in values), "|", flush=True)


def failed(verdicts: list[gate.Verdict], name: str) -> str:
    """Return the share in which a check is not passed."""
    return share([
        any(c.name == name and c.status != "pass" for c in verdict.checks) for verdict in verdicts
    ])  # fmt: skip


def main() -> None:
    """Run all cells on all processors and print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with ProcessPoolExecutor() as pool:
        line("rows are", "k", "holdout rows", "should pass", "PROMOTE %", "REJECT %", "HOLD %",
             "not better than `constant` %", "not stable %")  # fmt: skip
        line("---", *["---:"] * 2, "---", *["---:"] * 5)
        for cell in FIRST:
            for n in (500, 2000):
                found = list(pool.map(partial(judge, cell, n), range(runs), chunksize=2))
                kinds = ("PROMOTE", "REJECT", "HOLD")
                shares = [share([v.decision == kind for v in found]) for kind in kinds]
                refused = failed(found, "against constant"), failed(found, "stability")
                line(cell.name, cell.k, f"{n:,}", cell.right, *shares, *refused)
        print()
        line("challenger is", "rows", "PROMOTE %", "REJECT %", "HOLD %", "naive `>=` promotes %")
        line("---", *["---:"] * 5)
        for name, loss in (
            ("equal", 0.0),
            ("worse by the margin", MARGIN),
            ("worse by two margins", 2 * MARGIN),
            ("better by two margins", -2 * MARGIN),
        ):
            for n in (200, 500, 2000):
                found = list(pool.map(partial(judge_next, loss, n), range(runs), chunksize=10))
                kinds = ("PROMOTE", "REJECT", "HOLD")
                shares = [share([v.decision == kind for v, _ in found]) for kind in kinds]
                line(name, f"{n:,}", *shares, share([naive for _, naive in found]))


if __name__ == "__main__":
    main()
