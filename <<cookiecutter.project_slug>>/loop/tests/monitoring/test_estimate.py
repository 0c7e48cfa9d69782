"""The loss that probabilities imply agrees with the same sum over rows, up to the width of bins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_loop.daily.fold import fold
from mlops_loop.daily.frame import Frame
from mlops_loop.monitoring.estimate import estimate


@pytest.fixture
def days(frame, make_days, make_table):
    return fold(frame, make_table(make_days(20, 400, seed=3)))


def test_it_is_the_mean_of_what_rows_imply(frame, make_days, days):
    """Halved Brier of a row with probability p has the mean p (1 - p) (CBPE)."""
    rows = make_days(20, 400, seed=3)
    expected = (rows["p"] * (1 - rows["p"])).groupby(rows["day"]).mean()
    found = estimate(frame, days, ())
    assert found.means == pytest.approx(expected.to_numpy(), abs=0.006)
    assert found.error is None
    assert found.days == 0


def test_its_track_record_is_the_error_on_days_with_labels(frame, make_days, days):
    """Only days whose labels have come count."""
    rows = make_days(20, 400, seed=3)
    loss = ((rows["p"] - rows["y"]) ** 2).groupby(rows["day"]).mean()
    mature = [day.date for day in days[:15]]
    found = estimate(frame, days, mature)
    assert found.days == 15
    gaps = np.abs(found.means[:15] - loss.to_numpy()[:15])
    assert found.error == pytest.approx(gaps.mean(), abs=1e-4)


def test_wrong_probabilities_show_in_the_track_record(frame, make_days, make_table):
    """A third of the labels flipped: the estimate stays where it was, and its error tells."""
    rows = make_days(20, 400, seed=3)
    flipped = rows.assign(y=np.where(np.arange(len(rows)) % 3, rows["y"], 1 - rows["y"]))
    good, bad = (fold(frame, make_table(each)) for each in (rows, flipped))
    dates = [day.date for day in good]
    before, after = estimate(frame, good, dates), estimate(frame, bad, dates)
    assert (before.means == after.means).all()
    assert after.error > 2 * before.error


def test_a_day_without_rows_has_none(frame, days):
    """It is NaN and counts for nothing."""
    empty = replace(days[3], counts={})
    found = estimate(frame, [*days[:3], empty, *days[4:]], [day.date for day in days])
    assert np.isnan(found.means[3])
    assert found.days == 19


def test_a_model_of_three_classes_has_none(frame):
    """Shares of each class do not tell what a row implies."""
    contract = replace(frame.contract, classes=("a", "b", "c"))
    assert estimate(Frame(contract, {}, dict(frame.scores), "brier"), [], ()) is None
