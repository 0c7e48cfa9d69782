"""The pages name every setting and every key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mlops_loop import gate, paths, settings, tasks
from mlops_loop.gate.baselines import RULES
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.monitoring.config import Material, MonitorConfig
from mlops_loop.stage_params import Train

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_every_setting_of_serving_is_explained(name):
    """By the name of its environment variable."""
    assert f"`{name.upper()}`" in (DOCS / "serving.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", GatePolicy.model_fields)
def test_every_key_of_the_gate_is_explained(key):
    """In the table of keys."""
    assert f"\n| `{key}` | " in (DOCS / "gate.md").read_text(encoding="utf-8")


def test_every_check_of_the_gate_is_explained():
    """By the name that a verdict gives it; and no other name is in the table."""
    text = (DOCS / "gate.md").read_text(encoding="utf-8")
    part = text.partition("## The checks by name")[2].partition("\n## ")[0]
    cells = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in cell.split("`")[1::2]} == names_of_checks()


@pytest.mark.parametrize("task", tasks.table())
def test_every_metric_is_explained(task):
    """In the glossary of the report: its direction is that of the code."""
    text = (DOCS / "report.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| `")]
    words = {name: better for cell, better in rows for name in cell.split("`")[1::2]}
    for name, metric in tasks.find(task).metrics.items():
        assert words[name] == ("greater" if metric.greater_is_better else "less"), name


def test_every_section_of_the_report_is_explained():
    """By its heading, where one is always the same."""
    text = (DOCS / "report.md").read_text(encoding="utf-8").replace(", or ", " | ")
    template = (Path(gate.__file__).parents[1] / "report/report.md.jinja").read_text("utf-8")
    for heading in re.findall(r"^### (?:⚠️ )?([^:{\n]+)", template, re.MULTILINE):
        assert f"| {' '.join(heading.split()[:2])}" in text, heading


def names_of_checks() -> set[str]:
    """The first argument of each `Check` and `check`, where it is a text."""
    found = {"absolute", "calibration", "too good", "sudden gain"}  # these four are computed
    found |= {f"against {kind}" for kind in RULES}
    for path in Path(gate.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or path.stem == "own_checks":
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("Check", "check") and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


MATERIAL = [f"material.{name}" for name in Material.model_fields]


@pytest.mark.parametrize("key", [*MonitorConfig.model_fields, *MATERIAL])
def test_every_key_of_the_monitor_is_explained(key):
    """In the tables of keys and of checks."""
    text = (DOCS / "monitoring.md").read_text(encoding="utf-8")
    assert f"\n| `{key}` | " in text or f" | `{key}` |" in text


@pytest.mark.parametrize("key", Train.model_fields)
def test_every_key_of_train_is_explained(key):
    """With its default, which is the first of its values."""
    lines = (DOCS / "training.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{key}` | ")]
    field = Train.model_fields[key]
    default = {None: "null", True: "true", False: "false"}.get(field.default, str(field.default))
    assert field.is_required() or line.split(" | ")[1].replace("`", "").startswith(default)


def test_every_room_and_module_is_introduced():
    """In the README's table of rooms, or of the command line."""
    package = Path(paths.__file__).parent
    rooms = [path for path in package.iterdir() if path.suffix == ".py" or path.is_dir()]
    names = {path.stem for path in rooms} - {"__init__", "__pycache__"}
    rows = (DOCS.parent / "README.md").read_text(encoding="utf-8").splitlines()
    introduced = {
        name for row in rows if row.startswith("| `") for name in row.split("|")[1].split("`")
    }
    assert names - introduced == set()
