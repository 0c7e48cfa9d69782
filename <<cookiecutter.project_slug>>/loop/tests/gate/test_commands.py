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
    quiet = ["pass"] * 7 + ["skip"] * 2
    made = [Check("slice", status, "", slice=f"origin={i}") for i, status in enumerate(quiet)]
    made += [Check("slice", "fail", "worse", slice="origin=10")]
    made += [Check("fairness", "pass", "apart", slice="a and b")]
    made += [Check("rows", "pass", "900"), Check("a", "fail", "bad")]
    text = commands.to_text(conclude(made, "new", "old"))
    assert "Checks of slices that are not shown: 7 passed, 2 skipped." in text
    assert "origin=10" in text
    assert text.index("bad") < text.index("900")
    assert "origin=3" not in text
    assert "a and b" in text


def test_columns_do_not_run_together():
    """Whatever is in them: each starts below its head, two spaces from the one before."""
    made = [
        Check("slice", "fail", "why not", 1e9, -1e12, 1e12, 123456.0, 818211, "minutes of delay",
              "median_ae", f"carrier={'a long name ' * n}") for n in (1, 9)
    ]  # fmt: skip
    text = commands.to_text(conclude([*made, Check("a", "pass", "short")], "new", "old"))
    head, *lines = text.splitlines()[2:]
    why = ["why not", "why not", "short"]
    starts = {line.index(message) for line, message in zip(lines, why, strict=True)}
    assert starts == {head.index("why")}
    for line in lines[:2]:
        assert (
            "minutes of delay  -1,000,000,000,000 to 1,000,000,000,000  123,456 minutes of delay"
            in line
        )


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


@pytest.mark.parametrize("needed", [None, 4000])
def test_a_hold_ends_with_what_resolves_it(needed):
    """A command for a person, and how many rows would spare it; no other verdict has that."""
    held = conclude([Check("absolute", "hold", "too few", rows_needed=needed)], "new", None)
    last = commands.to_text(held).splitlines()[-1]
    assert 'loop gate --override "REASON"' in last
    assert ("4,000 held-out rows" in last) == bool(needed)
    for status in ("pass", "fail"):
        assert "override" not in commands.to_text(conclude([Check("a", status, "")], "new", None))
    assert "Next" not in commands.to_text(conclude([Check("a", "hold", "")], "new", None, "Ada"))
