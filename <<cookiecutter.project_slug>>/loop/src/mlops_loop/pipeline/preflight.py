"""What training would refuse, asked before the first stage reads a row.

The commands `ingest`, `prepare` and `train` ask, since DVC may begin with each of them. What
depends on the rows is asked by `prepare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from sklearn.base import BaseEstimator, clone

from mlops_loop import project, tasks
from mlops_loop.errors import ProjectError, UsageError
from mlops_loop.params import MADE_BY, Params
from mlops_loop.pipeline import cluster, export_check, libraries, networks, optuna_search
from mlops_loop.pipeline.derive import require_expressible
from mlops_loop.pipeline.model_pipeline import Estimator, find_estimator, set_options
from mlops_loop.pipeline.schema_rules import schema_of
from mlops_loop.tasks import metrics
from mlops_loop.text import listed


def check(params: Params) -> None:
    """Raise UsageError for what schema.py may not say, or what params.yaml names in vain."""
    _check_schema(params)
    own = params.train
    _check_search(own.search)
    try:
        metrics.find(params.task, own.scoring)
    except UsageError as error:
        raise UsageError(f"params.yaml: train.scoring: {error}") from error
    with _installed():
        estimator = find_estimator(own.estimator)
        model = _make(estimator, params)
    tasks.find(params.task).check_model(model, own.estimator)
    networks.check_installed(model)
    set_options(model, own)
    if own.grid is None:
        _check_grid(model, estimator.grid, own.estimator, "estimators.py: grid")
    else:
        _check_grid(model, own.grid, own.estimator, "train.grid")
    _check_cluster(params)
    export_check.check(model, params)


def _check_search(kind: str) -> None:
    """What the search needs is installed, and a cluster has an address."""
    cluster.check()
    if kind == "optuna":
        optuna_search.require()
        cluster.refuse(optuna_search.ONE_BY_ONE)


@contextmanager
def _installed() -> Iterator[None]:
    """Raise UsageError, with what to install, for a library that estimators.py cannot import."""
    try:
        yield
    except ModuleNotFoundError as error:
        known = libraries.LIBRARIES.get(error.name or "")
        package = f"{known.package} {libraries.CONVERTERS}" if known else "PACKAGE"
        raise UsageError(
            f"estimators.py imports {error.name!r}, which is not installed. Next: uv sync; where "
            f"pyproject.toml does not name its package: uv add --group pipeline {package}"
        ) from error


def _make(estimator: Estimator, params: Params) -> BaseEstimator:
    name = params.train.estimator
    try:
        return estimator.make(random_state=params.seed)
    except (ModuleNotFoundError, ProjectError):
        raise
    except Exception as error:  # whatever the user's code raises
        reason = project.failure(error)
        raise UsageError(
            f"estimators.py: {name!r} cannot be made with random_state={params.seed}: {reason}. "
            "Next: give Estimator a function that takes random_state, as lambda random_state: ..."
        ) from error


def _check_schema(params: Params) -> None:
    """Both models say what can be followed, and the target is no input."""
    schema_of(project.raw_rows())
    inputs = schema_of(project.model_input())
    require_expressible(inputs)
    if params.target.column in inputs.columns:
        raise UsageError(
            f"ModelInput has the target {params.target.column!r} (target.column), which no client "
            "knows. Next: remove it; where ModelInput inherits RawRows, let both inherit a model "
            "without it"
        )


def _check_grid(
    model: BaseEstimator, grid: Mapping[str, Sequence[Any]], name: str, place: str
) -> None:
    """Each key is a parameter of the model, and each value one that it takes."""
    for key, values in grid.items():
        for value in values:
            candidate = clone(model)
            try:
                candidate.set_params(**{key: value})
            except ValueError as error:
                raise UsageError(f"{place}.{key}: {_unknown(key, model, name)}") from error
            _check_value(candidate, f"{place}.{key}")


def _unknown(key: str, model: BaseEstimator, name: str) -> str:
    known = list(model.get_params())
    near = [name for name in known if name.lower() == key.lower()]
    near = near or get_close_matches(key, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"the estimator {name!r} has no such parameter.{hint} It has: {listed(known, len(known))}."
    )


def _check_value(model: BaseEstimator, place: str) -> None:
    """What scikit-learn's own models ask at the beginning of `fit`; others have no such rules."""
    if not hasattr(model, "_parameter_constraints"):
        return
    try:
        model._validate_params()
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{place}: {reason}") from error


def _check_cluster(params: Params) -> None:
    """`evaluate.cluster` is a column that the holdout will have."""
    cluster = params.evaluate.cluster
    if not cluster or cluster in MADE_BY:
        return
    kept = [*project.model_input().to_schema().columns, *params.prepare.carry_columns]
    kept += params.evaluate.slices
    if cluster not in kept:
        raise UsageError(
            f"evaluate.cluster = {cluster!r}: the holdout will not have this column. Next: add it "
            f"to prepare.carry_columns, or choose one of: {listed(dict.fromkeys(kept))}, or null"
        )
