"""The arrows between rooms: who imports whom is declared here, and drawn in README.md.

A room is a folder of the package, or a single module that imports one. All other single modules are
the ground floor: any room may import them, and they import no room. To draw the picture anew:
`python -m pytest tests/test_rooms.py --refresh`.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

LOOP = Path(__file__).parents[1]
PACKAGE = LOOP / "src" / "mlops_loop"
# Each room, and the rooms that it may import: what is not listed here fails a test.
ROOMS = {
    "model": "",
    "statistics": "model",
    "tasks": "model statistics",
    "params": "tasks",
    "sources": "params",
    "daily": "model tasks",
    "pipeline": "model statistics tasks params sources daily",
    "storage": "params",
    "registry": "model storage",
    "gate": "model statistics tasks params pipeline registry",
    "draft": "model tasks params sources pipeline gate",
    "github": "model registry",
    "deployment": "model tasks params registry gate github storage",
    "report": "model tasks github",
    "trackers": "model registry",
    "kubeflow": "params",
    "repository": "github storage",
    "cloud": "github storage",
    "prediction_log": "",
    "inference": "model tasks prediction_log",
    "monitoring": "model tasks params sources daily pipeline registry github storage"
    " prediction_log inference",
    "dashboard": "daily registry monitoring",
    "batch": "model tasks sources pipeline registry inference",
    "access": "prediction_log inference",
    "page": "model inference access",
    "serving": "model tasks prediction_log inference access page",
    "commands": "model params batch sources draft pipeline registry gate github storage deployment"
    " report trackers kubeflow repository cloud monitoring dashboard prediction_log serving",
}
DECLARED = {room: set(names.split()) for room, names in ROOMS.items()}
# Modules that import by name: `load`, commands, stages (twice), tasks, and the user's package.
LATE = {"__init__.py", "cli.py", "commands/pipeline.py", "fork_server.py", "tasks/__init__.py"}
LATE |= {"project.py"}
# Libraries that a project may have beside those of the loop.
OPTIONAL = {
    "cloudpickle",
    "distributed",
    "kfp",
    "lightgbm",
    "mlflow",
    "onnxmltools",
    "optuna",
    "tensorboardX",
    "torch",
    "xgboost",
}
BEGIN, END = "<!-- begin of rooms -->\n", "<!-- end of rooms -->\n"


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its path in the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [path.relative_to(PACKAGE).as_posix() for path in paths]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    return dict(zip(names, trees, strict=True))


def imports(tree: ast.Module) -> set[str]:
    """Dotted names of all that a module imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            names |= {f"{package}.{alias.name}" for alias in node.names}
    return names


def arrows() -> dict[str, set[str]]:
    """The rooms that each room imports; the ground floor is the room ''."""
    drawn: dict[str, set[str]] = defaultdict(set, {"": set()} | {room: set() for room in DECLARED})
    for path, tree in modules().items():
        first = path.split("/")[0].removesuffix(".py")
        room = first if is_room(first) else ""
        used = {name.split(".")[1] for name in imports(tree) if name.startswith("mlops_loop.")}
        drawn[room] |= {name for name in used if is_room(name)} - {room}
    return dict(drawn)


def is_room(name: str) -> bool:
    """Whether a folder or a declared module of this name is there."""
    return name in DECLARED or (PACKAGE / name).is_dir()


def picture() -> str:
    """The declared arrows as a Mermaid graph, without those that follow from others."""
    reach: dict[str, set[str]] = {}
    lines = ["", "```mermaid", "flowchart TD"]
    for room, used in DECLARED.items():
        below = set().union(*(reach[other] for other in used))
        reach[room] = below | used
        lines += [f"  {room} --> {other}" for other in sorted(used - below)]
    return "\n".join([*lines, "```", "", ""])


def test_every_arrow_is_declared():
    """No room imports another one that the table does not allow; no arrow is there without use."""
    assert arrows() == {"": set(), **DECLARED}


def test_there_is_no_circle():
    """A room imports rooms above it in the table; the ground floor has no circle either."""
    order = list(DECLARED)
    assert [r for r in order if not DECLARED[r] <= set(order[: order.index(r)])] == []
    names = {path: imports(tree) for path, tree in modules().items() if "/" not in path}
    ground = {
        path: {f"{name.split('.')[1]}.py" for name in used if name.startswith("mlops_loop.")}
        for path, used in names.items()
    }
    assert list(TopologicalSorter(ground).static_order())


def test_only_project_imports_the_package_of_the_user():
    """And by its configured name; all other modules import the loop itself and libraries."""
    settings = tomllib.loads((LOOP.parent / "pyproject.toml").read_text(encoding="utf-8"))
    own = settings["tool"]["mlops-loop"]["package"]
    libraries = {*OPTIONAL, *packages_distributions()}
    known = {"mlops_loop", *sys.stdlib_module_names, *libraries} - {own}
    for path, tree in modules().items():
        assert {name for name in imports(tree) if name.split(".")[0] not in known} == set(), path


def test_only_known_modules_import_by_name():
    """No reader of the syntax tree can follow these."""
    by_name = {
        path
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
        and (getattr(node, "id", "") or getattr(node, "attr", ""))
        in ("import_module", "__import__")
    }
    assert by_name == LATE


def test_the_picture_in_the_readme_is_that_of_the_table(request: pytest.FixtureRequest):
    """Between the marks in README.md."""
    readme = LOOP / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    drawn, _, after = rest.partition(END)
    if request.config.getoption("--refresh"):
        readme.write_text(before + BEGIN + picture() + END + after, encoding="utf-8")
    else:
        assert drawn == picture()
