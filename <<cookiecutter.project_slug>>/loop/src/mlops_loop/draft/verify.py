"""A draft does what it is for: `validate` and `prepare` accept the table with it."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from mlops_loop import params, project, tasks
from mlops_loop.draft.roles import ALONE
from mlops_loop.errors import DataRefused
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.contract import Contract
from mlops_loop.pipeline import leakage, prepare, validate
from mlops_loop.pipeline.derive import derive_contract
from mlops_loop.pipeline.prepare import Prepared

NUMBERS = count()
RANKS_ALIKE = 0.95  # the limit of the project's own test


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


def check(rows: pd.DataFrame, drafts: Mapping[str, str]) -> tuple[Prepared, dict[str, str]]:
    """What `prepare` makes of a table with the drafted files, by name; and what gives away.

    By column that alone predicts the target the reason, so that it begins with `ALONE`. Raises what
    the stages do: DataRefused and UsageError.
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
        prepared = prepare.prepare(checked.rows.copy(), own)  # in one piece, as from a file
        return prepared, _leaks(prepared, own)


def _leaks(prepared: Prepared, own: params.Params) -> dict[str, str]:
    train, held = (prepared.rows[prepared.parts == part] for part in ("train", "validation"))
    contract = derive_contract(project.model_input().to_schema(), train, own)
    task = tasks.of(contract)
    fitted, other = (
        (contract.encode_table(rows), task.encode_target(rows, contract)) for rows in (train, held)
    )
    found = {
        name: f"{ALONE} the target ({task.leakage_metric} {score:.3f}): known only afterwards?"
        for name, score in leakage.scores(fitted, other, contract)
        if score >= own.train.leakage_threshold
    }
    alike = _alike(pd.concat([train, held]), contract) if own.target.column else {}
    return alike | found


def _alike(rows: pd.DataFrame, contract: Contract) -> dict[str, str]:
    """Numbers that rank like the target; the project's own tests refuse them."""
    table = pd.DataFrame(contract.encode_table(rows), columns=contract.names)
    table = table.loc[:, table.nunique() > 1]
    target = pd.Series(tasks.of(contract).encode_target(rows, contract))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the rows that have a value have one target
        alike = table.corrwith(target, method="spearman").abs()
    return {
        str(name): f"{ALONE} the target (it ranks alike: {value:.3f}): known only afterwards? "
        "Otherwise add it, and raise the limit in tests/test_1_before_training.py"
        for name, value in alike[alike >= RANKS_ALIKE].items()
    }


def _written(folder: str, name: str, drafts: Mapping[str, str]) -> Path:
    path = Path(folder, name)
    path.write_text(drafts[name], encoding="utf-8")
    return path
