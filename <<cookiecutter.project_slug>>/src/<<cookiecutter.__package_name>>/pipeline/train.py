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
from sklearn import model_selection
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from .. import metrics
from ..contract import Contract
from ..errors import DataRefused, UsageError
from ..features import ESTIMATORS, Estimator, build_pipeline
from ..params import Params
from ..predictor import raw_scores
from ..schema import ModelInput
from . import files
from .derive import derive_contract, encode_target
from .prepare import FOLDER as PREPARED
from .split import GROUP, TIME

PIPELINE = Path("models/trained/pipeline.skops")
CONTRACT = Path("models/trained/contract.json")
REPORT = Path("reports/training.json")
DECISION_SCORES = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}


@dataclass(frozen=True)
class Trained:
    """The fitted pipeline, its contract with the threshold, and all candidates, the best first.

    A candidate has `values`, its mean `score`, and the `spread` (std) of that over the folds.
    """

    pipeline: Pipeline
    contract: Contract
    candidates: list[dict[str, Any]]


def train(training: pd.DataFrame, validation: pd.DataFrame, params: Params) -> Trained:
    """Search, fit and set the threshold; raises UsageError or DataRefused by name."""
    contract = derive_contract(ModelInput.to_schema(), training, params)
    x, y = contract.encode_table(training), encode_target(training, contract)
    metric = metrics.find(params.task, params.train.scoring)
    estimator = _find_estimator(params.train.estimator)
    blank, pairs = build_pipeline(estimator, contract, params.seed), folds(training, y, params)
    grid = params.train.grid if params.train.grid is not None else estimator.grids[params.task]
    n = min(params.train.candidates, math.prod(len(values) for values in grid.values()))
    sampler = model_selection.ParameterSampler(grid, n, random_state=params.seed)
    candidates = []
    for values in tqdm(sampler, "train", unit="candidate"):
        scores = [_score_fold(blank, values, x, y, pair, metric, contract) for pair in pairs]
        score, spread = float(np.mean(scores)), float(np.std(scores))
        candidates.append({"values": values, "score": score, "spread": spread})
    candidates.sort(key=lambda candidate: _rank(candidate["score"], metric))
    if not math.isfinite(candidates[0]["score"]):
        raise DataRefused(f"No candidate has a finite {metric.name}: a fold may have one class.")
    best = _fit(blank, candidates[0]["values"], x, y)
    threshold = _threshold(best, contract, validation, params.train.threshold)
    return Trained(best, replace(contract, threshold=threshold), candidates)


def _find_estimator(name: str) -> Estimator:
    if name not in ESTIMATORS:
        known = ", ".join(ESTIMATORS)
        raise UsageError(f"train.estimator = {name!r} is not known. Choose one of: {known}.")
    return ESTIMATORS[name]


def folds(rows: pd.DataFrame, y: np.ndarray, params: Params) -> list[tuple[np.ndarray, ...]]:
    """Pairs of positions (fit, score) in `rows`; raises DataRefused where rows are too few."""
    n, strategy = params.train.folds, params.split.strategy
    try:
        if strategy == "time":
            order = np.argsort(rows[TIME].to_numpy(), kind="stable")
            pairs = model_selection.TimeSeriesSplit(n).split(order)
            return [(order[fit], order[score]) for fit, score in pairs]
        if strategy == "group":
            return list(model_selection.GroupKFold(n).split(rows, y, rows[GROUP]))
        stratified = params.task == "classification"
        kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
        return list(kind(n, shuffle=True, random_state=params.seed).split(rows, y))
    except ValueError as error:
        raise DataRefused(f"train.folds = {n} does not work with these rows: {error}") from error


def _rank(score: float, metric: metrics.Metric) -> float:
    return -metric.sign * score if math.isfinite(score) else math.inf


def _score_fold(blank, values, x, y, pair, metric: metrics.Metric, contract: Contract) -> float:
    fit, score = pair
    if contract.classes and len(np.unique(y[fit])) < len(contract.classes):
        return math.nan
    fitted = _fit(blank, values, x[fit], y[fit])
    return metric(y[score], raw_scores(fitted, x[score]), contract)


def _fit(blank: Pipeline, values: dict[str, Any], x: np.ndarray, y: np.ndarray) -> Pipeline:
    """Fit in parallel where the model can, and leave it to answer on one thread.

    Threads add up the trees of a forest in any order: other digits every time.
    """
    pipeline = clone(blank)
    try:
        pipeline.set_params(**{f"model__{name}": value for name, value in values.items()})
        pipeline.fit(x, y)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"train.grid: the model cannot be fitted: {reason}") from error
    if hasattr(pipeline[-1], "n_jobs"):
        pipeline[-1].set_params(n_jobs=None)
    return pipeline


def _threshold(
    pipeline: Pipeline, contract: Contract, rows: pd.DataFrame, rule: str | float
) -> float:
    if len(contract.classes) != 2:
        return contract.threshold
    if not isinstance(rule, str):
        return rule
    positive = raw_scores(pipeline, contract.encode_table(rows))[:, 1]
    y = encode_target(rows, contract)
    if len(np.unique(y)) < 2:
        raise DataRefused("The validation rows have one class only: no threshold can be chosen.")
    grid = np.unique(np.round(np.quantile(positive, np.linspace(0.01, 0.99, 99)), 4))
    return float(max(grid, key=lambda limit: DECISION_SCORES[rule](y, positive >= limit)))


def run(params: Params) -> None:
    """Write the pipeline (skops), its contract and the candidates."""
    training = files.read_table(PREPARED / "train.parquet")
    validation = files.read_table(PREPARED / "validation.parquet")
    trained = train(training, validation, params)
    files.write_skops(trained.pipeline, PIPELINE)
    trained.contract.save(CONTRACT)
    report = {"estimator": params.train.estimator, "scoring": params.train.scoring}
    files.write_json(report | {"candidates": trained.candidates}, REPORT, digits=12)
    best = trained.candidates[0]
    print(f"train: best of {len(trained.candidates)} by cross-validation: {best['values']}")
    print(f"  {params.train.scoring} {best['score']:.4f} +- {best['spread']:.4f}")
    if len(trained.contract.classes) == 2:
        print(f"  decision threshold {trained.contract.threshold:.4f}")
