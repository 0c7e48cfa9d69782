"""The decision threshold: no cut is better, and both decisions occur."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as skm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from mlops_loop import errors
from mlops_loop.statistics.calibration import LEAST_GAP, choose_threshold

SCORES = {"balanced_accuracy": skm.balanced_accuracy_score, "f1": skm.f1_score}


@st.composite
def validated(draw):
    """Outcomes of both classes and probabilities: ties, neighbours, and down to 1e-12."""
    n = draw(st.integers(2, 30))
    y = np.array([0, 1, *draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=n, max_size=n))])
    shares = st.one_of(
        st.floats(0, 1),
        st.floats(0, 1e-4),
        st.integers(0, 20).map(lambda i: i / 20),
        st.integers(0, 9).map(lambda i: 0.3 + i * LEAST_GAP / 2),
    )
    return y, np.array(draw(st.lists(shares, min_size=len(y), max_size=len(y))))


def cuts(positive):
    """Every cut between two neighbours that are far enough apart, by brute force."""
    known = sorted(set(positive.tolist()))
    pairs = [(low, high) for low, high in pairwise(known) if high - low >= LEAST_GAP]
    return [(low + high) / 2 for low, high in pairs]


@pytest.mark.parametrize("rule", SCORES)
@settings(max_examples=150, deadline=None)
@given(validated())
def test_no_cut_is_better(rule, case):
    """Of all cuts between two scores; and the threshold is far from every score."""
    y, positive = case
    if not (tried := cuts(positive)):
        with pytest.raises(errors.DataRefused, match="No threshold divides"):
            choose_threshold(rule, y, positive)
        return
    limit = choose_threshold(rule, y, positive)
    best = max(SCORES[rule](y, positive >= other) for other in tried)
    assert SCORES[rule](y, positive >= limit) == pytest.approx(best, abs=1e-12)
    assert len(set(positive >= limit)) == 2
    assert abs(positive - limit).min() >= LEAST_GAP / 4
    exported = positive.astype(np.float32)
    np.testing.assert_array_equal(exported >= limit, positive >= limit)


@pytest.mark.parametrize(
    ("positive", "limit"),
    [
        ([0.1, 0.2, 0.8, 0.9], 0.5),
        ([0.1, 0.2, 0.3, 0.9], 0.25),
        ([0.00001, 0.00002, 0.00005, 0.00006], 0.00004),
        ([0.12345, 0.1236, 0.12379, 0.9], 0.1237),
    ],
)
def test_the_threshold_has_few_digits(positive, limit):
    """The fewest in the middle half of the gap, so that it is shown as it is."""
    assert choose_threshold("f1", np.array([0, 0, 1, 1]), np.array(positive)) == limit


def test_of_equal_cuts_the_widest_gap_is_taken():
    """Each cut misses one row."""
    y, positive = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.5, 0.9])
    assert choose_threshold("balanced_accuracy", y, positive) == 0.7


def test_neighbours_that_float32_could_swap_are_no_cut():
    """The best cut lies between equal ones, as an exported model may see it."""
    y, positive = np.array([0, 0, 1, 1]), np.array([0.1, 0.5, 0.5 + 1e-7, 0.9])
    assert choose_threshold("f1", y, positive) == 0.3


@pytest.mark.parametrize("positive", [[0.002] * 4, [0.002, 0.002 + 1e-9, 0.002, 0.002]])
def test_scores_that_nothing_divides_are_refused(positive):
    """With their range, and what to do."""
    with pytest.raises(errors.DataRefused, match=r"are 0\.002 to 0\.002, .* another train\.estim"):
        choose_threshold("f1", np.array([0, 0, 1, 1]), np.array(positive))


def frauds(n, seed):
    """One row in five hundred is a fraud, by two numbers."""
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return x, (x[:, 0] > 2.87).astype(int)


@pytest.mark.parametrize(
    ("model", "least"),
    [
        (
            HistGradientBoostingClassifier(max_iter=60, learning_rate=0.03, early_stopping=False),
            0.75,
        ),
        (LogisticRegression(), 0.9),
    ],
)
def test_a_rare_class_gets_its_best_threshold(model, least):
    """No percentile of the scores is near it: they called 81 or all of 8,000 rows a fraud."""
    model.fit(*frauds(32_000, 0))
    x, y = frauds(8000, 1)
    positive = model.predict_proba(x)[:, 1]
    called = positive >= choose_threshold("f1", y, positive)
    best = max(skm.f1_score(y, positive >= cut) for cut in np.sort(positive)[-80:])
    assert y.sum() < 25
    assert skm.f1_score(y, called) == best > least
    assert 10 < called.sum() < 40
