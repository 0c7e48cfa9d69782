"""Which alarms of long windows are of the past."""

from __future__ import annotations

import pytest

from mlops_loop.monitoring.against_training import without_past
from mlops_loop.monitoring.checks import Check

DAYS = "2026-02-01", "2026-02-28"


def check(window, verdict, effect, smallest):
    return Check(
        "missing:a", "missing", "a", window, *DAYS, verdict, effect=effect, smallest=smallest
    )


@pytest.mark.parametrize(
    ("effect", "smallest", "is_over"),
    [
        (0.01, 0.2, True),  # it would have been seen
        (0.01, 0.31, True),  # less than half of it, and by more than chance
        (-0.05, 0.31, True),
        (0.01, 0.7, False),  # by chance
        (0.2, 0.31, False),  # more than half of it
        (0.01, None, False),  # nothing could be seen
    ],
)
def test_a_week_that_is_clean_ends_the_alarm_of_a_month(effect, smallest, is_over):
    """Whatever the direction of the shift."""
    for sign in (1, -1):
        alarm = check(28, "broken", sign * 0.29, 0.17)
        week = check(7, "ok", sign * effect, smallest)
        found = without_past([week, alarm])
        assert found[0] is week
        assert (found[1].verdict == "ok") == is_over
        assert found[1].reason == ("it is over" if is_over else "")


@pytest.mark.parametrize(
    ("window", "verdict"), [(7, "broken"), (7, "unknown"), (28, "ok")], ids=str
)
def test_what_does_not_end_it(window, verdict):
    """A shorter window with the same alarm, one that cannot tell, and none that is shorter."""
    alarm = check(28, "broken", 0.29, 0.17)
    assert without_past([check(window, verdict, 0.0, 0.1), alarm])[1] is alarm
