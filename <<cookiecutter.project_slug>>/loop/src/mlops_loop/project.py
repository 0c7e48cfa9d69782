"""The user's package: the one place that imports it.

Its name is `package` under `[tool.mlops-loop]` in the project's pyproject.toml; in an image, which
has no such file, the environment variable MLOPS_LOOP_PACKAGE. Modules are imported when they are
asked for: serving needs none of them, unless a model is of the user's own types.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlops_loop.errors import ProjectError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

VARIABLE = "MLOPS_LOOP_PACKAGE"
FILE = Path("pyproject.toml")
LONGEST = 500  # characters of what the user's code said, in a message


def package() -> str:
    """The name of the user's package; raises UsageError where nothing names one."""
    if name := configured():
        return name
    raise UsageError(
        f"{FILE} names no package: [tool.mlops-loop] package = NAME is missing. "
        "Next: run this in the project's root folder, or set " + VARIABLE
    )


def configured() -> str:
    """The name of the user's package; empty where nothing names one."""
    if name := os.environ.get(VARIABLE):
        return name
    return _package_of(Path())


def _package_of(folder: Path) -> str:
    try:
        return _package_in((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return ""


@lru_cache(maxsize=8)  # a gate asks hundreds of times
def _package_in(text: str) -> str:
    settings = tomllib.loads(text)
    found = settings.get("tool", {}).get("mlops-loop", {}).get("package", "")
    return found if isinstance(found, str) else ""


def package_folder() -> Path | None:
    """Where the modules of the user's package are; None where it is not configured or installed."""
    spec = importlib.util.find_spec(name) if (name := configured()) else None
    return Path(spec.origin).parent if spec and spec.origin else None


def find_root() -> Path:
    """The project's root: this folder, or the nearest above it whose pyproject names a package.

    This process then knows that package, as a notebook needs it. This folder where there is none.
    """
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if _package_of(folder)), here)
    if not configured() and (name := _package_of(root)):
        os.environ[VARIABLE] = name
    return root


def model_name() -> str:
    """What the endpoint calls its model: the package's name, or 'model' where nothing names one."""
    return configured() or "model"


def display_name() -> str:
    """The package's name for people, as 'Flight Delays'; 'Model' where nothing names one."""
    return model_name().replace("_", " ").strip().title()


def raw_rows() -> type[pa.DataFrameModel]:
    """The pandera model of the raw table."""
    return _attribute("schema", "RawRows")


def model_input() -> type[pa.DataFrameModel]:
    """The pandera model of what the model takes."""
    return _attribute("schema", "ModelInput")


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Raw rows with the columns of the model input: the user's `features.model_rows`.

    Raises UsageError where it returns no table.
    """
    function: Callable[[pd.DataFrame], Any] = _attribute("features", "model_rows")
    rows = function(raw)
    if not isinstance(rows, type(raw)):
        kind = type(rows).__name__
        hint = " Its last line may lack `return`." if rows is None else ""
        raise UsageError(
            f"features.model_rows returned {kind}, and not a DataFrame.{hint} Next: let it return "
            "raw.assign(...) in features.py"
        )
    return rows


def estimators() -> Mapping[str, Any]:
    """By name each `Estimator` that `train.estimator` in params.yaml may have."""
    return _attribute("estimators", "ESTIMATORS")


def extension(name: str) -> Mapping[str, Any]:
    """A table of `extensions.py`, by name: SOURCES, METRICS or CHECKS.

    Empty where no package is configured, or where it has no such module or table.
    """
    table = _optional("extensions", name, {})
    if not isinstance(table, Mapping):
        raise UsageError(f"extensions.{name} must be a dict, and is {type(table).__name__}.")
    return table


def trusted_types() -> tuple[str, ...]:
    """Full names of types that a skops file may hold: `extensions.TRUSTED_TYPES`."""
    names = _optional("extensions", "TRUSTED_TYPES", ())
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise UsageError("extensions.TRUSTED_TYPES must be a list of names, as 'package.Type'.")
    return tuple(names)


def types_of_estimators() -> tuple[str, ...]:
    """Full names of the types of all entries in `estimators.ESTIMATORS`: `trusted`, `library`."""
    entries = _optional("estimators", "ESTIMATORS", {}).values()
    return tuple(name for entry in entries for name in getattr(entry, "trusted_types", ()))


def imported_code() -> list[bytes]:
    """The source code of the modules of the user's package that are imported by now."""
    own = configured()
    files = [module.__file__ for name, module in sorted(sys.modules.items()) if _within(name, own)]
    return [Path(file).read_bytes() for file in files if file]


def failure(error: Exception) -> str:
    """What the user's code raised, for a message: type, text, and the line of that code."""
    own, text = configured(), " ".join(f"{type(error).__name__}: {error}".split())
    lines = [
        f"{Path(frame.f_code.co_filename).name}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _within(frame.f_globals.get("__name__", ""), own)
    ]
    return text.rstrip(":. ")[:LONGEST] + (f" ({lines[-1]})" if lines else "")


def _within(module: str, package: str) -> bool:
    return module.split(".")[0] == package


def _attribute(module: str, name: str) -> Any:
    found = _module(module)
    if not hasattr(found, name):
        raise UsageError(f"{found.__file__} has no {name}, which the loop needs.")
    return getattr(found, name)


def _optional(module: str, name: str, default: Any) -> Any:
    if not configured() or not importlib.util.find_spec(f"{configured()}.{module}"):
        return default
    return getattr(_module(module), name, default)


def _module(name: str) -> ModuleType:
    """A module of the user's package.

    Raises UsageError where it is missing or fails, ModuleNotFoundError where a library is missing.
    """
    path = f"{package()}.{name}"
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name not in (path, package()):
            raise
        raise UsageError(f"There is no module {path}, which the loop needs.") from error
    except ProjectError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise UsageError(f"{path} cannot be imported: {failure(error)}.") from error
