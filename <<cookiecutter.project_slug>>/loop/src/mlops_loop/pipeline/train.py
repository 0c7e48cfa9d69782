"""Stage 4, `train`: search, fit, calibrate, and choose the decision threshold.

The search sees training rows only. Calibration, early stopping of the final fit and the threshold
are learned from the validation rows. What each key of `train:` does: docs/training.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import Pipeline

from mlops_loop import files, paths, project
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.params import Params
from mlops_loop.pipeline import leakage
from mlops_loop.pipeline.derive import derive_contract, encode_target
from mlops_loop.pipeline.model_pipeline import build_pipeline, feature_names
from mlops_loop.pipeline.search import Problem, fit, search
from mlops_loop.statistics import metrics

DECISION_SCORES = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}
LEAST_OF_CLASS = 5  # validation rows, to learn a calibration from


@dataclass(frozen=True)
class Trained:
    """The fitted pipeline, its contract with the threshold, all candidates (see `search`), facts.

    `facts`: the `iterations` of early stopping, the names of `selected` features.
    """

    pipeline: Pipeline
    contract: Contract
    candidates: list[dict[str, Any]]
    facts: dict[str, Any]


def train(training: pd.DataFrame, validation: pd.DataFrame, params: Params) -> Trained:
    """Search, fit, calibrate, set the threshold; raises UsageError or DataRefused by name."""
    own = params.train
    contract = derive_contract(project.model_input().to_schema(), training, params)
    x, y = contract.encode_table(training), encode_target(training, contract)
    held = contract.encode_table(validation), encode_target(validation, contract)
    metric = metrics.find(params.task, own.scoring)
    blank, grid = _blank(contract, params)
    leakage.refuse((x, y), held, contract, own.leakage_threshold)
    candidates = search(Problem(blank, x, y, metric, contract), training, grid, params)
    best = fit(blank, candidates[0]["values"], x, y, held if own.early_stopping else None)
    facts = _facts(best, contract, params)
    if own.calibrate:
        best = _calibrate(best, own.calibrate, held, contract)
    contract = replace(contract, threshold=_threshold(best, contract, held, own.threshold))
    return Trained(best, contract, candidates, facts)


def _blank(contract: Contract, params: Params) -> tuple[Pipeline, dict[str, list]]:
    """The pipeline to fit, and the grid to search."""
    own = params.train
    known = project.estimators()
    if own.estimator not in known:
        raise UsageError(
            f"train.estimator = {own.estimator!r} is not known. Choose one of: {', '.join(known)}."
        )
    estimator = known[own.estimator]
    blank = build_pipeline(estimator, contract, params.seed, own.select)
    for name in ("class_weight", "early_stopping"):
        if value := getattr(own, name):
            if name not in blank[-1].get_params():
                raise UsageError(f"train.{name}: {own.estimator} cannot do that. Leave it out.")
            blank[-1].set_params(**{name: value})
    return blank, dict(estimator.grid) if own.grid is None else own.grid


def _facts(pipeline: Pipeline, contract: Contract, params: Params) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if params.train.early_stopping:
        facts["iterations"] = int(pipeline[-1].n_iter_)
    if hasattr(selector := pipeline[-2], "get_support"):
        names = feature_names(contract)
        facts["selected"] = [names[i] for i in selector.get_support(indices=True)]
    return facts


def _calibrate(pipeline: Pipeline, method: str, held: tuple, contract: Contract) -> Pipeline:
    """The pipeline with its model inside a calibration that is learned on the validation rows.

    sigmoid: Platt 1999; isotonic: Zadrozny and Elkan 2002; more classes one against the rest.
    """
    x, y = held
    counts = np.bincount(y, minlength=len(contract.classes))
    if counts.min() < LEAST_OF_CLASS:
        raise DataRefused(
            f"train.calibrate needs {LEAST_OF_CLASS} validation rows of every class, and "
            f"{contract.classes[counts.argmin()]!r} has {counts.min()}. Set calibrate: null."
        )
    *head, (name, model) = pipeline.steps
    calibrated = CalibratedClassifierCV(FrozenEstimator(model), method=method)
    calibrated.fit(pipeline[:-1].transform(x), y)
    # skl2onnx 1.20 does not know FrozenEstimator, which has done its work.
    calibrated.estimator = calibrated.calibrated_classifiers_[0].estimator = model
    return Pipeline([*head, (name, calibrated)])


def _threshold(pipeline: Pipeline, contract: Contract, held: tuple, rule: str | float) -> float:
    if len(contract.classes) != 2:
        return contract.threshold
    if not isinstance(rule, str):
        return rule
    x, y = held
    positive = raw_scores(pipeline, x)[:, 1]
    if len(np.unique(y)) < 2:
        raise DataRefused("The validation rows have one class only: no threshold can be chosen.")
    grid = np.unique(np.round(np.quantile(positive, np.linspace(0.01, 0.99, 99)), 4))
    return float(max(grid, key=lambda limit: DECISION_SCORES[rule](y, positive >= limit)))


def run(params: Params) -> None:
    """Write the pipeline (skops), its contract and the candidates."""
    training = files.read_table(paths.TRAIN)
    validation = files.read_table(paths.VALIDATION)
    trained = train(training, validation, params)
    files.write_skops(trained.pipeline, paths.TRAINED_PIPELINE)
    trained.contract.save(paths.TRAINED_CONTRACT)
    own, candidates = params.train, trained.candidates
    told = {"estimator": own.estimator, "scoring": own.scoring, "search": own.search}
    files.write_json(
        told | trained.facts | {"candidates": candidates}, paths.TRAINING_REPORT, digits=12
    )
    best = candidates[0]
    print(f"train: best of {len(candidates)} by cross-validation: {best['values']}")
    print(f"  {own.scoring} {best['score']:.4f} +- {best['spread']:.4f}")
    for name, value in trained.facts.items():
        print(f"  {name}: {value}")
    if len(trained.contract.classes) == 2:
        print(f"  decision threshold {trained.contract.threshold:.4f}")
