"""Losses and scores of slices, counted by day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlops_loop.daily.day import merge
from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.quantities import series
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.slices import names
from mlops_loop.daily.units import Units
from mlops_loop.model.contract import Column, Contract


@pytest.fixture(scope="module")
def rows(make_days) -> pd.DataFrame:
    return make_days(60, 50)


@pytest.fixture(scope="module")
def sliced(frame) -> Frame:
    return replace(frame, slices=("town", "member"))


def by_name(days, frame) -> dict:
    return {one.name: one for one in series(frame, days)}


def test_only_categories_of_the_model_are_slices(rows, day_contract):
    """A number, and a column that was carried along for the gate, are none."""
    known = rows["y"].to_numpy(), np.column_stack([1 - rows["p"], rows["p"]])
    frame = Frame.learn(rows, known, day_contract, ["town", "size", "home", "member", "town"])
    assert frame.slices == ("town", "member")
    assert [name for name in names(frame) if name[1] == "town=Bonn"] == [
        ("loss", "town=Bonn"), ("score", "town=Bonn"),
    ]  # fmt: skip


def test_the_mean_of_a_slice_is_that_of_its_rows(rows, make_table, sliced):
    """By pandas; missing and unknown values are in no slice."""
    rows = rows.assign(town=rows["town"].where(rows.index % 7 > 0, "Paris"))
    found = by_name(fold(sliced, make_table(rows)), sliced)
    for column, level in (("town", "Oslo"), ("town", "Bonn"), ("member", True)):
        name = f"{column}={str(level).lower() if level is True else level}"
        own = rows[rows[column] == level]
        loss = ((own["y"] - own["p"]) ** 2).groupby(own["day"])
        one = found[f"loss:{name}"]
        assert one.rows.tolist() == loss.size().tolist()
        assert one.means == pytest.approx(loss.mean().to_numpy(), abs=1e-5)
        assert one.variances == pytest.approx(loss.var(ddof=0).to_numpy(), abs=1e-5)
    score = [found[f"score:town={name}"] for name in ("Bonn", "Rome", "Oslo")]
    towns = rows["town"].isin(["Bonn", "Rome", "Oslo"])
    assert sum(one.rows.sum() for one in score) == towns.sum()
    mean = sum((one.rows * one.means).sum() for one in score) / towns.sum()
    alone = by_name(fold(sliced, make_table(rows[towns])), sliced)["score"]
    assert mean == pytest.approx((alone.rows * alone.means).sum() / towns.sum(), abs=1e-5)


def test_parts_of_a_day_add_up(rows, make_table, sliced):
    """Exactly."""
    whole = fold(sliced, make_table(rows))
    parts = [fold(sliced, make_table(part)) for part in (rows.iloc[:777], rows.iloc[777:])]
    assert merge([day for part in parts for day in part]) == whole


def test_a_row_without_an_outcome_is_in_no_mean_of_losses(rows, make_table, sliced):
    """Its score counts."""
    table = replace(make_table(rows), losses=np.full(len(rows), np.nan))
    found = by_name(fold(sliced, table), sliced)
    assert not found["loss:town=Bonn"].rows.any()
    assert found["score:town=Bonn"].rows.all()


def test_the_reference_knows_slices_and_no_rows(rows, make_table, sliced, day_contract):
    """From the holdout, whose inputs are nobody's reference; the file stays small."""
    units, table = Units("day", "_time", rows["day"].tolist()), make_table(rows)
    held = Table(table.dates, scores=table.scores, losses=table.losses,
                 slices={name: rows[name] for name in sliced.slices})  # fmt: skip
    reference = Reference.learn(sliced, (rows, units), (held, units))
    own = rows[rows["town"] == "Oslo"]
    loss = ((own["y"] - own["p"]) ** 2).groupby(own["day"]).mean()
    assert reference.spreads["loss:town=Oslo", ""].mean == pytest.approx(loss.mean(), abs=0.01)
    text = json.dumps(reference.as_json())
    again = Reference.from_json(json.loads(text), day_contract)
    assert again.frame == sliced
    assert {name for name, _ in again.spreads} == {name for name, _ in reference.spreads}
    assert len(text) < 11_000


def test_bins_of_before_have_the_id_of_before(frame, day_contract):
    """So counts that were kept are still read."""
    data = frame.as_json()
    assert "slices" not in data
    plain = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]
    assert Frame.from_json(data, day_contract).id == frame.id == plain
    assert replace(frame, slices=("town",)).id != frame.id


@pytest.mark.parametrize(
    ("task", "kinds"), [("classification", {"loss"}), ("regression", {"loss", "score"})]
)
def test_every_task_has_losses_of_slices(task, kinds):
    """Of several scores none is the score of a slice."""
    rng, n = np.random.default_rng(0), 400
    classes = ("a", "b", "c") if task == "classification" else ()
    contract = Contract(task, "y", (Column("town", "category", levels=("Bonn", "Rome")),), classes)
    train = pd.DataFrame({"town": rng.choice(["Bonn", "Rome"], n)})
    y = rng.integers(3, size=n)
    scores = rng.dirichlet([1, 1, 1], n) if classes else rng.normal(size=n)
    frame = Frame.learn(train, (y, scores), contract, ["town"])
    losses = frame.losses(y, scores)
    day = fold(frame, Table(["2026-01-01"] * n, train, scores, losses))[0]
    assert {kind for kind, _ in names(frame)} == kinds
    for level in ("Bonn", "Rome"):
        count, total, _ = day.counts[f"slice:loss:town={level}"]
        own = (train["town"] == level).to_numpy()
        assert (count, total / 1e6) == (own.sum(), pytest.approx(losses[own].sum(), abs=1e-3))
