"""A slice that fares worse than all rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.units import Units
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.monitoring.operations import Limits

POLICY = MonitorConfig(stale_days=30)


@pytest.fixture(scope="module")
def sliced(frame, make_days, make_table) -> Reference:
    """As `reference`, with slices by town."""
    rows = make_days(60, 200)
    units, table = Units("day", "_time", rows["day"].tolist()), make_table(rows)
    held = Table(
        table.dates, scores=table.scores, losses=table.losses, slices={"town": rows["town"]}
    )
    return Reference.learn(replace(frame, slices=("town",)), (rows, units), (held, units))


@pytest.fixture(scope="module")
def look(sliced, make_days, make_table):
    """`look(change)`: findings of thirty days; from the eleventh on rows of Oslo are changed."""

    def look(change=None):
        rows = make_days(30, 200, seed=5)
        which = (rows["town"] == "Oslo") & (rows["day"] > "2026-01-10")
        if change:
            change(rows, which)
        return examine(sliced, fold(sliced.frame, make_table(rows)), POLICY)

    return look


def test_slices_that_fare_as_before_are_ok(look):
    """Each has its own checks, which count among those that share the alarms of a year."""
    found = look()
    assert (found.verdict, found.causes) == ("ok", ())
    names = {name for name in found.by_name() if "=" in name}
    assert names == {
        f"{kind}:town={t}" for kind in ("loss", "score") for t in ("Bonn", "Rome", "Oslo")
    }
    assert found.by_name()["loss:town=Oslo"].verdict == "ok"


def test_the_harm_of_a_slice_is_an_issue_that_names_it(
    look, reference, make_days, make_table, frame
):
    """One row in seven is of Oslo: the loss of all rows hides it."""

    def flip(rows, which):
        rows.loc[which, "y"] = 1 - rows.loc[which, "y"]

    found = look(flip)
    (cause,) = found.actions.issues
    assert (cause.verdict, cause.checks[0].name) == ("harmed", "loss:town=Oslo")
    assert cause.since in ("2026-01-10", "2026-01-11", "2026-01-12")
    assert cause.columns == ()
    assert "loss:town=Bonn" not in {check.name for check in cause.checks}


def test_the_score_of_a_slice_is_drift_that_reaches_the_model(look):
    """Outcomes follow the scores, so there is no harm."""

    def predict_more(rows, which):
        rows.loc[which, "p"] = 0.6 + rows.loc[which, "p"] * 0.4
        rng = np.random.default_rng(0)
        rows.loc[which, "y"] = (rng.random(which.sum()) < rows.loc[which, "p"]).astype(int)

    found = look(predict_more)
    assert found.by_name()["score:town=Oslo"].verdict == "drifted"
    assert found.causes[0].reaches_model
    assert not found.actions.retrain


def test_days_whose_outcomes_are_still_to_come_do_not_count(sliced, make_days, make_table):
    """For slices as for all rows: what comes first may be what went wrong."""
    rows = make_days(30, 200, seed=5)
    table, late = make_table(rows), (rows["day"] > "2026-01-26").to_numpy()
    known = ~late | (table.losses > 0.4)
    waiting = replace(
        table, losses=np.where(known, table.losses, np.nan), delays=np.where(known, 6.5, np.nan)
    )
    found = examine(sliced, fold(sliced.frame, waiting), POLICY).by_name()
    assert found["loss"].last == found["loss:town=Bonn"].last == "2026-01-23"


def test_a_slice_that_nobody_can_watch_says_why(reference, frame, make_days, make_table):
    """A bundle of before, a number, a column that only training has."""
    days = fold(frame, make_table(make_days(30, 50, seed=5)))
    limits = Limits(slices=("town", "size", "home"))
    found = examine(reference, days, POLICY, limits).by_name()
    for name, reason in (("town", "evaluate.slices"), ("size", "number"), ("home", "no column")):
        assert found[f"loss:{name}"].verdict == "unknown"
        assert reason in found[f"loss:{name}"].reason
