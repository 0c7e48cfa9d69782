"""Stage 4, `train`: search by cross-validation, fit, and choose the decision threshold.

The search sees training rows only, folded as the split divides: forward in time, by group, or
at random. The threshold is chosen on the validation rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ParameterSampler,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from ..contract import Contract
from ..errors import DataRefused, UsageError
from ..features import build_pipeline
from ..params import Params
from ..predictor import raw_scores
from ..schema import ModelInput
from . import estimators, files, metrics, skops_file
from .derive import derive_contract, encode_target
from .prepare import FOLDER as PREPARED
from .split import GROUP, TIME

PIPELINE = Path("models/trained/pipeline.skops")
CONTRACT = Path("models/trained/contract.json")
REPORT = Path("reports/training.json")

_DECISION_SCORES = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}


@dataclass(frozen=True)
class Trained:
    """The fitted pipeline, its contract with the chosen threshold, and all candidates.

    Each candidate has `values` of its parameters, its mean `score`, and its `spread` (standard
    deviation over the folds); the first is the best.
    """

    pipeline: Pipeline
    contract: Contract
    candidates: list[dict[str, Any]]


def train(training: pd.DataFrame, validation: pd.DataFrame, params: Params) -> Trained:
    """Search, fit and set the threshold; raises UsageError or DataRefused by name."""
    contract = derive_contract(ModelInput.to_schema(), training, params)
    x, y = contract.encode_table(training), encode_target(training, contract)
    estimator = estimators.find(params.train.estimator)
    blank = build_pipeline(estimator.make(params.task, params.seed), contract, estimator.numbers)
    grid = params.train.grid if params.train.grid is not None else estimator.grid[params.task]
    candidates = _search(blank, grid, (x, y, folds(training, y, params)), contract, params)
    best = _fit(_configure(blank, candidates[0]["values"]), x, y)
    contract = _choose_threshold(best, contract, validation, params.train.threshold)
    return Trained(best, contract, candidates)


def folds(rows: pd.DataFrame, y: np.ndarray, params: Params) -> list[tuple[np.ndarray, ...]]:
    """Pairs of positions (fit, score) in `rows`; raises DataRefused where rows are too few."""
    n, strategy = params.train.folds, params.split.strategy
    try:
        if strategy == "time":
            order = np.argsort(rows[TIME].to_numpy(), kind="stable")
            return [(order[a], order[b]) for a, b in TimeSeriesSplit(n).split(order)]
        if strategy == "group":
            return list(GroupKFold(n).split(rows, y, rows[GROUP]))
        fold = StratifiedKFold if params.task == "classification" else KFold
        return list(fold(n, shuffle=True, random_state=params.seed).split(rows, y))
    except ValueError as error:
        raise DataRefused(f"train.folds = {n} does not work with these rows: {error}") from error


def _search(
    blank: Pipeline,
    grid: dict[str, list[Any]],
    data: tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, ...]]],
    contract: Contract,
    params: Params,
) -> list[dict[str, Any]]:
    metric = metrics.find(params.task, params.train.scoring)
    n_all = math.prod(len(values) for values in grid.values())
    sampler = ParameterSampler(grid, min(params.train.candidates, n_all), random_state=params.seed)
    found = []
    for values in tqdm(list(sampler), "train", unit="candidate"):
        scores = _score_folds(_configure(blank, values), data, metric, contract)
        found.append(
            {"values": values, "score": float(np.mean(scores)), "spread": float(np.std(scores))}
        )
    if not any(math.isfinite(candidate["score"]) for candidate in found):
        raise DataRefused(f"No candidate has a finite {metric.name}: a fold may have one class.")
    return sorted(found, key=lambda c: _rank(c["score"], metric))


def _rank(score: float, metric: metrics.Metric) -> float:
    return -metric.sign * score if math.isfinite(score) else math.inf


def _score_folds(pipeline, data, metric: metrics.Metric, contract: Contract) -> list[float]:
    x, y, pairs = data
    scores = []
    for fit, score in pairs:
        if contract.task == "classification" and len(np.unique(y[fit])) < len(contract.classes):
            scores.append(math.nan)
            continue
        fitted = _fit(clone(pipeline), x[fit], y[fit])
        scores.append(metric(y[score], raw_scores(fitted, x[score]), contract))
    return scores


def _fit(pipeline: Pipeline, x: np.ndarray, y: np.ndarray) -> Pipeline:
    """Fit in parallel where the model can, and leave it to answer on one thread.

    Threads add up the trees of a forest in any order: other digits every time.
    """
    try:
        pipeline.fit(x, y)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"The estimator cannot be fitted: {reason} See train.grid.") from error
    if hasattr(pipeline[-1], "n_jobs"):
        pipeline[-1].set_params(n_jobs=None)
    return pipeline


def _configure(blank: Pipeline, values: dict[str, Any]) -> Pipeline:
    pipeline = clone(blank)
    try:
        pipeline.set_params(**{f"model__{name}": value for name, value in values.items()})
    except ValueError as error:
        raise UsageError(f"train.grid: {str(error).splitlines()[0]}") from error
    return pipeline


def _choose_threshold(
    pipeline: Pipeline, contract: Contract, rows: pd.DataFrame, rule: str | float
) -> Contract:
    if len(contract.classes) != 2:
        return contract
    if not isinstance(rule, str):
        return replace(contract, threshold=rule)
    positive = raw_scores(pipeline, contract.encode_table(rows))[:, 1]
    y = encode_target(rows, contract)
    if len(np.unique(y)) < 2:
        raise DataRefused("The validation rows have one class only: no threshold can be chosen.")
    grid = np.unique(np.round(np.quantile(positive, np.linspace(0.01, 0.99, 99)), 4))
    score = _DECISION_SCORES[rule]
    best = max(grid, key=lambda threshold: score(y, positive >= threshold))
    return replace(contract, threshold=float(best))


def run(params: Params) -> None:
    """Write the pipeline (skops), its contract and the candidates."""
    training = files.read_table(PREPARED / "train.parquet")
    validation = files.read_table(PREPARED / "validation.parquet")
    trained = train(training, validation, params)
    PIPELINE.parent.mkdir(parents=True, exist_ok=True)
    skops_file.dump(trained.pipeline, PIPELINE)
    trained.contract.save(CONTRACT)
    report = {"estimator": params.train.estimator, "scoring": params.train.scoring}
    files.write_json(report | {"candidates": trained.candidates}, REPORT, digits=12)
    best = trained.candidates[0]
    print(f"train: best of {len(trained.candidates)} by cross-validation: {best['values']}")
    print(f"  {params.train.scoring} {best['score']:.4f} +- {best['spread']:.4f}")
    if len(trained.contract.classes) == 2:
        print(f"  decision threshold {trained.contract.threshold:.4f}")
