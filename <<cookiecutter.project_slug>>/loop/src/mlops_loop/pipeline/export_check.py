"""What `train` and `export` would refuse of an estimator, asked of a fit on made rows.

The model is fitted to few rows with the columns of `schema.ModelInput`, written to a file, and
converted. Only what does not depend on the rows is refused: a type that nobody trusts, a conversion
that fails, and a known fault of a converter that these rows show. A model that cannot be fitted to
made rows is left to `train`.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.pipeline import Pipeline

from mlops_loop import project, tasks
from mlops_loop.errors import ExportDisagrees, ProjectError, UsageError
from mlops_loop.model.contract import Column, Contract
from mlops_loop.model.predictor import TRUSTED, load_predictor
from mlops_loop.params import Params
from mlops_loop.pipeline import causes, export, libraries
from mlops_loop.pipeline.cuts import parts
from mlops_loop.pipeline.derive import column_without_rows
from mlops_loop.pipeline.model_pipeline import Estimator, build_pipeline, find_estimator
from mlops_loop.pipeline.parity import check_parity
from mlops_loop.pipeline.schema_rules import schema_of
from mlops_loop.pipeline.search import fit

N_ROWS = 200
FEW = 10  # trees or iterations, for speed
SIZES = ("n_estimators", "max_iter")
# These can be written and converted, but for known faults: see loop/docs/onnx.md.
KNOWN = (
    "mlops_loop.pipeline.networks.NetworkClassifier",
    "mlops_loop.pipeline.networks.NetworkRegressor",
    *(
        f"sklearn.{name}"
        for name in (
            "ensemble._forest.RandomForestClassifier",
            "ensemble._forest.RandomForestRegressor",
            "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
            "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
            "linear_model._logistic.LogisticRegression",
            "linear_model._ridge.Ridge",
        )
    ),
)
OPSETS = (4, 3, 2, 1)  # of ai.onnx.ml, older than the newest


@dataclass(frozen=True)
class Problem:
    """What is wrong with an entry of `estimators.py`, and what to do about it."""

    what: str
    next_step: str


def check(model: BaseEstimator, params: Params) -> None:
    """Raise UsageError, with all problems at once, for what would be refused after a fit.

    model: what `train.estimator` makes.
    """
    name = params.train.estimator
    estimator = find_estimator(name)
    first = clone(model).set_params(**_first_values(estimator, params))
    if _name_of(model) in KNOWN and not causes.known_fault(first):
        return
    problems = _problems(model, estimator, params)
    forgotten = [n for n in libraries.used(parts(model)) if n not in estimator.libraries]
    if problems and forgotten:
        complete = replace(estimator, library=(*estimator.libraries, *forgotten))
        problems = [_not_named(forgotten, complete), *_problems(model, complete, params)]
    if problems:
        what = "; ".join(problem.what for problem in problems)
        steps = "; ".join(dict.fromkeys(problem.next_step for problem in problems))
        raise UsageError(
            f"estimators.py: {name!r} would be refused after training: {what}. Next: {steps}"
        )


def _name_of(model: object) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _first_values(estimator: Estimator, params: Params) -> dict[str, Any]:
    grid = estimator.grid if params.train.grid is None else params.train.grid
    return {name: values[0] for name, values in grid.items()}


def _not_named(forgotten: Sequence[str], estimator: Estimator) -> Problem:
    value = repr(forgotten[0] if len(estimator.libraries) == 1 else estimator.libraries)
    what = f"its entry does not name {' and '.join(forgotten)}, which its model is made of"
    return Problem(what, f"add library={value} to the entry".replace("'", '"'))


def _problems(model: BaseEstimator, estimator: Estimator, params: Params) -> list[Problem]:
    if not _lacks_converters(estimator, params):
        return _problems_of_fit(model, estimator, params)
    what = f"{libraries.CONVERTERS}, which converts it to ONNX, is not installed"
    missing = Problem(what, f"uv add --group pipeline {libraries.CONVERTERS}")
    return [missing, *_problems_of_fit(model, estimator, params)]


def _lacks_converters(estimator: Estimator, params: Params) -> bool:
    needed = params.export.format == "onnx" and estimator.libraries
    return bool(needed) and not find_spec(libraries.CONVERTERS)


def _problems_of_fit(model: BaseEstimator, estimator: Estimator, params: Params) -> list[Problem]:
    """Problems with every kind of target that there may be: the rows say how many classes."""
    problems: list[Problem] = []
    for classes in _classes(model):
        with _quiet():
            if not (made := _fitted(estimator, classes, params)):
                continue
            problems = [*_type_problems(made.pipeline, estimator)]
            if params.export.format == "onnx" and not _lacks_converters(estimator, params):
                problems += _conversion_problems(made, estimator, params)
        if not problems:
            break
    return problems


def _classes(model: BaseEstimator) -> list[tuple[str, ...]]:
    try:
        return [("a", "b"), ("a", "b", "c")] if is_classifier(model) else [()]
    except AttributeError:  # another library's, without scikit-learn's tags
        return []


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """LightGBM prints what it thinks of the rows; of made ones nobody wants to know."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Made:
    """A fitted pipeline, its contract, and the made rows (N_ROWS, n_columns)."""

    pipeline: Pipeline
    contract: Contract
    x: np.ndarray


def _fitted(estimator: Estimator, classes: tuple[str, ...], params: Params) -> Made | None:
    """A pipeline that is fitted to made rows, and calibrated; None where it cannot be."""
    columns = schema_of(project.model_input()).columns.items()
    made = tuple(column_without_rows(name, column) for name, column in columns)
    contract = Contract(params.task, "made", made, classes)
    x, y = _rows(contract, len(classes), params.seed)
    blank = build_pipeline(estimator, contract, params.seed)
    first, own = _first_values(estimator, params), params.train
    for sizes in (_few(blank[-1]), {}):  # some models want to converge
        with contextlib.suppress(UsageError):
            pipeline = fit(blank, first | sizes, x, y)
            if own.calibrate:
                with contextlib.suppress(ProjectError):  # what the real rows say counts
                    task, plain = tasks.of(contract), own.model_copy(update={"threshold": 0.5})
                    pipeline, _ = task.learn_from_validation(pipeline, contract, (x, y), plain)
            return Made(pipeline, contract, x)
    return None


def _few(model: BaseEstimator) -> dict[str, int]:
    """Parameters that make a fit quick, those of models within the model too."""
    known = [(name, name.split("__")[-1], value) for name, value in model.get_params().items()]
    large = {name: FEW for name, last, n in known if last in SIZES and (n is None or n > FEW)}
    return large | {name: 1 for name, last, _ in known if last == "n_jobs"}


def _rows(contract: Contract, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Encoded rows (N_ROWS, n_columns), and codes of classes or, of none, numbers above 0."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([_values(column, rng) for column in contract.columns]).astype(np.float32)
    sums = np.nan_to_num(x).sum(axis=1) + rng.normal(size=len(x))
    ranks = np.argsort(np.argsort(sums))
    return x, ranks * n_classes // len(x) if n_classes else (ranks + 1) / len(x)


def _values(column: Column, rng: np.random.Generator) -> np.ndarray:
    if column.kind == "category":
        return rng.integers(0, column.n_codes, N_ROWS)
    if column.kind == "boolean":
        return rng.integers(0, 2, N_ROWS)
    values = rng.integers(0, 100, N_ROWS) if column.kind == "integer" else rng.normal(size=N_ROWS)
    return np.where(rng.random(N_ROWS) < (0.1 if column.nullable else 0), np.nan, values)


def _type_problems(pipeline: Pipeline, estimator: Estimator) -> list[Problem]:
    """Types of a file with this model that `load_skops` would not load."""
    import skops.io

    try:
        found = set(skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)))
    except Exception as error:  # skops has several for what it cannot write
        what = f"skops cannot write {type(pipeline[-1]).__name__}: {project.failure(error)}"
        return [Problem(what, "keep plain values and arrays in the attributes of the model")]
    trusted = {*TRUSTED, *estimator.trusted_types, *project.trusted_types()}
    if not (foreign := sorted(found - trusted)):
        return []
    names = ", ".join(f'"{name}"' for name in foreign)
    return [
        Problem(
            f"a file with its model holds types that are not trusted ({', '.join(foreign)})",
            f"read their code, then add trusted=[{names}] to the entry",
        )
    ]


def _conversion_problems(made: Made, estimator: Estimator, params: Params) -> list[Problem]:
    try:
        opset = estimator.register_converters()
    except ModuleNotFoundError as error:
        what = f"its converter needs {error.name!r}, which is not installed"
        return [Problem(what, "uv add --group pipeline with its package")]
    except ProjectError:
        raise
    except Exception as error:  # whatever the user's code raises
        what = f"its converter cannot be registered: {project.failure(error)}"
        return [Problem(what, "correct onnx= in estimators.py, or the versions of its packages")]
    if not (refusal := _refusal(made, opset)):
        return _faults(made, opset, params)
    what = export.why_not(made.pipeline, refusal)
    for version in OPSETS:
        if not _refusal(made, (opset or {}) | {"ai.onnx.ml": version}):
            return [Problem(what, f'let its onnx= return {{"ai.onnx.ml": {version}}}')]
    if estimator.libraries:
        return [Problem(what, "choose other options (loop/docs/onnx.md), or export.format: skops")]
    return [Problem(what, export.OTHER_WAYS)]


def _refusal(made: Made, opset: Mapping[str, int] | None) -> BaseException | None:
    """What the conversion raises; None where it works."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            export.write_onnx(made.pipeline, made.contract, Path(folder), opset)
        except ExportDisagrees as error:
            return error.__cause__
    return None


def _faults(made: Made, opset: Mapping[str, int] | None, params: Params) -> list[Problem]:
    """The known fault of a converter, where the made rows show it."""
    if not (cause := causes.known_fault(made.pipeline)):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder, tolerance = Path(name), params.export.tolerance
        export.write_onnx(made.pipeline, made.contract, folder, opset)
        predictor = load_predictor(folder)
        try:
            check_parity(made.pipeline, predictor, made.x, made.contract, tolerance)
        except ExportDisagrees:
            return [Problem(cause.reason.rstrip("."), cause.next_step())]
    return []
