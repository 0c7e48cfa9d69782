"""The user's package: the one place that imports it.

Its name is `package` under `[tool.mlops-loop]` in the project's pyproject.toml; in an image, which
has no such file, the environment variable MLOPS_LOOP_PACKAGE. Modules are imported when they are
asked for: serving needs none of them, unless a model is of the user's own types.
"""

from __future__ import annotations

import importlib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_loop.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

VARIABLE = "MLOPS_LOOP_PACKAGE"
FILE = Path("pyproject.toml")


def package() -> str:
    """The name of the user's package; raises UsageError where nothing names one."""
    if name := os.environ.get(VARIABLE) or _configured():
        return name
    raise UsageError(
        f"{FILE} names no package: [tool.mlops-loop] package = NAME is missing. "
        "Next: run this in the project's root folder, or set " + VARIABLE
    )


def _configured() -> str:
    try:
        settings = tomllib.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return ""
    return settings.get("tool", {}).get("mlops-loop", {}).get("package", "")


def display_name() -> str:
    """The package's name for people, as 'Flight Delays'; 'Model' where nothing names one."""
    name = os.environ.get(VARIABLE) or _configured() or "model"
    return name.replace("_", " ").strip().title()


def raw_rows() -> type[pa.DataFrameModel]:
    """The pandera model of the raw table."""
    return _attribute("schema", "RawRows")


def model_input() -> type[pa.DataFrameModel]:
    """The pandera model of what the model takes."""
    return _attribute("schema", "ModelInput")


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Raw rows with the columns of the model input: the user's `features.model_rows`."""
    function: Callable[[pd.DataFrame], pd.DataFrame] = _attribute("features", "model_rows")
    return function(raw)


def estimators() -> Mapping[str, Any]:
    """By name each `Estimator` that `train.estimator` in params.yaml may have."""
    return _attribute("estimators", "ESTIMATORS")


def extension(name: str) -> Any:
    """A table of `extensions.py`: SOURCES, METRICS, CHECKS or TRUSTED_TYPES; empty without it."""
    return getattr(_module("extensions"), name, {})


def _attribute(module: str, name: str) -> Any:
    found = _module(module)
    if not hasattr(found, name):
        raise UsageError(f"{found.__file__} has no {name}, which the loop needs.")
    return getattr(found, name)


def _module(name: str) -> ModuleType:
    """A module of the user's package; its own errors are the user's to see."""
    path = f"{package()}.{name}"
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name not in (path, package()):
            raise
        raise UsageError(f"There is no module {path}, which the loop needs.") from error
