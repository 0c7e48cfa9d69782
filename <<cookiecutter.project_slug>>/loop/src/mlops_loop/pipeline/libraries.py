"""LightGBM and XGBoost: what a file may hold of them, and how they become ONNX.

`library=` of an entry in the project's `estimators.py` names one of `LIBRARIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_loop.errors import UsageError
from mlops_loop.text import listed

CONVERTERS = "onnxmltools"  # the package that has the converters of both
# Of classifiers: skl2onnx asks for probabilities as an array.
CLASSIFIER_OPTIONS = {"nocl": [True, False], "zipmap": [True, False, "columns"]}


@dataclass(frozen=True)
class Library:
    """A library whose estimators have the interface of scikit-learn.

    package: its name on PyPI.
    trusted: types of a fitted model that skops may load. The code of each was read: loading gives
    the library's own parser of models a text or bytes, and runs nothing that the file names.
    register: registers the converters with skl2onnx; returns the newest opset that they can write,
    by domain. Raises ModuleNotFoundError where the library or `CONVERTERS` is missing.
    """

    package: str
    trusted: tuple[str, ...]
    register: Callable[[], Mapping[str, int]]


def _register_lightgbm() -> Mapping[str, int]:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    _register(convert_lightgbm, [LGBMClassifier], [LGBMRegressor])
    return {"ai.onnx.ml": 3}


def _register_xgboost() -> Mapping[str, int]:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

    classifiers, regressors = [XGBClassifier, XGBRFClassifier], [XGBRegressor, XGBRFRegressor]
    _register(convert_xgboost, classifiers, regressors)
    return {"ai.onnx.ml": 3}


def _register(
    convert: Callable[..., None], classifiers: Iterable[type], regressors: Iterable[type]
) -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes

    of_classes = shapes.calculate_linear_classifier_output_shapes
    of_numbers = shapes.calculate_linear_regressor_output_shapes
    for kind in classifiers:
        name, options = f"MlopsLoop{kind.__name__}", CLASSIFIER_OPTIONS
        update_registered_converter(kind, name, of_classes, convert, options=options)
    for kind in regressors:
        update_registered_converter(kind, f"MlopsLoop{kind.__name__}", of_numbers, convert)


LIBRARIES = {
    "lightgbm": Library(
        "lightgbm",
        (
            "collections.OrderedDict",
            "lightgbm.basic.Booster",
            "lightgbm.sklearn.LGBMClassifier",
            "lightgbm.sklearn.LGBMRegressor",
        ),
        _register_lightgbm,
    ),
    "xgboost": Library(
        "xgboost-cpu",
        (
            "xgboost.core.Booster",
            "xgboost.sklearn.XGBClassifier",
            "xgboost.sklearn.XGBRFClassifier",
            "xgboost.sklearn.XGBRFRegressor",
            "xgboost.sklearn.XGBRegressor",
        ),
        _register_xgboost,
    ),
}


def find(names: Iterable[str]) -> list[Library]:
    """The libraries of these names; raises UsageError with those that there are."""
    if unknown := [name for name in names if name not in LIBRARIES]:
        raise UsageError(
            f"estimators.py: library={unknown[0]!r} is not known. Choose one of: "
            f"{listed(LIBRARIES)}; for another one set trusted= and onnx= (loop/docs/extensions.md)"
        )
    return [LIBRARIES[name] for name in names]


def used(parts: Iterable[Any]) -> list[str]:
    """Names of `LIBRARIES` that have the type of one of these objects."""
    modules = {type(part).__module__.split(".")[0] for part in parts}
    return [name for name in LIBRARIES if name in modules]


def oldest(opsets: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """By domain the opset that all converters can write."""
    found: dict[str, int] = {}
    for opset in opsets:
        for domain, version in opset.items():
            found[domain] = min(version, found.get(domain, version))
    return found
