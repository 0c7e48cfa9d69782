"""What follows from the checks: decision, exit code and JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Check

STATUSES = ("skip", "pass", "hold", "fail")
ORDER = ("PROMOTE", "HOLD", "REJECT")
ADA = "ada (the new weather station explains it)"


def conclude(*statuses, **options):
    made = [Check(f"check {i}", status, "why") for i, status in enumerate(statuses)]
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
    verdict = conclude(*statuses)
    assert (verdict.decision, verdict.exit_code) == (decision, code)


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
    verdict = conclude("hold", override=ADA)
    assert (verdict.decision, verdict.exit_code, verdict.overridden) == ("PROMOTE", 0, True)
    assert verdict.summary.startswith(f"HOLD overridden by {ADA}. check 0: why")


@pytest.mark.parametrize("statuses", [("fail",), ("hold", "fail"), ("pass",)])
def test_nobody_overrides_anything_else(statuses):
    """A REJECT stays, and a PROMOTE needs nobody."""
    verdict = conclude(*statuses, override=ADA)
    assert not verdict.overridden
    assert verdict.decision == conclude(*statuses).decision


def test_json_has_no_nan():
    """What does not exist is null."""
    check = Check("a", "fail", "no", estimate=math.nan, high=math.inf, low=0.5)
    text = json.dumps(gate.conclude([check], "new", None).to_dict(), allow_nan=False)
    written = json.loads(text)["checks"][0]
    assert (written["estimate"], written["high"], written["low"]) == (None, None, 0.5)


def test_rows_needed_is_the_largest_need():
    """All checks have to be decided."""
    needs = (None, 900, 4000)
    made = [Check("a", "hold", "few", rows_needed=rows) for rows in needs]
    assert gate.conclude(made, "new", None).rows_needed == 4000
