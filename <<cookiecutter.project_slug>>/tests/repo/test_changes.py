"""tools/changes.py: what a workflow may skip, in a real repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "changes.py"


@pytest.fixture
def changes(tmp_path, git):
    """`changes({"README.md": "x"})` commits and says whether these are documents only."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "--quiet", "-b", "main")
    for name in ("README.md", "docs/a.py", "src/a.md", "params.yaml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("old\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Start")
    base = git(root, "rev-parse", "HEAD")

    def run(texts, event=lambda base: {"pull_request": {"base": {"sha": base}}}):
        for name, text in texts.items():
            (root / name).parent.mkdir(exist_ok=True, parents=True)
            (root / name).unlink() if text is None else (root / name).write_text(text)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--allow-empty", "-m", "Change")
        (tmp_path / "event.json").write_text(json.dumps(event(base)))
        places = {"EVENT_PATH": "event.json", "OUTPUT": "output", "STEP_SUMMARY": "summary"}
        env = {f"GITHUB_{name}": str(tmp_path / path) for name, path in places.items()}
        subprocess.run([sys.executable, SCRIPT], cwd=root, env=os.environ | env, check=True)
        output = (tmp_path / "output").read_text()
        said = (tmp_path / "summary").exists()
        assert output in ("documents-only=true\n", "documents-only=false\n")
        assert said == ("true" in output)
        return "true" in output

    return run


@pytest.mark.parametrize(
    ("texts", "documents"),
    [
        ({"README.md": "new\n"}, True),
        ({"docs/a.py": "new\n", "LICENSE": "x"}, True),
        ({"README.md": None}, True),
        ({"src/a.md": "new\n"}, False),
        ({"README.md": "new\n", "params.yaml": "new\n"}, False),
        ({"params.yaml": None, "docs/params.yaml": "old\n"}, False),
        ({"data/notes.md": "new\n"}, False),
        ({"an evil\nname.md": "x"}, True),
        ({}, False),
    ],
    ids=["readme", "folder", "removed", "in src", "both", "moved", "data", "newline", "nothing"],
)
def test_what_counts_as_a_document(changes, texts, documents):
    """Text and pictures beside code and data; what moved is code that is gone."""
    assert changes(texts) is documents


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
    assert changes({"README.md": "new\n"}, event) is True


@pytest.mark.parametrize("before", ["", "0" * 40, "1" * 40])
def test_without_a_base_everything_changed(changes, before):
    """The first push, a forced one, a dispatch."""
    assert changes({"README.md": "new\n"}, lambda base: {"before": before}) is False
