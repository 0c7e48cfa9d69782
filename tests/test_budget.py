"""The generated package stays small, in lines of code: without blanks, comments, docstrings."""

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

import pytest
from conftest import DEFAULTS, check

ALL, ROOM, MODULE = 8200, 1200, 250
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def lines_of_python(source: str) -> int:
    """Return how many lines hold code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = [token for token in tokens if token.type not in LAYOUT and token.string]
    lines = {n for token in code for n in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def lines_of_code(path: Path) -> int:
    """Return the lines of a file that are neither blank nor comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return lines_of_python(text)
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") for line in text.split("\n")
    )


@pytest.fixture(scope="module")
def sizes(baked) -> dict[str, int]:
    """Return the lines of code of every file of the package and of the tools beside it."""
    folder = baked(DEFAULTS)
    tracked = check("git", "ls-files", "src", "tools", cwd=folder).splitlines()
    return {name: lines_of_code(folder / name) for name in tracked}


def test_the_whole_is_small(sizes):
    """What a team reads to know all of it."""
    assert 1000 < sum(sizes.values()) < ALL


def test_no_room_is_large(sizes):
    """A room is read in an afternoon."""
    rooms = Counter()
    for name, n in sizes.items():
        rooms["/".join(name.split("/")[:3]) if name.count("/") > 2 else "outside"] += n
    assert {room: n for room, n in rooms.items() if n > ROOM and room != "outside"} == {}
    assert any(room.endswith("/pipeline") for room in rooms)


def test_no_module_is_long(sizes):
    """A module is one thing."""
    assert {name: n for name, n in sizes.items() if n > MODULE} == {}


@pytest.mark.parametrize(
    ("source", "n"),
    [
        ('"""Doc\n\nstring."""\n', 0),
        ("# note\n\nx = 1  # why\n", 1),
        ('def f():\n    """Doc."""\n    return """a\nb"""\n', 3),
    ],
    ids=["docstring", "comment", "text over lines"],
)
def test_what_counts_as_code(source, n):
    """Text that is a value is code; a docstring is not."""
    assert lines_of_python(source) == n
