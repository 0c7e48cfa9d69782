"""Errors of inference know nothing of HTTP; the edge gives each one its status."""

import ast
from pathlib import Path

import pytest

from mlops_loop import inference
from mlops_loop.inference import errors
from mlops_loop.serving import refusals

MODULES = sorted(Path(inference.__file__).parent.glob("*.py"))


def imports(path):
    """The packages that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_imports_fastapi(path):
    assert "fastapi" not in imports(path)
    assert "HTTPException" not in path.read_text(encoding="utf-8")


def subclasses(kind):
    return {kind, *(each for child in kind.__subclasses__() for each in subclasses(child))}


def test_every_error_has_a_status():
    """Also one that is added later."""
    assert set(refusals.STATUS) == subclasses(errors.RequestRefused) - {errors.RequestRefused}
    assert {refusals.STATUS[kind] for kind in refusals.STATUS} == {400, 413, 422, 503}


def test_message_of_refused_rows():
    """The first error as a sentence, and how many more there are."""
    error = errors.FieldError("weekday", 3, 9, "is too large", "a whole number from 0 to 6")
    sentence = "In row 3, column weekday: 9 is too large. Allowed: a whole number from 0 to 6."
    assert str(errors.RowsRefused([error], 1)) == sentence
    assert str(errors.RowsRefused([error], 7)) == f"{sentence} And 6 more."
