"""How often an interval holds the truth: simulated rows whose true metric is known.

    make bake
    make -C build/flight-delays .venv
    build/flight-delays/.venv/bin/python benchmarks/interval_coverage.py [RUNS]

prints the second part of docs/gate-statistics.md: for every metric that the gate can decide by the
share of nominal 95 % intervals that hold it, made as the loop makes them and, from the same draws,
as estimate +- t * bootstrap standard error. Then the same for the gain of one model over another,
and how often a check of fairness calls two groups unequal that are treated alike.

Classification is binormal with right probabilities (y = 1 shifts a normal score by `shift`), or of
three classes likewise; regression has noise of a given size. Where rows come in days, half of the
variance of the noise is that of the day. The truth is the metric on a million rows.
"""

import math
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from mlops_loop.model.contract import Contract
from mlops_loop.statistics import class_metrics, number_metrics
from mlops_loop.statistics.bootstrap import Bootstrap, Contender, Interval
from mlops_loop.statistics.metrics import Metric
from mlops_loop.statistics.scales import Scale
from scipy import stats
from scipy.special import expit, softmax

RUNS = 250
BOOTSTRAP = Bootstrap(resamples=200, seed=1, confidence=0.95)
TRUTH_ROWS, TRUTH_TIMES = 100_000, 10
CONTRACTS = {
    2: Contract("classification", "late", (), ("no", "yes")),
    3: Contract("classification", "grade", (), ("a", "b", "c")),
    1: Contract("regression", "delay", ()),
}
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, list[np.ndarray]]]


@dataclass(frozen=True)
class Rows:
    """Where rows come from: `draw` gives the truth and the scores of two models of `n` rows."""

    name: str
    classes: int
    n: int
    draw: Draw
    day: int = 0  # rows of a day; 0: independent rows


def noise(rng: np.random.Generator, n: int, day: int) -> np.ndarray:
    """Return standard normal noise, half of its variance common to the rows of a day."""
    if not day:
        return rng.normal(size=n)
    days = rng.normal(size=n // day + 1)[np.arange(n) // day]
    return math.sqrt(0.5) * (days + rng.normal(size=n))


def binary(shift: float, share: float, n: int, day: int = 0, fixed: bool = False) -> Draw:
    """Two models with correlated noise; `fixed`: exactly that share of positives."""

    def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, list[np.ndarray]]:
        y = np.arange(rows) < round(share * rows) if fixed else rng.random(rows) < share
        common, scores = noise(rng, rows, day), []
        for own in rng.normal(size=(2, rows)):
            x = shift * y + math.sqrt(0.9) * common + math.sqrt(0.1) * own
            p = expit(shift * x - shift**2 / 2 + math.log(share / (1 - share)))
            scores.append(np.column_stack([1 - p, p]))
        return y.astype(int), scores

    return draw


def three(shift: float) -> Draw:
    """Three classes with shares of 60, 30 and 10 %."""
    shares = np.array([0.6, 0.3, 0.1])

    def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, list[np.ndarray]]:
        y = rng.choice(3, rows, p=shares)
        common, own = rng.normal(size=(rows, 3)), rng.normal(size=(2, rows, 3))
        seen = shift * np.eye(3)[y] + math.sqrt(0.9) * common + math.sqrt(0.1) * own
        return y, list(softmax(shift * seen + np.log(shares), axis=2))

    return draw


def number(size: float, day: int = 0, tail: float = math.inf) -> Draw:
    """Noise of this size around outcomes of variance 4; of Student's t with `tail` degrees."""

    def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, list[np.ndarray]]:
        y = 2 * rng.normal(size=rows)
        common = noise(rng, rows, day)
        if math.isfinite(tail):
            common = rng.standard_t(tail, rows)
        own = rng.normal(size=(2, rows))
        return y, list(y + size * (math.sqrt(0.9) * common + math.sqrt(0.1) * own))

    return draw


ROWS = [
    Rows("ROC AUC 0.70, 22 % positive", 2, 500, binary(0.75, 0.22, 500)),
    Rows("ROC AUC 0.70, days of 50 rows", 2, 1000, binary(0.75, 0.22, 1000, 50), 50),
    Rows("ROC AUC 0.85, 5 positive", 2, 200, binary(1.5, 0.025, 200, fixed=True)),
    Rows("ROC AUC 0.85, 15 positive", 2, 200, binary(1.5, 0.075, 200, fixed=True)),
    Rows("ROC AUC 0.99, 30 positive", 2, 60, binary(3.29, 0.5, 60, fixed=True)),
    Rows("accuracy 0.99, loss near 0", 2, 60, binary(4.65, 0.5, 60)),
    Rows("accuracy 0.96, days of 25 rows", 2, 1000, binary(3.3, 0.22, 1000, 25), 25),
    Rows("three classes", 3, 150, three(2.0)),
    Rows("R2 0.80", 1, 200, number(1)),
    Rows("R2 0.80, days of 50 rows", 1, 1000, number(1, 50), 50),
    Rows("R2 0.999", 1, 60, number(0.06)),
    Rows("R2 0.99, Student's t with 4", 1, 200, number(0.15, tail=4)),
]


def metrics_of(rows: Rows) -> dict[str, Metric]:
    """Return the metrics of the task."""
    return number_metrics.METRICS if rows.classes == 1 else class_metrics.METRICS


def models(rows: Rows, seed: int, n: int) -> list[Contender]:
    """Draw both models on `n` rows."""
    y, scores = rows.draw(np.random.default_rng([seed, n]), n)
    return [Contender(str(i), str(i), CONTRACTS[rows.classes], y, s) for i, s in enumerate(scores)]


def truths(rows: Rows) -> dict[str, tuple[float, float]]:
    """By metric the value of the first model; the gain over the second one is 0."""
    drawn = [models(rows, 10_000_000 + i, TRUTH_ROWS)[0] for i in range(TRUTH_TIMES)]
    return {
        name: float(np.mean([model.value(metric) for model in drawn]))
        for name, metric in metrics_of(rows).items()
    }


def standard(metric: Metric, *pair: Contender, clusters: np.ndarray | None) -> Interval:
    """Return the old interval, from the same draws: of one number without a range."""

    def whole(*arguments: object) -> np.ndarray:
        return metric.scale.combine(metric.function(*arguments).reshape(len(arguments[3]), -1))

    plain = Metric(metric.name, whole, metric.greater_is_better, metric.unit, Scale())
    return BOOTSTRAP.interval(plain, *pair, clusters=clusters)


def run(position: int, seed: int) -> dict[str, list[Interval]]:
    """By metric new and old interval of a model, and new and old one of a gain; of ROWS."""
    rows = ROWS[position]
    pair = models(rows, seed, rows.n)
    clusters = np.arange(rows.n) // rows.day if rows.day else None
    found = {}
    for name, metric in metrics_of(rows).items():
        kinds = [(make, some) for some in (pair[:1], pair) for make in (interval, standard)]
        found[name] = [make(metric, *some, clusters=clusters) for make, some in kinds]
    return found


def interval(metric: Metric, *pair: Contender, clusters: np.ndarray | None) -> Interval:
    """Return the interval of the loop."""
    return BOOTSTRAP.interval(metric, *pair, clusters=clusters)


def covered(intervals: list[Interval], truth: float) -> str:
    """Return the share that hold the truth in per cent; undefined ones are left out."""
    known = [i for i in intervals if math.isfinite(i.low)]
    if len(known) < len(intervals) / 5:
        return "-"
    hits = [i.low - 1e-12 <= truth <= i.high + 1e-12 for i in known]
    return f"{100 * np.mean(hits):.1f}"


def width(intervals: list[Interval]) -> str:
    """Return the median width."""
    return f"{np.nanmedian([i.high - i.low for i in intervals]):.3g}"


def lines(pool: ProcessPoolExecutor, rows: Rows, runs: int) -> Iterator[tuple[str, ...]]:
    """Return a row of the table for each metric."""
    truth = truths(rows)
    found = list(pool.map(run, [ROWS.index(rows)] * runs, range(runs), chunksize=10))
    for name in metrics_of(rows):
        new, old, gain, old_gain = zip(*(one[name] for one in found), strict=True)
        yield (
            rows.name, f"{rows.n:,}", name, f"{truth[name]:.4g}",
            covered(old, truth[name]), covered(new, truth[name]), width(old), width(new),
            covered(old_gain, 0), covered(gain, 0), width(old_gain), width(gain),
        )  # fmt: skip


def unfair(positives: tuple[int, ...], seed: int) -> list[bool]:
    """Whether the widest gap in recall is called real, by the old interval and by the new one."""
    rng, recall = np.random.default_rng([seed, *positives]), class_metrics.METRICS["recall"]
    found, tests = [], math.comb(len(positives), 2)
    for n in positives:
        y = (np.arange(200) < n).astype(int)
        hit = np.where(rng.random(200) < 0.9, y, 0)
        model = Contender("new", "new", CONTRACTS[2], y, np.eye(2)[hit])
        new = BOOTSTRAP.interval(recall, model, family=tests)
        error = math.sqrt(new.estimate * (1 - new.estimate) / n)
        half = error * stats.t.isf(0.025 / tests, 199)
        old = Interval(new.estimate, new.estimate - half, new.estimate + half, 200)
        found.append((old, new))
    return [is_apart(list(kind)) for kind in zip(*found, strict=True)]


def is_apart(intervals: list[Interval]) -> bool:
    """Whether the widest gap lies above 0."""
    low, high = min(intervals, key=estimate), max(intervals, key=estimate)
    return high.minus(low).low > 0


def estimate(of: Interval) -> float:
    """Return the estimate."""
    return of.estimate


def line(*values: object) -> None:
    """Print a row of a Markdown table."""
    print("|", " | ".join(str(value) for value in values), "|", flush=True)


def main() -> None:
    """Run all on all processors and print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with ProcessPoolExecutor() as pool:
        line(
            "rows are", "n", "metric", "truth", "old holds %", "holds %", "old width", "width",
            "gain: old holds %", "holds %", "old width", "width",
        )  # fmt: skip
        line("---", "---:", "---", *["---:"] * 9)
        for rows in ROWS:
            for cells in lines(pool, rows, runs):
                line(*cells)
    print()
    line("positives in groups of 200 rows", "old calls unfair %", "calls unfair %")
    line("---", "---:", "---:")
    for positives in ((5, 40), (5, 100), (10, 100), (40, 40), (5, 40, 40, 100)):
        apart = np.mean([unfair(positives, seed) for seed in range(runs)], axis=0)
        line(", ".join(map(str, positives)), *(f"{100 * share:.1f}" for share in apart))


if __name__ == "__main__":
    main()
