"""Which alarms have one cause, and when it began."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_loop.monitoring.causes import first_day, group
from mlops_loop.monitoring.checks import Check


def alarm(kind: str, column: str, verdict: str, p: float = 1e-9) -> Check:
    name = f"{kind}:{column}" if column else kind
    return Check(name, kind, column, 7, "2026-01-01", "2026-01-07", verdict, p=p)


@pytest.mark.parametrize("shift", [0.3, -0.3])
@pytest.mark.parametrize("start", [0, 5, 29])
def test_a_shift_begins_where_it_began(shift, start):
    """Up or down; at the first day, within, or on the last one; a day without rows is no sign."""
    means = 0.5 + np.random.default_rng(0).normal(scale=0.02, size=30)
    means[start:] += shift
    means[3] = np.nan
    assert first_day(means, 0.5, 0.5 + shift) == start


def test_checks_that_begin_together_are_one_cause_with_the_worst_verdict():
    """A broken column and the score that moves with it; drift of a month before is another one."""
    alarms = [
        (alarm("score", "", "drifted"), "2026-02-02"),
        (alarm("missing", "humid", "broken"), "2026-02-01"),
        (alarm("level", "temp", "drifted"), "2026-01-01"),
    ]
    first, second = group(alarms)
    assert (first.verdict, first.since, first.columns) == ("broken", "2026-02-01", ("humid",))
    assert [check.name for check in first.checks] == ["missing:humid", "score"]
    assert first.reaches_model
    assert (second.verdict, second.columns, second.reaches_model) == ("drifted", ("temp",), False)


def test_operations_are_causes_of_their_own():
    """Also where they begin on the day on which a column breaks; drift is less than either."""
    day = "2026-02-01"
    alarms = [
        (alarm("level", "temp", "drifted"), "2026-01-01"), (alarm("volume", "", "degraded"), day),
        (alarm("missing", "humid", "broken"), day),
    ]  # fmt: skip
    assert [(c.verdict, c.checks[0].kind) for c in group(alarms)] == [
        ("broken", "missing"), ("degraded", "volume"), ("drifted", "level"),
    ]  # fmt: skip


def test_there_is_no_cause_without_an_alarm():
    """Nothing to group."""
    assert group([]) == ()
