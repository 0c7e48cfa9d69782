"""The age of what was learned from."""

from __future__ import annotations

from mlops_loop.monitoring.data_age import watch_data
from mlops_loop.monitoring.runs import examine_run

DATES = ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_data_that_are_too_old_are_an_alarm():
    """Since the first day on which they were."""
    check, since = examine_run(watch_data("2026-02-20", DATES, 9), DATES)
    assert (check.verdict, check.value, check.band, since) == ("degraded", 11, (0, 9), DATES[1])
    assert examine_run(watch_data("2026-02-20", DATES, 11), DATES)[0].verdict == "ok"


def test_without_a_date_nobody_can_tell():
    """Rows without a time, or a bundle of before."""
    check, _ = examine_run(watch_data("", DATES, 9), DATES)
    assert (check.verdict, check.value) == ("unknown", None)
    assert check.reason == "the bundle does not say when its newest row was"
