"""Stage 6, `evaluate`: metrics on the holdout with intervals, by slice, plots, and the bundle.

It evaluates the exported model, not the pipeline that was trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import files, paths, tasks
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import load_predictor, load_skops
from mlops_loop.params import Params
from mlops_loop.pipeline import plots, profiles
from mlops_loop.pipeline.assemble import assemble
from mlops_loop.statistics.bootstrap import Contender, Interval
from mlops_loop.statistics.resampling import Resampling, grouped
from mlops_loop.tasks import baselines, metrics
from mlops_loop.tasks.task import Rows

IMPORTANCE_ROWS, IMPORTANCE_REPEATS = 5000, 5


def measure(rows: pd.DataFrame, model: Contender, params: Params) -> dict[str, Any]:
    """All that report, card and bundle say about a model on `rows`.

    `metrics` by name with `n_rows`; `intervals` [low, high] of each; `slices`, see `by_slice`;
    `gaps`, see `widest_gaps`. Intervals hold at the `confidence` each; NaN where undefined.
    """
    whole = metrics.score_all(model.y, model.scores, model.contract)
    own = tasks.find(params.task).gap_metrics
    gap_metrics = list(dict.fromkeys([params.train.scoring, *own]))
    rule = Resampling.of(params.evaluate, params.seed)
    slices = by_slice(rows, model, gap_metrics, params)
    return {
        "metrics": {"n_rows": len(rows), **whole},
        "confidence": params.evaluate.confidence,
        "intervals": intervals(model, list(whole), rule, rule.clusters(rows)),
        "slices": slices,
        "gaps": [gap for name in gap_metrics for gap in widest_gaps(slices, name)],
    }


def intervals(
    model: Contender, names: list[str], rule: Resampling, clusters: np.ndarray | None
) -> dict[str, list[float]]:
    """By metric the bounds of its interval, the same as the gate's on these rows."""
    found = {n: metrics.find(model.contract.task, n) for n in names}
    by_name = {n: rule.interval(metric, model, clusters=clusters) for n, metric in found.items()}
    return {name: [interval.low, interval.high] for name, interval in by_name.items()}


def by_slice(
    rows: pd.DataFrame, model: Contender, names: list[str], params: Params
) -> list[dict[str, Any]]:
    """All metrics for each value of each slice column that has enough rows.

    One record per slice: `column`, `value`, `n_rows`, the metrics, and `intervals` of those in
    `names`. Values with fewer than `evaluate.min_slice_rows` rows have their count alone.
    """
    records, rule = [], Resampling.of(params.evaluate, params.seed)
    clusters = rule.clusters(rows)
    for column in params.evaluate.slices:
        groups = grouped(rows, column).indices
        for value, positions in sorted(groups.items()):
            record = {"column": column, "value": value, "n_rows": len(positions)}
            if len(positions) >= params.evaluate.min_slice_rows:
                alike = None if clusters is None else clusters[positions]
                record |= _of_slice(model.take(positions), names, rule, alike)
            records.append(record)
    return records


def _of_slice(
    part: Contender, names: list[str], rule: Resampling, clusters: np.ndarray | None
) -> dict[str, Any]:
    whole = metrics.score_all(part.y, part.scores, part.contract)
    return whole | {"intervals": intervals(part, names, rule, clusters)}


def widest_gaps(slices: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """By column how far its best and its worst slice are apart in `metric`.

    A record has `column`, `metric`, the two slices as `high` and `low` by value, `gap` and its
    `interval`: the groups are independent of each other. A column without two slices whose metric
    is finite has no record.
    """
    columns = dict.fromkeys(record["column"] for record in slices)
    gaps = (_widest_gap(slices, column, metric) for column in columns)
    return [gap for gap in gaps if gap]


def _widest_gap(slices: list[dict[str, Any]], column: str, metric: str) -> dict[str, Any] | None:
    known = [
        (_interval(record, metric), record["value"])
        for record in slices
        if record["column"] == column and np.isfinite(record.get(metric, np.nan))
    ]
    if len(known) < 2:
        return None
    low, high = (choose(known, key=lambda item: item[0].estimate) for choose in (min, max))
    gap = high[0].minus(low[0])
    record = {"column": column, "metric": metric, "high": high[1], "low": low[1]}
    return record | {"gap": gap.estimate, "interval": [gap.low, gap.high]}


def _interval(record: dict[str, Any], metric: str) -> Interval:
    low, high = record["intervals"][metric]
    return Interval(record[metric], low, high, record["n_rows"])


def importance(
    predict: Callable[[np.ndarray], np.ndarray],
    matrix: np.ndarray,
    model: Contender,
    params: Params,
) -> list[dict[str, Any]]:
    """Permutation importance: by how much shuffling a column spoils the metric of the search.

    Breiman 2001, doi:10.1023/A:1010933404324. matrix: (n_rows, n_columns), of which at most
    5,000 rows are used, evenly taken. A record has `column`, the mean `loss` over five shuffles
    and its `spread` (std), the largest first. Columns that hold the same information share it.
    """
    metric = metrics.find(params.task, params.train.scoring)
    rng = np.random.default_rng(params.seed)
    rows = np.unique(np.linspace(0, len(matrix) - 1, IMPORTANCE_ROWS).astype(int))
    matrix, model = matrix[rows], model.take(rows)
    records = []
    for column, shuffled in zip(model.contract.columns, _shuffled(matrix, rng), strict=True):
        spoiled = [metric(model.y, predict(x), model.contract) for x in shuffled]
        losses = [metric.sign * (model.value(metric) - value) for value in spoiled]
        facts = {"loss": float(np.mean(losses)), "spread": float(np.std(losses))}
        records.append({"column": column.name} | facts)
    return sorted(records, key=lambda record: -record["loss"])


def _shuffled(matrix: np.ndarray, rng: np.random.Generator) -> Iterator[Iterator[np.ndarray]]:
    """For each column the matrix with it shuffled, several times; read each before the next."""
    for i in range(matrix.shape[1]):
        yield (_with_shuffled(matrix, i, rng) for _ in range(IMPORTANCE_REPEATS))


def _with_shuffled(matrix: np.ndarray, column: int, rng: np.random.Generator) -> np.ndarray:
    shuffled = matrix.copy()
    shuffled[:, column] = rng.permutation(matrix[:, column])
    return shuffled


def stability(
    model: Contender, known: baselines.Baselines, rows: pd.DataFrame, params: Params
) -> dict[str, Any] | None:
    """How the model agrees with refits: `estimate`, `interval`, `n_refits`; None without them."""
    rule = Resampling.of(params.evaluate, params.seed)
    value = baselines.agreement(model, known, rule, rule.clusters(rows))
    if value is None or known.refits is None:
        return None
    facts = {"estimate": value.estimate, "interval": [value.low, value.high]}
    return facts | {"n_refits": known.refits.shape[1]}


def _training(contract: Contract) -> Rows:
    rows = files.read_table(paths.TRAIN)
    return contract.encode_table(rows), tasks.of(contract).encode_target(rows, contract)


def run(params: Params) -> None:
    """Write metrics, the report, plots (DVC and SVG) and the bundle."""
    holdout = files.read_table(paths.HOLDOUT)
    contract = Contract.load(files.existing(paths.EXPORTED / "contract.json"))
    predictor, matrix = load_predictor(paths.EXPORTED), contract.encode_table(holdout)
    y = tasks.of(contract).encode_target(holdout, contract)
    model = Contender("challenger", "", contract, y, predictor.scores(matrix))
    result = measure(holdout, model, params)
    result["scoring"] = params.train.scoring
    result["importance"] = importance(predictor.scores, matrix, model, params)
    load = partial(load_skops, paths.TRAINED_PIPELINE)
    known = baselines.fit(_training(contract), matrix, contract, load)
    result["baselines"] = known.measure(y, contract)
    result["stability"] = stability(model, known, holdout, params)
    result["profiles"] = profiles.of(holdout, model)
    files.write_json(result["metrics"], paths.METRICS)
    files.write_json(result, paths.EVALUATION_REPORT)
    metric = metrics.find(params.task, params.train.scoring)
    plots.write_all(model, result["importance"], metric, paths.PLOTS)
    bundle_id = assemble(paths.BUNDLE, holdout, model, known, result, params)
    print(f"evaluate: bundle {bundle_id}, {len(y):,} holdout rows")
    for name, (low, high) in result["intervals"].items():
        unit = metrics.find(params.task, name).unit_of(contract)
        value = f"{result['metrics'][name]:12,.4f}   {low:,.4f} to {high:,.4f} {unit}"
        print(f"  {name:<20} {value}".rstrip())
