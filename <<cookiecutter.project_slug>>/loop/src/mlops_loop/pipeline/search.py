"""The search of stage `train`: candidates scored by cross-validation, the best first.

The scores of a finished candidate stay in `build/search`: an interrupted search continues there.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight
from tqdm import tqdm

from mlops_loop import paths, project, tasks
from mlops_loop.errors import CannotFit, DataRefused, ProjectError, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.params import Params
from mlops_loop.pipeline import cluster, networks, optuna_search
from mlops_loop.pipeline.cluster import Cluster, Done, Score
from mlops_loop.pipeline.folds import FACTOR, Fold, rungs
from mlops_loop.statistics.metrics import Metric

MOST = 200  # combinations that `grid` and `halving` try
BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
Candidate = dict[str, Any]  # values, score, spread, rung, fit_rows; failed: why it has no score
Stop = tuple[np.ndarray, np.ndarray] | None


@dataclass(frozen=True)
class Problem:
    """What the score of a candidate depends on, beside its values and the folds."""

    blank: Pipeline
    x: np.ndarray
    y: np.ndarray
    metric: Metric
    contract: Contract

    def score(self, values: dict[str, Any], fold: Fold) -> Score:
        """The metric on one fold; NaN where the task cannot fit its rows, as without a class.

        The reason, a text, where this model cannot be fitted to them.
        """
        fit_at, score_at, stop_at = fold
        x, y = self.x[fit_at], self.y[fit_at]
        if not tasks.of(self.contract).can_fit(y, self.contract):
            return math.nan
        stop = None if stop_at is None else (self.x[stop_at], self.y[stop_at])
        try:
            pipeline = fit(self.blank, values, x, y, stop)
        except CannotFit as error:
            return str(error)
        scores = raw_scores(pipeline, self.x[score_at])
        return self.metric(self.y[score_at], scores, self.contract)

    def key(self, rung: list[Fold]) -> str:
        """A hash of everything that makes a score, code and libraries too."""
        data = [self.blank, self.x, self.y, self.metric.name, self.contract, rung]
        versions = [np.__version__, sklearn.__version__, networks.runtime(self.blank[-1])]
        return joblib.hash([*data, _code(), *versions])


@dataclass(frozen=True)
class Rung:
    """Folds on which candidates are scored, here or on a cluster, and the bar that shows it."""

    problem: Problem
    folds: list[Fold]
    bar: tqdm
    away: Cluster | None = None

    def scores(self, todo: list[dict], n: int) -> Iterator[tuple[int, list[Score]]]:
        """Position and scores by fold of each candidate when it is finished, of `n` with others."""
        by_fold: dict[int, dict[int, Score]] = defaultdict(dict)
        n_done = n - len(todo)
        self.bar.set_description_str(f"train, {n_done} of {n} candidates")
        for i, k, score in self.away.scores(todo, self.folds) if self.away else self._here(todo):
            by_fold[i][k] = score
            self.bar.update(len(self.folds[k][0]))
            if len(by_fold[i]) == len(self.folds):
                n_done += 1
                self.bar.set_description_str(f"train, {n_done} of {n} candidates")
                yield i, [score for _, score in sorted(by_fold.pop(i).items())]

    def _here(self, todo: list[dict]) -> Iterator[Done]:
        for i, values in enumerate(todo):
            for k, fold in enumerate(self.folds):
                yield i, k, self.problem.score(values, fold)


def _code() -> list[bytes]:
    """The modules that a score depends on, the user's among them."""
    here = Path(__file__).parent
    folders = [here.with_name(room) for room in ("statistics", "tasks")]
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    modules = ("learners", "model_pipeline", "networks", "torch_learner")
    files += [here / f"{name}.py" for name in modules]
    return [path.read_bytes() for path in files] + project.imported_code()


def search(
    problem: Problem, rows: pd.DataFrame, grid: Mapping[str, Sequence[Any]], params: Params
) -> list[Candidate]:
    """Candidates with their `values`, mean `score` and `spread` (std over the folds).

    Halving (Jamieson and Talwalkar 2016) scores all on a small share of the rows to fit, the best
    third on three times as many, and so on: `rung` and `fit_rows` say how far a candidate came.
    Of Optuna's candidates, `folds` says how many of the folds one was scored on. A candidate that
    cannot be fitted on a fold comes last: its `score` is NaN, and `failed` the reason.
    Raises UsageError for a grid that is too large, CannotFit where no candidate can be fitted,
    DataRefused where nothing can be scored.
    """
    if params.train.search == "optuna":
        return _by_optuna(problem, rungs(rows, problem.y, 1, params)[0], grid, params)
    left, dropped = _candidates(grid, params), list[Candidate]()
    ladder = rungs(rows, problem.y, len(left), params)
    counts = [math.ceil(len(left) / FACTOR**i) for i in range(len(ladder))]
    total = sum(n * _size(rung) for n, rung in zip(counts, ladder, strict=True))
    with (
        cluster.connected(problem) as away,
        tqdm(total=total, desc="train", bar_format=BAR) as bar,
    ):
        for i, n_kept in enumerate([*counts[1:], counts[-1]]):
            facts = {"rung": i + 1, "fit_rows": _size(ladder[i]) // len(ladder[i])}
            scored = [c | facts for c in _scored(Rung(problem, ladder[i], bar, away), left)]
            left = [candidate["values"] for candidate in scored[:n_kept]]
            dropped = scored[n_kept:] + dropped
    return scored[:n_kept] + dropped


def _size(rung: list[Fold]) -> int:
    """Rows to fit in all folds together."""
    return sum(len(fold[0]) for fold in rung)


def _by_optuna(
    problem: Problem, folds: list[Fold], grid: Mapping[str, Sequence[Any]], params: Params
) -> list[Candidate]:
    """The best first, those that were given up last; each fold's score is written at once."""
    optuna_search.require()
    cluster.refuse(optuna_search.ONE_BY_ONE)
    path = paths.SEARCH_CACHE / f"{problem.key(folds)}-folds.jsonl"
    n, known = params.train.n_iter, _read_scores(path)
    with tqdm(total=n * _size(folds), desc="train", bar_format=BAR) as bar:

        def score(values: dict[str, Any], k: int) -> Score:
            name = f"{_name(values)}, fold {k}"
            if name not in known:
                known[name] = [problem.score(values, folds[k])]
                _append(path, [name, known[name]])
            bar.update(len(folds[k][0]))
            return known[name][0]

        sign, size = problem.metric.sign, _size(folds) // len(folds)
        found: dict[str, Candidate] = {}
        for values, by_fold in optuna_search.proposals(
            grid, n, len(folds), params.seed, sign, score
        ):
            facts = {"rung": 1, "fit_rows": size, "folds": len(by_fold)}
            found.setdefault(_name(values), _candidate(values, by_fold) | facts)
    scored = list(found.values())
    scored.sort(key=lambda c: (-c["folds"], rank(c["score"], problem.metric)))
    return _with_a_score(scored, problem.metric, folds)


def _candidates(grid: Mapping[str, Sequence[Any]], params: Params) -> list[dict[str, Any]]:
    kind, n = params.train.search, math.prod(len(values) for values in grid.values())
    if kind == "random":
        n = min(n, params.train.n_iter)
    elif n > MOST:
        raise UsageError(
            f"train.grid has {n:,} combinations, and train.search: {kind} tries all, {MOST} at "
            "most. Leave out values, or set search: random with n_iter."
        )
    return list(ParameterSampler(grid, n, random_state=params.seed))


def _scored(rung: Rung, left: list[dict]) -> list[Candidate]:
    """Candidates with their scores on one rung, the best first; raises DataRefused without one."""
    metric = rung.problem.metric
    scored = [_candidate(*pair) for pair in zip(left, _scores(rung, left), strict=True)]
    scored.sort(key=lambda candidate: rank(candidate["score"], metric))
    return _with_a_score(scored, metric, rung.folds)


def _candidate(values: dict[str, Any], by_fold: Sequence[Score]) -> Candidate:
    failed = [score for score in by_fold if isinstance(score, str)]
    known = [math.nan if isinstance(score, str) else score for score in by_fold]
    found = {"values": values, "score": float(np.mean(known)), "spread": float(np.std(known))}
    return found | {"failed": failed[0]} if failed else found


def _with_a_score(scored: list[Candidate], metric: Metric, folds: list[Fold]) -> list[Candidate]:
    """The same; raises CannotFit or DataRefused where the first, the best, has no finite score."""
    if not math.isfinite(scored[0]["score"]):
        if failed := [candidate["failed"] for candidate in scored if "failed" in candidate]:
            raise CannotFit(failed[0])
        raise DataRefused(
            f"No candidate has a finite {metric.name}, fitted on folds of "
            f"{_size(folds) // len(folds):,} rows: a fold may have too few rows, or lack a class."
        )
    return scored


def rank(score: float, metric: Metric) -> float:
    """Ascending from the best; a score that is not finite comes last."""
    return -metric.sign * score if math.isfinite(score) else math.inf


def _scores(rung: Rung, left: list[dict]) -> list[list[Score]]:
    """Scores by fold of each candidate; those from before an interruption are read."""
    path = paths.SEARCH_CACHE / f"{rung.problem.key(rung.folds)}.jsonl"
    names = [_name(values) for values in left]
    known, bar = _read_scores(path), rung.bar
    if n_known := len(known.keys() & names):
        bar.total -= n_known * _size(rung.folds)
        bar.write(f"train: {n_known} of {len(left)} candidates were scored before, in {path}")
    todo = {name: values for name, values in zip(names, left, strict=True) if name not in known}
    for i, by_fold in rung.scores(list(todo.values()), len(left)):
        name = list(todo)[i]
        known[name] = by_fold
        _append(path, [name, by_fold])
    return [known[name] for name in names]


def _name(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, default=str)


def _read_scores(path: Path) -> dict[str, list[Score]]:
    """By candidate the scores of a file; {} without one."""
    known: dict[str, list[Score]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with suppress(ValueError):  # the interruption tore this line
            known.update([json.loads(line)])
    return known


def _append(path: Path, record: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(record))


@np.errstate(all="ignore")  # a model that overflows has no finite score, which is reported
def fit(
    blank: Pipeline, values: dict[str, Any], x: np.ndarray, y: np.ndarray, stop: Stop = None
) -> Pipeline:
    """A fitted copy of `blank`, its model with `values`; rows of `stop` (x, y) end boosting.

    It fits in parallel where the model can, and predicts on one thread: threads add up the trees of
    a forest in any order, with other digits every time. Raises CannotFit where the model refuses
    these rows, UsageError where it refuses the values.
    """
    pipeline = clone(blank)
    head, model = pipeline[:-1], pipeline[-1]
    try:
        model.set_params(**values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"train.grid: {' '.join(str(error).split())}") from error
    try:
        inner = head.fit_transform(x, y)
        inner[:, np.isnan(inner).all(axis=0)] = 0  # boosting cannot bin a column without a value
        model.fit(inner, y, **_stopping(head, model, stop))
    except (MemoryError, ProjectError):  # not the model's refusal: the command line says what helps
        raise
    except Exception as error:  # LightGBM, for one, has an error of its own
        reason = " ".join(str(error).split())
        what = f"train.grid: a model with {values} cannot be fitted on {len(y):,} rows"
        is_of_rows = isinstance(error, ValueError) and not isinstance(error, InvalidParameterError)
        kind = CannotFit if is_of_rows else UsageError
        raise kind(f"{what}: {reason}") from error
    if hasattr(model, "n_jobs"):
        model.set_params(n_jobs=None)
    pipeline.steps[-1] = (pipeline.steps[-1][0], networks.plain(model))
    return pipeline


def _stopping(head: Pipeline, model: BaseEstimator, stop: Stop) -> dict[str, np.ndarray]:
    """Arguments of `fit` for boosting that stops by the rows of `stop`; {} without them."""
    if not stop:
        return {}
    weight = compute_sample_weight(model.get_params().get("class_weight"), stop[1])
    return {"X_val": head.transform(stop[0]), "y_val": stop[1], "sample_weight_val": weight}
