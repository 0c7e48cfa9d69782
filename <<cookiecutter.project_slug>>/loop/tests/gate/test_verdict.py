"""What the verdict says to exit codes, machines and terminals."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.gate import checks, gate

STATUSES = ("skip", "pass", "hold", "fail")
ORDER = ("PROMOTE", "HOLD", "REJECT")
ADA = "ada (the new weather station explains it)"


def conclude(*statuses, **options):
    made = [checks.Check(f"check {i}", status, "why") for i, status in enumerate(statuses)]
    return gate.conclude(made, "new", "old", **options)


@pytest.mark.parametrize(
    ("statuses", "decision", "code"),
    [
        ((), "PROMOTE", 0),
        (("pass", "skip"), "PROMOTE", 0),
        (("pass", "hold"), "HOLD", 2),
        (("hold", "fail", "pass"), "REJECT", 1),
    ],
)
def test_the_worst_check_decides(statuses, decision, code):
    """REJECT wins over HOLD, HOLD over PROMOTE."""
    found = conclude(*statuses)
    assert (found.decision, found.exit_code) == (decision, code)


@given(st.lists(st.sampled_from(STATUSES), min_size=1), st.data())
def test_a_worse_check_never_improves_the_verdict(statuses, data):
    """Monotone: with or without a person's override."""
    place = data.draw(st.integers(0, len(statuses) - 1))
    worse = data.draw(st.sampled_from(STATUSES[STATUSES.index(statuses[place]) :]))
    changed = [*statuses[:place], worse, *statuses[place + 1 :]]
    for options in ({}, {"override": ADA}):
        before, after = conclude(*statuses, **options), conclude(*changed, **options)
        assert ORDER.index(after.decision) >= ORDER.index(before.decision)


def test_a_person_may_override_a_hold():
    """Who and why stay in the verdict."""
    found = conclude("hold", override=ADA)
    assert (found.decision, found.exit_code, found.overridden) == ("PROMOTE", 0, True)
    assert found.summary.startswith(f"HOLD overridden by {ADA}. check 0: why")


@pytest.mark.parametrize("statuses", [("fail",), ("hold", "fail"), ("pass",)])
def test_nobody_overrides_anything_else(statuses):
    """A REJECT stays, and a PROMOTE needs nobody."""
    found = conclude(*statuses, override=ADA)
    assert not found.overridden
    assert found.decision == conclude(*statuses).decision


def test_json_has_no_nan():
    """What does not exist is null."""
    check = checks.Check("a", "fail", "no", estimate=math.nan, high=math.inf, low=0.5)
    text = json.dumps(gate.conclude([check], "new", None).to_dict(), allow_nan=False)
    found = json.loads(text)["checks"][0]
    assert (found["estimate"], found["high"], found["low"]) == (None, None, 0.5)


def test_rows_needed_is_the_largest_need():
    """All checks have to be decided."""
    needs = (None, 900, 4000)
    made = [checks.Check("a", "hold", "few", rows_needed=rows) for rows in needs]
    assert gate.conclude(made, "new", None).rows_needed == 4000


NASTY = "red\x1b[31m\nPROMOTE: all is well"


def test_a_terminal_gets_no_control_characters():
    """A slice's name cannot colour or clear the screen, or add a line."""
    text = gate.conclude([checks.Check("a", "fail", NASTY, slice=NASTY)], "new", None).to_text()
    assert "\x1b" not in text
    assert not any(line.startswith("PROMOTE") for line in text.splitlines())


def test_tables_fold_slices_that_passed():
    """One line for all of them, the refusal first."""
    made = [checks.Check("slice", "pass", "", slice=f"origin={i}") for i in range(9)]
    made += [checks.Check("slice", "fail", "worse", slice="origin=10")]
    made += [checks.Check("fairness", "pass", "apart", slice="a and b")]
    made += [checks.Check("rows", "pass", "900"), checks.Check("a", "fail", "bad")]
    text = gate.conclude(made, "new", "old").to_text()
    assert "9 checks of slices passed or were skipped." in text
    assert "origin=10" in text
    assert text.index("bad") < text.index("900")
    assert "origin=3" not in text
    assert "a and b" in text
