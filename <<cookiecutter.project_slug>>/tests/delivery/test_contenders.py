"""Holdout rows, and models scored on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from <<cookiecutter.__package_name>>.contract import Column, Contract
from <<cookiecutter.__package_name>>.delivery import contenders
from <<cookiecutter.__package_name>>.errors import DataRefused


@pytest.fixture
def frame():
    """Four rows with a number, a group with a gap, and the reserved columns."""
    return pd.DataFrame(
        {
            "distance": [1.0, 2.0, 3.0, 4.0],
            "origin": ["EWR", None, "JFK", "EWR"],
            "_target": ["yes", "no", "no", "yes"],
            "_seen_by_challenger": False,
            "_seen_by_champion": [True, False, False, False],
        }
    )


class FakeBundle:
    """A bundle whose predictor gives what it is told, or raises it."""

    def __init__(self, answer, columns=("distance",)):
        self.id = "abc"
        self.contract = Contract(
            "classification",
            "late",
            tuple(Column(name, "number") for name in columns),
            ("no", "yes"),
        )
        self.predictor = self
        self.answer = answer

    def scores(self, matrix):
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.full((len(matrix), 2), self.answer)


def test_missing_groups_are_a_group(frame):
    """Nobody falls out of the slices."""
    rows = contenders.Holdout.from_frame(frame, ["origin"])
    assert list(rows.groups["origin"]) == ["EWR", contenders.MISSING, "JFK", "EWR"]


@pytest.mark.parametrize("column", ["origin", "_target", "_seen_by_champion"])
def test_a_missing_column_is_named(frame, column):
    """With the columns that there are."""
    with pytest.raises(DataRefused, match=f"no column {column}. It has: distance"):
        contenders.Holdout.from_frame(frame.drop(columns=column), ["origin"])


def test_rows_without_target_are_refused(frame):
    """They could be neither right nor wrong."""
    with pytest.raises(DataRefused, match="1 holdout rows have no target"):
        contenders.Holdout.from_frame(frame.assign(_target=["yes", None, "no", "no"]))


def test_identity_is_that_of_a_set_of_rows(frame):
    """Order and masks do not matter, every value does."""
    name = contenders.identity(frame)
    assert contenders.identity(frame.iloc[::-1]) == name
    assert contenders.identity(frame.assign(_seen_by_champion=True)) == name
    assert contenders.identity(frame.assign(distance=[1.0, 2.0, 3.0, 5.0])) != name
    assert contenders.identity(frame.assign(_target=["yes", "yes", "no", "no"])) != name


def test_a_bundle_is_scored_on_every_row(frame):
    """With its id, and that of the rows."""
    found = contenders.score(FakeBundle(0.5), frame, "new")
    assert found.scores.shape == (4, 2)
    assert (found.id, found.holdout_id) == ("abc", contenders.identity(frame))


@pytest.mark.parametrize(
    ("bundle", "kind", "reason"),
    [
        (FakeBundle(0.5, ("distance", "speed")), "incomparable", "do not have: speed"),
        (FakeBundle(0.5, ("origin",)), "incomparable", "cannot take these rows"),
        (FakeBundle(RuntimeError("bad\ngraph")), "unreadable", "it gives no scores: bad graph"),
    ],
)
def test_a_model_that_cannot_be_scored_says_why(frame, bundle, kind, reason):
    """A reason, not a crash: the gate decides what follows from it."""
    found = contenders.score(bundle, frame, "old")
    assert isinstance(found, contenders.Unusable)
    assert found.kind == kind
    assert reason in found.reason


def test_targets_are_in_the_terms_of_each_contract(frame):
    """Classes in another order, other positions."""
    target = frame["_target"].to_numpy()
    scores = np.zeros((4, 2))
    for classes, expected in ((("no", "yes"), [1, 0, 0, 1]), (("yes", "no"), [0, 1, 1, 0])):
        contract = Contract("classification", "late", (), classes)
        model = contenders.Contender("new", "a", contract, scores, "h")
        assert list(model.sample(target).y) == expected
