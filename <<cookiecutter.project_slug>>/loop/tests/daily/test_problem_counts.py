"""What the log counts of a day."""

from __future__ import annotations

from mlops_loop.daily.problem_counts import WHOLE, count_problems
from mlops_loop.prediction_log.database import FAILED, REFUSED


def test_problems_of_the_log_are_counts_of_the_day():
    """By column; requests as the log calls them."""
    found = count_problems("2026-01-01", "f", {
        ("", REFUSED): 3, ("size", "is too large"): 2, ("size", "is no number"): 1, ("", "odd"): 9,
    })  # fmt: skip
    assert (found.date, found.frame) == ("2026-01-01", "f")
    assert found.counts == {"refused": (3, 0), "refused:size": (3,)}
    assert WHOLE == (REFUSED, FAILED)


def test_no_problem_is_not_an_unknown_number_of_them():
    """A log that counts, and had nothing to count."""
    assert count_problems("2026-01-01", "f", {("", FAILED): 4}).counts == {"refused": (0, 4)}
    assert count_problems("2026-01-01", "f", {}).counts == {"refused": (0, 0)}
