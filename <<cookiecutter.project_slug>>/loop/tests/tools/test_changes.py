"""tools/changes.py: what a workflow may skip, in a real repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "changes.py"
DOCUMENTS = {"documents-only": "true", "loop-changed": "false"}
EXPERIMENT = {"documents-only": "false", "loop-changed": "false"}
LOOP = {"documents-only": "false", "loop-changed": "true"}


@pytest.fixture
def changes(tmp_path, git):
    """`changes({"README.md": "x"})` commits, and returns the outputs of the step."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "--quiet", "-b", "main")
    for name in ("README.md", "docs/a.py", "src/a.md", "src/a.py", "params.yaml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("old\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Start")
    base = git(root, "rev-parse", "HEAD")

    def run(texts, event=lambda base: {"pull_request": {"base": {"sha": base}}}, *options):
        for name, text in texts.items():
            (root / name).parent.mkdir(exist_ok=True, parents=True)
            (root / name).unlink() if text is None else (root / name).write_text(text)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--allow-empty", "-m", "Change")
        (tmp_path / "event.json").write_text(json.dumps(event(base)))
        places = {"EVENT_PATH": "event.json", "OUTPUT": "output", "STEP_SUMMARY": "summary"}
        env = {f"GITHUB_{name}": str(tmp_path / path) for name, path in places.items()}
        subprocess.run(
            [sys.executable, SCRIPT, *options], cwd=root, env=os.environ | env, check=True
        )
        lines = (tmp_path / "output").read_text().splitlines()
        outputs = dict(line.split("=") for line in lines)
        assert (tmp_path / "summary").exists() == (outputs["documents-only"] == "true")
        (tmp_path / "output").unlink()
        (tmp_path / "summary").unlink(missing_ok=True)
        return outputs

    return run


def assign(git, root, count, commit):
    """Put a version into production, as a release of this commit of main does."""
    note = json.dumps({"commit": commit, "why": "passed"}) + "\n-----BEGIN SIGNATURE-----\n"
    tag = ("tag", "--annotate", "--message", note, f"model#production#{count}")
    git(root, *tag, "main~0")


def test_since_the_last_release(changes, git, tmp_path):
    """Code whose release was dropped, or failed, is still to be released with a document."""
    root = tmp_path / "repo"

    def since(texts):
        return changes(texts, lambda base: {"before": base}, "--since-release")

    def head():
        return git(root, "rev-parse", "HEAD")

    assert since({"README.md": "one\n"}) == LOOP  # nothing is released yet
    first = head()
    assign(git, root, 1, first)
    assert since({"README.md": "two\n"}) == DOCUMENTS
    assert since({"notebooks/a.ipynb": "{}"}) == DOCUMENTS  # no image holds it
    assert since({"params.yaml": "new\n"}) == EXPERIMENT
    assert since({"README.md": "three\n"}) == EXPERIMENT
    assign(git, root, 2, head())
    assign(git, root, 3, first)  # a rollback: what is newer was released before
    assign(git, root, 4, None)  # by a person
    assign(git, root, 5, "0" * 40)  # of a history that was rewritten
    assert since({"README.md": "four\n"}) == DOCUMENTS


@pytest.mark.parametrize(
    ("texts", "outputs"),
    [
        ({"README.md": "new\n"}, DOCUMENTS),
        ({"docs/a.py": "new\n", "LICENSE": "x"}, DOCUMENTS),
        ({"loop/docs/a.md": "new\n", "loop/README.md": "x"}, DOCUMENTS),
        ({"README.md": None}, DOCUMENTS),
        ({"an evil\nname.md": "x"}, DOCUMENTS),
        ({"src/a.md": "new\n"}, EXPERIMENT),
        ({"README.md": "new\n", "params.yaml": "new\n"}, EXPERIMENT),
        ({"params.yaml": None, "docs/params.yaml": "old\n"}, EXPERIMENT),
        ({"data/notes.md": "new\n"}, EXPERIMENT),
        ({"notebooks/a.ipynb": "{}"}, EXPERIMENT),  # a test runs it
        ({}, EXPERIMENT),
        ({"src/a.py": "new\n"}, LOOP),
        ({"src/a.py": None}, LOOP),
        ({"src/a.py": None, "src/a.txt": "old\n"}, LOOP),
        ({"loop/src/mlops_loop/page/page.html": "x"}, LOOP),
        ({"README.md": "new\n", "uv.lock": "x"}, LOOP),
        ({"pyproject.toml": "x"}, LOOP),
        ({"loopback.yaml": "x", "tools/uv.lock": "x"}, EXPERIMENT),
    ],
    ids=[
        *("readme", "folder", "of the loop", "removed", "newline"),
        *("in src", "both", "moved", "data", "notebook", "nothing"),
        *("code", "code removed", "code moved", "in the loop", "lock", "project", "alike"),
    ],
)
def test_what_counts_as_what(changes, texts, outputs):
    """Documents stand beside code and data; what moved is a file removed and a file added."""
    assert changes(texts) == outputs


@pytest.mark.parametrize(
    "event",
    [
        lambda base: {"before": base},
        lambda base: {"merge_group": {"base_sha": base}},
    ],
    ids=["push", "merge group"],
)
def test_every_event_has_its_base(changes, event):
    """The base is where each event says it."""
    assert changes({"README.md": "new\n"}, event) == DOCUMENTS


@pytest.mark.parametrize("before", ["", "0" * 40, "1" * 40])
def test_without_a_base_everything_changed(changes, before):
    """The first push, a forced one, a dispatch."""
    assert changes({"README.md": "new\n"}, lambda base: {"before": before}) == LOOP
