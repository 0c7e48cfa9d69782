"""Names that were replaced by plain ones do not come back: old names, and what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_loop import cli, params

LOOP = Path(__file__).parents[1]
PACKAGE = LOOP / "src" / "mlops_loop"
WORKFLOWS = LOOP.parent / ".github"

# Kind and place of a name, the old name, the new one. No place: nowhere in the package.
NAMES = [
    ("module", "", "told", "repository/github_state"),
    ("module", "", "trial", "deployment/container_check"),
    ("module", "", "seal", "github/review_marker"),
    ("module", "", "watch", "monitoring/alerts, sources/fingerprint"),
    ("module", "", "answer", "inference/predict"),
    ("module", "", "problems", "inference/validation_errors"),
    ("module", "", "announce", "github/github_release"),
    ("module", "", "delivery", "gate, registry, github"),
    ("module", "", "reporting", "report"),
    ("class", "", "Told", "RepositoryState"),
    ("class", "inference", "Problem", "FieldError"),
    ("class", "storage", "Registry", "ContainerRegistry"),
    ("class", "", "Form", "MetricFn"),
    ("class", "", "Case", "Comparison"),
    ("class", "", "Unusable", "Unscorable"),
    ("function", "", "told", "error_response"),
    ("function", "", "predicted", "predict_and_log"),
    ("function", "github", "keep", "open_or_update"),
    ("function", "github", "texts", "own_comments"),
    ("function", "github", "all_of", "list_own"),
    ("function", "deployment", "past", "rollback_target"),
    ("function", "deployment", "line", "describe"),
    ("function", "deployment", "settle", "sync_pointer"),
    ("function", "deployment", "put_back", "auto_rollback"),
    ("function", "repository", "checked", "requires_ci"),
    ("function", "repository", "lasting", "is_protected"),
    ("function", "statistics", "room", "margin_to"),
    ("function", "pipeline", "prove", "check_parity"),
    ("function", "page", "moved", "what_if_effects"),
    ("parameter", "", "harmless", "idempotent"),
    ("command", "", "try", "verify-image"),
    ("command", "", "image", "image-tag"),
    ("command", "", "watch", "fingerprint"),
    ("command", "", "reviewed", "check-review"),
]
# Words that are in no name at all, also not as a part of one.
WORDS = {"told": "reported, state, errors: whatever it is", "verb": "command"}
# Phrases that are in no text, and what to write instead.
PHRASES = {
    "leaves with": "exits with",
    "what ran before": "the previous version, cached results",
    "the previous version comes back": "the previous version is restored",
    "puts a broken": "reverts a broken",
    "are told at": "are reported at",
    "is told at": "is reported at",
    "What the gate asked": "Checks",
    "What the columns tell": "Feature importance",
    "the newer run won": "a version older than production is not deployed",
    "has a hole": "depends on it",
}
TEXTS = (".py", ".md", ".jinja", ".html", ".yml", ".yaml")


def parameters(node: ast.AST) -> Iterator[str]:
    """Names of a function's parameters, or of the fields of a class."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        given = node.args
        yield from (arg.arg for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs])
    if isinstance(node, ast.ClassDef):
        fields = (line.target for line in node.body if isinstance(line, ast.AnnAssign))
        yield from (field.id for field in fields if isinstance(field, ast.Name))


def names() -> Iterator[tuple[str, str, str]]:
    """Kind, room and name of everything that another file could name; without leading '_'."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        yield "module", room, path.stem
        yield "module", room, path.parent.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield from (("parameter", room, name) for name in parameters(node))
            if isinstance(node, ast.ClassDef):
                yield "class", room, node.name.strip("_")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield "function", room, node.name.strip("_")
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield "variable", room, node.id


def commands() -> Iterator[tuple[str, str, str]]:
    """Every command of the command line, those of groups and all options too."""
    context = click.Context(cli.cli)
    for name in cli.HELP:
        command = cli.cli.get_command(context, name)
        yield "command", "commands", name
        inner = command.commands if isinstance(command, click.Group) else {}
        yield from (("command", name, sub) for sub in inner)
        for each in (command, *inner.values()):
            yield from (("option", name, str(param.name)) for param in each.params)


def outputs() -> Iterator[tuple[str, str, str]]:
    """Outputs of steps and jobs, as the workflows name them; none where there are no workflows."""
    for path in WORKFLOWS.rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        yield from (("output", path.name, name) for name in re.findall(r"outputs\.([\w-]+)", text))
        yield from (("step", path.name, name) for name in re.findall(r"\bid: ([\w-]+)", text))


ALL = [*names(), *commands(), *outputs()]


@pytest.mark.parametrize(
    ("kind", "room", "old", "new"), NAMES, ids=[f"{n[0]} {n[2]}" for n in NAMES]
)
def test_an_old_name_is_gone(kind, room, old, new):
    """A module, class, function, parameter or command of the old name."""
    assert [n for n in ALL if n[0] == kind and n[2] == old and room in ("", n[1])] == [], new


@pytest.mark.parametrize("word", ["settings", "policy", "export", "watch", "page"])
def test_a_word_names_one_thing(word):
    """At most one room or module of the package has the name."""
    paths = [path for path in PACKAGE.rglob("*") if path.suffix in ("", ".py")]
    assert len([path for path in paths if path.stem == word]) < 2


@pytest.mark.parametrize(("word", "instead"), WORDS.items())
def test_an_odd_word_is_in_no_name(word, instead):
    """As a name or between two '_', '-' or capitals."""
    parts = [(name, re.findall("[a-z]+|[A-Z][a-z]*", name[2])) for name in ALL]
    assert [name for name, words in parts if word in map(str.lower, words)] == [], instead


@pytest.mark.parametrize("old", params.RENAMED)
def test_an_old_parameter_is_gone(old):
    """No page and no code writes the old name of a key of params.yaml."""
    section, _, key = old.partition(".")
    pattern = re.compile(rf"{section}\.{key}\b")
    texts = {path: text for path, text in documents() if path.name != "params.py"}
    assert [path for path, text in texts.items() if pattern.search(text)] == []


@pytest.mark.parametrize(("phrase", "instead"), PHRASES.items())
def test_an_odd_phrase_is_in_no_text(phrase, instead):
    """In code, help, pages, reports, workflows."""
    pattern = re.compile(r"\s+".join(map(re.escape, phrase.split())))
    assert [path for path, text in documents() if pattern.search(text)] == [], instead


def documents() -> Iterator[tuple[Path, str]]:
    """All files that people read, but this one and tests."""
    places = [PACKAGE, LOOP / "docs", LOOP / "tools", LOOP / "README.md", WORKFLOWS]
    for place in [*places, LOOP.parent / "README.md", LOOP.parent / "src"]:
        for path in [place, *place.rglob("*")]:
            if path.suffix in TEXTS and path.is_file():
                yield path, path.read_text(encoding="utf-8")
