"""Stage 4, `train`: search, fit, and what the task learns from validation rows.

The search sees training rows only. Early stopping of the final fit, a calibration and a decision
threshold are learned from the validation rows. What each key of `train:` does: docs/training.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from mlops_loop import files, paths, project, tasks
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.params import Params
from mlops_loop.pipeline import known_names, leakage, memory
from mlops_loop.pipeline.derive import derive_contract
from mlops_loop.pipeline.model_pipeline import (
    build_pipeline,
    feature_names,
    find_estimator,
    forms_of,
    set_options,
)
from mlops_loop.pipeline.search import Problem, fit, search
from mlops_loop.tasks import metrics
from mlops_loop.tasks.task import Rows
from mlops_loop.text import natural

SHOWN = 5  # candidates that could not be fitted
# What scikit-learn keeps of each iteration, where it does. A loss is that of the rows to fit or, of
# a network that stops early, of the validation rows; a score is a loss with its sign turned.
CURVES = {
    "loss": "loss_curve_",
    "train_score": "train_score_",
    "validation_score": "validation_score_",
}


@dataclass(frozen=True)
class Trained:
    """The fitted pipeline, its final contract, all candidates (see `search`), and facts.

    `facts`: the `iterations` of early stopping, the names of `selected` features, and where names
    are kept the `new_names` and `lost_names`. `curves`: by name what the final fit kept of each
    iteration, see CURVES.
    """

    pipeline: Pipeline
    contract: Contract
    candidates: list[dict[str, Any]]
    facts: dict[str, Any]
    curves: dict[str, list[float]]


def train(training: pd.DataFrame, validation: pd.DataFrame, params: Params) -> Trained:
    """Search, fit, and learn from the validation rows.

    Raises UsageError for a parameter, and DataRefused for rows, that do not allow it.
    """
    own = params.train
    contract = derive_contract(project.model_input().to_schema(), training, params)
    _check_memory(contract, training, params)
    known, held = (_encode(rows, contract) for rows in (training, validation))
    metric = metrics.find(params.task, own.scoring)
    blank, grid = _blank(contract, params)
    leakage.refuse(known, held, contract, own.leakage_threshold)
    candidates = search(Problem(blank, *known, metric, contract), training, grid, params)
    best = fit(blank, candidates[0]["values"], *known, held if own.early_stopping else None)
    facts = _facts(best, contract, params)
    learned = tasks.find(params.task).learn_from_validation(best, contract, held, own)
    return Trained(*learned, candidates, facts, _curves(best[-1]))


def _check_memory(contract: Contract, training: pd.DataFrame, params: Params) -> None:
    own = params.train
    _, categories = forms_of(find_estimator(own.estimator), own.select)
    least = params.prepare.min_category_count
    if categories == "one_hot" and (much := memory.one_hot(contract, training, least)):
        print(f"train: {much}. A larger prepare.min_category_count makes it less")


def _encode(rows: pd.DataFrame, contract: Contract) -> Rows:
    return contract.encode_table(rows), tasks.of(contract).encode_target(rows, contract)


def _blank(contract: Contract, params: Params) -> tuple[Pipeline, Mapping[str, Sequence[Any]]]:
    """The pipeline to fit, and the grid to search."""
    own = params.train
    estimator = find_estimator(own.estimator)
    blank = build_pipeline(estimator, contract, params.seed, own.select)
    set_options(blank[-1], own)
    return blank, estimator.grid if own.grid is None else own.grid


def _facts(pipeline: Pipeline, contract: Contract, params: Params) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if params.train.early_stopping:
        facts["iterations"] = int(pipeline[-1].n_iter_)
    if hasattr(selector := pipeline[-2], "get_support"):
        own = params.train
        names = feature_names(contract, forms_of(find_estimator(own.estimator), own.select)[1])
        facts["selected"] = [names[i] for i in selector.get_support(indices=True)]
    return facts


def _curves(model: Any) -> dict[str, list[float]]:
    network = getattr(model, "network_", model)
    kept = {name: getattr(network, attribute, None) for name, attribute in CURVES.items()}
    return {
        name: np.asarray(values, dtype=float).tolist()
        for name, values in kept.items()
        if values is not None and len(values)
    }


def with_known_names(trained: Trained) -> Trained:
    """What is found again by the rows of `data/anchors.json` has the name that it has there."""
    contract = trained.contract
    own = tasks.of(contract).names
    if own is None or not paths.ANCHORS.exists():
        return trained
    anchors = known_names.read()
    if not anchors.rows and not anchors.last:  # as a project begins
        return trained
    scores = np.empty((0, len(contract.classes)))
    if anchors.rows:
        scores = raw_scores(trained.pipeline, known_names.encode(anchors, contract))
    named = own.keep(scores, contract, anchors)
    known, now = {anchor.name for anchor in anchors.rows}, {*named.classes}
    new, lost = sorted(now - known, key=natural), sorted(known - now, key=natural)
    facts = {"new_names": new, "lost_names": lost}
    return replace(trained, contract=named, facts=trained.facts | facts)


def run(params: Params) -> None:
    """Write the pipeline (skops), its contract and the candidates."""
    training = files.read_table(paths.TRAIN)
    validation = files.read_table(paths.VALIDATION)
    trained = with_known_names(train(training, validation, params))
    files.write_skops(trained.pipeline, paths.TRAINED_PIPELINE)
    trained.contract.save(paths.TRAINED_CONTRACT)
    own = params.train
    report = trained.facts | {"candidates": trained.candidates, "scoring": own.scoring}
    report |= {"estimator": own.estimator, "search": own.search}
    if trained.curves:
        report["curves"] = trained.curves
    files.write_json(report, paths.TRAINING_REPORT, digits=12)
    _print(trained, own.scoring)


def _print(trained: Trained, scoring: str) -> None:
    best, n, contract = trained.candidates[0], len(trained.candidates), trained.contract
    values = ", ".join(f"{name} = {value}" for name, value in best["values"].items())
    unit = metrics.find(contract.task, scoring).unit_of(contract)
    print(f"train: best of {n} by cross-validation: {values or 'the estimator as it is'}")
    print(f"  {scoring} {best['score']:.4f} +- {best['spread']:.4f} {unit}".rstrip())
    if unfit := [candidate["failed"] for candidate in trained.candidates if "failed" in candidate]:
        print(f"  {len(unfit)} of {n} candidates lost, since they could not be fitted:")
        print("".join(f"    {reason}\n" for reason in unfit[:SHOWN]), end="")
    for name, value in trained.facts.items():
        shown = ", ".join(value) or "none" if isinstance(value, list) else value
        print(f"  {name.replace('_', ' ')}: {shown}")
    if rule := tasks.of(contract).decision_rule(contract):
        print(f"  {rule}")
