"""Stage 6, `evaluate`: metrics on the holdout, whole and by slice, plots, and the bundle.

The exported model is what is evaluated, not the pipeline that it came from.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from .. import metrics
from ..bundle import sha256, write_manifest
from ..contract import Column, Contract
from ..params import Params
from ..predictor import load_predictor
from . import files, plots
from .derive import encode_target
from .export import FOLDER as EXPORTED
from .prepare import FOLDER as PREPARED
from .prepare import RULE

BUNDLE = Path("models/bundle")
METRICS = Path("reports/metrics.json")
SLICES = Path("reports/slices.json")
PLOTS = Path("reports/plots")
CARD = Path(__file__).with_name("card.jinja")
N_BINS = 10


def by_slice(
    rows: pd.DataFrame, y: np.ndarray, scores: np.ndarray, contract: Contract, params: Params
) -> list[dict[str, Any]]:
    """All metrics for each value of each slice column that has enough rows.

    One record per slice: `column`, `value`, `n_rows` and the metrics. Values with fewer than
    `evaluate.min_slice_rows` rows are listed with their count, without metrics.
    """
    records = []
    for column in params.evaluate.slices:
        groups = rows.groupby(column, dropna=False, observed=True).indices
        for value, positions in sorted(groups.items(), key=lambda item: str(item[0])):
            record = {"column": column, "value": str(value), "n_rows": len(positions)}
            if len(positions) >= params.evaluate.min_slice_rows:
                record |= metrics.score_all(y[positions], scores[positions], contract)
            records.append(record)
    return records


def golden_rows(rows: pd.DataFrame, contract: Contract, n: int) -> list[dict[str, Any]]:
    """Evenly spread held-out rows as a client would send them; missing values are null."""
    picked = np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int))
    table = rows.iloc[picked][contract.names].astype(object)
    records = table.where(table.notna(), None).to_dict("records")
    return [files.tidy(record, digits=None) for record in records]


def assemble(holdout: pd.DataFrame, result: dict[str, Any], params: Params) -> str:
    """Write `models/bundle/` out of what all stages made; returns the bundle's id."""
    shutil.rmtree(BUNDLE, ignore_errors=True)
    shutil.copytree(EXPORTED, BUNDLE)
    contract = Contract.load(BUNDLE / "contract.json")
    training = files.read_table(PREPARED / "train.parquet")
    files.write_json(make_reference(training, contract), BUNDLE / "reference.json", digits=None)
    files.write_json(result["metrics"], BUNDLE / "metrics.json")
    rows = golden_rows(holdout, contract, params.export.golden_rows)
    scores = load_predictor(BUNDLE).scores(contract.encode_rows(rows)).astype(float).tolist()
    golden = [{"row": row, "score": score} for row, score in zip(rows, scores, strict=True)]
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in golden)
    (BUNDLE / "golden.jsonl").write_text(lines, encoding="utf-8")
    card = model_card(contract, result, params, len(training))
    (BUNDLE / "model_card.md").write_text(card, encoding="utf-8")
    facts = {
        "task": contract.task,
        "split": files.read_json(RULE),
        "data": {path.stem: sha256(path) for path in sorted(PREPARED.glob("*.parquet"))},
        "schema": sha256(BUNDLE / "contract.json"),
    }
    return write_manifest(BUNDLE, facts)


def make_reference(train: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    """Statistics of the training rows that live data are compared with: frozen drift bins.

    Per column `kind`, `missing_share` and `shares`, by bin or by level, of the rows not missing.
    Numbers get bins of equal frequency: `edges` are the inner limits, and a bin takes values up to
    and including its upper edge.
    """
    columns = {}
    for column in contract.columns:
        values = train[column.name]
        counted = column.kind in ("category", "boolean")
        facts = {"kind": column.kind, "missing_share": float(values.isna().mean())}
        columns[column.name] = facts | (_levels if counted else _numbers)(values.dropna())
    return {"n_rows": len(train), "columns": columns}


def _levels(values: pd.Series) -> dict[str, Any]:
    return {"shares": values.astype(str).value_counts(normalize=True).sort_index().to_dict()}


def _numbers(values: pd.Series) -> dict[str, Any]:
    if values.empty:
        return {"edges": [], "shares": [], "mean": None, "std": None}
    numbers = values.to_numpy(dtype=float)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=len(edges) + 1)
    facts = {"edges": edges.tolist(), "shares": (counts / len(numbers)).tolist()}
    facts |= {"mean": float(numbers.mean()), "std": float(numbers.std())}
    return facts | {"minimum": float(numbers.min()), "maximum": float(numbers.max())}


def model_card(contract: Contract, result: dict[str, Any], params: Params, n_train: int) -> str:
    """Markdown, made from what was measured (Mitchell et al. 2019, arXiv:1810.03993)."""
    environment = jinja2.Environment(
        trim_blocks=True, undefined=jinja2.StrictUndefined, finalize=_shown
    )
    template = environment.from_string(CARD.read_text(encoding="utf-8"))
    metric = params.train.scoring
    small = [f"{s['column']} = {s['value']}" for s in result["slices"] if metric not in s]
    facts = {"contract": contract, "params": params, "metric": metric, "n_train": n_train}
    return template.render(facts | result, allowed=allowed, small=small) + "\n"


def _shown(value: Any) -> str:
    """Text that breaks no table, numbers with four digits, and never 'nan'."""
    if isinstance(value, str):
        return value.replace("|", "\\|")
    if value is None or value != value:
        return "not defined"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def allowed(column: Column) -> str:
    """The allowed values of a column in words."""
    if column.closed:
        return ", ".join(column.levels)
    if column.kind == "category":
        return f"{len(column.levels)} known, others are taken as unseen"
    if column.minimum is None and column.maximum is None:
        return "any"
    low = "up" if column.minimum is None else f"{column.minimum:g}"
    high = "any" if column.maximum is None else f"{column.maximum:g}"
    return f"{low} to {high} {column.unit}".strip()


def run(params: Params) -> None:
    """Write metrics, slices, plots (DVC and SVG) and the bundle."""
    holdout = files.read_table(PREPARED / "holdout.parquet")
    contract = Contract.load(EXPORTED / "contract.json")
    y = encode_target(holdout, contract)
    scores = load_predictor(EXPORTED).scores(contract.encode_table(holdout))
    measured = {"n_rows": len(y), **metrics.score_all(y, scores, contract)}
    slices = by_slice(holdout, y, scores, contract, params)
    files.write_json(measured, METRICS)
    files.write_json(slices, SLICES)
    plots.write_all(y, scores, contract, PLOTS)
    bundle_id = assemble(holdout, {"metrics": measured, "slices": slices}, params)
    print(f"evaluate: bundle {bundle_id}, {len(y):,} holdout rows")
    for name, value in measured.items():
        print(f"  {name:<20} {value:,.{4 if isinstance(value, float) else 0}f}")
