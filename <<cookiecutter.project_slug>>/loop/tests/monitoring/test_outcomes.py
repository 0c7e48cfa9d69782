"""Outcomes that stop coming."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from mlops_loop.daily.day import Day
from mlops_loop.monitoring.labels import Coverage
from mlops_loop.monitoring.outcomes import chance, old_days, watch_outcomes
from mlops_loop.monitoring.runs import examine_run

ALPHA = 1 / (365 * 60)


def days_of(shares, rows: int = 1000) -> list[Day]:
    dates = (np.datetime64("2026-01-01") + np.arange(len(shares))).astype(str)
    return [
        Day(str(date), "f", {"rows": (rows, rows), "loss": (round(rows * share), 0, 0)})
        for date, share in zip(dates, shares, strict=True)
    ]


def verdict(shares, alpha: float = ALPHA, material: float = 0.5):
    days = days_of(shares)
    return examine_run(watch_outcomes(days, alpha, material), [day.date for day in days])


@pytest.mark.parametrize(("n", "m"), [(28, 4), (21, 5), (5, 2), (3, 3)])
def test_the_chance_is_that_of_scipy(n, m):
    """The exact one-sided test of samples that do not overlap, and by counting where few."""
    low, high = np.arange(m), m + np.arange(n)
    exact = stats.mannwhitneyu(low, high, alternative="less", method="exact").pvalue
    assert chance(n, m) == pytest.approx(exact)
    if n < 6:
        cases = list(combinations(range(n + m), m))
        assert chance(n, m) == sum(max(case) < m for case in cases) / len(cases)


def test_days_that_do_not_differ_keep_to_the_alarms_a_year():
    """Any lower share material, one of 200 looks allowed: no more of them alarm."""
    rng = np.random.default_rng(0)
    found = [verdict(rng.beta(20, 5, size=24), 1 / 200, 1e-6)[0].verdict for _ in range(6000)]
    assert set(found) == {"ok", "degraded"}
    assert found.count("degraded") / len(found) <= 1 / 200


def test_outcomes_that_stop_are_an_alarm_until_they_come_again():
    """After four days of 28 before; since the day on which they stopped, however long ago."""
    usual = np.random.default_rng(1).beta(80, 20, size=40)
    assert verdict(usual)[0].verdict == "ok"
    for n, result in ((1, "ok"), (3, "ok"), (4, "degraded"), (10, "degraded"), (90, "degraded")):
        check, since = verdict([*usual, *[0.1] * n])
        assert (check.verdict, check.kind, check.window) == (result, "labels", 4)
        assert since == "2026-02-10" or result == "ok"
        assert check.expected == pytest.approx(0.8, abs=0.05)
    assert verdict([*usual, *[0.1] * 10, 0.8])[0].verdict == "ok"


def test_fewer_outcomes_that_are_more_than_half_do_not_matter():
    """More of them never do."""
    usual = np.random.default_rng(1).beta(80, 20, size=40)
    assert verdict([*usual, *[0.5] * 9])[0].verdict == "ok"
    assert verdict([*usual, *[1.0] * 9])[0].verdict == "ok"


def test_what_cannot_tell_says_why():
    """Too few days; days without any outcome among the usual ones."""
    short, _ = verdict([0.8] * 15)
    assert (short.verdict, short.smallest) == ("unknown", None)
    assert "days with outcomes to compare with of 21" in short.reason
    none = [*[0.8] * 20, 0.0, *[0.8] * 15]
    assert verdict(none)[0].reason == "a day of the weeks before had no outcome either"


def test_only_days_that_should_have_their_outcomes_count():
    """With rows, and older than outcomes usually are; without outcomes there is none."""
    days = [*days_of([0.8] * 5, 100), *days_of([0.8] * 9, 5)[5:6], *days_of([0.8] * 9, 100)[6:]]
    assert [day.date[-2:] for day in old_days(days, Coverage(wait_days=2), 20)] == [
        "01", "02", "03", "04", "05", "07",
    ]  # fmt: skip
    assert old_days(days, Coverage(), 20) == []
