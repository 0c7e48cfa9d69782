"""A day counts once its labels are there, as is usual."""

from __future__ import annotations

import pytest

from mlops_loop.daily.day import Day
from mlops_loop.monitoring.labels import Coverage, coverage


def days(shares: list[float], delay: int = 3) -> list[Day]:
    """100 rows a day of January, of which these shares have an outcome; `delay`: its bucket."""
    return [
        Day(f"2026-01-{i + 1:02d}", "f", {
            "rows": (100, 100),
            "loss": (round(100 * share), 0, 0),
            "delay": tuple(round(100 * share) * (k == delay) for k in range(11)),
        })
        for i, share in enumerate(shares)
    ]  # fmt: skip


def test_days_count_once_the_usual_share_of_labels_is_there():
    """Labels take up to three days; of the last days some are there, and prove nothing."""
    found = coverage(days([0.6] * 27 + [0.5, 0.3, 0.0]), "score", None)
    assert (found.wait_days, found.usual) == (3, 0.6)
    assert found.mature[-1] == "2026-01-27"
    assert found.share == pytest.approx((0.6 * 27 + 0.8) / 30)


def test_a_day_whose_labels_are_late_does_not_count():
    """A job that failed on one day leaves a hole, not a wrong mean."""
    found = coverage(days([0.6] * 10 + [0.1] + [0.6] * 10), "score", None)
    assert "2026-01-11" not in found.mature
    assert len(found.mature) == 17  # and none of the last three days


def test_without_labels_nothing_is_mature():
    """Nor known."""
    assert coverage(days([0.0] * 5), "score", None) == Coverage()


def test_without_delays_labels_are_there_at_once():
    """As in a table that was joined with its outcomes."""
    plain = [Day(d.date, "f", {"rows": (100, 100), "loss": (50, 0, 0)}) for d in days([0.5] * 3)]
    assert coverage(plain, "score", None).mature == ("2026-01-01", "2026-01-02", "2026-01-03")
