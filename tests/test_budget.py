"""The generated project stays readable: short functions, short modules, a small part to own.

A function counts its lines from `def` to its end, with signature and blank lines, without
decorators and docstring. Arrows between rooms: test_rooms.py of the loop.
"""

import ast
import statistics
from pathlib import Path

import pytest
from conftest import TASKS, TEMPLATE

LOOP = TEMPLATE / "loop" / "src" / "mlops_loop"
MEDIAN, NINE_OF_TEN = 8, 20  # lines of a function
MODULE = 300  # all lines of a file
OWN_PACKAGE, OWN_TESTS = 250, 450  # all lines of the user's part, for one task


def lengths(source: str) -> list[int]:
    """Return the lines of every function of a module, methods and inner functions included."""
    return [
        node.end_lineno - node.lineno + 1 - lines_of_docstring(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def lines_of_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines the docstring takes; 0 without one."""
    if ast.get_docstring(node) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def lines(paths: list[Path]) -> dict[str, int]:
    """Return the number of lines of each file."""
    return {str(path): path.read_text(encoding="utf-8").count("\n") for path in paths}


@pytest.fixture(scope="module")
def machinery() -> list[int]:
    """Return the lines of every function of the loop."""
    sources = [path.read_text(encoding="utf-8") for path in LOOP.rglob("*.py")]
    return [n for source in sources for n in lengths(source)]


def test_functions_are_short(machinery):
    """Half of them at a glance, nine of ten without scrolling."""
    assert len(machinery) > 300
    assert statistics.median(machinery) <= MEDIAN
    assert statistics.quantiles(machinery, n=10)[-1] <= NINE_OF_TEN


@pytest.mark.parametrize("folder", ["loop/src", "loop/tools", "src", "tests"])
def test_no_module_is_long(folder):
    """A module is one thing."""
    sizes = lines(sorted((TEMPLATE / folder).rglob("*.py")))
    assert sizes
    assert {name: n for name, n in sizes.items() if n > MODULE} == {}


@pytest.mark.parametrize("task", TASKS)
def test_the_part_to_own_is_small(task):
    """The user's package, with the estimators of one task."""
    files = sorted((TEMPLATE / "src").rglob("*.py"))
    chosen = {path.name.split(".")[0] for path in files if f".{task}." in path.name}
    own = [path for path in files if f".{task}." in path.name]
    own += [p for p in files if p.name.count(".") == 1 and p.stem not in chosen]
    assert 4 < len(own) < len(files)
    assert sum(lines(own).values()) < OWN_PACKAGE


def test_the_tests_to_own_are_few():
    """They prove schema, features, estimators and the wiring; the loop's own are elsewhere."""
    files = sorted((TEMPLATE / "tests").rglob("*.py"))
    assert len(files) > 3
    assert sum(lines(files).values()) < OWN_TESTS


@pytest.mark.parametrize(
    ("source", "n"),
    [
        ("def f(): ...\n", [1]),
        ('@d\ndef f(\n    x,\n):\n    """Doc\n\n    string."""\n\n    return x\n', [5]),
        ('class A:\n    def f(self):\n        def g():\n            return """a\nb"""\n', [4, 3]),
    ],
    ids=["one line", "signature and docstring", "inner function and text over lines"],
)
def test_what_counts_as_a_function(source, n):
    """Text that is a value is code; a docstring is not."""
    assert lengths(source) == n
