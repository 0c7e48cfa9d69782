"""Which rows a candidate of the search is fitted to, scored on and stopped by.

Folds divide as the split divides: by time they go forward, and rows of one moment or of one group
stay together.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from mlops_loop import tasks
from mlops_loop.errors import DataRefused
from mlops_loop.params import Params
from mlops_loop.pipeline.split import GROUP, TIME

FACTOR = 3  # halving keeps a third of the candidates, on three times the rows
LEAST_ROWS = 100  # on fewer, luck decides
Pair = tuple[np.ndarray, np.ndarray]  # positions of rows to fit and to score
Fold = tuple[np.ndarray, np.ndarray, np.ndarray | None]  # and to stop by


def folds(
    rows: pd.DataFrame, y: np.ndarray, params: Params, n: int, key: str = "folds"
) -> list[Pair]:
    """Pairs of positions (fit, score) in `rows`, divided as the split divides.

    key: of `train` in params.yaml, for the message. Raises DataRefused for too few rows, moments or
    groups.
    """
    try:
        if params.split.strategy == "time":
            return _by_moment(rows[TIME].to_numpy(), n)
        if params.split.strategy == "group":
            return list(GroupKFold(n).split(rows, y, rows[GROUP]))
        with warnings.catch_warnings():  # of a class with few rows: the search reports it
            warnings.simplefilter("ignore", UserWarning)
            return list(tasks.find(params.task).folds(n, params.seed).split(rows, y))
    except ValueError as error:
        raise DataRefused(f"train.{key} = {n} does not work with these rows: {error}") from error


def _by_moment(times: np.ndarray, n: int) -> list[Pair]:
    moments, place = np.unique(times, return_inverse=True)
    pairs = TimeSeriesSplit(n).split(moments)
    return [(_positions(place, fit), _positions(place, score)) for fit, score in pairs]


def _positions(place: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Of the rows whose moment is one of these."""
    return np.flatnonzero(np.isin(place, moments))


def rungs(rows: pd.DataFrame, y: np.ndarray, n: int, params: Params) -> list[list[Fold]]:
    """Folds on a growing share of the rows to fit, for `n` candidates.

    Without halving there is one rung, on all of them.
    """
    pairs = folds(rows, y, params, params.train.folds)
    mixed = [np.random.default_rng(params.seed).permutation(fit) for fit, _ in pairs]
    return [
        [
            _with_stop(np.sort(fit[: len(fit) // step]), score, rows, y, params)
            for fit, (_, score) in zip(mixed, pairs, strict=True)
        ]
        for step in _steps(pairs, n, params)
    ]


def _steps(pairs: list[Pair], n: int, params: Params) -> list[int]:
    """By what the number of rows to fit is divided, rung by rung; the last is 1."""
    steps = [1]
    if params.train.search == "halving":
        most = min(n, min(len(fit) for fit, _ in pairs) // LEAST_ROWS)
        while FACTOR * steps[0] <= most:
            steps.insert(0, FACTOR * steps[0])
    return steps


def _with_stop(
    fit: np.ndarray, score: np.ndarray, rows: pd.DataFrame, y: np.ndarray, params: Params
) -> Fold:
    """With early stopping, the last tenth of the rows to fit, or a ninth of the groups, ends it."""
    if not params.train.early_stopping:
        return fit, score, None
    first, last = folds(rows.iloc[fit], y[fit], params, 9, "early_stopping: parts")[-1]
    return fit[first], score, fit[last]
