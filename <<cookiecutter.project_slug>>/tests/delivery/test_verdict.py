"""What the verdict says to exit codes, machines, terminals and pull requests."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from <<cookiecutter.__package_name>>.delivery import verdict

STATUSES = ("skip", "pass", "hold", "fail")
ORDER = ("PROMOTE", "HOLD", "REJECT")
ADA = verdict.Override("ada", "the new weather station explains it")


def conclude(*statuses, **options):
    checks = [verdict.Check(f"check {i}", status, "why") for i, status in enumerate(statuses)]
    return verdict.conclude(checks, "new", "old", **options)


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
    assert (found.decision, found.overridden, found.override) == ("PROMOTE", True, ADA)
    assert "overridden by ada (the new weather" in found.summary


@pytest.mark.parametrize("statuses", [("fail",), ("hold", "fail"), ("pass",)])
def test_nobody_overrides_anything_else(statuses):
    """A REJECT stays, and a PROMOTE needs nobody."""
    found = conclude(*statuses, override=ADA)
    assert not found.overridden
    assert found.decision == conclude(*statuses).decision


def test_json_has_no_nan_and_reads_back():
    """What does not exist is null."""
    check = verdict.Check("a", "fail", "no", estimate=math.nan, high=math.inf, low=0.5)
    found = verdict.conclude([check], "new", None)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["checks"][0]["estimate"] is None
    assert verdict.Verdict.from_dict(json.loads(text)) == found


def test_rows_needed_is_the_largest_need():
    """All checks have to be decided."""
    needs = (None, 900, 4000)
    checks = [verdict.Check("a", "hold", "few", rows_needed=rows) for rows in needs]
    assert verdict.conclude(checks, "new", None).rows_needed == 4000


NASTY = (
    "`a|b` <img src=x> @octocat #12 [x](http://example.com) *b* _i_ www.example.com\x1b[31m\n# H"
)


def test_markdown_renders_nothing_that_a_value_says():
    """No markup, HTML, mention, link, reference or new line from a slice or a message."""
    check = verdict.Check("slice", "fail", NASTY, slice=NASTY)
    text = verdict.conclude([check], "new", "old").to_markdown()
    for wrong in ("`", "<img", "@octocat", "&#64;octocat*", "#12 ", "[x]", "*b*", "www.", "://"):
        assert wrong not in text
    row = text.splitlines()[-1]
    assert row.count("|") == len(verdict.COLUMNS) + 1


def test_mentions_in_messages_are_broken_up():
    """GitHub looks for mentions after it has decoded entities, so a zero-width space is between."""
    assert verdict.escape("@octocat #1") == "&#64;\u200boctocat &#35;\u200b1"


def test_a_terminal_gets_no_control_characters():
    """A slice's name cannot colour or clear the screen."""
    text = verdict.conclude([verdict.Check("a", "fail", NASTY)], "new", None).to_text()
    assert "\x1b" not in text


def test_tables_fold_slices_that_passed():
    """One line for all of them, the refusal first."""
    checks = [verdict.Check("slice", "pass", "", slice=f"origin={i}") for i in range(9)]
    checks += [verdict.Check("fairness", "pass", "apart", slice="a and b")]
    checks += [verdict.Check("rows", "pass", "900"), verdict.Check("a", "fail", "bad")]
    text = verdict.conclude(checks, "new", "old").to_text()
    assert "9 more checks of slices passed." in text
    assert text.index("bad") < text.index("900")
    assert "origin=3" not in text
    assert "a and b" in text
