"""Tasks are the modules of their folder, by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops_loop import errors, tasks
from mlops_loop.model.contract import Contract
from mlops_loop.tasks.task import Task

MODULE = """
from mlops_loop.tasks.regression import Regression


class Counts(Regression):
    name = "counts"


TASK = Counts()
"""


def test_a_task_has_the_name_of_its_module():
    """Whoever reads it in params.yaml finds it in the folder."""
    assert list(tasks.table()) == ["classification", "clustering", "regression"]
    for name, task in tasks.table().items():
        assert type(task).__module__ == f"mlops_loop.tasks.{name}"
        assert isinstance(task, Task)


def test_a_module_in_the_folder_is_a_task(tmp_path, monkeypatch):
    """No other file is edited."""
    (tmp_path / "counts.py").write_text(MODULE)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    found = tasks.table.__wrapped__()
    monkeypatch.delitem(sys.modules, "mlops_loop.tasks.counts")
    assert list(found) == ["classification", "clustering", "regression", "counts"]


def test_an_unknown_task_is_named_with_those_there_are():
    """By whatever asks for it."""
    with pytest.raises(errors.UsageError, match=r"'ranking'.* one of: classification, clust"):
        tasks.find("ranking")
    with pytest.raises(errors.UsageError, match="'ranking'"):
        tasks.of(Contract("ranking", "y", ()))


def test_a_yaml_file_may_name_these_alone():
    """params.yaml and gate.yaml allow the same names."""
    adapter = TypeAdapter(tasks.TaskName)
    assert [adapter.validate_python(name) for name in tasks.table()] == list(tasks.table())
    with pytest.raises(ValidationError, match="should be 'classification' or 'clustering' or"):
        adapter.validate_python("ranking")


def test_the_tasks_need_what_serving_has_alone():
    """Neither pandas nor scikit-learn, nor what reads YAML: the container has none of them."""
    code = "import sys; from mlops_loop import tasks; tasks.table(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"pandas", "sklearn", "scipy", "matplotlib", "skops", "yaml", "pandera"}
    assert heavy & set(done.stdout.split()) == set()
    assert "mlops_loop.tasks.classification" in done.stdout.split()
