"""Stage 6, `evaluate`: metrics on the holdout with intervals, by slice, plots, and the bundle.

The exported model is what is evaluated, not the pipeline that it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import files, paths
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import load_predictor
from mlops_loop.params import Params
from mlops_loop.pipeline import plots
from mlops_loop.pipeline.assemble import assemble
from mlops_loop.pipeline.derive import encode_target
from mlops_loop.statistics import metrics
from mlops_loop.statistics.bootstrap import Bootstrap, Contender, Interval

CONFIDENCE = 0.95
# Beside the metric of the search: recall is equal opportunity (Hardt et al. 2016).
GAP_METRICS = {"classification": ("recall",), "regression": ("bias",)}
IMPORTANCE_ROWS, IMPORTANCE_REPEATS = 5000, 5


def measure(rows: pd.DataFrame, model: Contender, params: Params) -> dict[str, Any]:
    """All that the report, the card and the bundle tell of a model on `rows`.

    `metrics` by name with `n_rows`; `intervals` [low, high] of each; `slices`, see `by_slice`;
    `gaps`, see `widest_gaps`. Intervals are the bootstrap's, at 95 % each; NaN where undefined.
    """
    whole = metrics.score_all(model.y, model.scores, model.contract)
    gap_metrics = list(dict.fromkeys([params.train.scoring, *GAP_METRICS[params.task]]))
    slices = by_slice(rows, model, gap_metrics, params)
    return {
        "metrics": {"n_rows": len(rows), **whole},
        "intervals": intervals(model, list(whole), params),
        "slices": slices,
        "gaps": [gap for name in gap_metrics for gap in widest_gaps(slices, name)],
    }


def intervals(model: Contender, names: list[str], params: Params) -> dict[str, list[float]]:
    """By metric: the bounds between which it lies with a confidence of 95 %."""
    bootstrap = Bootstrap(params.evaluate.resamples, params.seed, CONFIDENCE)
    found = {n: bootstrap.interval(metrics.find(params.task, n), model) for n in names}
    return {name: [interval.low, interval.high] for name, interval in found.items()}


def by_slice(
    rows: pd.DataFrame, model: Contender, names: list[str], params: Params
) -> list[dict[str, Any]]:
    """All metrics for each value of each slice column that has enough rows.

    One record per slice: `column`, `value`, `n_rows`, the metrics, and `intervals` of those in
    `names`. Values with fewer than `evaluate.min_slice_rows` rows have their count alone.
    """
    records = []
    for column in params.evaluate.slices:
        groups = rows.groupby(column, dropna=False, observed=True).indices
        for value, positions in sorted(groups.items(), key=lambda item: str(item[0])):
            record = {"column": column, "value": str(value), "n_rows": len(positions)}
            if len(positions) >= params.evaluate.min_slice_rows:
                part = model.take(positions)
                record |= metrics.score_all(part.y, part.scores, part.contract)
                record["intervals"] = intervals(part, names, params)
            records.append(record)
    return records


def widest_gaps(slices: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """By column how far its best and its worst slice are apart in `metric`.

    A record has `column`, `metric`, the two slices as `high` and `low` by value, `gap` and its
    `interval`: the groups are independent of each other.
    """
    found = []
    for column in dict.fromkeys(record["column"] for record in slices):
        known = [
            (Interval(r[metric], *r["intervals"][metric], r["n_rows"]), r["value"])
            for r in slices
            if r["column"] == column and np.isfinite(r.get(metric, np.nan))
        ]
        if len(known) < 2:
            continue
        low, high = (choose(known, key=lambda item: item[0].estimate) for choose in (min, max))
        gap = high[0].minus(low[0])
        record = {"column": column, "metric": metric, "high": high[1], "low": low[1]}
        found.append(record | {"gap": gap.estimate, "interval": [gap.low, gap.high]})
    return found


def importance(
    predict: Callable[[np.ndarray], np.ndarray],
    matrix: np.ndarray,
    model: Contender,
    params: Params,
) -> list[dict[str, Any]]:
    """Permutation importance: by how much shuffling a column spoils the metric of the search.

    Breiman 2001, doi:10.1023/A:1010933404324. matrix: (n_rows, n_columns), of which at most
    5,000 rows are used, evenly taken. A record has `column`, the mean `loss` over five shuffles
    and its `spread` (std), the largest first. Columns that tell the same share their loss.
    """
    metric, rng = (
        metrics.find(params.task, params.train.scoring),
        np.random.default_rng(params.seed),
    )
    rows = np.unique(np.linspace(0, len(matrix) - 1, IMPORTANCE_ROWS).astype(int))
    matrix, model = matrix[rows], model.take(rows)
    found = []
    for i, column in enumerate(model.contract.columns):
        losses, shuffled = [], matrix.copy()
        for _ in range(IMPORTANCE_REPEATS):
            shuffled[:, i] = rng.permutation(matrix[:, i])
            spoiled = metric(model.y, predict(shuffled), model.contract)
            losses.append(metric.sign * (model.value(metric) - spoiled))
        facts = {"loss": float(np.mean(losses)), "spread": float(np.std(losses))}
        found.append({"column": column.name} | facts)
    return sorted(found, key=lambda record: -record["loss"])


def run(params: Params) -> None:
    """Write metrics, the report, plots (DVC and SVG) and the bundle."""
    holdout = files.read_table(paths.HOLDOUT)
    contract, predictor = (
        Contract.load(paths.EXPORTED / "contract.json"),
        load_predictor(paths.EXPORTED),
    )
    y, matrix = encode_target(holdout, contract), contract.encode_table(holdout)
    model = Contender("challenger", "", contract, y, predictor.scores(matrix))
    result = measure(holdout, model, params)
    result["importance"] = importance(predictor.scores, matrix, model, params)
    files.write_json(result["metrics"], paths.METRICS)
    files.write_json(result, paths.EVALUATION_REPORT)
    plots.write_all(model, result["importance"], paths.PLOTS)
    bundle_id = assemble(paths.BUNDLE, holdout, result, params)
    print(f"evaluate: bundle {bundle_id}, {len(y):,} holdout rows")
    for name, (low, high) in result["intervals"].items():
        print(f"  {name:<20} {result['metrics'][name]:12,.4f}   {low:,.4f} to {high:,.4f}")
