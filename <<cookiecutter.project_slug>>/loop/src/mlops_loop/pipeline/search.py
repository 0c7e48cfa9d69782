"""The search of stage `train`: candidates scored by cross-validation, the best first.

The scores of a finished candidate stay in `build/search`: an interrupted search goes on there.
"""

from __future__ import annotations

import json
import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn import model_selection
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from tqdm import tqdm

from mlops_loop import paths
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.params import Params
from mlops_loop.pipeline import model_pipeline
from mlops_loop.pipeline.split import GROUP, TIME
from mlops_loop.statistics import metrics

MOST = 200  # combinations that `grid` and `halving` try
FACTOR = 3  # halving keeps a third of the candidates, on three times the rows
LEAST_ROWS = 100  # on fewer, luck tells candidates apart
BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
Fold = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # rows to fit, to score, to stop by


@dataclass(frozen=True)
class Problem:
    """What the score of a candidate depends on, beside its values and the folds."""

    blank: Pipeline
    x: np.ndarray
    y: np.ndarray
    metric: metrics.Metric
    contract: Contract

    def score(self, values: dict[str, Any], fold: Fold) -> float:
        """The metric on one fold; NaN where the rows to fit lack a class."""
        rows, held, stop = [None if at is None else (self.x[at], self.y[at]) for at in fold]
        if len(np.unique(rows[1])) < len(self.contract.classes):
            return math.nan
        fitted = fit(self.blank, values, *rows, stop)
        return self.metric(held[1], raw_scores(fitted, held[0]), self.contract)

    def key(self, rung: list[Fold]) -> str:
        """A hash of all that makes a score, code and libraries too."""
        code = [Path(module.__file__).read_bytes() for module in (model_pipeline, metrics)]
        data = [self.blank, self.x, self.y, self.metric.name, self.contract, rung]
        return joblib.hash([*data, code, np.__version__, sklearn.__version__])


def search(
    problem: Problem, rows: pd.DataFrame, grid: dict[str, list], params: Params
) -> list[dict[str, Any]]:
    """Candidates with their `values`, mean `score` and `spread` (std over the folds).

    Halving (Jamieson and Talwalkar 2016) scores all on a small share of the rows to fit, the best
    third on three times as many, and so on: `rung` and `fit_rows` say how far a candidate came.
    Raises UsageError for a grid that is too large, DataRefused where nothing can be scored.
    """
    left, dropped = _candidates(grid, params), []
    rungs = _rungs(rows, problem.y, len(left), params)
    sizes = [sum(len(fold[0]) for fold in rung) for rung in rungs]
    counts = [math.ceil(len(left) / FACTOR**i) for i in range(len(rungs))]
    with tqdm(total=sum(np.multiply(sizes, counts)), desc="train", bar_format=BAR) as bar:
        for i, n_kept in enumerate([*counts[1:], counts[-1]]):
            facts = {"rung": i + 1, "fit_rows": sizes[i] // len(rungs[i])}
            scored = [
                {"values": values, "score": float(np.mean(s)), "spread": float(np.std(s))} | facts
                for values, s in zip(left, _scores(problem, left, rungs[i], bar), strict=True)
            ]
            scored.sort(key=lambda candidate: rank(candidate["score"], problem.metric))
            if not math.isfinite(scored[0]["score"]):
                raise DataRefused(
                    f"No candidate has a finite {problem.metric.name}, fitted on folds of "
                    f"{facts['fit_rows']:,} rows: a fold may have one class, or too few rows."
                )
            left = [candidate["values"] for candidate in scored[:n_kept]]
            dropped = scored[n_kept:] + dropped
    return scored[:n_kept] + dropped


def rank(score: float, metric: metrics.Metric) -> float:
    """Ascending from the best; a score that is not finite comes last."""
    return -metric.sign * score if math.isfinite(score) else math.inf


def _candidates(grid: dict[str, list], params: Params) -> list[dict[str, Any]]:
    kind, n = params.train.search, math.prod(len(values) for values in grid.values())
    if kind == "random":
        n = min(n, params.train.n_iter)
    elif n > MOST:
        raise UsageError(
            f"train.grid has {n:,} combinations, and train.search: {kind} tries all, {MOST} at "
            "most. Leave out values, or set search: random with n_iter."
        )
    return list(model_selection.ParameterSampler(grid, n, random_state=params.seed))


def _rungs(rows: pd.DataFrame, y: np.ndarray, n: int, params: Params) -> list[list[Fold]]:
    """Folds on a growing share of the rows to fit; without halving once, on all of them."""
    pairs, steps = folds(rows, y, params, params.train.folds), [1]
    if params.train.search == "halving":
        most = min(n, min(len(fit) for fit, _ in pairs) // LEAST_ROWS)
        while FACTOR * steps[0] <= most:
            steps.insert(0, FACTOR * steps[0])
    mixed = [np.random.default_rng(params.seed).permutation(fit) for fit, _ in pairs]
    return [
        [
            _with_stop(np.sort(fit[: len(fit) // step]), score, rows, y, params)
            for fit, (_, score) in zip(mixed, pairs, strict=True)
        ]
        for step in steps
    ]


def _with_stop(fit, score, rows: pd.DataFrame, y: np.ndarray, params: Params) -> Fold:
    """With early stopping, the last tenth of the rows to fit, or a ninth of the groups, ends it."""
    if not params.train.early_stopping:
        return fit, score, None
    first, last = folds(rows.iloc[fit], y[fit], params, 9, "early_stopping: parts")[-1]
    return fit[first], score, fit[last]


def folds(
    rows: pd.DataFrame, y: np.ndarray, params: Params, n: int, key: str = "folds"
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions (fit, score) in `rows`, divided as the split divides.

    Rows of one moment, and of one group, stay together. Raises DataRefused for too few of them.
    """
    try:
        if params.split.strategy == "time":
            moments, place = np.unique(rows[TIME].to_numpy(), return_inverse=True)
            pairs = model_selection.TimeSeriesSplit(n).split(moments)
            return [tuple(np.flatnonzero(np.isin(place, side)) for side in pair) for pair in pairs]
        if params.split.strategy == "group":
            return list(model_selection.GroupKFold(n).split(rows, y, rows[GROUP]))
        stratified = params.task == "classification"
        kind = model_selection.StratifiedKFold if stratified else model_selection.KFold
        with warnings.catch_warnings():  # of a class with few rows: the search tells
            warnings.simplefilter("ignore", UserWarning)
            return list(kind(n, shuffle=True, random_state=params.seed).split(rows, y))
    except ValueError as error:
        raise DataRefused(f"train.{key} = {n} does not work with these rows: {error}") from error


def _scores(problem: Problem, left: list[dict], rung: list[Fold], bar: tqdm) -> list[list[float]]:
    """Scores by fold of each candidate; those from before an interruption are read."""
    path, size, known = (
        paths.SEARCH_CACHE / f"{problem.key(rung)}.jsonl",
        sum(len(f[0]) for f in rung),
        {},
    )
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with suppress(ValueError):  # the interruption tore this line
            known.update([json.loads(line)])
    names = [json.dumps(values, sort_keys=True, default=str) for values in left]
    if n_known := len(known.keys() & names):
        bar.total -= n_known * size
        bar.write(f"train: {n_known} of {len(left)} candidates were scored before, in {path}")
    for i, (name, values) in enumerate(zip(names, left, strict=True), 1):
        if name in known:
            continue
        bar.set_description_str(f"train, candidate {i} of {len(left)}")
        known[name] = []
        for fold in rung:
            known[name].append(problem.score(values, fold))
            bar.update(len(fold[0]))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([name, known[name]]))
    return [known[name] for name in names]


@np.errstate(all="ignore")  # a model that overflows has no finite score, which is told
def fit(blank: Pipeline, values: dict[str, Any], x, y, stop: tuple | None = None) -> Pipeline:
    """A fitted copy of `blank`, its model with `values`; rows of `stop` (x, y) end boosting.

    It fits in parallel where the model can, and answers on one thread: threads add up the trees of
    a forest in any order, other digits every time. Raises UsageError where the model refuses.
    """
    pipeline, more = clone(blank), {}
    head, model = pipeline[:-1], pipeline[-1]
    try:
        model.set_params(**values)
        inner = head.fit_transform(x, y)
        inner[:, np.isnan(inner).all(axis=0)] = 0  # boosting cannot bin a column without a value
        if stop:
            weight = compute_sample_weight(model.get_params().get("class_weight"), stop[1])
            more = {"X_val": head.transform(stop[0]), "y_val": stop[1], "sample_weight_val": weight}
        model.fit(inner, y, **more)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        what = f"train.grid: a model with {values} cannot be fitted on {len(y):,} rows"
        raise UsageError(f"{what}: {reason}") from error
    if hasattr(model, "n_jobs"):
        model.set_params(n_jobs=None)
    return pipeline
