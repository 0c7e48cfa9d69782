"""What is predicted: one module for each task, behind the interface of `task.py`.

A module of this folder that holds a `TASK` is a task, and `find` knows it by name. To import the
room needs neither pandas nor scikit-learn: what only training calls is imported where it is called.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.tasks.task import Task


@cache
def table() -> dict[str, Task]:
    """By name all tasks that there are."""
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    modules = map(importlib.import_module, names)
    tasks = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {task.name: task for task in tasks}


def find(name: str) -> Task:
    """The task of this name; raises UsageError with the names that there are."""
    if name not in table():
        raise UsageError(f"There is no task {name!r}. Choose one of: {', '.join(table())}.")
    return table()[name]


def of(contract: Contract) -> Task:
    """The task of a model; raises UsageError where this version of the code does not know it."""
    return find(contract.task)


def _known(name: str) -> str:
    if name not in table():
        raise ValueError(f"Input should be {' or '.join(map(repr, table()))}")
    return name


TaskName = Annotated[str, AfterValidator(_known)]  # for the models of params.yaml and gate.yaml
