"""Cuts that are rounded down to float32 part float32 numbers as before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlops_loop.pipeline import cuts

FLOATS = st.floats(allow_nan=False)
SHORT = {"max_iter": 5, "min_samples_leaf": 2, "random_state": 0}


@np.errstate(over="ignore", under="ignore")
def neighbours(numbers: list[float]) -> np.ndarray:
    """The nearest float32 numbers and the three on either side, as float64."""
    found = [np.asarray(numbers, float).astype(np.float32)]
    for way in (np.float32(-np.inf), np.float32(np.inf)):
        step = found[0]
        for _ in range(3):
            step = np.nextafter(step, way)
            found.append(step)
    return np.concatenate(found).astype(float)


@given(FLOATS)
def test_a_float32_number_stays_on_its_side(cut):
    """Neighbours of the cut, and the largest and smallest of all."""
    rounded = cuts.round_down(np.array([cut]))
    values = np.append(neighbours([cut]), [-np.inf, 0, np.inf])
    assert rounded == rounded.astype(np.float32)
    np.testing.assert_array_equal(values <= cut, values <= rounded[0])


def test_what_has_no_float32_below_becomes_infinite():
    """So nothing finite is on the left of it; missing stays missing."""
    found = cuts.round_down(np.array([-1e300, 1e300, np.inf, -np.inf, np.nan]))
    largest = float(np.finfo(np.float32).max)
    np.testing.assert_array_equal(found, [-np.inf, largest, np.inf, -np.inf, np.nan])


def table(numbers: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Each number often enough to be a cut, with a second column, some values missing."""
    x = np.repeat(np.array(numbers, np.float32), 6)
    x = np.column_stack([x, np.tile(x, 1)[::-1]]).astype(float)
    x[::7, 1] = np.nan
    return x, (np.arange(len(x)) // 6) % 2


@given(st.lists(st.integers(20_000_000, 20_500_000), min_size=6, max_size=20, unique=True))
def test_boosting_answers_float32_rows_as_before(days):
    """Dates as numbers are neighbours in float32, and so are their cuts."""
    x, y = table([float(day) for day in days])
    model = HistGradientBoostingClassifier(**SHORT).fit(x, y)
    known = [node["num_threshold"] for [tree] in model._predictors for node in tree.nodes]
    column = neighbours(known)
    rows = np.column_stack([column, column[::-1]])
    before = model.predict_proba(rows)
    with cuts.rounded_down(model):
        inside = [node["num_threshold"] for [tree] in model._predictors for node in tree.nodes]
        np.testing.assert_array_equal(model.predict_proba(rows), before)
    assert inside == np.float32(inside).tolist()
    after = [node["num_threshold"] for [tree] in model._predictors for node in tree.nodes]
    assert known == after


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(**SHORT),
        BaggingRegressor(HistGradientBoostingRegressor(**SHORT), 2),
        make_pipeline("passthrough", HistGradientBoostingClassifier(**SHORT)),
        CalibratedClassifierCV(HistGradientBoostingClassifier(**SHORT), cv=2),
        VotingClassifier([("a", HistGradientBoostingClassifier(**SHORT))], voting="soft"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_boosting_inside_another_model_is_found(model):
    """However deep it is; afterwards all cuts are as before."""
    x, y = table([0.1, 0.2, 0.3, 15.85, 1e6 + 1 / 3, -0.7])
    trees = [part for part in cuts.parts(model.fit(x, y)) if type(part).__name__ == "TreePredictor"]
    before = [tree.nodes for tree in trees]
    assert trees
    assert any((n["num_threshold"] != np.float32(n["num_threshold"])).any() for n in before)
    with cuts.rounded_down(model):
        inside = [tree.nodes["num_threshold"] for tree in trees]
    assert all((cut == np.float32(cut)).all() for cut in inside)
    assert all(tree.nodes is nodes for tree, nodes in zip(trees, before, strict=True))


def test_other_models_are_left_alone():
    """Nothing of them is replaced."""
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    before = dict(vars(model))
    with cuts.rounded_down(model):
        assert vars(model) == before


def test_a_part_that_holds_itself_is_listed_once():
    """Objects may refer to each other in a circle."""
    one, two = {}, []
    one["two"], two[:] = two, [one, one]
    assert [part for part in cuts.parts(one) if part is two] == [two]
