"""What training leaves of its days: spreads of what is watched, in a few kB."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.quantities import series
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.spread import Spread
from mlops_loop.daily.units import Units, units_of
from mlops_loop.model.contract import Column, Contract


def test_the_checks_are_those_of_the_columns(reference):
    """Rain is mostly zero: it has a share away from it, and the level of the rest."""
    assert sorted({name for name, _ in reference.spreads}) == [
        "away:rain", "level:rain", "level:size", "loss", "missing:member", "missing:rain",
        "missing:size", "missing:town", "mix:member", "mix:town", "outside:rain", "outside:size",
        "score", "unknown:member", "unknown:town",
    ]  # fmt: skip
    towns = [part for name, part in reference.spreads if name == "mix:town"]
    assert sorted(towns) == ["Bonn", "Oslo", "Rome"]


def test_a_spread_is_that_of_the_daily_means(reference, make_days):
    """Counted the plain way."""
    rows = make_days(60, 50)
    loss, missing = reference.spreads["loss", ""], reference.spreads["missing:size", ""]
    means = ((rows["y"] - rows["p"]) ** 2).groupby(rows["day"]).mean()
    assert loss.mean == pytest.approx(means.mean(), abs=1e-5)
    assert loss.sd == pytest.approx(means.std(), abs=1e-5)
    assert (loss.units, loss.rows) == (60, pytest.approx(50))
    assert loss.ranges[1] == pytest.approx((means.min(), means.max()), abs=1e-5)
    assert loss.ranges[1][0] < loss.ranges[7][0] < loss.ranges[28][0] < loss.mean
    shares = rows["size"].isna().groupby(rows["day"]).mean()
    assert (missing.mean, missing.sd) == pytest.approx((shares.mean(), shares.std()))


def test_a_reference_survives_its_file_and_holds_no_rows(reference, day_contract):
    """The same text each time; kilobytes; counts of rows alone."""
    text = json.dumps(reference.as_json(), sort_keys=True)
    again = Reference.from_json(json.loads(text), day_contract)
    assert json.dumps(again.as_json(), sort_keys=True) == text
    assert again.frame.id == reference.frame.id
    assert again.newest == reference.newest == "2026-03-01"
    assert len(text) < 8_000
    with pytest.raises(ValueError, match="format 9"):
        Reference.from_json({**reference.as_json(), "format": 9}, day_contract)


def test_a_reference_of_before_is_read(reference, day_contract):
    """It does not say when its newest row was."""
    old = {key: value for key, value in reference.as_json().items() if key != "newest"}
    assert Reference.from_json(old, day_contract).newest == ""


def test_neighbours_that_are_alike_are_seen():
    """An autocorrelation of 0.8 of 4,000 days is found within 0.05, none as none."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=4000)
    drift = np.zeros(4000)
    for i in range(1, 4000):
        drift[i] = 0.8 * drift[i - 1] + noise[i]
    found = [_spread(values).correlation for values in (drift, noise)]
    assert found == pytest.approx([0.8, 0.0], abs=0.05)
    assert _spread(drift, is_ordered=False).correlation == 0


def _spread(means: np.ndarray, is_ordered: bool = True) -> Spread:
    from mlops_loop.daily.quantities import Series

    many = np.full(len(means), 100.0)
    found = Spread.of(Series("level", "x", "", many, means, many * 0), is_ordered)
    assert found
    return found


def test_a_day_that_was_cut_off_does_not_count():
    """Of a first day with one row nothing can be learned about days."""
    from mlops_loop.daily.quantities import Series

    rows, means = np.array([1.0, *[100.0] * 20]), np.array([1.0, *[0.5] * 20])
    spread = Spread.of(Series("level", "x", "", rows, means, means * 0))
    assert spread is not None
    assert (spread.units, spread.mean) == (20, 0.5)


@pytest.mark.parametrize("n_classes", [3, 30])
def test_several_scores_are_watched_one_by_one(n_classes):
    """By class, at most twenty; the loss of several classes is in [0, 1]."""
    names = tuple(f"c{i:02d}" for i in range(n_classes))
    contract = Contract("classification", "y", (Column("x", "number"),), names)
    rng = np.random.default_rng(0)
    scores, y = rng.dirichlet(np.ones(n_classes), size=300), rng.integers(n_classes, size=300)
    frame = Frame.learn(pd.DataFrame({"x": rng.normal(size=300)}), (y, scores), contract)
    days = fold(frame, Table(["2026-01-01"] * 300, {}, scores, frame.losses(y, scores)))
    found = [one.name for one in series(frame, days)]
    assert found == [*[f"score:{name}" for name in names[:20]], "loss"]
    assert 0 <= frame.losses(y, scores).min() <= frame.losses(y, scores).max() <= 1


def test_the_loss_of_a_number_is_a_share_of_a_large_one(frame):
    """Of the 95 % quantile of the holdout's absolute errors; larger ones count as 1."""
    contract = Contract("regression", "y", (Column("x", "number"),))
    rng = np.random.default_rng(0)
    y, scores = rng.normal(size=1000), np.zeros(1000)
    own = Frame.learn(pd.DataFrame({"x": y}), (y, scores), contract)
    assert own.bound == pytest.approx(np.quantile(abs(y), 0.95))
    losses = own.losses(y, scores)
    np.testing.assert_allclose(losses, np.minimum(abs(y) / own.bound, 1))
    assert (losses == 1).mean() == pytest.approx(0.05, abs=0.01)


TABLE = pd.DataFrame({"_time": ["2026-01-01T00:00:00.000000Z"] * 60 + ["2026-01-02T23:00:00Z"] * 60,
                      "customer": [f"c{i % 7}" for i in range(120)]})  # fmt: skip


def test_the_unit_is_the_day_then_the_cluster_then_a_block():
    """Numbers in the time column have no days."""
    assert units_of(TABLE, "customer", 0) == Units(
        "day", "_time", ["2026-01-01"] * 60 + ["2026-01-02"] * 60
    )
    numbers = TABLE.assign(_time=np.arange(120.0))
    assert units_of(numbers, "customer", 0).names == TABLE["customer"].tolist()
    blocks = units_of(numbers, None, 0)
    assert (blocks.kind, blocks.is_ordered) == ("block", False)
    assert sorted(pd.Series(blocks.names).value_counts()) == [60, 60]
    assert blocks == units_of(numbers, None, 0) != units_of(numbers, None, 1)
