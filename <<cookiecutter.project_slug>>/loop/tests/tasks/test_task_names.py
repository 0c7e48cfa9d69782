"""Nothing but a task's own module knows it by name, nor guesses it from what its contract holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import mlops_loop
from mlops_loop import tasks

PACKAGE = Path(mlops_loop.__file__).parent
KINDS = {".py", ".jinja", ".html", ".js", ".css", ".sql"}
# Facts of a contract that only some tasks have: to ask for one is to ask for the task.
FACTS = {"classes", "threshold", "target_unit"}
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in KINDS and PACKAGE / "tasks" not in path.parents
]


def test_no_other_file_names_a_task():
    """As a whole word: in code, in a text, in a template, in a comment."""
    name = re.compile(rf"\b({'|'.join(tasks.table())})\b", re.IGNORECASE)
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    found = {path.name: name.findall(text) for path, text in texts.items() if name.search(text)}
    assert found == {}
    assert len(FILES) > 90


def conditions(tree: ast.Module) -> set[str]:
    """The facts that decide which way a module goes, or that it compares or counts."""
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp)]
    tests += [node for node in ast.walk(tree) if isinstance(node, ast.BoolOp | ast.Compare)]
    return {
        node.attr
        for test in tests
        for node in ast.walk(test)
        if isinstance(node, ast.Attribute) and node.attr in FACTS
    }


def test_no_other_module_decides_by_facts_of_one_task():
    """`if contract.classes` is a task by another name."""
    trees = {p: ast.parse(p.read_text(encoding="utf-8")) for p in FILES if p.suffix == ".py"}
    assert {path.name: facts for path, tree in trees.items() if (facts := conditions(tree))} == {}


def test_no_template_decides_by_facts_of_one_task():
    """Neither the page, nor the report, nor the card."""
    statement = re.compile(rf"{{%[^%]*\b({'|'.join(FACTS)})\b[^%]*%}}")
    templates = [path for path in FILES if path.suffix in (".jinja", ".html")]
    assert len(templates) > 4
    assert [p.name for p in templates if statement.search(p.read_text(encoding="utf-8"))] == []
