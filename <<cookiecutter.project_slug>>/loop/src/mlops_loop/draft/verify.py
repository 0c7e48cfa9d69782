"""A draft does what it is for: `validate` and `prepare` accept the table with it."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from mlops_loop import params, project
from mlops_loop.errors import DataRefused
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.pipeline import prepare, validate
from mlops_loop.pipeline.prepare import Prepared

NUMBERS = count()


@contextmanager
def as_package(modules: Mapping[str, str]) -> Iterator[None]:
    """The user's package, with these modules in place of its own, is that of the project."""
    name, before = f"draft_{os.getpid()}_{next(NUMBERS)}", os.environ.get(project.VARIABLE)
    with TemporaryDirectory() as folder:
        package = Path(folder, name)
        _copy_own(package)
        for module, text in modules.items():
            (package / module).write_text(text, encoding="utf-8")
        sys.path.insert(0, folder)
        os.environ[project.VARIABLE] = name
        importlib.invalidate_caches()
        try:
            yield
        finally:
            _restore(before)
            sys.path.remove(folder)
            for loaded in [m for m in sys.modules if m.split(".")[0] == name]:
                del sys.modules[loaded]


def _restore(before: str | None) -> None:
    os.environ.pop(project.VARIABLE)
    if before is not None:
        os.environ[project.VARIABLE] = before


def _copy_own(package: Path) -> None:
    own = Path("src", project.package())
    if own.is_dir():
        shutil.copytree(own, package, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        package.mkdir()
        (package / "__init__.py").touch()


def check(rows: pd.DataFrame, drafts: Mapping[str, str]) -> Prepared:
    """What `prepare` makes of a table with the drafted files, by name.

    Raises what the stages do: DataRefused and UsageError.
    """
    modules = {name: text for name, text in drafts.items() if name.endswith(".py")}
    with as_package(modules), TemporaryDirectory() as folder:
        own = params.read_yaml(_written(folder, "params.yaml", drafts), params.Params)
        params.read_yaml(_written(folder, "gate.yaml", drafts), GatePolicy)
        checked = validate.validate(rows, project.raw_rows())
        failed, limit = len(checked.quarantined) / len(rows), own.validate_.max_failed_share
        if failed > limit:
            raise DataRefused(
                f"{failed:.2%} of the rows break the drafted schema:\n"
                f"{checked.failures.to_string(index=False)}"
            )
        return prepare.prepare(checked.rows, own)


def _written(folder: str, name: str, drafts: Mapping[str, str]) -> Path:
    path = Path(folder, name)
    path.write_text(drafts[name], encoding="utf-8")
    return path
