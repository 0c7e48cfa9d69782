"""The arrows between rooms: who imports whom is declared here, and drawn in README.md.

A room is a folder of the package. The modules beside the folders are the ground floor: any room may
import them, and they import no room. `python -m pytest tests/test_rooms.py --refresh` draws the
picture anew.
"""

from __future__ import annotations

import ast
import sys
import tomllib
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
    "sources": "",
    "pipeline": "model statistics sources",
    "registry": "model",
    "gate": "model statistics pipeline registry",
    "github": "model registry",
    "storage": "",
    "deployment": "model registry gate storage",
    "report": "model statistics github",
    "repository": "github",
    "monitoring": "model registry github",
    "prediction_log": "",
    "inference": "model prediction_log",
    "access": "prediction_log inference",
    "page": "model inference",
    "serving": "model prediction_log inference access page",
    "commands": "model sources pipeline registry gate github storage deployment report repository"
    " monitoring prediction_log serving",
}
DECLARED = {room: set(names.split()) for room, names in ROOMS.items()}
# Modules that import by a name that they are given: commands and stages, and the user's package.
LATE = {"cli.py", "commands/pipeline.py", "project.py"}
BEGIN, END = "<!-- begin of rooms -->\n", "<!-- end of rooms -->\n"


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
    drawn: dict[str, set[str]] = {"": set(), **{room: set() for room in DECLARED}}
    for path, tree in modules().items():
        room = path.rpartition("/")[0]
        used = {name.split(".")[1] for name in imports(tree) if name.startswith("mlops_loop.")}
        drawn[room] |= {name for name in used if (PACKAGE / name).is_dir()} - {room}
    return drawn


def picture() -> str:
    """The declared arrows as a Mermaid graph, without those that follow from others."""
    reach: dict[str, set[str]] = {}
    lines = ["", "```mermaid", "flowchart TD"]
    for room in TopologicalSorter(DECLARED).static_order():
        below = set().union(*(reach[other] for other in DECLARED[room]))
        reach[room] = below | DECLARED[room]
        lines += [f"  {room} --> {other}" for other in sorted(DECLARED[room] - below)]
    return "\n".join([*lines, "```", "", ""])


def test_every_arrow_is_declared():
    """No room imports another one that the table does not allow; no arrow is there without use."""
    assert arrows() == {"": set(), **DECLARED}


def test_there_is_no_circle():
    """Nor among the modules of the ground floor."""
    names = {path: imports(tree) for path, tree in modules().items() if "/" not in path}
    ground = {
        path: {f"{name.split('.')[1]}.py" for name in used if name.startswith("mlops_loop.")}
        for path, used in names.items()
    }
    assert list(TopologicalSorter(ground).static_order())
    assert list(TopologicalSorter(DECLARED).static_order())


def test_only_project_imports_the_package_of_the_user():
    """And by its configured name; all other modules import the loop itself and libraries."""
    settings = tomllib.loads((LOOP.parent / "pyproject.toml").read_text(encoding="utf-8"))
    own = settings["tool"]["mlops-loop"]["package"]
    known = {"mlops_loop", *sys.stdlib_module_names, *packages_distributions()} - {own}
    for path, tree in modules().items():
        assert {name for name in imports(tree) if name.split(".")[0] not in known} == set(), path


def test_only_three_modules_import_by_a_name_that_they_are_given():
    """Late imports that no reader of the syntax tree can follow are known ones."""
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
