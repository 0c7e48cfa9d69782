"""Convert every case to ONNX as the loop does, and judge the loop's proof by rows of its own.

Prints a line of JSON with the versions of libraries, and one for each case: library, name,
numbers, and by kind of target the outcome and why. `python convert.py TEXT...` takes the cases
that have one of the texts in them. Runs in the environment of a generated project, with LightGBM,
XGBoost and onnxmltools beside it: see test_onnx.py.
"""

import inspect
import json
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from cases import HIDDEN, LIBRARIES
from mlops_loop import files, project
from mlops_loop.errors import ExportDisagrees, UsageError
from mlops_loop.model.contract import Column, Contract
from mlops_loop.model.predictor import load_predictor, load_skops, raw_scores
from mlops_loop.pipeline import cuts, export, libraries, parity
from mlops_loop.pipeline.model_pipeline import Estimator, build_pipeline
from mlops_loop.pipeline.search import fit
from sklearn.base import BaseEstimator, clone, is_classifier

LIBRARIES_USED = (
    "scikit-learn", "skl2onnx", "onnxruntime", "lightgbm", "xgboost-cpu", "onnxmltools"
)  # fmt: skip
TOLERANCE = 1e-5
COLUMNS = (
    Column("price", "number", nullable=True),
    Column("rain", "number", minimum=0.0),
    Column("day", "integer", minimum=20260101, maximum=20260228),
    Column("count", "integer", minimum=0),
    Column("flag", "boolean"),
    Column("colour", "category", levels=("red", "green", "blue"), closed=True),
    Column("town", "category", nullable=True, levels=("here", "there", "far")),
)
CLASSES = {"two classes": ("a", "b"), "three classes": ("a", "b", "c"), "number": ()}


def table(n: int, seed: int, missing: float) -> np.ndarray:
    """Return encoded rows (n, 7), a share of the values that may be missing is."""
    rng = np.random.default_rng(seed)
    price = np.where(rng.random(n) < missing, np.nan, np.round(rng.normal(15, 5, n), 2))
    rain = np.where(rng.random(n) < 0.4, 0, np.round(rng.exponential(3, n), 1))
    day = 20260101 + rng.integers(0, 28, n)
    town = np.where(rng.random(n) < missing, 3, rng.integers(0, 3, n))
    rest = rng.integers(0, 9, n), rng.random(n) < 0.5, rng.integers(0, 3, n)
    return np.column_stack([price, rain, day, *rest, town]).astype(np.float32)


def outcome(x: np.ndarray, target: str, seed: int) -> np.ndarray:
    """Return what is to be learned: a number above 0, or positions of classes."""
    rng = np.random.default_rng(seed)
    price = np.where(np.isnan(x[:, 0]), 9, x[:, 0])
    number = (
        price
        + 5 * (x[:, 3] % 3 == 1)
        + 4 * (x[:, 5] == 1)
        + 3 * (x[:, 6] == 3)
        + 2 * (x[:, 1] == 0)
        + x[:, 2] % 7
    )
    number = np.abs(number + rng.normal(0, 3, len(x))) + 0.1
    cuts = np.quantile(number, np.linspace(0, 1, len(CLASSES[target]) + 1)[1:-1])
    return np.searchsorted(cuts, number) if CLASSES[target] else number / 10


def judged_rows(pipeline: Any, contract: Contract) -> np.ndarray:
    """Return 4,000 rows of all that a client may send, made otherwise than the loop's.

    Numbers come from the data, from the whole range, or are the float32 number at a cut that the
    trees have, or its neighbour; a category may be any, unseen too.
    """
    rng, x = np.random.default_rng(7), table(4000, 7, 0.1)
    for i, column in enumerate(contract.columns):
        if column.kind == "category":
            codes = [*range(column.n_codes), *([] if column.closed else [-1])]
            x[:, i] = np.where(rng.random(len(x)) < 0.3, rng.choice(codes, len(x)), x[:, i])
        elif known := cuts_of(pipeline).get(contract.numbers.index(i)):
            chosen = rng.choice(np.array(known), len(x)).astype(np.float32)
            chosen = np.nextafter(
                chosen, rng.choice(np.array([-np.inf, np.inf, 0], np.float32), len(x))
            )
            if column.kind == "integer":
                chosen = np.rint(chosen)
            x[:, i] = np.where(rng.random(len(x)) < 0.4, chosen, x[:, i])
    return x


def cuts_of(pipeline: Any) -> dict[int, list[float]]:
    """Return the cuts of the trees of a pipeline, by feature."""
    found: dict[int, list[float]] = {}
    for part in cuts.parts(pipeline):
        for feature, cut in pairs(part):
            if np.isfinite(cut) and abs(cut) < 1e30:
                found.setdefault(int(feature), []).append(float(cut))
    return found


def pairs(part: Any) -> list[tuple[int, float]]:
    """Return feature and cut of each node of a tree."""
    kind = type(part).__name__
    if kind == "Tree":
        return list(zip(part.feature, part.threshold, strict=True))
    if kind == "TreePredictor":
        return [(n["feature_idx"], n["num_threshold"]) for n in part.nodes if not n["is_leaf"]]
    if kind.startswith("LGBM") and hasattr(part, "booster_"):
        frame = part.booster_.trees_to_dataframe().dropna(subset=["threshold"])
        names = {name: i for i, name in enumerate(part.booster_.feature_name())}
        return [
            (names[f], float(t))
            for f, t in zip(frame.split_feature, frame.threshold, strict=True)
            if isinstance(t, float)
        ]
    if (
        kind.startswith("XGB")
        and hasattr(part, "get_booster")
        and part.booster != "gblinear"
        and part.__sklearn_is_fitted__()
    ):
        frame = part.get_booster().trees_to_dataframe().dropna(subset=["Split"])
        return [(int(f[1:]), t) for f, t in zip(frame.Feature, frame.Split, strict=True)]
    return []


def converted(estimator: BaseEstimator, numbers: str, target: str) -> dict[str, Any]:
    """Return what came of one case and one kind of target."""
    if is_classifier(estimator) != (target != "number"):
        return {}
    contract = Contract(
        "classification" if CLASSES[target] else "regression", "y", COLUMNS, CLASSES[target]
    )
    x = table(400, 0, 0.1)
    kind = Estimator(lambda random_state: clone(estimator), numbers=numbers)
    try:
        pipeline = fit(build_pipeline(kind, contract, 0), {}, x, outcome(x, target, 0))
    except UsageError as error:
        return {"outcome": "", "why": str(error)}
    return exported(pipeline, contract)


def exported(pipeline: Any, contract: Contract) -> dict[str, Any]:
    """Return what the loop says of a fitted pipeline, and whether it is right."""
    used = tuple(libraries.used(cuts.parts(pipeline)))
    opset = Estimator(BaseEstimator, library=used).register_converters()
    if libraries.used([pipeline[-1]]):
        pipeline = saved(pipeline, used)
    with tempfile.TemporaryDirectory() as folder:
        try:
            export.write_onnx(pipeline, contract, Path(folder), opset)
        except ExportDisagrees as error:
            return {"outcome": "refused", "why": str(error)}
        predictor = load_predictor(Path(folder))
    held = table(300, 1, 0)
    try:
        found = parity.check_parity(pipeline, predictor, held, contract, TOLERANCE)
    except ExportDisagrees as error:
        return {"outcome": "caught", "why": str(error)}
    rows = judged_rows(pipeline, contract)
    expected, given = raw_scores(pipeline, rows), predictor.scores(rows)
    scale = np.abs(expected).reshape(len(expected), -1).max(axis=1)
    gap = parity.differences(expected, given, scale)
    if bad := int((~(gap <= TOLERANCE)).sum()):
        return {"outcome": "wrong", "why": f"{bad} of {len(gap)} rows, up to {gap.max():g}"}
    return {"outcome": "exact", "why": f"{found.overall:.1e}"}


def saved(pipeline: Any, used: tuple[str, ...]) -> Any:
    """Return a pipeline as it comes from `train` to `export`, with types of its libraries only."""
    entry = Estimator(BaseEstimator, library=used)
    project.types_of_estimators = lambda: entry.trusted_types
    with tempfile.TemporaryDirectory() as folder:
        files.write_skops(pipeline, Path(folder, "model.skops"))
        return load_skops(Path(folder, "model.skops"))


def written(value: Any) -> str:
    """Return an estimator with the options that are not its defaults, as Python writes it."""
    if isinstance(value, list | tuple) and any(isinstance(v, BaseEstimator | tuple) for v in value):
        return " and ".join(written(v[1] if isinstance(v, tuple) else v) for v in value)
    if isinstance(value, list) and len(value) > 6:  # one for each feature
        return f"[{', '.join(map(repr, value[:4]))}, ...]"
    if not isinstance(value, BaseEstimator):
        return repr(value)
    if hasattr(value, "steps"):
        return " + ".join(written(step) for _, step in value.steps)
    usual, given = defaults(type(value)), value.get_params(deep=False)
    inner = {
        name: v
        for name, v in given.items()
        if name in ("estimator", "estimators", "regressor") and v is not None
    }
    options = [written(v) for v in inner.values()]
    options += [
        f"{name}={written(v)}"
        for name, v in given.items()
        if name not in HIDDEN | set(inner) and repr(v) != repr(usual.get(name))
    ]
    return f"{type(value).__name__}({', '.join(options)})".removesuffix("()")


def defaults(kind: type[BaseEstimator]) -> dict[str, Any]:
    """Return the options that an estimator has where none is given."""
    try:
        return kind().get_params(deep=False)
    except TypeError:  # it needs an estimator
        known = inspect.signature(kind).parameters.items()
        return {name: parameter.default for name, parameter in known}


def main() -> None:
    """Print what came of every case, or of those that have one of the texts in them."""
    warnings.simplefilter("ignore")
    print(json.dumps({name: version(name) for name in LIBRARIES_USED}), flush=True)
    only = sys.argv[1:] or [""]
    for library, groups in LIBRARIES.items():
        for numbers, estimators in groups.items():
            for estimator in estimators:
                name = written(estimator)
                if any(text in f"{library} {name} {numbers}" for text in only):
                    found = {target: converted(estimator, numbers, target) for target in CLASSES}
                    line = {"library": library, "name": name, "numbers": numbers} | found
                    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
