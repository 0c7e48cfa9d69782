"""The bundle, out of what all stages made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from .. import files
from ..bundle import sha256, write_manifest
from ..contract import Contract
from ..params import Params
from ..predictor import load_predictor
from .card import model_card
from .export import FOLDER as EXPORTED
from .prepare import FOLDER as PREPARED
from .prepare import RULE
from .reference import make_reference


def assemble(folder: Path, holdout: pd.DataFrame, result: dict[str, Any], params: Params) -> str:
    """Write the bundle to `folder` out of what all stages made; returns its id."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXPORTED, folder)
    contract = Contract.load(folder / "contract.json")
    training = files.read_table(PREPARED / "train.parquet")
    files.write_json(make_reference(training, contract), folder / "reference.json", digits=None)
    files.write_json(result["metrics"], folder / "metrics.json")
    rows = golden_rows(holdout, contract, params.export.golden_rows)
    scores = load_predictor(folder).scores(contract.encode_rows(rows)).astype(float).tolist()
    golden = [{"row": row, "score": score} for row, score in zip(rows, scores, strict=True)]
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in golden)
    (folder / "golden.jsonl").write_text(lines, encoding="utf-8")
    card = model_card(contract, result, params, len(training))
    (folder / "model_card.md").write_text(card, encoding="utf-8")
    parts = sorted(PREPARED.glob("*.parquet"))
    facts = {
        "task": contract.task,
        "split": files.read_json(RULE),
        "data": {path.stem: sha256(path) for path in parts},
        "rows": {path.stem: pq.read_metadata(path).num_rows for path in parts},
        "schema": sha256(folder / "contract.json"),
    }
    return write_manifest(folder, facts)


def golden_rows(rows: pd.DataFrame, contract: Contract, n: int) -> list[dict[str, Any]]:
    """Evenly spread held-out rows as a client would send them; missing values are null."""
    picked = np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int))
    table = rows.iloc[picked][contract.names].astype(object)
    records = table.where(table.notna(), None).to_dict("records")
    return [files.tidy(record, digits=None) for record in records]
