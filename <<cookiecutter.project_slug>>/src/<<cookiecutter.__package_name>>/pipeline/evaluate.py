"""Stage 6, `evaluate`: metrics on the holdout, whole and by slice, plots, and the bundle.

The exported model is what is evaluated, not the pipeline that it came from.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import bundle as bundles
from ..bundle import sha256
from ..contract import Contract
from ..params import Params
from ..predictor import load_predictor
from . import card, files, metrics, plots
from .derive import encode_target
from .export import FOLDER as EXPORTED
from .prepare import FOLDER as PREPARED
from .prepare import RULE
from .reference import make_reference

BUNDLE = Path("models/bundle")
METRICS = Path("reports/metrics.json")
SLICES = Path("reports/slices.json")
PLOTS = Path("reports/plots")


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
    table = rows.iloc[picked][contract.names]
    return [
        {name: None if pd.isna(value) else _plain(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def assemble(holdout: pd.DataFrame, result: dict[str, Any], params: Params) -> str:
    """Write `models/bundle/` out of what all stages made; returns the bundle's id."""
    shutil.rmtree(BUNDLE, ignore_errors=True)
    shutil.copytree(EXPORTED, BUNDLE)
    contract = Contract.load(BUNDLE / "contract.json")
    training = files.read_table(PREPARED / "train.parquet")
    reference = make_reference(training, contract)
    files.write_json(reference, BUNDLE / "reference.json", digits=None)
    files.write_json(result["metrics"], BUNDLE / "metrics.json")
    _write_golden(golden_rows(holdout, contract, params.export.golden_rows), contract)
    text = card.model_card(contract, result, params, len(training))
    (BUNDLE / "model_card.md").write_text(text, encoding="utf-8")
    facts = {
        "task": contract.task,
        "split": files.read_json(RULE),
        "data": {p.stem: sha256(p) for p in sorted(PREPARED.glob("*.parquet"))},
        "schema": sha256(BUNDLE / "contract.json"),
    }
    return bundles.write_manifest(BUNDLE, facts)


def _write_golden(rows: list[dict[str, Any]], contract: Contract) -> None:
    scores = load_predictor(BUNDLE).scores(contract.encode_rows(rows))
    lines = [
        json.dumps({"row": row, "score": np.asarray(score, float).tolist()}, ensure_ascii=False)
        for row, score in zip(rows, scores, strict=True)
    ]
    (BUNDLE / "golden.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(params: Params) -> None:
    """Write metrics, slices, plots (DVC and SVG) and the bundle."""
    holdout = files.read_table(PREPARED / "holdout.parquet")
    contract = Contract.load(EXPORTED / "contract.json")
    y = encode_target(holdout, contract)
    scores = load_predictor(EXPORTED).scores(contract.encode_table(holdout))
    result = {
        "metrics": {"n_rows": len(y), **metrics.score_all(y, scores, contract)},
        "slices": by_slice(holdout, y, scores, contract, params),
    }
    files.write_json(result["metrics"], METRICS)
    files.write_json(result["slices"], SLICES)
    plots.write_all(y, scores, contract, PLOTS)
    bundle_id = assemble(holdout, result, params)
    print(f"evaluate: bundle {bundle_id}, {len(y):,} holdout rows")
    for name, value in result["metrics"].items():
        print(f"  {name:<20} {value:,.{4 if isinstance(value, float) else 0}f}")
