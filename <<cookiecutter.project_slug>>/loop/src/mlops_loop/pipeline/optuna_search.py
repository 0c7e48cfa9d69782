"""`train.search: optuna`: each candidate is proposed from the scores of those before it.

The sampler is the tree-structured Parzen estimator (Bergstra et al. 2011), and a candidate whose
mean over the first folds is worse than the median of the others there is given up, as in Google
Vizier (Golovin et al. 2017, section 3.2). Both are Optuna's; one seed gives one sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_loop.errors import UsageError

if TYPE_CHECKING:
    from optuna import Trial

ONE_BY_ONE = "train.search: optuna proposes one candidate after another"
Values = dict[str, Any]
Score = Callable[[Values, int], float | str]  # on a fold, by its number; or why there is none


def require() -> None:
    """Raise UsageError where Optuna is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            f"train.search: optuna needs Optuna, which is not installed here ({error}). Next: "
            "uv add --group pipeline 'mlops-loop[optuna]', or set train.search: random"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def proposals(
    grid: Mapping[str, Sequence[Any]], n: int, n_folds: int, seed: int, sign: int, score: Score
) -> Iterator[tuple[Values, list[float | str]]]:
    """Values and scores by fold of `n` candidates; fewer than `n_folds` for one that is given up.

    sign: 1 where a greater score is better, -1 otherwise. A candidate may come again.
    """
    import optuna

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    for _ in range(n):
        trial = study.ask()
        values = {name: _suggest(trial, name, choices) for name, choices in grid.items()}
        scores = _scores(trial, n_folds, partial(score, values), sign)
        if len(scores) < n_folds or not _is_finite(scores[-1]):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, _mean(scores, sign))
        yield values, scores


def _suggest(trial: Trial, name: str, choices: Sequence[Any]) -> Any:
    """One of the values of a list, which may be of any type: Optuna sees their positions."""
    return choices[trial.suggest_categorical(name, range(len(choices)))]


def _is_finite(score: float | str) -> bool:
    return not isinstance(score, str) and math.isfinite(score)


def _mean(scores: Sequence[float | str], sign: int) -> float:
    return sign * float(np.mean(np.array(scores, dtype=float)))


def _scores(
    trial: Trial, n_folds: int, score: Callable[[int], float | str], sign: int
) -> list[float | str]:
    """By fold, until the candidate is given up, cannot be fitted or has no finite score."""
    scores: list[float | str] = []
    for k in range(n_folds):
        scores.append(score(k))
        if not _is_finite(scores[-1]):
            break
        trial.report(_mean(scores, sign), k)
        if trial.should_prune():
            break
    return scores
