"""The bundle, made of the outputs of all stages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from mlops_loop import files, paths
from mlops_loop.model.bundle import PROFILES, sha256, write_manifest
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import load_predictor
from mlops_loop.params import Params
from mlops_loop.pipeline.card import model_card
from mlops_loop.pipeline.reference import by_day, make_reference
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.tasks import baselines
from mlops_loop.tasks.baselines import Baselines


def assemble(
    folder: Path,
    holdout: pd.DataFrame,
    model: Contender,
    known: Baselines,
    result: dict[str, Any],
    params: Params,
) -> str:
    """Write the bundle to `folder`; returns its id.

    holdout: the rows that `model` and `known` score, and that `result` of `evaluate.measure` is
    about, which here has `importance`, `baselines` and `profiles` too.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(paths.EXPORTED, folder)
    contract = Contract.load(folder / "contract.json")
    training = files.read_table(paths.TRAIN)
    reference = make_reference(training, contract) | by_day(training, holdout, model, params)
    files.write_json(reference, folder / "reference.json", digits=None)
    files.write_json(result["metrics"], folder / "metrics.json")
    files.write_table(known.to_table(), folder / baselines.FILE)
    if result["profiles"]:
        files.write_json(result["profiles"], folder / PROFILES)
    rows = golden_rows(holdout, contract, params.export.golden_rows)
    (folder / "golden.jsonl").write_text(_golden_lines(folder, contract, rows), encoding="utf-8")
    card = model_card(contract, result, params, len(training))
    (folder / "model_card.md").write_text(card, encoding="utf-8")
    return write_manifest(folder, _facts(folder, contract))


def _golden_lines(folder: Path, contract: Contract, rows: list[dict[str, Any]]) -> str:
    """Each row with its score, as one line of JSON."""
    scores = load_predictor(folder).scores(contract.encode_rows(rows)).astype(float).tolist()
    golden = [{"row": row, "score": score} for row, score in zip(rows, scores, strict=True)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in golden)


def _facts(folder: Path, contract: Contract) -> dict[str, Any]:
    """What the manifest says beside the hashes of its files."""
    tables = sorted(paths.PREPARED.glob("*.parquet"))
    return {
        "task": contract.task,
        "split": files.read_json(paths.SPLIT_RULE),
        "data": {path.stem: sha256(path) for path in tables},
        "rows": {path.stem: pq.read_metadata(path).num_rows for path in tables},
        "schema": sha256(folder / "contract.json"),
    }


def golden_rows(rows: pd.DataFrame, contract: Contract, n: int) -> list[dict[str, Any]]:
    """Evenly spread held-out rows as a client would send them; missing values are null."""
    return spread_rows(rows, contract.names, n)


def spread_rows(rows: pd.DataFrame, names: Sequence[str], n: int) -> list[dict[str, Any]]:
    """Columns of evenly spread rows as JSON; missing values are null."""
    picked = np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int))
    table = rows.iloc[picked][list(names)].astype(object)
    records = table.where(table.notna(), None).to_dict("records")
    return [files.tidy(record, digits=None) for record in records]
