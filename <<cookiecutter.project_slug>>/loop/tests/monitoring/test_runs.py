"""Numbers by day against limits of their own day."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_loop.monitoring.runs import Watched, examine_run

DATES = [f"2026-01-{i:02d}" for i in range(1, 11)]


def watched(values, days: int = 2, low: float = 50, high: float = 200, **changes) -> Watched:
    values = np.array(values, dtype=float)
    known = {"expected": 100.0, "low": low, "high": high, "p": 0.01, "material": 50.0}
    parts = {name: np.full(len(values), value) for name, value in known.items()}
    return Watched("volume", values, rows=values, days=days, **{**parts, **changes})


@pytest.mark.parametrize(
    ("last", "verdict", "since"),
    [
        ([100, 100], "ok", "2026-01-10"), ([100, 30], "ok", "2026-01-10"),
        ([30, 20], "degraded", "2026-01-09"), ([300, 400], "degraded", "2026-01-09"),
        ([30, 400], "ok", "2026-01-10"), ([30, 100], "ok", "2026-01-10"),
    ],
)  # fmt: skip
def test_an_alarm_takes_a_row_of_days_on_one_side(last, verdict, since):
    """One day is none, nor are two on different sides, nor one that is over."""
    check, first = examine_run(watched([100] * 8 + last), DATES)
    assert (check.verdict, first, check.window) == (verdict, since, 2)
    assert (check.value, check.expected, check.band) == (last[-1], 100, (50, 200))
    assert check.effect == last[-1] - 100


def test_a_row_began_when_it_began():
    """However long it is; a day without a value breaks it."""
    assert examine_run(watched([100] * 4 + [20] * 6), DATES)[1] == "2026-01-05"
    assert examine_run(watched([20] * 10), DATES)[1] == "2026-01-01"
    assert examine_run(watched([20] * 5 + [np.nan] + [20] * 4), DATES)[1] == "2026-01-07"


def test_what_cannot_tell_says_why():
    """No value, or no limits."""
    none = np.full(10, np.nan)
    for own in (watched([100] * 9 + [np.nan], reason="No row."),
                watched([20] * 10, low=np.nan, reason="No row."),
                watched([20] * 10, expected=none, reason="No row.")):  # fmt: skip
        check, _ = examine_run(own, DATES)
        assert (check.verdict, check.reason, check.smallest) == ("unknown", "No row.", None)


def test_the_smallest_shift_is_the_nearer_end_that_can_be_left():
    """Nothing is below no rows."""
    assert examine_run(watched([100] * 10), DATES)[0].smallest == 50
    assert examine_run(watched([100] * 10, low=-1), DATES)[0].smallest == 100


def test_fewer_days_than_an_alarm_takes_are_no_alarm():
    """The first day of all."""
    assert examine_run(watched([20]), DATES[:1])[0].verdict == "ok"
