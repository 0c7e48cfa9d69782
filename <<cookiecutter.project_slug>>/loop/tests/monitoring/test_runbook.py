"""Each alarm leads to a section of the runbook that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_loop.monitoring import alerts, blind, runbook
from mlops_loop.monitoring.causes import Cause
from mlops_loop.monitoring.checks import OPERATIONAL, WRONG, Check

LOOP = Path(__file__).parents[2]
NAMES = [*runbook.SECTIONS, *runbook.ELSEWHERE]


def check(kind: str) -> Check:
    return Check(kind, kind, "", 1, "2026-03-01", "2026-03-01", "degraded")


@pytest.mark.parametrize("name", NAMES)
def test_a_section_has_a_heading(name):
    """As GitHub makes addresses of headings."""
    page, _, place = runbook.section(name).partition("#")
    lines = (LOOP.parent / page).read_text(encoding="utf-8").splitlines()
    headings = [line[3:] for line in lines if line.startswith("## ")]
    assert place in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_alarm_has_a_section():
    """Of data, of the model, of operations, and where nobody can tell."""
    alarms = {*WRONG.values(), *OPERATIONAL, *alerts.OPERATIONS, blind.PROBLEM}
    assert alarms == set(NAMES)


def test_what_has_no_section_has_the_page():
    """The reader looks for the message there."""
    assert runbook.section("other") == "loop/docs/runbook.md"


def test_operations_are_told_apart():
    """One cause may be several of them; all others have one section for each verdict."""
    checks = (check("slow"), check("volume"), check("slow"))
    assert runbook.of_cause(Cause("degraded", "2026-03-01", checks)) == (
        "loop/docs/alerts.md#endpointslow",
        "loop/docs/runbook.md#the-volume-has-changed",
    )
    assert runbook.of_cause(Cause("broken", "2026-03-01", checks)) == (
        "loop/docs/runbook.md#data-in-production-are-broken",
    )
