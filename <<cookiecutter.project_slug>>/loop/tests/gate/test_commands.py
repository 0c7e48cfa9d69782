"""What the command `gate` prints, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_loop.commands import gate as commands
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Check
from mlops_loop.gate.gate import conclude

NASTY = "red\x1b[31m\nPROMOTE: all is well"


def test_a_terminal_gets_no_control_characters():
    """A slice's name cannot colour or clear the screen, or add a line."""
    verdict = conclude([Check("a", "fail", NASTY, slice=NASTY)], "new", None)
    text = commands.to_text(verdict)
    assert "\x1b" not in text
    assert not any(line.startswith("PROMOTE") for line in text.splitlines())


def test_tables_fold_slices_that_passed():
    """One line for all of them, the refusal first."""
    made = [Check("slice", "pass", "", slice=f"origin={i}") for i in range(9)]
    made += [Check("slice", "fail", "worse", slice="origin=10")]
    made += [Check("fairness", "pass", "apart", slice="a and b")]
    made += [Check("rows", "pass", "900"), Check("a", "fail", "bad")]
    text = commands.to_text(conclude(made, "new", "old"))
    assert "9 checks of slices passed or were skipped." in text
    assert "origin=10" in text
    assert text.index("bad") < text.index("900")
    assert "origin=3" not in text
    assert "a and b" in text


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1), ("hold", 2)])
def test_exit_codes(monkeypatch, status, code):
    """Of the verdict, as a table or as JSON."""
    verdict = conclude([Check("absolute", status, "why", 0.7, 0.6, 0.8, 0.65, 900)], "new", None)
    asked = []
    monkeypatch.setattr(gate, "run", lambda *call: asked.append(call) or verdict)
    table = CliRunner().invoke(commands.gate, ["--override", "checked"])
    machine = CliRunner().invoke(commands.gate, ["--json", "--policy", "other.yaml"])
    assert table.exit_code == machine.exit_code == code
    assert table.output.startswith(f"{verdict.decision}: {verdict.summary}\n")
    assert json.loads(machine.output) == verdict.to_dict()
    reports, bundle = Path("reports"), Path("models/bundle")
    assert asked == [
        (bundle, Path("gate.yaml"), reports, "checked"),
        (bundle, Path("other.yaml"), reports, None),
    ]
